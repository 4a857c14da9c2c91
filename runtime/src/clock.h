/* The monotonic clock, in nanoseconds. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CLOCK_H
#define RONDO_SRC_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NANOSECONDS 1000000000 /* in a second */

static inline int64_t clock_read(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0)
    return 0;
  return (int64_t)time.tv_sec * NANOSECONDS + time.tv_nsec;
}

static inline int64_t clock_now(void) { return clock_read(CLOCK_MONOTONIC); }

static inline struct timespec clock_timespec(int64_t nanoseconds) {
  struct timespec time;
  time.tv_sec = (time_t)(nanoseconds / NANOSECONDS);
  time.tv_nsec = (long)(nanoseconds % NANOSECONDS);
  return time;
}

static inline int64_t clock_later(int64_t a, int64_t b) { return a > b ? a : b; }

#endif /* RONDO_SRC_CLOCK_H */
