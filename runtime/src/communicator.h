/* The communicator: the ranks of this process, their streams, and the state of the present run.
 *
 * Each rank has two threads: a worker, which calls the entry and runs the compute stream's kernels in place, leading a
 * team of helpers if there is one, and a communication thread, which executes the items of a bounded queue. So an event
 * on the compute stream is complete when it is recorded, and an event on the communication stream is a number of
 * completed items.
 *
 * One lock guards all state that threads share; kernels, copies and link times run without it. Each stream has a
 * condition of its own, so a change wakes only whom it concerns.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_COMMUNICATOR_H
#define RONDO_SRC_COMMUNICATOR_H

#include "inject.h"
#include "rondo/abi.h"
#include "shards.h"
#include "team.h"
#include "trace.h"

#include <pthread.h>

enum { STREAM_COUNT = 2, QUEUE_CAPACITY = 32, MAX_TRANSFERS = 16, OPERATION_NAME_CAPACITY = 96 };

/* An exchange that a stream executes. While posted, its peers read and write it under the lock. */
typedef struct {
  char name[OPERATION_NAME_CAPACITY]; /* of its transfers, joined by + */
  int32_t axis;
  int64_t distance;
  int32_t to, from;
  int64_t bytes_out, bytes_in;
  int64_t ready; /* when the stream could start it */
  int64_t begun; /* when its receive began and when all of it was over, by the link's reckoning */
  int64_t done;
  int32_t count;
  rondo_transfer transfers[MAX_TRANSFERS];
  bool taken;     /* the receiver copies; or, between processes, its messages are under way */
  bool arrived;   /* between processes: everything was received */
  bool delivered; /* the receiver has everything */
  int64_t sent;   /* when it was delivered */
  /* On GPUs, of type cuda_event: where the sender's stream was when it posted, and when the receiver has everything. */
  void *ready_event, *delivered_event;
} exchange;

/* Work for the communication stream: an exchange, or a kernel if that is not NULL. */
typedef struct {
  int64_t step;
  rondo_kernel kernel;
  const char *kernel_name;
  void *arguments; /* a copy that the item owns */
  exchange exchange;
} stream_item;

/* A stream of a rank. */
typedef struct {
  int32_t rank; /* < 0: none */
  int32_t stream;
} stream_id;

/* What a stream is doing. */
typedef struct {
  pthread_cond_t wake;   /* something that its thread waits for has changed */
  stream_id waits_for;   /* who must act before it can go on; none while it works */
  exchange *posted;      /* the exchange it is in, for its peers */
  const char *operation; /* the kernel or exchange it is in, or NULL */
  bool waits_for_device; /* its thread only watches a GPU that is at `operation` */
  bool is_exchange;
  int64_t step;           /* of that operation */
  int64_t progress;       /* when it last began or finished something */
  int64_t processor_time; /* of its threads, when the watchdog last looked */
  int64_t idle_since;     /* when its last exchange was complete, by the link's reckoning */
} stream;

/* The most multiprocessors of a GPU, in a run, that an attention left to transfers, and that a transfer kept. */
typedef struct {
  int32_t sm_margin, transfer_ctas;
} transfer_room;

/* A rank. */
struct rondo_execution {
  rondo_communicator *communicator;
  int32_t rank;
  pthread_t threads[STREAM_COUNT]; /* the worker and the communication thread */
  int thread_count;
  team *team; /* that the worker leads */
  stream streams[STREAM_COUNT];
  stream_item queue[QUEUE_CAPACITY];
  int64_t enqueued, completed; /* items of this run */
  int64_t run;                 /* the last run that the worker took up */
  bool finished;               /* the entry has returned */
  int64_t step;                /* what the entry announced last */
  int32_t phase;
  bool shows_step;   /* to a tool */
  int64_t link_free; /* when the emulated link has sent what it was given */
  void *arena;
  int64_t arena_capacity;
  bool arena_taken;
  rondo_rank_statistics statistics;
  transfer_room room;
  struct cuda_rank *cuda; /* once something runs on a GPU */
};

/* How exchanges move data. The one seam between kinds of communicators. */
typedef struct {
  const char *name;
  bool lone_rank; /* one rank runs here and stands for all */
  /* Executes an exchange with other ranks; returns when all of it was sent and received, with `begun` and `done` set.
   * Called without the lock. */
  rondo_status (*exchange)(rondo_execution *execution, int32_t stream, exchange *exchange);
} transport;

extern const transport threads_transport;
extern const transport loopback_transport;

/* What entries run on: the functions that they call, and what comes before and after them, on the worker. `begin` may
 * be NULL; `call` stands for a call of the entry, which it makes as often as it needs, and may be NULL; `end` returns
 * when the work of the rank is over, or has been handed to the caller's stream. */
typedef struct {
  const rondo_runtime_table *table;
  rondo_status (*begin)(rondo_execution *execution);
  rondo_status (*call)(rondo_execution *execution, const rondo_tensor *tensors);
  void (*end)(rondo_execution *execution);
} backend;

/* What joins the ranks of several processes: processes.h. */
struct processes;

/* What the ranks execute. */
typedef struct {
  const char *function;
  rondo_entry entry;
  const backend *backend;
  grid_shape shape;
  const int64_t *lengths;
  const rondo_tensor *tensors; /* of rank r: at [r * tensor_count] */
  int tensor_count;
} run_plan;

struct rondo_communicator {
  rondo_context *context;
  const transport *transport;
  int32_t ranks;
  int32_t first_rank;          /* of those that run here */
  int32_t local_ranks;         /* ranks that run here: all, one that stands for all, or this process' one */
  struct processes *processes; /* NULL: all ranks run here */
  int32_t threads_per_rank;
  double link_latency; /* nanoseconds */
  double link_ns_per_byte;
  int64_t timeout; /* nanoseconds; 0: none */
  injection injection;
  trace trace;
  struct cuda_communicator *cuda; /* once something runs on a GPU */
  struct nccl_connection *nccl;   /* NULL: no GPUs of several processes are joined */
  int32_t local_rank;             /* of the process, by which its GPU is chosen; -1: not known */
  int32_t device, link_sms;
  int32_t sm_margin; /* -1: chosen for each attention */
  bool measure;
  bool graphs; /* runs are captured and replayed */
  bool hung;   /* a GPU did not end its work in time */

  pthread_mutex_t lock;
  pthread_cond_t finished; /* the last rank of a run is done */
  bool shutdown;
  int64_t run; /* number of the present run */
  int32_t running;
  const run_plan *plan;
  rondo_status failure; /* RONDO_OK, or how the run ends */
  char failure_text[ERROR_CAPACITY];
  rondo_execution *executions;
};

/* Whether a call with `context` may use the communicator. */
rondo_status communicator_check(rondo_context *context, const rondo_communicator *communicator);

/* Runs a plan on every rank. The first failure of any rank ends all of them. */
rondo_status communicator_run(rondo_context *context, rondo_communicator *communicator, const run_plan *plan);

/* The same on the calling thread, where there is one rank and its run waits for nothing. */
rondo_status communicator_run_here(rondo_context *context, rondo_communicator *communicator, const run_plan *plan);

/* The state of a rank, or NULL if it runs in another process. */
static inline rondo_execution *communicator_execution(const rondo_communicator *communicator, int32_t rank) {
  int32_t index = rank - communicator->first_rank;
  return index >= 0 && index < communicator->local_ranks ? &communicator->executions[index] : NULL;
}

#endif /* RONDO_SRC_COMMUNICATOR_H */
