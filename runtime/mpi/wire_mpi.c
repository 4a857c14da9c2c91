/* The message-passing of wire.h by MPI: the only file that knows it. Built as librondo_mpi.so. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "../src/wire.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* MPI counts with an int, and a message must show that it moves. A test's module has smaller pieces. */
#ifndef RONDO_WIRE_PIECE
#define RONDO_WIRE_PIECE ((size_t)1 << 26)
#endif

struct wire {
  MPI_Comm communicator;
  int rank, size;
  char error[MPI_MAX_ERROR_STRING + 64];
};

/* A message in pieces, which arrive in order. */
struct wire_request {
  bool is_send;
  size_t bytes, piece, moved;
  int count, next;
  MPI_Request pieces[];
};

/* ---- Calls that wait for other processes ---- */

enum { NANOSECONDS = 1000000000 };

typedef struct {
  void (*call)(void);
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool done;
} bounded_call;

static void *bounded_main(void *argument) {
  bounded_call *bounded = argument;
  bounded->call();
  pthread_mutex_lock(&bounded->lock);
  bounded->done = true;
  pthread_cond_signal(&bounded->changed);
  pthread_mutex_unlock(&bounded->lock);
  return NULL;
}

static struct timespec deadline_after(int64_t nanoseconds) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t sum = now.tv_nsec + nanoseconds % NANOSECONDS;
  return (struct timespec){.tv_sec = now.tv_sec + (time_t)(nanoseconds / NANOSECONDS + sum / NANOSECONDS),
                           .tv_nsec = (long)(sum % NANOSECONDS)};
}

/* Runs `call` in a thread of its own, since nothing else ends one that waits for a process that never comes. False: it
 * did not return in time, and the thread is left behind. */
static bool call_within(void (*call)(void), int64_t timeout) {
  if (timeout <= 0) {
    call();
    return true;
  }
  bounded_call *bounded = calloc(1, sizeof *bounded);
  if (!bounded)
    return false;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&bounded->lock, NULL);
  pthread_cond_init(&bounded->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  bounded->call = call;
  pthread_t thread;
  if (pthread_create(&thread, NULL, bounded_main, bounded) != 0) {
    free(bounded);
    return false;
  }
  struct timespec deadline = deadline_after(timeout);
  pthread_mutex_lock(&bounded->lock);
  int error = 0;
  while (!bounded->done && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&bounded->changed, &bounded->lock, &deadline);
  bool done = bounded->done;
  pthread_mutex_unlock(&bounded->lock);
  if (!done) {
    pthread_detach(thread);
    return false;
  }
  pthread_join(thread, NULL);
  pthread_cond_destroy(&bounded->changed);
  pthread_mutex_destroy(&bounded->lock);
  free(bounded);
  return true;
}

/* ---- MPI's own life ---- */

static int initialization_result, provided_level;
static bool orderly = true; /* every process can be expected to reach MPI_Finalize */

static void initialize(void) {
  initialization_result = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided_level);
}

/* MPI cannot be initialised twice, so it lives until the process exits. */
static void finalize_at_exit(void) {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (orderly && !finalized)
    MPI_Finalize();
}

/* Processes start on a busy machine one after another. */
static int64_t patience_of(int64_t timeout) {
  const int64_t least = (int64_t)10 * NANOSECONDS;
  return timeout == 0 || timeout > least ? timeout : least;
}

static int32_t start_mpi(const void *application, int64_t timeout, char *error, size_t capacity) {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (finalized) {
    snprintf(error, capacity, "MPI has been finalised in this process, and cannot start again");
    return 1;
  }
  if (initialized) {
    MPI_Query_thread(&provided_level);
    return 0;
  }
  if (application) {
    snprintf(error, capacity,
             "an MPI communicator was given, but MPI is not initialised: the application must initialise the same MPI "
             "library that librondo_mpi.so is linked with");
    return 1;
  }
  if (!call_within(initialize, timeout)) {
    orderly = false;
    snprintf(error, capacity, "MPI_Init did not return within %g s: does every process of the job run?",
             (double)timeout / NANOSECONDS);
    return 1;
  }
  if (initialization_result != MPI_SUCCESS) {
    snprintf(error, capacity, "MPI_Init failed with code %d", initialization_result);
    return 1;
  }
  atexit(finalize_at_exit);
  return 0;
}

static int32_t allows_this_thread(void) {
  int is_main = 0;
  if (provided_level >= MPI_THREAD_SERIALIZED)
    return 1;
  MPI_Is_thread_main(&is_main);
  return provided_level == MPI_THREAD_FUNNELED && is_main;
}

/* ---- Opening and closing ---- */

static int32_t describe(int code, const char *what, char *error, size_t capacity) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  snprintf(error, capacity, "%s failed: %s", what, text);
  return 1;
}

/* Duplicates the communicator, so that no message meets the application's. */
static int32_t duplicate(MPI_Comm given, int64_t timeout, MPI_Comm *result, char *error, size_t capacity) {
  MPI_Request request;
  int code = MPI_Comm_idup(given, result, &request), done = 0;
  if (code != MPI_SUCCESS)
    return describe(code, "MPI_Comm_idup", error, capacity);
  struct timespec now, deadline = deadline_after(timeout);
  while (!done) {
    code = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS)
      return describe(code, "MPI_Comm_idup", error, capacity);
    clock_gettime(CLOCK_MONOTONIC, &now);
    bool late = now.tv_sec > deadline.tv_sec || (now.tv_sec == deadline.tv_sec && now.tv_nsec > deadline.tv_nsec);
    if (!done && timeout > 0 && late) {
      orderly = false;
      snprintf(error, capacity, "not every process created the communicator within %g s",
               (double)timeout / NANOSECONDS);
      return 1;
    }
    if (!done)
      usleep(100);
  }
  return 0;
}

static int32_t open_wire(const void *application, int64_t timeout, wire **result, char *error, size_t capacity) {
  timeout = patience_of(timeout);
  if (start_mpi(application, timeout, error, capacity) != 0)
    return 1;
  if (!allows_this_thread()) {
    snprintf(error, capacity,
             "MPI was initialised for fewer threads than this one: initialise it with MPI_THREAD_SERIALIZED, or with "
             "MPI_THREAD_FUNNELED and use the communicator in the main thread alone");
    return 1;
  }
  MPI_Comm given = application ? *(const MPI_Comm *)application : MPI_COMM_WORLD;
  if (given == MPI_COMM_NULL) {
    snprintf(error, capacity, "the MPI communicator that was given is MPI_COMM_NULL");
    return 1;
  }
  wire *created = calloc(1, sizeof *created);
  if (!created) {
    snprintf(error, capacity, "no memory for a communicator");
    return 1;
  }
  if (duplicate(given, timeout, &created->communicator, error, capacity) != 0) {
    free(created);
    return 1;
  }
  MPI_Comm_set_errhandler(created->communicator, MPI_ERRORS_RETURN);
  MPI_Comm_rank(created->communicator, &created->rank);
  MPI_Comm_size(created->communicator, &created->size);
  orderly = true;
  *result = created;
  return 0;
}

static void close_wire(wire *wire, int32_t clean) {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (clean && !finalized)
    MPI_Comm_free(&wire->communicator);
  orderly &= clean != 0;
  free(wire);
}

static int32_t wire_rank(const wire *wire) { return wire->rank; }
static int32_t wire_size(const wire *wire) { return wire->size; }

static int32_t wire_allows_thread(const wire *wire) {
  (void)wire;
  return allows_this_thread();
}

/* ---- Messages ---- */

static wire_request *new_request(wire *wire, bool is_send, size_t bytes, size_t piece) {
  size_t count = bytes ? (bytes - 1) / piece + 1 : 1;
  wire_request *request = malloc(sizeof *request + count * sizeof request->pieces[0]);
  if (!request) {
    snprintf(wire->error, sizeof wire->error, "no memory for a message");
    return NULL;
  }
  *request = (wire_request){.is_send = is_send, .bytes = bytes, .piece = piece, .count = (int)count};
  return request;
}

static int piece_bytes(const wire_request *request, int index) {
  size_t left = request->bytes - (size_t)index * request->piece;
  return (int)(left < request->piece ? left : request->piece);
}

static wire_request *send_in_pieces(wire *wire, int32_t to, int32_t channel, const char *data, size_t bytes,
                                    size_t piece) {
  wire_request *request = new_request(wire, true, bytes, piece);
  for (int i = 0; request && i < request->count; ++i) {
    int code = MPI_Isend(data + (size_t)i * piece, piece_bytes(request, i), MPI_BYTE, to, channel, wire->communicator,
                         &request->pieces[i]);
    if (code != MPI_SUCCESS) {
      describe(code, "MPI_Isend", wire->error, sizeof wire->error);
      return NULL; /* the pieces that were sent keep the request */
    }
  }
  return request;
}

static wire_request *wire_send(wire *wire, int32_t to, int32_t channel, const void *data, size_t bytes) {
  return send_in_pieces(wire, to, channel, data, bytes, RONDO_WIRE_PIECE);
}

static wire_request *wire_post(wire *wire, int32_t to, int32_t channel, const void *data, size_t bytes) {
  if (bytes <= INT_MAX)
    return send_in_pieces(wire, to, channel, data, bytes, INT_MAX);
  snprintf(wire->error, sizeof wire->error, "a message of %zu bytes: at most %d are gathered on every rank", bytes,
           INT_MAX);
  return NULL;
}

static wire_request *wire_receive(wire *wire, int32_t from, int32_t channel, void *data, size_t bytes) {
  wire_request *request = new_request(wire, false, bytes, RONDO_WIRE_PIECE);
  for (int i = 0; request && i < request->count; ++i) {
    int code = MPI_Irecv((char *)data + (size_t)i * RONDO_WIRE_PIECE, piece_bytes(request, i), MPI_BYTE, from, channel,
                         wire->communicator, &request->pieces[i]);
    if (code != MPI_SUCCESS) {
      describe(code, "MPI_Irecv", wire->error, sizeof wire->error);
      return NULL;
    }
  }
  return request;
}

static wire_state wire_test(wire *wire, wire_request *request, size_t *bytes) {
  while (request->next < request->count) {
    int done = 0, count = 0;
    MPI_Status status;
    int code = MPI_Test(&request->pieces[request->next], &done, &status);
    if (code != MPI_SUCCESS) {
      describe(code, "a message", wire->error, sizeof wire->error);
      return WIRE_FAILED;
    }
    if (!done)
      break;
    /* A send's status counts nothing. */
    if (request->is_send)
      count = piece_bytes(request, request->next);
    else
      MPI_Get_count(&status, MPI_BYTE, &count);
    request->moved += count > 0 ? (size_t)count : 0;
    ++request->next;
  }
  if (bytes)
    *bytes = request->moved;
  if (request->next < request->count)
    return WIRE_PENDING;
  free(request);
  return WIRE_DONE;
}

static wire_state wire_take(wire *wire, int32_t channel, int32_t *from, void **message, size_t *bytes) {
  MPI_Message found;
  MPI_Status status;
  int present = 0, count = 0;
  int code = MPI_Improbe(MPI_ANY_SOURCE, channel, wire->communicator, &present, &found, &status);
  if (code == MPI_SUCCESS && !present)
    return WIRE_PENDING;
  if (code == MPI_SUCCESS)
    code = MPI_Get_count(&status, MPI_BYTE, &count);
  if (code == MPI_SUCCESS) {
    *from = status.MPI_SOURCE;
    *bytes = (size_t)count;
    *message = malloc((size_t)count + 1);
    if (!*message) {
      snprintf(wire->error, sizeof wire->error, "no memory for a message of %d bytes", count);
      return WIRE_FAILED;
    }
    code = MPI_Mrecv(*message, count, MPI_BYTE, &found, MPI_STATUS_IGNORE);
    if (code == MPI_SUCCESS)
      return WIRE_DONE;
    free(*message);
  }
  describe(code, "a message", wire->error, sizeof wire->error);
  return WIRE_FAILED;
}

static const char *wire_error(const wire *wire) { return wire->error; }

__attribute__((visibility("default"))) extern const wire_module rondo_wire_module;
const wire_module rondo_wire_module = {
    .version = WIRE_VERSION,
    .open = open_wire,
    .close = close_wire,
    .rank = wire_rank,
    .size = wire_size,
    .allows_thread = wire_allows_thread,
    .send = wire_send,
    .post = wire_post,
    .receive = wire_receive,
    .test = wire_test,
    .take = wire_take,
    .error = wire_error,
};
