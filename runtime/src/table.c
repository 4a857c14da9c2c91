/* The functions that the entries of programs call. Misuse by a program is a failure of its rank, not of the process. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "table.h"
#include "exchange.h"
#include "failure.h"
#include "nvtx.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event is the number of items that its stream must have completed, and the stream in the lowest bit. The compute
 * stream runs its work in place, so that its events are complete at once. */
static rondo_event make_event(int32_t stream, int64_t items) { return items * STREAM_COUNT + stream; }

bool table_is_stream(int32_t stream) { return stream == RONDO_STREAM_COMPUTE || stream == RONDO_STREAM_COMMUNICATION; }

rondo_status table_misuse(rondo_execution *execution, const char *what) {
  return run_fail(execution->communicator, RONDO_RANK_FAILED, "rank %d: the program %s in step %lld", execution->rank,
                  what, (long long)execution->step);
}

int64_t table_axis_index(rondo_execution *execution, int32_t axis) {
  const grid_shape *shape = &execution->communicator->plan->shape;
  if (axis >= 0 && axis < shape->axis_count)
    return grid_coordinate(shape, execution->rank, axis);
  table_misuse(execution, "asks for an index on an axis that its grid does not have");
  return 0;
}

int64_t table_axis_size(rondo_execution *execution, int32_t axis) {
  const grid_shape *shape = &execution->communicator->plan->shape;
  if (axis >= 0 && axis < shape->axis_count)
    return shape->sizes[axis];
  table_misuse(execution, "asks for the size of an axis that its grid does not have");
  return 1;
}

static rondo_status no_arena(const rondo_execution *execution, int64_t bytes) {
  return run_fail(execution->communicator, RONDO_OUT_OF_MEMORY,
                  "rank %d: no memory for its intermediate values (%lld bytes)", execution->rank, (long long)bytes);
}

static int32_t table_arena(rondo_execution *execution, int64_t bytes, void **arena) {
  enum { ALIGNMENT = 64 };
  if (bytes < 0 || !arena)
    return table_misuse(execution, "asks for an arena of negative size");
  if (execution->arena_taken)
    return table_misuse(execution, "asks for a second arena");
  if (bytes > execution->arena_capacity || !execution->arena) {
    if (bytes > INT64_MAX - ALIGNMENT)
      return no_arena(execution, bytes);
    free(execution->arena);
    execution->arena_capacity = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    execution->arena = aligned_alloc(ALIGNMENT, (size_t)execution->arena_capacity);
    if (!execution->arena) {
      execution->arena_capacity = 0;
      return no_arena(execution, bytes);
    }
  }
  execution->arena_taken = true;
  execution->statistics.arena_bytes = bytes;
  *arena = execution->arena;
  return RONDO_OK;
}

/* To tools, until the next step or the end of the entry. */
static void show_step(rondo_execution *execution) {
  if (!nvtx_attached)
    return;
  char text[64];
  snprintf(text, sizeof text, "rank %d step %lld", execution->rank, (long long)execution->step);
  table_end(execution);
  nvtx_push(NVTX_STEP, text, execution->rank);
  execution->shows_step = true;
}

int32_t table_step(rondo_execution *execution, int64_t step, int32_t phase) {
  if (phase != RONDO_PHASE_STEADY && phase != RONDO_PHASE_TAIL)
    return table_misuse(execution, "announces an unknown phase");
  execution->step = step;
  execution->phase = phase;
  show_step(execution);
  return RONDO_OK;
}

void table_end(rondo_execution *execution) {
  if (execution->shows_step)
    nvtx_pop();
  execution->shows_step = false;
}

static int32_t table_dispatch(rondo_execution *execution, int32_t stream, const char *name, rondo_kernel kernel,
                              const void *arguments, int64_t argument_bytes) {
  if (!table_is_stream(stream) || !name || !kernel || argument_bytes < 0 || (!arguments && argument_bytes > 0))
    return table_misuse(execution, "dispatches to an unknown stream, or without a name, a kernel or its arguments,");
  if (stream == RONDO_STREAM_COMPUTE)
    return stream_run_kernel(execution, stream, name, execution->step, kernel, arguments);
  stream_item item = {.step = execution->step, .kernel = kernel, .kernel_name = name, .arguments = NULL};
  item.arguments = malloc((size_t)argument_bytes + 1);
  if (!item.arguments)
    return run_fail(execution->communicator, RONDO_OUT_OF_MEMORY, "rank %d: no memory for the arguments of '%s'",
                    execution->rank, name);
  if (argument_bytes > 0)
    memcpy(item.arguments, arguments, (size_t)argument_bytes);
  rondo_status status = stream_enqueue(execution, &item);
  if (status != RONDO_OK)
    free(item.arguments);
  return status;
}

static int32_t table_exchange(rondo_execution *execution, int32_t stream, int32_t axis, int64_t distance,
                              const rondo_transfer *transfers, int64_t count) {
  if (!table_is_stream(stream))
    return table_misuse(execution, "exchanges on an unknown stream");
  stream_item item = {.step = execution->step};
  rondo_status status = exchange_prepare(execution, axis, distance, transfers, count, &item.exchange);
  if (status != RONDO_OK)
    return status;
  if (stream == RONDO_STREAM_COMPUTE)
    return exchange_run(execution, stream, &item.exchange, item.step);
  return stream_enqueue(execution, &item);
}

static int32_t table_record(rondo_execution *execution, int32_t stream, rondo_event *event) {
  if (!table_is_stream(stream) || !event)
    return table_misuse(execution, "records on an unknown stream, or without an event,");
  *event = make_event(stream, stream == RONDO_STREAM_COMMUNICATION ? execution->enqueued : 0);
  return RONDO_OK;
}

static int32_t table_await(rondo_execution *execution, int32_t stream, rondo_event event) {
  int64_t items = event / STREAM_COUNT;
  if (!table_is_stream(stream) || event < 0 || items > execution->enqueued)
    return table_misuse(execution, "awaits an event that it did not record");
  bool is_communication = event % STREAM_COUNT == RONDO_STREAM_COMMUNICATION;
  if (stream == RONDO_STREAM_COMPUTE && is_communication)
    return stream_await_items(execution, items);
  /* An earlier item of the same stream, or work that the worker has done: both are in order already. */
  return RONDO_OK;
}

static int32_t table_launch(rondo_execution *execution, int32_t stream, const char *name,
                            const struct rondo_cuda_operation *operation, const void *arguments,
                            int64_t argument_bytes) {
  (void)stream, (void)name, (void)operation, (void)arguments, (void)argument_bytes;
  return table_misuse(execution, "launches a CUDA operation on a CPU");
}

static const rondo_runtime_table runtime_table = {
    .abi_version = RONDO_ABI_VERSION,
    .size = sizeof(rondo_runtime_table),
    .axis_index = table_axis_index,
    .axis_size = table_axis_size,
    .arena = table_arena,
    .step = table_step,
    .dispatch = table_dispatch,
    .exchange = table_exchange,
    .record = table_record,
    .await = table_await,
    .launch = table_launch,
};

static void end_on_cpu(rondo_execution *execution) { stream_await_items(execution, execution->enqueued); }

const backend cpu_backend = {.table = &runtime_table, .begin = NULL, .end = end_on_cpu};
