/* The watchdog: ends a run in which a rank makes no progress. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_WATCHDOG_H
#define RONDO_SRC_WATCHDOG_H

#include "communicator.h"

/* Waits until every rank is done, and fails the run if the time-out passes first. The caller holds the lock. */
void watchdog_wait_locked(rondo_communicator *communicator);

/* When the rank of this process last made progress, as seen by one that waits for a stream of it, and what it does. The
 * caller holds the lock. */
int64_t watchdog_progress_locked(rondo_communicator *communicator, int32_t stream, char *state, size_t capacity);

#endif /* RONDO_SRC_WATCHDOG_H */
