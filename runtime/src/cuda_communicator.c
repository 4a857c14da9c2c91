/* The GPUs of a communicator. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_communicator.h"
#include "cuda_link.h"
#include "exchange.h"

#include <stdlib.h>

/* ---- Opening ---- */

static rondo_status open_devices(rondo_context *context, rondo_communicator *communicator) {
  cuda_communicator *cuda = communicator->cuda;
  for (int32_t i = 0; i < communicator->local_ranks; ++i) {
    int32_t number = communicator->nccl ? communicator->local_rank : i;
    int ordinal = communicator->device >= 0 ? communicator->device : (int)(number % cuda->device_count);
    cuda->ordinals[i] = ordinal;
    if (ordinal < cuda->device_count && cuda->devices[ordinal])
      continue;
    cuda_device *device = NULL;
    rondo_status status = cuda_device_open(context, cuda->api, ordinal, cuda->device_count, &device);
    if (status != RONDO_OK)
      return status;
    cuda->devices[ordinal] = device;
  }
  for (int i = 0; i < cuda->device_count; ++i) {
    for (int j = 0; j < cuda->device_count; ++j) {
      if (i == j || !cuda->devices[i] || !cuda->devices[j])
        continue;
      rondo_status status = cuda_device_admit(context, cuda->devices[i], cuda->devices[j]);
      if (status != RONDO_OK)
        return status;
    }
  }
  return RONDO_OK;
}

static rondo_status open_rank(rondo_context *context, rondo_communicator *communicator, int32_t index) {
  cuda_device *device = communicator->cuda->devices[communicator->cuda->ordinals[index]];
  cuda_rank **rank = &communicator->executions[index].cuda;
  cuda_result result = device->api->context_push(device->context);
  if (result != CUDA_OK)
    return cuda_context_fail(context, device, result, "cannot use its context");
  rondo_status status = cuda_rank_create(context, device, rank);
  if (status == RONDO_OK && link_is_emulated(communicator))
    status = cuda_link_create(context, device, &(*rank)->link);
  cuda_context former;
  device->api->context_pop(&former);
  if (status != RONDO_OK)
    return status;
  if (communicator->sm_margin >= device->multiprocessors)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "sm_margin is %d, but GPU %d (%s) has %d multiprocessors: leave at least one to kernels",
                        communicator->sm_margin, device->ordinal, device->name, device->multiprocessors);
  (*rank)->sm_margin = communicator->sm_margin;
  (*rank)->link_sms = communicator->link_sms;
  return RONDO_OK;
}

static rondo_status open_all(rondo_context *context, rondo_communicator *communicator) {
  cuda_communicator *cuda = communicator->cuda;
  cuda_result result = cuda->api->device_count(&cuda->device_count);
  if (result != CUDA_OK)
    return context_fail(context, RONDO_SYSTEM_ERROR, "cannot count the GPUs: %s", cuda_result_text(cuda->api, result));
  cuda->devices = calloc((size_t)cuda->device_count, sizeof *cuda->devices);
  cuda->ordinals = calloc((size_t)communicator->local_ranks, sizeof *cuda->ordinals);
  if (!cuda->devices || !cuda->ordinals)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for %d GPUs", cuda->device_count);
  rondo_status status = open_devices(context, communicator);
  for (int32_t i = 0; status == RONDO_OK && i < communicator->local_ranks; ++i)
    status = open_rank(context, communicator, i);
  return status;
}

rondo_status cuda_communicator_open(rondo_context *context, rondo_communicator *communicator) {
  if (communicator->cuda)
    return RONDO_OK;
  char text[512];
  const cuda_api *api = cuda_driver_get(text, sizeof text);
  if (!api)
    return context_fail(context, RONDO_UNSUPPORTED, "programs for CUDA cannot run here: %s", text);
  const char *missing = communicator->graphs ? cuda_driver_missing_graphs(api) : NULL;
  if (missing)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the CUDA driver has no %s, so there are no graphs: update it, or run without graphs", missing);
  communicator->cuda = calloc(1, sizeof *communicator->cuda);
  if (!communicator->cuda)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the communicator's GPUs");
  communicator->cuda->api = api;
  rondo_status status = open_all(context, communicator);
  if (status != RONDO_OK)
    cuda_communicator_close(communicator);
  return status;
}

void cuda_communicator_close(rondo_communicator *communicator) {
  cuda_communicator *cuda = communicator->cuda;
  if (!cuda)
    return;
  for (int32_t i = 0; i < communicator->local_ranks; ++i) {
    cuda_rank *rank = communicator->executions[i].cuda;
    communicator->executions[i].cuda = NULL;
    cuda_context former;
    /* What a GPU that hangs still holds is lost. */
    if (!rank || communicator->hung || cuda->api->context_push(rank->device->context) != CUDA_OK)
      continue;
    cuda_rank_destroy(rank);
    cuda->api->context_pop(&former);
  }
  for (int i = 0; cuda->devices && i < cuda->device_count; ++i)
    if (!communicator->hung)
      cuda_device_close(cuda->devices[i]);
  free(cuda->devices);
  free(cuda->ordinals);
  free(cuda);
  communicator->cuda = NULL;
}

/* ---- Before a run ---- */

rondo_status cuda_communicator_prepare(rondo_context *context, rondo_communicator *communicator,
                                       const rondo_program *program) {
  rondo_status status = cuda_communicator_open(context, communicator);
  for (int32_t i = 0; status == RONDO_OK && i < communicator->local_ranks; ++i) {
    cuda_rank *rank = communicator->executions[i].cuda;
    cuda_result result = rank->device->api->context_push(rank->device->context);
    if (result != CUDA_OK)
      return cuda_context_fail(context, rank->device, result, "cannot use its context");
    status = cuda_kernels_load(context, program->cuda, rank->device, &rank->module);
    cuda_context former;
    rank->device->api->context_pop(&former);
  }
  return status;
}
