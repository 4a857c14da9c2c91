/* Streams: beginning and ending operations, waiting, and the queue of the communication stream. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_STREAM_H
#define RONDO_SRC_STREAM_H

#include "communicator.h"

/* Announces that a stream begins an operation: a kernel called `name`, or `exchange` if that is not NULL. Returns the
 * run's failure if it has one. An injected fault strikes here. */
rondo_status stream_begin(rondo_execution *execution, int32_t stream, const char *name, const exchange *exchange,
                          int64_t step);

/* The operation is over. The caller holds the lock. */
void stream_end_locked(rondo_execution *execution, int32_t stream);

/* Sleeps until the stream's condition is signalled; the caller holds the lock and looks again. `by` is who must act,
 * for the watchdog. */
void stream_wait_locked(rondo_execution *execution, int32_t stream, stream_id by);

/* Runs a kernel on a stream, on the calling thread, which is the stream's; with it the team if the stream computes. */
rondo_status stream_run_kernel(rondo_execution *execution, int32_t stream, const char *name, int64_t step,
                               rondo_kernel kernel, const void *arguments);

/* Appends an item to the communication stream; waits while the queue is full. On success the queue owns the item. */
rondo_status stream_enqueue(rondo_execution *execution, const stream_item *item);

/* Makes the worker wait until the communication stream has completed `items` items; the time counts as exposed. */
rondo_status stream_await_items(rondo_execution *execution, int64_t items);

/* The thread of a rank's communication stream; its argument is the rondo_execution. */
void *stream_communication_main(void *execution);

#endif /* RONDO_SRC_STREAM_H */
