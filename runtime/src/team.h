/* The threads that share the kernels of a rank: its own, which leads, and helpers.
 *
 * A kernel is cut into as many parts as there are threads. Each thread takes its own part first, so that it meets the
 * same data in every step, and then whatever part nobody has taken yet, so that nobody waits for a thread that has not
 * woken up. Idle helpers watch for the next kernel for a moment and then sleep.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TEAM_H
#define RONDO_SRC_TEAM_H

#include "rondo/abi.h"

#include <stdbool.h>

/* NULL is a team of the leader alone. */
typedef struct team team;

/* Makes a team of `threads` threads and starts its helpers; `may_spin` says that each thread has a processor to itself.
 * Returns 0 or an errno. */
int team_create(int32_t threads, bool may_spin, team **team);
void team_destroy(team *team);

/* Runs all parts of `kernel` and returns when they are done. The leader calls it. */
void team_run(team *team, rondo_kernel kernel, const void *arguments);

/* Processor time of all helpers, in nanoseconds. */
int64_t team_processor_time(const team *team);

#endif /* RONDO_SRC_TEAM_H */
