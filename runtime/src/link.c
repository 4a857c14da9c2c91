/* The emulated link of each rank: one group at a time, each for the latency and the time of its bytes. */
#include "clock.h"
#include "exchange.h"

/* Longer than any run; keeps a sum with the present time in range. */
static const double longest_link_time = 1e18;

bool link_is_emulated(const rondo_communicator *communicator) {
  return communicator->link_latency > 0 || communicator->link_ns_per_byte > 0;
}

int64_t link_time(const rondo_communicator *communicator, int64_t bytes) {
  if (bytes == 0)
    return 0;
  double time = communicator->link_latency + communicator->link_ns_per_byte * (double)bytes;
  return (int64_t)(time < longest_link_time ? time : longest_link_time);
}

int64_t link_occupy_locked(rondo_execution *sender, rondo_execution *receiver, int32_t stream, int64_t ready,
                           int64_t bytes, int64_t *begin) {
  *begin = ready;
  if (!link_is_emulated(sender->communicator))
    return ready;
  *begin = clock_later(ready, sender->link_free);
  sender->link_free = *begin + link_time(sender->communicator, bytes);
  /* The link is at work until then, which is progress. */
  receiver->streams[stream].progress = clock_later(sender->link_free, clock_now());
  return sender->link_free;
}

void link_sleep_locked(rondo_execution *execution, int32_t stream, int64_t time) {
  rondo_communicator *communicator = execution->communicator;
  struct timespec deadline = clock_timespec(time);
  while (communicator->failure == RONDO_OK && clock_now() < time)
    pthread_cond_timedwait(&execution->streams[stream].wake, &communicator->lock, &deadline);
}
