/* Exchanges by NCCL, and what ends them when something fails. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "failure.h"
#include "nccl_connection.h"

#include <stdlib.h>

/* ---- Failures ---- */

static rondo_status exchange_fail(rondo_execution *execution, nccl_result result, const char *name, int32_t peer,
                                  int64_t step) {
  const nccl_connection *nccl = execution->communicator->nccl;
  const cuda_device *device = execution->cuda->device;
  const char *last = nccl->handle ? nccl->library->get_last_error(nccl->handle) : NULL;
  return run_fail(execution->communicator, RONDO_RANK_FAILED,
                  "rank %d on GPU %d (%s): NCCL failed in exchange '%s' with rank %d in step %lld: %s%s%s",
                  execution->rank, device->ordinal, device->name, name, peer, (long long)step,
                  nccl->library->get_error_string(result), last && *last ? ": " : "", last ? last : "");
}

void nccl_connection_check(rondo_execution *execution, const cuda_mark *mark) {
  nccl_connection *nccl = execution->communicator->nccl;
  nccl_result error = NCCL_SUCCESS;
  if (!nccl->handle)
    return;
  nccl_result result = nccl->library->get_async_error(nccl->handle, &error);
  if (result != NCCL_SUCCESS)
    error = result;
  if (error == NCCL_SUCCESS || error == NCCL_IN_PROGRESS)
    return;
  /* A rank that is gone is soon known by name. */
  int64_t now = clock_now();
  if (nccl->error_since == 0)
    nccl->error_since = now;
  if (now - nccl->error_since > NANOSECONDS / 2)
    exchange_fail(execution, error, mark->operation ? mark->operation : execution->communicator->plan->function,
                  mark->peer, mark->step);
}

rondo_status nccl_connection_verify(rondo_context *context, rondo_communicator *communicator, const char *function) {
  const nccl_connection *nccl = communicator->nccl;
  int32_t rank = communicator->first_rank;
  nccl_result error = NCCL_SUCCESS;
  if (!nccl->handle)
    return context_fail(context, RONDO_RANK_FAILED, "rank %d: NCCL's communicator has been aborted", rank);
  nccl_result result = nccl->library->get_async_error(nccl->handle, &error);
  if (result != NCCL_SUCCESS)
    error = result;
  if (error == NCCL_SUCCESS || error == NCCL_IN_PROGRESS)
    return RONDO_OK;
  const char *last = nccl->library->get_last_error(nccl->handle);
  return context_fail(context, RONDO_RANK_FAILED, "rank %d: NCCL failed before '%s': %s%s%s", rank, function,
                      nccl->library->get_error_string(error), last && *last ? ": " : "", last ? last : "");
}

/* ---- Exchanges ---- */

/* Whom the rank waits for, for the watchdog; -1: nobody. */
static rondo_status wait_for(rondo_execution *execution, int32_t peer) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  execution->streams[RONDO_STREAM_COMPUTE].waits_for = (stream_id){.rank = peer, .stream = RONDO_STREAM_COMPUTE};
  rondo_status failure = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return failure;
}

/* Until NCCL has issued what it was given: at first it connects the ranks. */
static rondo_status await_issue(rondo_execution *execution, const exchange *exchange, nccl_result result) {
  nccl_connection *nccl = execution->communicator->nccl;
  const struct timespec pause = {.tv_nsec = 20000};
  rondo_status status = RONDO_OK;
  while (result == NCCL_IN_PROGRESS && status == RONDO_OK) {
    status = wait_for(execution, exchange->from);
    nccl_result called = nccl->library->get_async_error(nccl->handle, &result);
    if (called != NCCL_SUCCESS)
      result = called;
    if (result == NCCL_IN_PROGRESS)
      nanosleep(&pause, NULL);
  }
  rondo_status failure = wait_for(execution, -1);
  if (status != RONDO_OK || failure != RONDO_OK)
    return status != RONDO_OK ? status : failure;
  return result == NCCL_SUCCESS ? RONDO_OK
                                : exchange_fail(execution, result, exchange->name, exchange->from, execution->step);
}

/* Without blocking, calls may say that something is in progress: that is no failure. */
static bool is_well(nccl_result result) { return result == NCCL_SUCCESS || result == NCCL_IN_PROGRESS; }

/* Both ends know which transfers are empty. */
static nccl_result issue_transfers(const nccl_connection *nccl, const exchange *exchange, void *stream) {
  nccl_result result = NCCL_SUCCESS;
  for (int32_t i = 0; i < exchange->count && is_well(result); ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (transfer->destination_bytes > 0)
      result = nccl->library->receive(transfer->destination, (size_t)transfer->destination_bytes, NCCL_INT8,
                                      exchange->from, nccl->handle, stream);
    if (transfer->source_bytes > 0 && is_well(result))
      result = nccl->library->send(transfer->source, (size_t)transfer->source_bytes, NCCL_INT8, exchange->to,
                                   nccl->handle, stream);
  }
  return result;
}

rondo_transfer_load nccl_connection_predict(const rondo_execution *execution, const exchange *exchange) {
  const rondo_communicator *communicator = execution->communicator;
  rondo_transfer_load load = {0, 0};
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    int64_t bytes = clock_later(transfer->source_bytes, transfer->destination_bytes);
    int32_t ctas = rondo_count_nccl_ctas(communicator->nccl->limit, communicator->ranks, bytes);
    load.ctas = ctas > load.ctas ? ctas : load.ctas; /* transfers of a group share them */
  }
  load.microseconds =
      rondo_predict_transfer(&rondo_nvlink, clock_later(exchange->bytes_out, exchange->bytes_in), load.ctas);
  return load;
}

/* Whether all of it is in the arena, as programs promise; where that is registered NCCL would do anything otherwise. */
static bool is_in_arena(const cuda_rank *rank, const void *data, int64_t bytes) {
  uint64_t offset = (uint64_t)(uintptr_t)data - rank->arena.address;
  return bytes == 0 ||
         (offset < (uint64_t)rank->arena.bytes && (uint64_t)bytes <= (uint64_t)rank->arena.bytes - offset);
}

static rondo_status check_places(rondo_execution *execution, const exchange *exchange) {
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (!is_in_arena(execution->cuda, transfer->source, transfer->source_bytes) ||
        !is_in_arena(execution->cuda, transfer->destination, transfer->destination_bytes))
      return run_fail(execution->communicator, RONDO_INVALID_PROGRAM,
                      "rank %d: exchange '%s' in step %lld is of memory outside of the arena", execution->rank,
                      transfer->name, (long long)execution->step);
  }
  return RONDO_OK;
}

rondo_status nccl_connection_exchange(rondo_execution *execution, int32_t stream, const exchange *exchange) {
  nccl_connection *nccl = execution->communicator->nccl;
  if (exchange->bytes_out == 0 && exchange->bytes_in == 0)
    return RONDO_OK;
  if (!nccl->handle)
    return run_fail(execution->communicator, RONDO_RANK_FAILED, "rank %d: NCCL's communicator has been aborted",
                    execution->rank);
  rondo_status status = nccl->registers ? check_places(execution, exchange) : RONDO_OK;
  if (status != RONDO_OK)
    return status;
  nccl_result result = nccl->library->group_start();
  if (result == NCCL_SUCCESS) {
    nccl_result issued = issue_transfers(nccl, exchange, execution->cuda->streams[stream]);
    result = nccl->library->group_end();
    if (!is_well(issued))
      result = issued;
  }
  return await_issue(execution, exchange, result);
}

/* ---- The end after a failure ---- */

typedef struct {
  const cuda_api *api;
  cuda_context context;
  const nccl_library *library;
  nccl_communicator handle;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool done, left_behind;
} aborting;

static void free_aborting(aborting *aborting) {
  pthread_mutex_destroy(&aborting->lock);
  pthread_cond_destroy(&aborting->changed);
  free(aborting);
}

static void *abort_main(void *argument) {
  aborting *aborting = argument;
  aborting->api->context_set(aborting->context);
  aborting->library->abort(aborting->handle);
  pthread_mutex_lock(&aborting->lock);
  aborting->done = true;
  bool left_behind = aborting->left_behind;
  pthread_cond_signal(&aborting->changed);
  pthread_mutex_unlock(&aborting->lock);
  if (left_behind)
    free_aborting(aborting);
  return NULL;
}

void nccl_connection_release(rondo_communicator *communicator) {
  nccl_connection_abort(communicator);
  peer_memory_release(communicator->nccl->peers);
}

/* It may wait for a GPU that hangs: in a thread of its own, which is left behind then. */
void nccl_connection_abort(rondo_communicator *communicator) {
  nccl_connection *nccl = communicator->nccl;
  const cuda_device *device = communicator->executions[0].cuda->device;
  aborting *aborting = nccl->handle && !nccl->is_callers ? calloc(1, sizeof *aborting) : NULL;
  if (!aborting)
    return;
  aborting->api = device->api;
  aborting->context = device->context;
  aborting->library = nccl->library;
  aborting->handle = nccl->handle;
  nccl->handle = NULL;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&aborting->lock, NULL);
  pthread_cond_init(&aborting->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_t thread;
  if (pthread_create(&thread, NULL, abort_main, aborting) != 0) {
    free_aborting(aborting);
    return;
  }
  struct timespec deadline = clock_timespec(clock_now() + NANOSECONDS / 2);
  pthread_mutex_lock(&aborting->lock);
  while (!aborting->done && pthread_cond_timedwait(&aborting->changed, &aborting->lock, &deadline) == 0) {
  }
  bool done = aborting->done;
  aborting->left_behind = !done;
  pthread_mutex_unlock(&aborting->lock);
  if (!done) {
    pthread_detach(thread);
    return;
  }
  pthread_join(thread, NULL);
  free_aborting(aborting);
}
