/* The watchdog: ends a run in which a rank makes no progress. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_WATCHDOG_H
#define RONDO_SRC_WATCHDOG_H

#include "communicator.h"

/* Waits until every rank is done, and fails the run if the time-out passes first. The caller holds the lock. */
void watchdog_wait_locked(rondo_communicator *communicator);

#endif /* RONDO_SRC_WATCHDOG_H */
