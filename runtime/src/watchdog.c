/* The watchdog: ends a run in which a rank makes no progress.
 *
 * The thread that called rondo_run watches while the ranks work, so no rank needs a time-out of its own. Ranks wait for
 * each other in chains; only the end of a chain, the stream that waits for nobody, can be at fault. It makes progress
 * when it begins or finishes an operation, while an emulated link is at work, and while its threads get processor time:
 * a long kernel on a busy machine is no stall. If it makes none for the time-out, the run fails, and the error names
 * the rank that waits for it and what for. A chain that leads to another process ends there: what that rank answers to
 * questions counts (processes.h).
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "watchdog.h"
#include "clock.h"
#include "failure.h"
#include "processes.h"
#include "text.h"

typedef struct {
  stream_id waiter;  /* the last stream of the chain that waits for another rank; rank < 0: none */
  stream_id culprit; /* the end of the chain */
} chain;

static stream *get_stream(const rondo_communicator *communicator, stream_id id) {
  return &communicator_execution(communicator, id.rank)->streams[id.stream];
}

static chain follow(const rondo_communicator *communicator, stream_id first) {
  chain chain = {.waiter = {.rank = -1}, .culprit = first};
  /* More hops than streams: the streams wait for each other in a circle. */
  for (int32_t hops = 0; hops < STREAM_COUNT * communicator->local_ranks; ++hops) {
    if (!communicator_execution(communicator, chain.culprit.rank))
      break;
    stream_id next = get_stream(communicator, chain.culprit)->waits_for;
    if (next.rank < 0)
      break;
    if (next.rank != chain.culprit.rank)
      chain.waiter = chain.culprit;
    chain.culprit = next;
  }
  return chain;
}

/* When the end of a chain last made progress. */
static int64_t chain_progress(const rondo_communicator *communicator, const chain *chain) {
  if (communicator_execution(communicator, chain->culprit.rank))
    return get_stream(communicator, chain->culprit)->progress;
  return clock_later(get_stream(communicator, chain->waiter)->progress,
                     processes_peer_progress(communicator->processes, chain->culprit.rank));
}

/* For how long it may make none. */
static int64_t chain_patience(const rondo_communicator *communicator, const chain *chain) {
  if (communicator_execution(communicator, chain->culprit.rank))
    return communicator->timeout;
  return processes_patience(communicator->processes, chain->culprit.rank);
}

/* Processor time of a working thread, or of one that helps it, is progress. */
static void note_processor_time(rondo_communicator *communicator, int64_t now) {
  for (int32_t i = 0; i < communicator->local_ranks; ++i) {
    rondo_execution *execution = &communicator->executions[i];
    for (int s = 0; s < STREAM_COUNT; ++s) {
      stream *stream = &execution->streams[s];
      clockid_t clock;
      if (stream->waits_for.rank >= 0 || stream->waits_for_device ||
          pthread_getcpuclockid(execution->threads[s], &clock) != 0)
        continue;
      /* Less is what a sleeping thread spends on waking up now and then. */
      enum { LEAST = 100000 };
      int64_t time = clock_read(clock);
      if (s == RONDO_STREAM_COMPUTE)
        time += team_processor_time(execution->team);
      if (time - stream->processor_time > LEAST)
        stream->progress = clock_later(stream->progress, now);
      stream->processor_time = time;
    }
  }
}

static void describe_culprit(const rondo_communicator *communicator, stream_id id, char *text, size_t capacity) {
  const rondo_execution *execution = communicator_execution(communicator, id.rank);
  if (!execution) {
    processes_describe_peer(communicator->processes, id.rank, text, capacity);
    return;
  }
  const stream *stream = &execution->streams[id.stream];
  text[0] = '\0';
  if (execution->finished)
    text_append(text, capacity, "rank %d has finished", id.rank);
  else if (stream->operation)
    text_append(text, capacity, "rank %d stalled in '%s' in step %lld?", id.rank, stream->operation,
                (long long)stream->step);
  else
    text_append(text, capacity, "rank %d stalled?", id.rank);
}

static void report(rondo_communicator *communicator, const chain *chain) {
  double timeout = (double)communicator->timeout / NANOSECONDS;
  if (chain->waiter.rank < 0) {
    const stream *culprit = get_stream(communicator, chain->culprit);
    run_fail_locked(communicator, RONDO_TIMED_OUT, "rank %d: no progress in '%s' in step %lld within %g s",
                    chain->culprit.rank, culprit->operation ? culprit->operation : communicator->plan->function,
                    (long long)culprit->step, timeout);
    return;
  }
  const stream *waiter = get_stream(communicator, chain->waiter);
  char suspicion[256];
  describe_culprit(communicator, chain->culprit, suspicion, sizeof suspicion);
  run_fail_locked(communicator, RONDO_TIMED_OUT,
                  "rank %d: no progress in exchange '%s' with rank %d in step %lld within %g s (%s)",
                  chain->waiter.rank, waiter->operation ? waiter->operation : "", waiter->waits_for.rank,
                  (long long)waiter->step, timeout, suspicion);
}

/* How much a chain tells of what is missing: most if a GPU hangs in a kernel; less if a rank waits to receive what is
 * missing, and still less if one waits to send. */
static int telling(const rondo_communicator *communicator, const chain *chain) {
  if (chain->culprit.rank < 0)
    return 0;
  /* A GPU that is in a kernel holds up those that are in exchanges. */
  if (communicator_execution(communicator, chain->culprit.rank)) {
    const stream *culprit = get_stream(communicator, chain->culprit);
    if (culprit->waits_for_device && !culprit->is_exchange)
      return 4;
  }
  if (chain->waiter.rank < 0)
    return 1;
  const stream *waiter = get_stream(communicator, chain->waiter);
  return waiter->posted && waiter->posted->from == waiter->waits_for.rank ? 3 : 2;
}

/* Fails the run if a chain's end is silent for too long. */
static void check(rondo_communicator *communicator) {
  int64_t now = clock_now();
  note_processor_time(communicator, now);
  chain silent = {.waiter = {.rank = -1}, .culprit = {.rank = -1}};
  for (int32_t i = 0; i < communicator->local_ranks; ++i) {
    if (communicator->executions[i].finished)
      continue;
    chain chain =
        follow(communicator, (stream_id){.rank = communicator->first_rank + i, .stream = RONDO_STREAM_COMPUTE});
    if (now - chain_progress(communicator, &chain) < chain_patience(communicator, &chain))
      continue;
    if (telling(communicator, &chain) > telling(communicator, &silent))
      silent = chain;
  }
  if (silent.culprit.rank >= 0)
    report(communicator, &silent);
}

int64_t watchdog_progress_locked(rondo_communicator *communicator, int32_t stream, char *state, size_t capacity) {
  chain chain = follow(communicator, (stream_id){.rank = communicator->first_rank, .stream = stream});
  note_processor_time(communicator, clock_now());
  describe_culprit(communicator, chain.culprit, state, capacity);
  return chain_progress(communicator, &chain);
}

/* While ranks of other processes are part of the run, the waiting thread exchanges messages with them. */
static void wait_for_processes_locked(rondo_communicator *communicator) {
  int64_t interval = processes_interval(communicator->timeout), checked = clock_now();
  while (communicator->running > 0) {
    processes_wait_locked(communicator->processes);
    if (communicator->timeout == 0 || communicator->failure != RONDO_OK || clock_now() - checked < interval)
      continue;
    checked = clock_now();
    check(communicator);
  }
  processes_share_failure_locked(communicator->processes);
}

void watchdog_wait_locked(rondo_communicator *communicator) {
  if (communicator->processes) {
    wait_for_processes_locked(communicator);
    return;
  }
  int64_t interval = clock_later(communicator->timeout / 8, NANOSECONDS / 1000);
  while (communicator->running > 0) {
    if (communicator->timeout == 0 || communicator->failure != RONDO_OK) {
      pthread_cond_wait(&communicator->finished, &communicator->lock);
      continue;
    }
    struct timespec deadline = clock_timespec(clock_now() + interval);
    pthread_cond_timedwait(&communicator->finished, &communicator->lock, &deadline);
    if (communicator->running > 0 && communicator->failure == RONDO_OK)
      check(communicator);
  }
}
