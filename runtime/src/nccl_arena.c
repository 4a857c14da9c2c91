/* The arena where NCCL carries transfers: memory that it allocates and registers, once for many runs.
 *
 * NCCL copies a message through buffers of its own, unless sender and receiver give it registered memory that other
 * processes can map: then the sending GPU writes where the message belongs. If one end is registered and the other is
 * not, what happens is undefined; so ranks agree on it when they connect, and what then cannot be registered is an
 * error. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "failure.h"
#include "nccl_connection.h"

/* Waits for the runs before, as the watchdog knows; false: the run has failed. */
static bool await_runs(rondo_execution *execution) {
  rondo_communicator *communicator = execution->communicator;
  cuda_rank *rank = execution->cuda;
  stream *stream = &execution->streams[RONDO_STREAM_COMPUTE];
  const struct timespec pause = {.tv_nsec = 20000};
  cuda_result result = rank->device->api->event_query(rank->last);
  rondo_status failure = RONDO_OK;
  pthread_mutex_lock(&communicator->lock);
  stream->progress = clock_now();
  pthread_mutex_unlock(&communicator->lock);
  while (result == CUDA_NOT_READY && failure == RONDO_OK) {
    pthread_mutex_lock(&communicator->lock);
    stream->waits_for_device = true;
    failure = communicator->failure;
    pthread_mutex_unlock(&communicator->lock);
    nanosleep(&pause, NULL);
    result = rank->device->api->event_query(rank->last);
  }
  pthread_mutex_lock(&communicator->lock);
  stream->waits_for_device = false;
  pthread_mutex_unlock(&communicator->lock);
  if (result != CUDA_OK && result != CUDA_NOT_READY)
    cuda_rank_fail(execution, result, "a run before this one failed");
  return result == CUDA_OK && failure == RONDO_OK;
}

static rondo_status fail(rondo_execution *execution, rondo_status status, const char *what, int64_t bytes,
                         nccl_result result) {
  const nccl_connection *nccl = execution->communicator->nccl;
  const cuda_device *device = execution->cuda->device;
  size_t available = 0, total = 0;
  device->api->memory_info(&available, &total);
  return run_fail(execution->communicator, status,
                  "rank %d on GPU %d (%s): NCCL cannot %s its intermediate values in step %lld: %s; %lld bytes are "
                  "wanted, %zu of %zu are free; with RONDO_NCCL_REGISTER=0 they come from elsewhere",
                  execution->rank, device->ordinal, device->name, what, (long long)execution->step,
                  nccl->library->get_error_string(result), (long long)bytes, available, total);
}

static nccl_result release(const nccl_connection *nccl, void **registration, cuda_block *arena) {
  nccl_result result = NCCL_SUCCESS;
  if (*registration)
    result = nccl->library->deregister_memory(nccl->handle, *registration);
  *registration = NULL;
  if (result == NCCL_SUCCESS && arena->address)
    result = nccl->library->free((void *)(uintptr_t)arena->address);
  *arena = (cuda_block){0, 0};
  return result;
}

rondo_status nccl_arena_reserve(rondo_execution *execution, int64_t bytes) {
  enum { UNIT = 512 };
  nccl_connection *nccl = execution->communicator->nccl;
  cuda_block *arena = &execution->cuda->arena;
  if (bytes <= arena->bytes && arena->address)
    return RONDO_OK;
  if (!cuda_issuer_may_prepare(&execution->cuda->issuer))
    return RONDO_UNSUPPORTED;
  if (!nccl->handle)
    return run_fail(execution->communicator, RONDO_RANK_FAILED, "rank %d: NCCL's communicator has been aborted",
                    execution->rank);
  /* What graphs know of it is no longer so. */
  cuda_graphs_drop_all(&execution->cuda->graphs, execution->cuda->device->api);
  if (arena->address && !await_runs(execution))
    return execution->communicator->failure;
  nccl_result result = release(nccl, &nccl->registration, arena);
  if (result != NCCL_SUCCESS)
    return fail(execution, RONDO_RANK_FAILED, "release", bytes, result);
  void *data = NULL;
  int64_t size = (bytes / UNIT + 1) * UNIT;
  result = nccl->library->allocate(&data, (size_t)size);
  if (result != NCCL_SUCCESS || !data)
    return fail(execution, RONDO_OUT_OF_MEMORY, "allocate", size, result);
  *arena = (cuda_block){(cuda_address)(uintptr_t)data, size};
  /* Without an error and a handle NCCL has been told by its environment to register nothing. */
  result = nccl->library->register_memory(nccl->handle, data, (size_t)size, &nccl->registration);
  if (result == NCCL_SUCCESS)
    return RONDO_OK;
  nccl->registration = NULL;
  release(nccl, &nccl->registration, arena);
  return fail(execution, RONDO_RANK_FAILED, "register", size, result);
}

void nccl_arena_deregister(rondo_communicator *communicator) {
  nccl_connection *nccl = communicator->nccl;
  const cuda_rank *rank = communicator->executions[0].cuda;
  if (!nccl->registration || !nccl->handle)
    return;
  if (rank->has_last)
    rank->device->api->event_synchronize(rank->last);
  nccl->library->deregister_memory(nccl->handle, nccl->registration);
  nccl->registration = NULL;
}

void nccl_arena_free(rondo_communicator *communicator) {
  const nccl_connection *nccl = communicator->nccl;
  cuda_rank *rank = communicator->executions[0].cuda;
  if (!rank->arena.address)
    return;
  if (rank->has_last)
    rank->device->api->event_synchronize(rank->last);
  nccl->library->free((void *)(uintptr_t)rank->arena.address);
  rank->arena = (cuda_block){0, 0};
}
