/* The message-passing of wire.h by TCP. Each process has one connection, to the router in rank 0's process. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "wire_tcp.h"
#include "bootstrap.h"
#include "clock.h"
#include "tcp_connection.h"
#include "tcp_router.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A message that has come, or is coming. */
typedef struct arrival {
  struct arrival *next;
  int32_t from, channel;
  bool complete, claimed; /* claimed: by a receive */
  unsigned char *data;
  size_t bytes, capacity;
} arrival;

struct wire_request {
  wire_request *next; /* of receives */
  bool is_receive;
  int32_t from, channel;
  void *data;
  size_t bytes;
  int32_t unsent;   /* frames that are not written */
  arrival *arrival; /* that a receive has claimed */
};

struct wire {
  int32_t rank, size;
  tcp_connection connection;
  tcp_router *router; /* of rank 0 */
  arrival *arrivals;
  wire_request *receives; /* that are pending, in order */
  int32_t lost;           /* -1: none */
  bool lost_orderly, no_memory;
  char error[256];
};

/* ---- Arrivals ---- */

static arrival *find_arrival(const wire *wire, int32_t from, int32_t channel, bool complete) {
  for (arrival *arrival = wire->arrivals; arrival; arrival = arrival->next)
    if (!arrival->claimed && arrival->channel == channel && arrival->complete == complete &&
        (from < 0 || arrival->from == from))
      return arrival;
  return NULL;
}

static arrival *add_arrival(wire *wire, const tcp_frame *frame) {
  arrival *added = calloc(1, sizeof *added), **end = &wire->arrivals;
  if (!added)
    return NULL;
  added->from = frame->from;
  added->channel = frame->channel;
  while (*end)
    end = &(*end)->next;
  return *end = added;
}

static void remove_arrival(wire *wire, arrival *removed) {
  arrival **link = &wire->arrivals;
  while (*link != removed)
    link = &(*link)->next;
  *link = removed->next;
  free(removed);
}

/* Pieces of a message come in order, and messages on one channel one after another. */
static bool add_piece(wire *wire, const tcp_frame *frame, const unsigned char *payload) {
  arrival *arrival = find_arrival(wire, frame->from, frame->channel, false);
  if (!arrival)
    arrival = add_arrival(wire, frame);
  if (!arrival)
    return false;
  if (arrival->bytes + frame->bytes > arrival->capacity || !arrival->data) {
    size_t capacity = 2 * arrival->capacity + frame->bytes + 1;
    unsigned char *data = realloc(arrival->data, capacity);
    if (!data)
      return false;
    arrival->data = data;
    arrival->capacity = capacity;
  }
  memcpy(arrival->data + arrival->bytes, payload, frame->bytes);
  arrival->bytes += frame->bytes;
  arrival->complete = frame->kind == FRAME_LAST_PIECE;
  return true;
}

static void note_lost(wire *wire, int32_t rank, bool orderly) {
  /* A crash tells more than somebody's leaving. */
  if (rank == wire->rank || (wire->lost >= 0 && (orderly || !wire->lost_orderly)))
    return;
  wire->lost = rank;
  wire->lost_orderly = orderly;
}

/* Gives each pending receive, in order, the message that is for it. */
static void claim(wire *wire) {
  for (wire_request **link = &wire->receives; *link;) {
    wire_request *receive = *link;
    receive->arrival = find_arrival(wire, receive->from, receive->channel, true);
    if (!receive->arrival) {
      link = &receive->next;
      continue;
    }
    receive->arrival->claimed = true;
    *link = receive->next;
  }
}

static void progress(wire *wire) {
  tcp_connection *connection = &wire->connection;
  tcp_connection_write(connection);
  bool more = true;
  while (more) {
    more = tcp_connection_read(connection);
    tcp_frame frame;
    const unsigned char *payload;
    while (tcp_connection_take(connection, &frame, &payload)) {
      if (frame.kind == FRAME_LEAVING || frame.kind == FRAME_LOST)
        note_lost(wire, frame.from, frame.kind == FRAME_LEAVING);
      else if (!add_piece(wire, &frame, payload))
        wire->no_memory = true;
    }
  }
  if (connection->ended)
    note_lost(wire, 0, false);
  claim(wire);
}

/* ---- The module's functions ---- */

static wire_request *send_message(wire *wire, int32_t to, int32_t channel, const void *data, size_t bytes) {
  wire_request *request = calloc(1, sizeof *request);
  size_t at = 0;
  while (request) {
    size_t piece = bytes - at < FRAME_LARGEST ? bytes - at : FRAME_LARGEST;
    tcp_frame frame = {.kind = at + piece == bytes ? FRAME_LAST_PIECE : FRAME_PIECE,
                       .from = wire->rank,
                       .to = to,
                       .channel = channel,
                       .bytes = piece};
    const unsigned char *payload = piece ? (const unsigned char *)data + at : NULL;
    if (!tcp_connection_queue(&wire->connection, &frame, payload, &request->unsent)) {
      /* Frames that are queued count in the request: it stays. */
      wire->no_memory = true;
      return NULL;
    }
    ++request->unsent;
    at += piece;
    if (at == bytes)
      break;
  }
  if (request)
    tcp_connection_write(&wire->connection);
  return request;
}

static wire_request *receive_message(wire *wire, int32_t from, int32_t channel, void *data, size_t bytes) {
  wire_request *request = calloc(1, sizeof *request), **end = &wire->receives;
  if (!request)
    return NULL;
  *request =
      (wire_request){.is_receive = true, .from = from, .channel = channel, .data = data, .bytes = bytes, .unsent = 0};
  while (*end)
    end = &(*end)->next;
  *end = request;
  return request;
}

static wire_state finish_receive(wire *wire, wire_request *request, size_t *bytes) {
  arrival *arrival = request->arrival;
  size_t copied = arrival->bytes < request->bytes ? arrival->bytes : request->bytes;
  if (copied)
    memcpy(request->data, arrival->data, copied);
  if (bytes)
    *bytes = arrival->bytes;
  free(arrival->data);
  remove_arrival(wire, arrival);
  free(request);
  return WIRE_DONE;
}

static wire_state test(wire *wire, wire_request *request, size_t *bytes) {
  progress(wire);
  if (!request->is_receive) {
    if (bytes)
      *bytes = 0;
    if (request->unsent > 0)
      return WIRE_PENDING;
    free(request);
    return WIRE_DONE;
  }
  if (request->arrival)
    return finish_receive(wire, request, bytes);
  const arrival *coming = find_arrival(wire, request->from, request->channel, false);
  if (bytes)
    *bytes = coming ? coming->bytes : 0;
  return WIRE_PENDING;
}

static wire_state take(wire *wire, int32_t channel, int32_t *from, void **message, size_t *bytes) {
  progress(wire);
  arrival *arrival = find_arrival(wire, -1, channel, true);
  if (arrival) {
    *from = arrival->from;
    *message = arrival->data;
    *bytes = arrival->bytes;
    remove_arrival(wire, arrival);
    return WIRE_DONE;
  }
  return wire->no_memory ? WIRE_FAILED : WIRE_PENDING;
}

static int32_t get_rank(const wire *wire) { return wire->rank; }
static int32_t get_size(const wire *wire) { return wire->size; }

static int32_t allows_thread(const wire *wire) {
  (void)wire;
  return 1;
}

static const char *get_error(const wire *wire) {
  return wire->no_memory ? "there is no memory for a message" : "the connection has ended";
}

static int32_t get_lost(const wire *wire, int32_t *orderly) {
  *orderly = wire->lost_orderly;
  return wire->lost;
}

static int32_t get_router(const wire *wire) {
  (void)wire;
  return 0;
}

/* ---- Opening and closing ---- */

/* The router's end of rank 0's own connection becomes sockets[0]. */
static int start_router(wire *wire, int *sockets) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
    return errno;
  sockets[0] = pair[1];
  wire->router = tcp_router_start(sockets, wire->size);
  if (wire->router) {
    tcp_connection_open(&wire->connection, pair[0]);
    return 0;
  }
  int error = errno;
  tcp_connection_open(&wire->connection, pair[0]);
  tcp_connection_close(&wire->connection);
  return error;
}

/* Everyone has come, and learned of it. */
static rondo_status meet(rondo_context *context, const launch *launch, int64_t timeout, wire *wire) {
  bootstrap *bootstrap = NULL;
  rondo_status status = bootstrap_tcp_create(context, launch, timeout, &bootstrap);
  if (status != RONDO_OK)
    return status;
  int32_t version = WIRE_VERSION, *versions = calloc((size_t)launch->ranks, sizeof *versions);
  status = versions ? bootstrap->all_gather(bootstrap, context, &version, sizeof version, versions)
                    : context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for %d ranks", launch->ranks);
  free(versions);
  if (status == RONDO_OK) {
    int *sockets = bootstrap_tcp_take_sockets(bootstrap);
    wire->rank = launch->rank;
    wire->size = launch->ranks;
    int error = 0;
    if (launch->rank == 0)
      error = start_router(wire, sockets);
    else
      tcp_connection_open(&wire->connection, sockets[0]);
    free(sockets);
    if (error)
      status = context_fail(context, RONDO_SYSTEM_ERROR, "rank 0 cannot pass messages on: %s", strerror(error));
  }
  bootstrap_destroy(bootstrap);
  return status;
}

static int32_t open_wire(const void *application, int64_t timeout, wire **result, char *error, size_t capacity) {
  const launch *launch = application;
  const int64_t least = 10 * (int64_t)NANOSECONDS;
  rondo_context *context = NULL;
  wire *created = calloc(1, sizeof *created);
  rondo_status status = created ? rondo_context_create(&context) : RONDO_OUT_OF_MEMORY;
  if (status == RONDO_OK) {
    created->lost = -1;
    status = meet(context, launch, timeout == 0 || timeout > least ? timeout : least, created);
    snprintf(error, capacity, "%s", rondo_last_error(context));
  } else {
    snprintf(error, capacity, "there is no memory");
  }
  rondo_context_destroy(context);
  if (status == RONDO_OK)
    *result = created;
  else
    free(created);
  return status != RONDO_OK;
}

/* Writes what is left, within `patience`; then waits for the other end to close. */
static void leave(wire *wire, int64_t patience) {
  tcp_connection *connection = &wire->connection;
  int64_t deadline = clock_now() + patience;
  tcp_frame frame = {.kind = FRAME_LEAVING, .from = wire->rank};
  tcp_connection_queue(connection, &frame, NULL, NULL);
  bool shut = false;
  while (!connection->ended && clock_now() < deadline) {
    tcp_connection_write(connection);
    if (!connection->first && !shut) {
      shutdown(connection->socket, SHUT_WR);
      shut = true;
    }
    struct pollfd polled = {.fd = connection->socket, .events = (short)(POLLIN | (shut ? 0 : POLLOUT))};
    poll(&polled, 1, 10);
    tcp_connection_read(connection);
    connection->begin = connection->end = 0;
  }
}

static void close_wire(wire *wire, int32_t clean) {
  /* Others may still need rank 0's router for what they have to tell each other. */
  int64_t patience = clean ? 2 * (int64_t)NANOSECONDS : NANOSECONDS / 2;
  leave(wire, patience / 4);
  tcp_connection_close(&wire->connection);
  tcp_router_stop(wire->router, patience);
  while (wire->arrivals) {
    free(wire->arrivals->data);
    remove_arrival(wire, wire->arrivals);
  }
  while (wire->receives) {
    wire_request *receive = wire->receives;
    wire->receives = receive->next;
    free(receive);
  }
  free(wire);
}

const wire_module wire_tcp_module = {.version = WIRE_VERSION,
                                     .open = open_wire,
                                     .close = close_wire,
                                     .rank = get_rank,
                                     .size = get_size,
                                     .allows_thread = allows_thread,
                                     .send = send_message,
                                     .receive = receive_message,
                                     .post = send_message,
                                     .test = test,
                                     .take = take,
                                     .error = get_error,
                                     .lost = get_lost,
                                     .router = get_router};
