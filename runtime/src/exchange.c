/* Exchanges: what all transports share. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "exchange.h"
#include "clock.h"
#include "failure.h"
#include "nvtx.h"
#include "stream.h"
#include "text.h"

#include <string.h>

/* ---- Preparation ---- */

static rondo_status check_transfers(rondo_execution *execution, const rondo_transfer *transfers, int64_t count) {
  rondo_communicator *communicator = execution->communicator;
  if (count < 1 || count > MAX_TRANSFERS || !transfers)
    return run_fail(communicator, RONDO_UNSUPPORTED,
                    "rank %d: an exchange in step %lld has %lld transfers; 1 to %d are supported", execution->rank,
                    (long long)execution->step, (long long)count, MAX_TRANSFERS);
  for (int64_t i = 0; i < count; ++i) {
    const rondo_transfer *transfer = &transfers[i];
    if (!transfer->name || transfer->source_bytes < 0 || transfer->destination_bytes < 0 ||
        (!transfer->source && transfer->source_bytes > 0) ||
        (!transfer->destination && transfer->destination_bytes > 0))
      return run_fail(communicator, RONDO_RANK_FAILED,
                      "rank %d: transfer %lld ('%s') of an exchange in step %lld has no name, no memory or a negative "
                      "size",
                      execution->rank, (long long)i, transfer->name ? transfer->name : "", (long long)execution->step);
  }
  return RONDO_OK;
}

rondo_status exchange_prepare(rondo_execution *execution, int32_t axis, int64_t distance,
                              const rondo_transfer *transfers, int64_t count, exchange *result) {
  const grid_shape *shape = &execution->communicator->plan->shape;
  if (axis < 0 || axis >= shape->axis_count)
    return run_fail(execution->communicator, RONDO_RANK_FAILED,
                    "rank %d: an exchange in step %lld is on axis %d, but the grid has %d", execution->rank,
                    (long long)execution->step, axis, shape->axis_count);
  rondo_status status = check_transfers(execution, transfers, count);
  if (status != RONDO_OK)
    return status;
  memset(result, 0, sizeof *result);
  int64_t size = shape->sizes[axis];
  result->axis = axis;
  result->distance = (distance % size + size) % size;
  result->to = (int32_t)grid_neighbour(shape, execution->rank, axis, result->distance);
  result->from = (int32_t)grid_neighbour(shape, execution->rank, axis, -result->distance);
  result->ready = clock_now();
  result->count = (int32_t)count;
  for (int64_t i = 0; i < count; ++i) {
    result->transfers[i] = transfers[i];
    result->bytes_out += transfers[i].source_bytes;
    result->bytes_in += transfers[i].destination_bytes;
    text_append(result->name, sizeof result->name, "%s%s", i ? "+" : "", transfers[i].name);
  }
  return RONDO_OK;
}

/* ---- Execution ---- */

/* An exchange of a rank with itself: a copy that no link carries. */
static rondo_status exchange_locally(rondo_execution *execution, exchange *exchange, int64_t step) {
  exchange->begun = clock_now();
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (transfer->source_bytes != transfer->destination_bytes)
      return run_fail(execution->communicator, RONDO_RANK_FAILED,
                      "rank %d: exchange '%s' with itself in step %lld sends %lld bytes, but expects %lld",
                      execution->rank, transfer->name, (long long)step, (long long)transfer->source_bytes,
                      (long long)transfer->destination_bytes);
    if (transfer->source_bytes > 0)
      memmove(transfer->destination, transfer->source, (size_t)transfer->source_bytes);
  }
  exchange->bytes_out = 0;
  exchange->done = clock_now();
  return RONDO_OK;
}

void exchange_count_exposed(rondo_execution *execution, int64_t begin, int64_t end) {
  double seconds = (double)(end - begin) / NANOSECONDS;
  execution->statistics.exposed += seconds;
  if (execution->phase == RONDO_PHASE_TAIL)
    execution->statistics.exposed_tail += seconds;
}

static void account(rondo_execution *execution, int32_t stream, const exchange *exchange, int64_t step) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  stream_end_locked(execution, stream);
  execution->streams[stream].idle_since = exchange->done;
  execution->statistics.communication += (double)(exchange->done - exchange->begun) / NANOSECONDS;
  execution->statistics.bytes_sent += exchange->bytes_out;
  execution->statistics.messages_sent += exchange->bytes_out > 0;
  if (stream == RONDO_STREAM_COMPUTE)
    exchange_count_exposed(execution, exchange->ready, clock_now());
  trace_add(&communicator->trace, &(rondo_trace_event){.kind = RONDO_TRACE_EXCHANGE,
                                                       .name = exchange->name,
                                                       .rank = execution->rank,
                                                       .stream = stream,
                                                       .begin_ns = exchange->begun,
                                                       .end_ns = exchange->done,
                                                       .step = step,
                                                       .bytes_sent = exchange->bytes_out,
                                                       .to = exchange->to,
                                                       .from = exchange->from});
  pthread_mutex_unlock(&communicator->lock);
}

rondo_status exchange_run(rondo_execution *execution, int32_t stream, exchange *exchange, int64_t step) {
  rondo_status status = stream_begin(execution, stream, NULL, exchange, step);
  if (status != RONDO_OK)
    return status;
  /* By the link's reckoning the stream goes on where the last exchange ended, however late its thread woke up. */
  exchange->ready = clock_later(exchange->ready, execution->streams[stream].idle_since);
  if (exchange->distance == 0)
    status = exchange_locally(execution, exchange, step);
  else
    status = execution->communicator->transport->exchange(execution, stream, exchange);
  if (status == RONDO_OK)
    account(execution, stream, exchange, step);
  else
    nvtx_pop(); /* the stream stays in it, for the text of the failure */
  return status;
}
