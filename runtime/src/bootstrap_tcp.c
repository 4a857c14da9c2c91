/* Bootstrap by TCP: rank 0 is the server of a star. Nothing blocks for longer than the time-out. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "bootstrap.h"
#include "clock.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a process says first. Integers in network order. */
typedef struct {
  char magic[8];
  uint32_t rank, ranks;
} hello;

/* Before a blob, and before what rank 0 answers: `status` and then the blobs, or a text. */
typedef struct {
  uint32_t round, status, bytes, reserved;
} frame;

static const char hello_magic[8] = {'R', 'O', 'N', 'D', 'O', 'B', 'S', '1'};

typedef struct {
  bootstrap base;
  char host[LAUNCH_ADDRESS_CAPACITY];
  int port;
  int64_t timeout;
  uint32_t round;
  int listener; /* of rank 0; -1 elsewhere */
  int *sockets; /* rank 0: to each rank, -1 for its own; else one, to rank 0 */
  int socket_count;
} tcp_bootstrap;

/* ---- Sockets ---- */

/* Waits until a socket is ready; false at the deadline. */
static bool await_socket(int socket, short events, int64_t deadline) {
  for (;;) {
    int64_t left = deadline ? (deadline - clock_now()) / 1000000 : 1000;
    struct pollfd ready = {.fd = socket, .events = events};
    int count = poll(&ready, 1, left < 0 ? 0 : left > 1000 ? 1000 : (int)left);
    if (count > 0)
      return true;
    if ((count < 0 && errno != EINTR) || (deadline && clock_now() >= deadline))
      return false;
  }
}

/* Moves all bytes in one direction. Returns 0, or an errno: ETIMEDOUT at the deadline, ECONNRESET if the other end is
 * gone. */
static int move_all(int socket, void *data, size_t bytes, bool sends, int64_t deadline) {
  for (size_t moved = 0; moved < bytes;) {
    char *at = (char *)data + moved;
    ssize_t count = sends ? send(socket, at, bytes - moved, MSG_NOSIGNAL) : recv(socket, at, bytes - moved, 0);
    if (count > 0) {
      moved += (size_t)count;
      continue;
    }
    if (count == 0 && !sends)
      return ECONNRESET;
    if (errno == EINTR)
      continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return errno;
    if (!await_socket(socket, sends ? POLLOUT : POLLIN, deadline))
      return ETIMEDOUT;
  }
  return 0;
}

static int send_all(int socket, const void *data, size_t bytes, int64_t deadline) {
  return move_all(socket, (void *)(uintptr_t)data, bytes, true, deadline);
}

static int receive_all(int socket, void *data, size_t bytes, int64_t deadline) {
  return move_all(socket, data, bytes, false, deadline);
}

static void set_up_socket(int socket) {
  int on = 1;
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int64_t deadline_of(const tcp_bootstrap *tcp) { return tcp->timeout ? clock_now() + tcp->timeout : 0; }

static double seconds(int64_t timeout) { return (double)timeout / NANOSECONDS; }

/* ---- Rank 0: meeting the others ---- */

static rondo_status listen_on_port(rondo_context *context, tcp_bootstrap *tcp) {
  int on = 1, off = 0;
  struct sockaddr_in6 address = {
      .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)tcp->port), .sin6_addr = in6addr_any};
  struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = htons((uint16_t)tcp->port)};
  /* One socket for both versions of IP, where there are both. */
  tcp->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool both = tcp->listener >= 0;
  if (!both)
    tcp->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (tcp->listener >= 0) {
    setsockopt(tcp->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (both)
      setsockopt(tcp->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    int bound = both ? bind(tcp->listener, (struct sockaddr *)&address, sizeof address)
                     : bind(tcp->listener, (struct sockaddr *)&plain, sizeof plain);
    if (bound == 0 && listen(tcp->listener, tcp->base.ranks) == 0)
      return RONDO_OK;
  }
  return context_fail(context, RONDO_SYSTEM_ERROR,
                      "rank 0 cannot listen on port %d (MASTER_PORT + 1): %s: choose another MASTER_PORT", tcp->port,
                      strerror(errno));
}

/* "rank 2", or "ranks 2, 5, 7, ...": those without a socket. */
static void list_missing(const tcp_bootstrap *tcp, char *text, size_t capacity) {
  enum { MOST = 8 };
  int missing = 0;
  for (int32_t rank = 1; rank < tcp->base.ranks; ++rank)
    missing += tcp->sockets[rank] < 0;
  text[0] = '\0';
  text_append(text, capacity, missing == 1 ? "rank" : "ranks");
  int listed = 0;
  for (int32_t rank = 1; rank < tcp->base.ranks && listed < MOST; ++rank)
    if (tcp->sockets[rank] < 0)
      text_append(text, capacity, "%s %d", listed++ ? "," : "", rank);
  if (missing > MOST)
    text_append(text, capacity, ", ...");
}

/* Who is at the other end of a new connection. Whatever else connects, such as a port scanner, is ignored. */
static rondo_status welcome(rondo_context *context, tcp_bootstrap *tcp, int socket, int64_t deadline) {
  hello hello;
  int64_t moment = clock_now() + NANOSECONDS;
  if (receive_all(socket, &hello, sizeof hello, deadline && deadline < moment ? deadline : moment) != 0 ||
      memcmp(hello.magic, hello_magic, sizeof hello_magic) != 0) {
    close(socket);
    return RONDO_OK;
  }
  uint32_t rank = ntohl(hello.rank), ranks = ntohl(hello.ranks), expected = (uint32_t)tcp->base.ranks;
  rondo_status status = RONDO_OK;
  if (ranks != expected)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "rank %u was started as one of %u, but rank 0 as one of %u",
                          rank, ranks, expected);
  else if (rank == 0 || rank >= expected || tcp->sockets[rank] >= 0)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "two processes say that they are rank %u", rank);
  if (status == RONDO_OK)
    tcp->sockets[rank] = socket;
  else
    close(socket);
  return status;
}

static rondo_status await_others(rondo_context *context, tcp_bootstrap *tcp) {
  int64_t deadline = deadline_of(tcp);
  for (int32_t missing = tcp->base.ranks - 1; missing > 0;) {
    if (!await_socket(tcp->listener, POLLIN, deadline)) {
      char who[160];
      list_missing(tcp, who, sizeof who);
      return context_fail(context, RONDO_TIMED_OUT, "%s of %d did not connect to rank 0 at %s:%d within %g s", who,
                          tcp->base.ranks, tcp->host, tcp->port, seconds(tcp->timeout));
    }
    int socket = accept4(tcp->listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0)
      continue;
    set_up_socket(socket);
    rondo_status status = welcome(context, tcp, socket, deadline);
    if (status != RONDO_OK)
      return status;
    missing = 0;
    for (int32_t rank = 1; rank < tcp->base.ranks; ++rank)
      missing += tcp->sockets[rank] < 0;
  }
  return RONDO_OK;
}

/* ---- The others: meeting rank 0 ---- */

/* A connection to one address, or -1 with errno. */
static int try_address(const struct addrinfo *address, int64_t deadline) {
  int made = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
  if (made < 0)
    return -1;
  socklen_t size = sizeof error;
  if (connect(made, address->ai_addr, address->ai_addrlen) != 0 && errno == EINPROGRESS) {
    if (!await_socket(made, POLLOUT, deadline))
      error = ETIMEDOUT;
    else
      getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size);
  } else {
    error = errno;
  }
  if (error == 0)
    return made;
  close(made);
  errno = error;
  return -1;
}

static int try_host(const tcp_bootstrap *tcp, int64_t deadline, const char **reason) {
  char port[16];
  snprintf(port, sizeof port, "%d", tcp->port);
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
  int code = getaddrinfo(tcp->host, port, &hints, &found);
  if (code != 0) {
    *reason = gai_strerror(code);
    return -1;
  }
  int made = -1;
  for (const struct addrinfo *address = found; address && made < 0; address = address->ai_next) {
    errno = 0;
    made = try_address(address, deadline);
    if (made < 0)
      *reason = strerror(errno);
  }
  freeaddrinfo(found);
  return made;
}

/* Rank 0 may be later: tries again until the deadline. */
static rondo_status connect_to_rank_0(rondo_context *context, tcp_bootstrap *tcp) {
  int64_t deadline = deadline_of(tcp);
  const char *reason = "";
  const struct timespec pause = {.tv_nsec = 20000000};
  int socket = try_host(tcp, deadline, &reason);
  while (socket < 0 && (!deadline || clock_now() < deadline)) {
    nanosleep(&pause, NULL);
    socket = try_host(tcp, deadline, &reason);
  }
  if (socket < 0)
    return context_fail(context, RONDO_TIMED_OUT,
                        "rank %d cannot reach rank 0 at %s:%d (MASTER_ADDR, MASTER_PORT + 1) within %g s: %s",
                        tcp->base.rank, tcp->host, tcp->port, seconds(tcp->timeout), reason);
  set_up_socket(socket);
  tcp->sockets[0] = socket;
  hello hello = {.rank = htonl((uint32_t)tcp->base.rank), .ranks = htonl((uint32_t)tcp->base.ranks)};
  memcpy(hello.magic, hello_magic, sizeof hello_magic);
  int error = send_all(socket, &hello, sizeof hello, deadline);
  return error ? context_fail(context, RONDO_SYSTEM_ERROR, "rank %d lost its connection to rank 0: %s", tcp->base.rank,
                              strerror(error))
               : RONDO_OK;
}

/* ---- The all-gather ---- */

static int send_frame(int socket, uint32_t round, uint32_t status, const void *data, size_t bytes, int64_t deadline) {
  frame frame = {.round = htonl(round), .status = htonl(status), .bytes = htonl((uint32_t)bytes)};
  int error = send_all(socket, &frame, sizeof frame, deadline);
  return error ? error : send_all(socket, data, bytes, deadline);
}

/* Receives the blob of a rank into its place. */
static rondo_status receive_blob(rondo_context *context, tcp_bootstrap *tcp, int32_t rank, size_t bytes, char *all,
                                 int64_t deadline) {
  frame frame;
  int error = receive_all(tcp->sockets[rank], &frame, sizeof frame, deadline);
  if (!error && (ntohl(frame.round) != tcp->round || ntohl(frame.bytes) != bytes))
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "rank %d gives %u bytes in round %u, but rank 0 %zu bytes in round %u", rank,
                        ntohl(frame.bytes), ntohl(frame.round), bytes, tcp->round);
  if (!error)
    error = receive_all(tcp->sockets[rank], all + (size_t)rank * bytes, bytes, deadline);
  if (error == ETIMEDOUT)
    return context_fail(context, RONDO_TIMED_OUT, "rank %d gave nothing within %g s: was it killed or stopped?", rank,
                        seconds(tcp->timeout));
  return error ? context_fail(context, RONDO_SYSTEM_ERROR, "rank %d is gone: %s", rank, strerror(error)) : RONDO_OK;
}

/* Tells every rank what came of it. */
static rondo_status answer_all(rondo_context *context, tcp_bootstrap *tcp, rondo_status status, const void *data,
                               size_t bytes) {
  /* Whoever cannot take an answer must not delay the others. */
  int64_t deadline = clock_now() + 2 * (int64_t)NANOSECONDS;
  for (int32_t rank = 1; rank < tcp->base.ranks; ++rank) {
    if (tcp->sockets[rank] < 0)
      continue;
    int error = send_frame(tcp->sockets[rank], tcp->round, (uint32_t)status, data, bytes, deadline);
    if (error && status == RONDO_OK)
      status = context_fail(context, RONDO_SYSTEM_ERROR, "rank %d is gone: %s", rank, strerror(error));
  }
  return status;
}

static rondo_status fail_all(rondo_context *context, tcp_bootstrap *tcp, rondo_status status) {
  const char *text = rondo_last_error(context);
  return answer_all(context, tcp, status, text, strlen(text));
}

static rondo_status gather_and_answer(rondo_context *context, tcp_bootstrap *tcp, const void *blob, size_t bytes,
                                      char *all) {
  int64_t deadline = deadline_of(tcp);
  if (bytes)
    memcpy(all, blob, bytes);
  for (int32_t rank = 1; rank < tcp->base.ranks; ++rank) {
    rondo_status status = receive_blob(context, tcp, rank, bytes, all, deadline);
    if (status != RONDO_OK)
      return fail_all(context, tcp, status);
  }
  return answer_all(context, tcp, RONDO_OK, all, bytes * (size_t)tcp->base.ranks);
}

/* Rank 0 waits for the others first, and says so itself if one does not come. */
static int64_t answer_deadline(const tcp_bootstrap *tcp) {
  return tcp->timeout ? clock_now() + tcp->timeout + NANOSECONDS : 0;
}

static rondo_status lost(rondo_context *context, const tcp_bootstrap *tcp, int error) {
  if (error == ETIMEDOUT)
    return context_fail(context, RONDO_TIMED_OUT,
                        "rank %d: rank 0 does not answer within %g s: was it killed or stopped?", tcp->base.rank,
                        seconds(tcp->timeout));
  return context_fail(context, RONDO_SYSTEM_ERROR, "rank %d: rank 0 is gone: %s", tcp->base.rank, strerror(error));
}

static rondo_status give_and_receive(rondo_context *context, tcp_bootstrap *tcp, const void *blob, size_t bytes,
                                     char *all) {
  int64_t deadline = answer_deadline(tcp);
  frame frame;
  int error = send_frame(tcp->sockets[0], tcp->round, RONDO_OK, blob, bytes, deadline);
  /* Rank 0 may have gone with an answer that is still to be read. */
  if (error == 0 || error == ECONNRESET || error == EPIPE)
    error = receive_all(tcp->sockets[0], &frame, sizeof frame, deadline);
  if (error)
    return lost(context, tcp, error);
  size_t answered = ntohl(frame.bytes);
  if (ntohl(frame.status) != RONDO_OK) {
    char text[ERROR_CAPACITY] = "";
    if (answered >= sizeof text)
      answered = sizeof text - 1;
    error = receive_all(tcp->sockets[0], text, answered, deadline);
    return error ? lost(context, tcp, error) : context_fail(context, (rondo_status)ntohl(frame.status), "%s", text);
  }
  if (answered != bytes * (size_t)tcp->base.ranks)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "rank 0 answers %zu bytes, but rank %d expects %zu", answered,
                        tcp->base.rank, bytes * (size_t)tcp->base.ranks);
  error = receive_all(tcp->sockets[0], all, answered, deadline);
  return error ? lost(context, tcp, error) : RONDO_OK;
}

static rondo_status all_gather(bootstrap *base, rondo_context *context, const void *blob, size_t bytes, void *all) {
  tcp_bootstrap *tcp = (tcp_bootstrap *)base;
  if (bytes > BOOTSTRAP_LARGEST)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "a blob of %zu bytes: the most is %d", bytes,
                        (int)BOOTSTRAP_LARGEST);
  ++tcp->round;
  return base->rank == 0 ? gather_and_answer(context, tcp, blob, bytes, all)
                         : give_and_receive(context, tcp, blob, bytes, all);
}

/* ---- Creation and destruction ---- */

static void destroy(bootstrap *base) {
  tcp_bootstrap *tcp = (tcp_bootstrap *)base;
  for (int i = 0; i < tcp->socket_count; ++i)
    if (tcp->sockets[i] >= 0)
      close(tcp->sockets[i]);
  if (tcp->listener >= 0)
    close(tcp->listener);
  free(tcp->sockets);
  free(tcp);
}

int *bootstrap_tcp_take_sockets(bootstrap *base) {
  tcp_bootstrap *tcp = (tcp_bootstrap *)base;
  int *sockets = tcp->sockets;
  tcp->sockets = NULL;
  tcp->socket_count = 0;
  return sockets;
}

static rondo_status check_launch(rondo_context *context, const launch *launch) {
  if (launch->ranks > 1 && !launch->master_address[0])
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the environment variable MASTER_ADDR is not set: it should name the host of rank 0");
  if (launch->ranks > 1 && launch->master_port == 0)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the environment variable MASTER_PORT is not set: rank 0 listens on the port after it");
  return RONDO_OK;
}

static rondo_status meet(rondo_context *context, tcp_bootstrap *tcp) {
  if (tcp->base.rank != 0)
    return connect_to_rank_0(context, tcp);
  if (tcp->base.ranks == 1)
    return RONDO_OK;
  rondo_status status = listen_on_port(context, tcp);
  if (status == RONDO_OK)
    status = await_others(context, tcp);
  /* Whoever connects from now on means another bootstrap. */
  if (tcp->listener >= 0)
    close(tcp->listener);
  tcp->listener = -1;
  /* Those that came wait for the first answer. */
  ++tcp->round;
  if (status != RONDO_OK)
    status = fail_all(context, tcp, status);
  --tcp->round;
  return status;
}

rondo_status bootstrap_tcp_create(rondo_context *context, const launch *launch, int64_t timeout, bootstrap **result) {
  rondo_status status = check_launch(context, launch);
  if (status != RONDO_OK)
    return status;
  tcp_bootstrap *tcp = calloc(1, sizeof *tcp);
  int count = launch->rank == 0 ? launch->ranks : 1;
  int *sockets = calloc((size_t)count, sizeof *sockets);
  if (!tcp || !sockets) {
    free(tcp);
    free(sockets);
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to begin");
  }
  for (int i = 0; i < count; ++i)
    sockets[i] = -1;
  tcp->base = (bootstrap){.rank = launch->rank, .ranks = launch->ranks, .all_gather = all_gather, .destroy = destroy};
  memcpy(tcp->host, launch->master_address, sizeof tcp->host);
  tcp->port = launch->master_port + 1;
  tcp->timeout = timeout;
  tcp->listener = -1;
  tcp->sockets = sockets;
  tcp->socket_count = count;
  status = meet(context, tcp);
  if (status == RONDO_OK)
    *result = &tcp->base;
  else
    destroy(&tcp->base);
  return status;
}
