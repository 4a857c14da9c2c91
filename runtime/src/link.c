/* The emulated link of each rank: one group at a time, each for the latency and the time of its bytes. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "exchange.h"
#include "failure.h"

/* Longer than any run; keeps a sum with the present time in range. */
static const double longest_link_time = 1e18;

bool link_is_emulated(const rondo_communicator *communicator) {
  return communicator->link_latency > 0 || communicator->link_ns_per_byte > 0;
}

static int64_t link_time(const rondo_communicator *communicator, int64_t bytes) {
  if (bytes == 0)
    return 0;
  double time = communicator->link_latency + communicator->link_ns_per_byte * (double)bytes;
  return (int64_t)(time < longest_link_time ? time : longest_link_time);
}

rondo_status link_occupy_locked(rondo_execution *sender, rondo_execution *receiver, int32_t stream, int64_t ready,
                                int64_t bytes, exchange *mine, int64_t *arrival) {
  rondo_communicator *communicator = sender->communicator;
  mine->begun = *arrival = ready;
  if (!link_is_emulated(communicator))
    return RONDO_OK;
  int64_t time = link_time(communicator, bytes);
  if (communicator->timeout > 0 && time > communicator->timeout)
    return run_fail_locked(communicator, RONDO_TIMED_OUT,
                           "rank %d: exchange '%s' with rank %d in step %lld takes %g s on the emulated link (%lld "
                           "bytes), but the time-out is %g s",
                           receiver->rank, mine->name, mine->from, (long long)receiver->streams[stream].step,
                           (double)time / NANOSECONDS, (long long)bytes, (double)communicator->timeout / NANOSECONDS);
  mine->begun = clock_later(ready, sender->link_free);
  *arrival = sender->link_free = mine->begun + time;
  /* The link is at work until then, which is progress. */
  receiver->streams[stream].progress = clock_later(*arrival, clock_now());
  return RONDO_OK;
}

void link_sleep_locked(rondo_execution *execution, int32_t stream, int64_t time) {
  rondo_communicator *communicator = execution->communicator;
  struct timespec deadline = clock_timespec(time);
  while (communicator->failure == RONDO_OK && clock_now() < time)
    pthread_cond_timedwait(&execution->streams[stream].wake, &communicator->lock, &deadline);
}
