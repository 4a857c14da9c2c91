/* The functions that the entries of programs for CUDA call. All but the arena are issued to streams. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_communicator.h"
#include "cuda_exchange.h"
#include "cuda_operation.h"
#include "cuda_replay.h"
#include "failure.h"
#include "nccl_connection.h"
#include "stream.h"
#include "table.h"

static int32_t cuda_table_arena(rondo_execution *execution, int64_t bytes, void **arena) {
  if (bytes < 0 || !arena)
    return table_misuse(execution, "asks for an arena of negative size");
  if (execution->arena_taken)
    return table_misuse(execution, "asks for a second arena");
  const nccl_connection *nccl = execution->communicator->nccl;
  rondo_status status = nccl && peer_memory_count(nccl->peers) > 0 ? peer_memory_reserve_arena(execution, bytes)
                        : nccl && nccl->registers
                            ? nccl_arena_reserve(execution, bytes)
                            : cuda_rank_reserve(execution, &execution->cuda->arena, bytes, "its intermediate values");
  if (status != RONDO_OK)
    return status;
  execution->arena_taken = true;
  execution->statistics.arena_bytes = bytes;
  *arena = (void *)(uintptr_t)execution->cuda->arena.address;
  return RONDO_OK;
}

static int32_t cuda_table_dispatch(rondo_execution *execution, int32_t stream, const char *name, rondo_kernel kernel,
                                   const void *arguments, int64_t argument_bytes) {
  (void)stream, (void)name, (void)kernel, (void)arguments, (void)argument_bytes;
  return table_misuse(execution, "dispatches a CPU kernel on a GPU");
}

static int32_t cuda_table_exchange(rondo_execution *execution, int32_t stream, int32_t axis, int64_t distance,
                                   const rondo_transfer *transfers, int64_t count) {
  if (!table_is_stream(stream))
    return table_misuse(execution, "exchanges on an unknown stream");
  if (stream == RONDO_STREAM_COMPUTE && execution->cuda->left.attention)
    return table_misuse(execution, "exchanges on the compute stream between an attention and the merge that it is "
                                   "joined with");
  exchange exchange;
  rondo_status status = exchange_prepare(execution, axis, distance, transfers, count, &exchange);
  return status == RONDO_OK ? cuda_exchange_issue(execution, stream, &exchange) : status;
}

static int32_t cuda_table_record(rondo_execution *execution, int32_t stream, rondo_event *event) {
  if (!table_is_stream(stream) || !event)
    return table_misuse(execution, "records on an unknown stream, or without an event,");
  return cuda_rank_mark(execution, stream, event);
}

static int32_t cuda_table_await(rondo_execution *execution, int32_t stream, rondo_event event) {
  cuda_rank *rank = execution->cuda;
  if (!table_is_stream(stream) || event < 0 || event >= rank->mark_count)
    return table_misuse(execution, "awaits an event that it did not record");
  const cuda_mark *mark = &rank->marks[event];
  if (mark->stream == stream)
    return RONDO_OK; /* in order already */
  cuda_stream handle = rank->streams[stream];
  cuda_span *span = NULL;
  if (stream == RONDO_STREAM_COMPUTE) {
    cuda_rank_await_transfers(rank, mark);
    rondo_trace_event wait = {
        .kind = RONDO_TRACE_WAIT, .name = "wait", .rank = execution->rank, .stream = stream, .step = execution->step};
    span = cuda_timeline_open(&rank->timeline, &wait, execution->phase, handle);
  }
  cuda_result result = cuda_issue_wait(&rank->issuer, handle, mark->event);
  cuda_timeline_close(&rank->timeline, span, handle);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot await an event");
}

static int32_t cuda_table_launch(rondo_execution *execution, int32_t stream, const char *name,
                                 const struct rondo_cuda_operation *operation, const void *arguments,
                                 int64_t argument_bytes) {
  if (stream != RONDO_STREAM_COMPUTE || !name || !operation || argument_bytes < 0 || (!arguments && argument_bytes > 0))
    return table_misuse(execution, "launches on another stream than that for compute, or without a name, an operation "
                                   "or its arguments,");
  rondo_status status = stream_begin(execution, stream, name, NULL, execution->step);
  if (status != RONDO_OK)
    return status;
  cuda_rank *rank = execution->cuda;
  rank->operation[stream] = name;
  rank->is_exchange[stream] = false;
  rondo_trace_event event = {
      .kind = RONDO_TRACE_KERNEL, .name = name, .rank = execution->rank, .stream = stream, .step = execution->step};
  cuda_span *span = cuda_timeline_open(&rank->timeline, &event, execution->phase, rank->streams[stream]);
  const cuda_launching launching = {.execution = execution,
                                    .name = name,
                                    .operation = operation,
                                    .slots = arguments,
                                    .slot_count = argument_bytes / (int64_t)sizeof(int64_t),
                                    .stream = stream};
  status = cuda_operation_launch(&launching);
  cuda_timeline_close(&rank->timeline, span, rank->streams[stream]);
  pthread_mutex_lock(&execution->communicator->lock);
  stream_end_locked(execution, stream);
  pthread_mutex_unlock(&execution->communicator->lock);
  return status;
}

static const rondo_runtime_table cuda_table = {
    .abi_version = RONDO_ABI_VERSION,
    .size = sizeof(rondo_runtime_table),
    .axis_index = table_axis_index,
    .axis_size = table_axis_size,
    .arena = cuda_table_arena,
    .step = table_step,
    .dispatch = cuda_table_dispatch,
    .exchange = cuda_table_exchange,
    .record = cuda_table_record,
    .await = cuda_table_await,
    .launch = cuda_table_launch,
};

const backend cuda_backend = {
    .table = &cuda_table, .begin = cuda_rank_begin, .call = cuda_replay_call, .end = cuda_rank_end};
