/* Passing frames on among processes. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tcp_router.h"
#include "clock.h"
#include "tcp_connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* While so much waits to be written, nothing is read. */
enum { MOST_QUEUED = 64 << 20 };

struct tcp_router {
  pthread_t thread;
  int32_t ranks;
  tcp_connection *connections;
  bool *left; /* ranks that have said so */
  struct pollfd *polled;
  _Atomic int64_t deadline; /* 0: none */
};

static void queue(tcp_router *router, int32_t to, const tcp_frame *frame, const unsigned char *payload) {
  tcp_connection *connection = &router->connections[to];
  if (connection->socket < 0)
    return;
  /* Without memory a message cannot be dropped in silence. */
  if (!tcp_connection_queue(connection, frame, payload, NULL)) {
    connection->ended = true;
    connection->error = ENOMEM;
  }
}

/* A connection has ended: tells all others. */
static void lose(tcp_router *router, int32_t rank) {
  tcp_connection_close(&router->connections[rank]);
  tcp_frame frame = {.kind = router->left[rank] ? FRAME_LEAVING : FRAME_LOST, .from = rank};
  for (int32_t other = 0; other < router->ranks; ++other)
    queue(router, other, &frame, NULL);
}

static void pass_on(tcp_router *router, int32_t from) {
  tcp_connection *connection = &router->connections[from];
  tcp_frame frame;
  const unsigned char *payload;
  while (tcp_connection_take(connection, &frame, &payload)) {
    frame.from = from;
    if (frame.kind == FRAME_LEAVING)
      router->left[from] = true;
    else if (frame.to >= 0 && frame.to < router->ranks)
      queue(router, frame.to, &frame, payload);
  }
}

static size_t most_queued(const tcp_router *router) {
  size_t most = 0;
  for (int32_t i = 0; i < router->ranks; ++i)
    if (router->connections[i].queued > most)
      most = router->connections[i].queued;
  return most;
}

/* What to wait for; returns how many connections there are. */
static int32_t prepare(tcp_router *router) {
  bool may_read = most_queued(router) < MOST_QUEUED;
  int32_t open = 0;
  for (int32_t i = 0; i < router->ranks; ++i) {
    const tcp_connection *connection = &router->connections[i];
    open += connection->socket >= 0;
    router->polled[i] = (struct pollfd){.fd = connection->socket,
                                        .events = (short)((may_read ? POLLIN : 0) | (connection->first ? POLLOUT : 0))};
  }
  return open;
}

static void *router_main(void *argument) {
  tcp_router *router = argument;
  enum { LOOK_MS = 20 };
  while (prepare(router) > 0) {
    int64_t deadline = atomic_load(&router->deadline);
    if (deadline && clock_now() >= deadline)
      break;
    poll(router->polled, (nfds_t)router->ranks, LOOK_MS);
    for (int32_t i = 0; i < router->ranks; ++i) {
      tcp_connection *connection = &router->connections[i];
      if (connection->socket < 0)
        continue;
      if (router->polled[i].revents & (POLLIN | POLLHUP | POLLERR)) {
        tcp_connection_read(connection);
        pass_on(router, i);
      }
    }
    for (int32_t i = 0; i < router->ranks; ++i)
      if (router->connections[i].socket >= 0)
        tcp_connection_write(&router->connections[i]);
    for (int32_t i = 0; i < router->ranks; ++i)
      if (router->connections[i].socket >= 0 && router->connections[i].ended)
        lose(router, i);
  }
  return NULL;
}

static void destroy(tcp_router *router) {
  for (int32_t i = 0; router->connections && i < router->ranks; ++i)
    tcp_connection_close(&router->connections[i]);
  free(router->connections);
  free(router->left);
  free(router->polled);
  free(router);
}

/* Signals are the application's. */
static int start_thread(tcp_router *router) {
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  int error = pthread_create(&router->thread, NULL, router_main, router);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  return error;
}

tcp_router *tcp_router_start(const int *sockets, int32_t ranks) {
  tcp_router *router = calloc(1, sizeof *router);
  if (router) {
    router->ranks = ranks;
    router->connections = calloc((size_t)ranks, sizeof *router->connections);
    router->left = calloc((size_t)ranks, sizeof *router->left);
    router->polled = calloc((size_t)ranks, sizeof *router->polled);
  }
  if (!router || !router->connections || !router->left || !router->polled) {
    if (router)
      free(router->connections), free(router->left), free(router->polled);
    free(router);
    errno = ENOMEM;
    return NULL;
  }
  for (int32_t i = 0; i < ranks; ++i)
    tcp_connection_open(&router->connections[i], sockets[i]);
  int error = start_thread(router);
  if (error == 0)
    return router;
  /* The sockets stay the caller's. */
  for (int32_t i = 0; i < ranks; ++i)
    router->connections[i].socket = -1;
  destroy(router);
  errno = error;
  return NULL;
}

void tcp_router_stop(tcp_router *router, int64_t patience) {
  if (!router)
    return;
  atomic_store(&router->deadline, clock_now() + patience);
  pthread_join(router->thread, NULL);
  destroy(router);
}
