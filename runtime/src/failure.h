/* How a failing rank ends the run of all. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_FAILURE_H
#define RONDO_SRC_FAILURE_H

#include "communicator.h"

/* Ends the run with `status` unless it has failed before: the first failure is the one that every rank reports.
 * Wakes every waiting stream. Returns the run's failure. */
rondo_status run_fail(rondo_communicator *communicator, rondo_status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for a caller that holds the lock. */
rondo_status run_fail_locked(rondo_communicator *communicator, rondo_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif /* RONDO_SRC_FAILURE_H */
