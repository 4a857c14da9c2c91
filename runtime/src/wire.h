/* Messages among processes: what the runtime needs of a message-passing library.
 *
 * There are two: TCP, for control alone (wire_tcp.h), and MPI. The latter is linked by a module of its own
 * (librondo_mpi.so), which the runtime loads when it is asked for, so that the runtime depends on none. Nothing here
 * blocks but `open` and `close`, and nothing is called by two threads at once.
 * Messages from one process to another on one channel arrive in the order in which they were sent.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_WIRE_H
#define RONDO_SRC_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { WIRE_VERSION = 3 };
#define WIRE_MODULE_SYMBOL "rondo_wire_module"

/* A connection of this process with all processes of a job. */
typedef struct wire wire;

/* A message under way. */
typedef struct wire_request wire_request;

typedef enum { WIRE_PENDING = 0, WIRE_DONE = 1, WIRE_FAILED = 2 } wire_state;

typedef struct {
  uint32_t version; /* WIRE_VERSION */

  /* Connects the processes of `application` (a pointer to the library's own handle, such as an MPI_Comm; NULL: all
   * processes); each must call it. Waits for them at most `timeout` nanoseconds, or 10 s if that
   * is more (0: for ever). Returns 0, or 1 with a
   * reason in `error`. */
  int32_t (*open)(const void *application, int64_t timeout, wire **result, char *error, size_t capacity);
  /* `clean`: every process is closing too and no message is under way. Else the library may not be left in an orderly
   * way: it would wait for the others. */
  void (*close)(wire *wire, int32_t clean);

  int32_t (*rank)(const wire *wire);
  int32_t (*size)(const wire *wire);
  /* Whether the calling thread may use the library. */
  int32_t (*allows_thread)(const wire *wire);

  /* Begin a message of any size; NULL if that failed. The memory belongs to the message until it is done. Both ends
   * give the same number of bytes. */
  wire_request *(*send)(wire *wire, int32_t to, int32_t channel, const void *data, size_t bytes);
  wire_request *(*receive)(wire *wire, int32_t from, int32_t channel, void *data, size_t bytes);
  /* Sends a message of less than 2 GiB that `take` receives. */
  wire_request *(*post)(wire *wire, int32_t to, int32_t channel, const void *data, size_t bytes);
  /* `bytes`: how many have moved so far. Unless the message is pending the request is gone afterwards. */
  wire_state (*test)(wire *wire, wire_request *request, size_t *bytes);
  /* Takes the next posted message on a channel, from any process, if one has arrived; the caller frees it. */
  wire_state (*take)(wire *wire, int32_t channel, int32_t *from, void **message, size_t *bytes);

  /* Why something failed. */
  const char *(*error)(const wire *wire);

  /* The first process whose connection has ended, once all that it sent has been taken; -1: none. `orderly`: it has
   * closed its wire. NULL: this library cannot tell. */
  int32_t (*lost)(const wire *wire, int32_t *orderly);

  /* The process that passes on what the others send to each other, also to themselves. NULL: none does. */
  int32_t (*router)(const wire *wire);
} wire_module;

#endif /* RONDO_SRC_WIRE_H */
