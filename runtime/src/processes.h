/* The processes of a job, each of which runs one rank: how they meet, watch each other, and fail together.
 *
 * All messages are sent and received by the thread that calls the runtime: while ranks work it does nothing else, so
 * the message-passing library needs no thread safety. Between calls nobody receives, so a call that began on every rank
 * ends only when all are done with it.
 *
 * A rank that waits for another asks it, now and then, since when it has made no progress. The answer follows the
 * other's own chain of waits, so a circle of ranks that wait for each other grows old, and a rank whose kernel is long
 * does not. Who does not answer was killed or stopped.
 *
 * The first failure goes to all processes, which all report it. Afterwards the messages of the failed run may still be
 * under way, so the processes cannot be used again.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_PROCESSES_H
#define RONDO_SRC_PROCESSES_H

#include "communicator.h"
#include "wire.h"

enum { STATE_CAPACITY = 256 };

/* Message channels: one for each stream, so that they never meet each other. */
enum { CHANNEL_CONTROL = 1, CHANNEL_GATHER = 2, CHANNEL_STREAMS = 3 };

/* What is known of another process. Times are those of this process' clock. */
typedef struct {
  int64_t asked;              /* when it was last asked */
  int64_t answered;           /* when it last answered */
  int64_t progress;           /* when it last made progress, by its own word */
  char state[STATE_CAPACITY]; /* what it does, by its own word */
} peer;

/* A control message that waits to be sent entirely. */
typedef struct outgoing {
  struct outgoing *next;
  int32_t to;
  wire_request *request;
  void *message;
} outgoing;

/* A message of a collective that this process has not reached. */
typedef struct incoming {
  struct incoming *next;
  int32_t from;
  int32_t kind;
  int32_t call;
  int64_t number;
  size_t bytes;
  unsigned char *payload;
  void *message; /* the memory of it all */
} incoming;

/* An exchange under way. */
typedef struct {
  exchange *exchange; /* NULL: none */
  wire_request *receives[MAX_TRANSFERS], *sends[MAX_TRANSFERS];
  size_t moved; /* bytes, when last looked at */
} flight;

/* What all processes do together. */
typedef enum { CALL_NONE, CALL_START, CALL_COMPARE, CALL_END, CALL_ALL_GATHER, CALL_GATHER } collective_call;

typedef struct {
  collective_call call; /* CALL_NONE: none */
  const char *function; /* of a run */
  int64_t number;
  int32_t waits_for; /* the rank whose message comes next; -1: none */
  int64_t since;     /* when that wait began */
  unsigned char *entries;
  size_t bytes, capacity;
  int32_t children; /* that have not sent their part */
  bool complete;    /* `entries` holds everyone's */
} collective;

struct processes {
  const wire_module *module;
  wire *wire;
  rondo_communicator *communicator;
  int32_t rank, size;
  int64_t timeout; /* nanoseconds; 0: none */
  peer *peers;
  outgoing *outgoing;
  incoming *early;
  flight flights[STREAM_COUNT];
  collective collective;
  int64_t last_event; /* when something was sent or received */
  int64_t lost_since; /* when it was first seen that a process is lost; 0: none is */

  rondo_status failure;
  int32_t failure_origin; /* the rank that noticed it */
  char failure_text[ERROR_CAPACITY];
  bool has_parted, parted; /* this process has said that it has failed; every process has */
};
typedef struct processes processes;

/* Joins the processes by a message-passing library, of which `application` is a handle (NULL: all of the job). */
rondo_status processes_open(rondo_context *context, rondo_communicator *communicator, const wire_module *module,
                            const void *application, processes **result);
void processes_close(processes *processes);

/* Fails with the reason if an earlier failure or the calling thread forbids to use the processes. */
rondo_status processes_check(rondo_context *context, const processes *processes);

/* Ends what all processes do, with a reason that this one has found. Does nothing after a first failure. */
void processes_fail(processes *processes, rondo_status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* Sends, receives and answers what there is; true if there was something. Called without the communicator's lock. */
bool processes_progress(processes *processes);

/* While ranks run here: makes progress, or sleeps a little if there is none to make. The caller holds the lock. */
void processes_wait_locked(processes *processes);

/* The run and the processes fail together: tells each of the other's failure. The caller holds the lock. */
void processes_share_failure_locked(processes *processes);

/* For how long to sleep when nothing happened, in nanoseconds. */
int64_t processes_pause(const processes *processes);

/* How often to look for silent ranks, in nanoseconds. */
int64_t processes_interval(int64_t timeout);

/* When another rank last made progress, and how long it may make none. */
int64_t processes_peer_progress(const processes *processes, int32_t rank);
int64_t processes_patience(const processes *processes, int32_t rank);
void processes_describe_peer(const processes *processes, int32_t rank, char *text, size_t capacity);

/* ---- Parts ---- */

/* Sends a control message to a rank. */
typedef enum { MESSAGE_QUESTION, MESSAGE_ANSWER, MESSAGE_FAILURE, MESSAGE_UP, MESSAGE_DOWN } message_kind;
void processes_send(processes *processes, int32_t to, message_kind kind, int32_t value, int64_t number,
                    const void *payload, size_t bytes);

/* A message of a collective has come: takes it, or keeps it for later. */
void collective_receive(processes *processes, incoming *message);
/* What a collective is called, in an error. */
void collective_describe(const processes *processes, collective_call call, char *text, size_t capacity);

/* Begins exchanges that were posted, and finishes those that have arrived; true if there were such. */
bool flights_progress(processes *processes);

extern const transport processes_transport;

#endif /* RONDO_SRC_PROCESSES_H */
