/* Exchanges: what all transports share. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_EXCHANGE_H
#define RONDO_SRC_EXCHANGE_H

#include "communicator.h"

/* Fills in an exchange from the arguments of the table's function. */
rondo_status exchange_prepare(rondo_execution *execution, int32_t axis, int64_t distance,
                              const rondo_transfer *transfers, int64_t count, exchange *result);

/* Executes an exchange on the calling thread, and accounts for it. */
rondo_status exchange_run(rondo_execution *execution, int32_t stream, exchange *exchange, int64_t step);

/* Counts [begin, end) as time in which the compute stream waited for communication. The caller holds the lock. */
void exchange_count_exposed(rondo_execution *execution, int64_t begin, int64_t end);

/* ---- For transports ---- */

/* The exchange that `from` has posted for this rank, once it has; NULL if the run fails before. */
exchange *exchange_await_sender_locked(rondo_execution *execution, int32_t stream, const exchange *mine);

/* Fails the run unless what `mine` receives is what `theirs` sends. */
rondo_status exchange_check_match_locked(rondo_execution *execution, int32_t stream, const exchange *mine,
                                         const exchange *theirs);

bool link_is_emulated(const rondo_communicator *communicator);

/* Puts a group of `bytes`, which `mine` receives, on the link of `sender` when both ends are `ready`. Sets when the
 * receive begins, and `arrival`. Fails the run if the group alone takes longer than the time-out allows. The caller
 * holds the lock. */
rondo_status link_occupy_locked(rondo_execution *sender, rondo_execution *receiver, int32_t stream, int64_t ready,
                                int64_t bytes, exchange *mine, int64_t *arrival);

/* Sleeps until `time`, or until the run fails. The caller holds the lock. */
void link_sleep_locked(rondo_execution *execution, int32_t stream, int64_t time);

#endif /* RONDO_SRC_EXCHANGE_H */
