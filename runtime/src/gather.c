/* The public calls by which processes learn of each other. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "collective.h"
#include "cuda_rank.h"
#include "nccl_connection.h"

#include <string.h>

static rondo_status check(rondo_context *context, const rondo_communicator *communicator, const void *data,
                          size_t bytes) {
  rondo_status status = communicator_check(context, communicator);
  if (status != RONDO_OK)
    return status;
  if (!data && bytes > 0)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the data to gather is NULL");
  return communicator->processes ? processes_check(context, communicator->processes) : RONDO_OK;
}

rondo_status rondo_communicator_info_get(rondo_context *context, const rondo_communicator *communicator,
                                         rondo_communicator_info *info) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && !info)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator's info is NULL");
  if (status == RONDO_OK)
    *info = (rondo_communicator_info){.size = sizeof *info,
                                      .ranks = communicator->ranks,
                                      .first_rank = communicator->first_rank,
                                      .local_ranks = communicator->local_ranks,
                                      .failed_rank =
                                          communicator->processes ? communicator->processes->failure_origin : -1};
  return context_leave(context, status);
}

rondo_status rondo_communicator_graphs(rondo_context *context, const rondo_communicator *communicator,
                                       int64_t *captured, int64_t *replayed) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && (!captured || !replayed))
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "an out-parameter for the graphs is NULL");
  if (status == RONDO_OK) {
    const cuda_rank *rank = communicator->executions[0].cuda;
    *captured = rank ? rank->graphs.captures : 0;
    *replayed = rank ? rank->graphs.replays : 0;
  }
  return context_leave(context, status);
}

rondo_status rondo_communicator_copied_ranks(rondo_context *context, const rondo_communicator *communicator,
                                             int32_t *count) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && !count)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the count's out-parameter is NULL");
  if (status == RONDO_OK)
    *count = communicator->nccl ? peer_memory_count(communicator->nccl->peers) : 0;
  return context_leave(context, status);
}

/* ---- All-gather ---- */

rondo_status rondo_communicator_all_gather(rondo_context *context, rondo_communicator *communicator, const void *data,
                                           size_t bytes, void *result) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check(context, communicator, data, bytes);
  if (status == RONDO_OK && !result && bytes > 0)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the room for what is gathered is NULL");
  if (status == RONDO_OK && communicator->processes)
    status = processes_all_gather(context, communicator->processes, data, bytes, result);
  else if (status == RONDO_OK && bytes > 0)
    memmove(result, data, bytes);
  return context_leave(context, status);
}

/* ---- Gather ---- */

static rondo_status check_room(rondo_context *context, const rondo_communicator *communicator, void *const *gathered,
                               const size_t *sizes) {
  if (communicator->first_rank != 0)
    return RONDO_OK;
  if (!gathered || !sizes)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the room for what is gathered, or its sizes, are NULL");
  int32_t count = communicator->processes ? communicator->ranks : 1;
  for (int32_t i = 0; i < count; ++i)
    if (!gathered[i] && sizes[i] > 0)
      return context_fail(context, RONDO_INVALID_ARGUMENT, "the room for what process %d gives is NULL", i);
  return RONDO_OK;
}

static rondo_status gather_here(rondo_context *context, const void *data, size_t bytes, void *const *gathered,
                                const size_t *sizes) {
  if (bytes != sizes[0])
    return context_fail(context, RONDO_INVALID_ARGUMENT, "rank 0 gives %zu bytes to a gather, but expects %zu", bytes,
                        sizes[0]);
  if (bytes > 0)
    memmove(gathered[0], data, bytes);
  return RONDO_OK;
}

rondo_status rondo_communicator_gather(rondo_context *context, rondo_communicator *communicator, const void *data,
                                       size_t bytes, void *const *gathered, const size_t *sizes) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check(context, communicator, data, bytes);
  if (status == RONDO_OK)
    status = check_room(context, communicator, gathered, sizes);
  if (status == RONDO_OK && communicator->processes) {
    status = collective_gather(context, communicator->processes, data, bytes, gathered, sizes);
    collective_part(communicator->processes);
  } else if (status == RONDO_OK) {
    status = gather_here(context, data, bytes, gathered, sizes);
  }
  return context_leave(context, status);
}
