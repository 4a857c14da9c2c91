/* How far the clocks of two processes are apart, by what they do together.
 *
 * Processes of one host read one clock. Those of others take part in all-gathers, each of which says twice that
 * something was before something else: what a process gave cannot have come before it was given. So many of them bound
 * the difference of two clocks from both sides, without any assumption about the way of the messages.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TRACE_CLOCK_H
#define RONDO_SRC_TRACE_CLOCK_H

#include <stdint.h>

/* When a process began an all-gather, and when it had what all gave, by its own clock, in nanoseconds. */
typedef struct {
  int64_t begun, ended;
} clock_round;

/* By how much the other clock is ahead: surely between these. */
typedef struct {
  int64_t least, most;
} clock_bounds;

/* `other[i]` is the round of `mine[i]`. `count` >= 1. */
clock_bounds clock_bound(const clock_round *mine, const clock_round *other, int count);

/* The middle of the bounds, and how far the truth may be from it. */
int64_t clock_offset(clock_bounds bounds);
int64_t clock_uncertainty(clock_bounds bounds);

/* Processes for which this is equal read one clock: a digest of the host's boot and of the process' time namespace. A
 * process that poses as a host of its own to NCCL (NCCL_HOSTID) does so here, too. */
uint64_t clock_identity(void);

#endif /* RONDO_SRC_TRACE_CLOCK_H */
