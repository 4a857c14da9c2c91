/* Streams: beginning and ending operations, waiting, and the queue of the communication stream. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "stream.h"
#include "clock.h"
#include "exchange.h"
#include "failure.h"
#include "nvtx.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static bool injection_hits(const injection *injection, const rondo_execution *execution, const char *name,
                           const exchange *exchange, int64_t step) {
  if (!exchange)
    return injection_matches(injection, execution->rank, name, step);
  for (int32_t i = 0; i < exchange->count; ++i)
    if (injection_matches(injection, execution->rank, exchange->transfers[i].name, step))
      return true;
  return false;
}

/* Carries out the injected fault; returns the failure that ends the run. */
static rondo_status strike(rondo_execution *execution, int32_t stream, const char *name, const exchange *exchange,
                           int64_t step) {
  rondo_communicator *communicator = execution->communicator;
  communicator->injection.fired = true;
  if (communicator->injection.kind == INJECT_STALL) {
    while (communicator->failure == RONDO_OK)
      pthread_cond_wait(&execution->streams[stream].wake, &communicator->lock);
    return communicator->failure;
  }
  if (exchange)
    return run_fail_locked(communicator, RONDO_RANK_FAILED,
                           "rank %d failed in exchange '%s' with rank %d in step %lld (injected)", execution->rank,
                           exchange->name, exchange->to, (long long)step);
  return run_fail_locked(communicator, RONDO_RANK_FAILED, "rank %d failed in '%s' in step %lld (injected)",
                         execution->rank, name, (long long)step);
}

rondo_status stream_begin(rondo_execution *execution, int32_t stream_index, const char *name, const exchange *exchange,
                          int64_t step) {
  rondo_communicator *communicator = execution->communicator;
  stream *stream = &execution->streams[stream_index];
  pthread_mutex_lock(&communicator->lock);
  rondo_status status = communicator->failure;
  if (status == RONDO_OK) {
    stream->operation = exchange ? exchange->name : name;
    stream->is_exchange = exchange != NULL;
    stream->step = step;
    stream->progress = clock_now();
    if (injection_hits(&communicator->injection, execution, name, exchange, step))
      status = strike(execution, stream_index, name, exchange, step);
  }
  pthread_mutex_unlock(&communicator->lock);
  if (status == RONDO_OK)
    nvtx_push(exchange ? NVTX_EXCHANGE : NVTX_KERNEL, exchange ? exchange->name : name, step);
  return status;
}

void stream_end_locked(rondo_execution *execution, int32_t stream) {
  nvtx_pop();
  execution->streams[stream].operation = NULL;
  execution->streams[stream].progress = clock_now();
}

void stream_wait_locked(rondo_execution *execution, int32_t stream, stream_id by) {
  execution->streams[stream].waits_for = by;
  pthread_cond_wait(&execution->streams[stream].wake, &execution->communicator->lock);
  execution->streams[stream].waits_for = (stream_id){.rank = -1};
}

rondo_status stream_run_kernel(rondo_execution *execution, int32_t stream, const char *name, int64_t step,
                               rondo_kernel kernel, const void *arguments) {
  rondo_communicator *communicator = execution->communicator;
  rondo_status status = stream_begin(execution, stream, name, NULL, step);
  if (status != RONDO_OK)
    return status;
  int64_t begin = clock_now();
  if (stream == RONDO_STREAM_COMPUTE)
    team_run(execution->team, kernel, arguments);
  else
    kernel(0, 1, arguments);
  int64_t end = clock_now();
  pthread_mutex_lock(&communicator->lock);
  stream_end_locked(execution, stream);
  execution->statistics.compute += (double)(end - begin) / NANOSECONDS;
  trace_add(&communicator->trace, &(rondo_trace_event){.kind = RONDO_TRACE_KERNEL,
                                                       .name = name,
                                                       .rank = execution->rank,
                                                       .stream = stream,
                                                       .begin_ns = begin,
                                                       .end_ns = end,
                                                       .step = step});
  pthread_mutex_unlock(&communicator->lock);
  return RONDO_OK;
}

/* ---- The queue, from the worker's side ---- */

/* Waits until `items` items are complete or the run has failed. */
static void await_locked(rondo_execution *execution, int64_t items) {
  rondo_communicator *communicator = execution->communicator;
  if (execution->completed >= items || communicator->failure != RONDO_OK)
    return;
  int64_t begin = clock_now();
  nvtx_push(NVTX_WAIT, "wait", execution->step);
  while (execution->completed < items && communicator->failure == RONDO_OK)
    stream_wait_locked(execution, RONDO_STREAM_COMPUTE,
                       (stream_id){.rank = execution->rank, .stream = RONDO_STREAM_COMMUNICATION});
  nvtx_pop();
  int64_t end = clock_now();
  execution->streams[RONDO_STREAM_COMPUTE].progress = end;
  exchange_count_exposed(execution, begin, end);
  trace_add(&communicator->trace, &(rondo_trace_event){.kind = RONDO_TRACE_WAIT,
                                                       .name = "wait",
                                                       .rank = execution->rank,
                                                       .stream = RONDO_STREAM_COMPUTE,
                                                       .begin_ns = begin,
                                                       .end_ns = end,
                                                       .step = execution->step});
}

rondo_status stream_enqueue(rondo_execution *execution, const stream_item *item) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  await_locked(execution, execution->enqueued - QUEUE_CAPACITY + 1);
  rondo_status status = communicator->failure;
  if (status == RONDO_OK) {
    execution->queue[execution->enqueued++ % QUEUE_CAPACITY] = *item;
    pthread_cond_signal(&execution->streams[RONDO_STREAM_COMMUNICATION].wake);
  }
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

rondo_status stream_await_items(rondo_execution *execution, int64_t items) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  await_locked(execution, items);
  rondo_status status = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

/* ---- The communication thread ---- */

/* Executes an item. A failure is the run's, so nobody needs the status. */
static void execute(rondo_execution *execution, stream_item *item) {
  if (!item->kernel) {
    exchange_run(execution, RONDO_STREAM_COMMUNICATION, &item->exchange, item->step);
    return;
  }
  stream_run_kernel(execution, RONDO_STREAM_COMMUNICATION, item->kernel_name, item->step, item->kernel,
                    item->arguments);
  free(item->arguments);
}

void *stream_communication_main(void *argument) {
  rondo_execution *execution = argument;
  rondo_communicator *communicator = execution->communicator;
  /* Emulated links end at precise times; by default the kernel may round a sleep up by 50 us. */
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  nvtx_name_thread(execution->rank, "communication");
  pthread_mutex_lock(&communicator->lock);
  while (!communicator->shutdown) {
    if (execution->completed == execution->enqueued) {
      stream_wait_locked(execution, RONDO_STREAM_COMMUNICATION,
                         (stream_id){.rank = execution->rank, .stream = RONDO_STREAM_COMPUTE});
      continue;
    }
    stream_item *item = &execution->queue[execution->completed % QUEUE_CAPACITY];
    pthread_mutex_unlock(&communicator->lock);
    execute(execution, item);
    pthread_mutex_lock(&communicator->lock);
    ++execution->completed;
    pthread_cond_signal(&execution->streams[RONDO_STREAM_COMPUTE].wake);
  }
  pthread_mutex_unlock(&communicator->lock);
  return NULL;
}
