/* The public calls for GPUs: streams of the caller, and memory for applications without CUDA's own libraries. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_communicator.h"

typedef struct {
  rondo_context *context;
  cuda_rank *rank;
} call;

/* Begins a public call about a rank, with its device's context current. */
static rondo_status enter(rondo_context *context, rondo_communicator *communicator, int32_t rank, call *call) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && !communicator_execution(communicator, rank))
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "there is no rank %d here: ranks %d to %d run here", rank,
                          communicator->first_rank, communicator->first_rank + communicator->local_ranks - 1);
  if (status == RONDO_OK)
    status = cuda_communicator_open(context, communicator);
  if (status == RONDO_OK) {
    call->context = context;
    call->rank = communicator_execution(communicator, rank)->cuda;
    const cuda_device *device = call->rank->device;
    cuda_result result = device->api->context_push(device->context);
    if (result != CUDA_OK)
      status = cuda_context_fail(context, device, result, "cannot use its context");
  }
  return status == RONDO_OK ? RONDO_OK : context_leave(context, status);
}

static rondo_status leave(const call *call, rondo_status status) {
  cuda_context former;
  call->rank->device->api->context_pop(&former);
  return context_leave(call->context, status);
}

static rondo_status check(const call *call, cuda_result result, const char *what) {
  return result == CUDA_OK ? RONDO_OK : cuda_context_fail(call->context, call->rank->device, result, what);
}

rondo_status rondo_communicator_set_stream(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                           void *cuda_stream_handle) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  if (status != RONDO_OK)
    return status;
  call.rank->is_caller_stream = true;
  call.rank->caller_stream = cuda_stream_handle;
  return leave(&call, RONDO_OK);
}

rondo_status rondo_communicator_unset_stream(rondo_context *context, rondo_communicator *communicator, int32_t rank) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  if (status != RONDO_OK)
    return status;
  call.rank->is_caller_stream = false;
  call.rank->caller_stream = NULL;
  return leave(&call, RONDO_OK);
}

rondo_status rondo_communicator_device(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                       int32_t *ordinal) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  if (status != RONDO_OK)
    return status;
  if (ordinal)
    *ordinal = call.rank->device->ordinal;
  else
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the device's out-parameter is NULL");
  return leave(&call, status);
}

rondo_status rondo_device_allocate(rondo_context *context, rondo_communicator *communicator, int32_t rank, size_t bytes,
                                   void **data) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  if (status != RONDO_OK)
    return status;
  if (!data)
    return leave(&call, context_fail(context, RONDO_INVALID_ARGUMENT, "the memory's out-parameter is NULL"));
  const cuda_device *device = call.rank->device;
  cuda_stream stream = call.rank->own[RONDO_STREAM_COMPUTE];
  cuda_address address = 0;
  char text[512];
  status = cuda_device_allocate(device, bytes ? bytes : 1, stream, "the caller", &address, text, sizeof text);
  if (status != RONDO_OK)
    return leave(&call, context_fail(context, status, "%s", text));
  status = check(&call, device->api->stream_synchronize(stream), "cannot allocate memory");
  if (status == RONDO_OK)
    *data = (void *)(uintptr_t)address;
  return leave(&call, status);
}

rondo_status rondo_device_free(rondo_context *context, rondo_communicator *communicator, int32_t rank, void *data) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  if (status != RONDO_OK)
    return status;
  const cuda_api *api = call.rank->device->api;
  cuda_stream stream = call.rank->own[RONDO_STREAM_COMPUTE];
  /* The last run may be under way, on a stream of the caller. */
  if (call.rank->has_last)
    status = check(&call, api->stream_wait(stream, call.rank->last, 0), "cannot free memory");
  if (status == RONDO_OK && data)
    status = check(&call, api->free((cuda_address)(uintptr_t)data, stream), "cannot free memory");
  return leave(&call, status);
}

/* Copies in the order of the rank's runs, and waits for that. */
static rondo_status copy(const call *call, void *target, const void *source, size_t bytes, bool to_device) {
  const cuda_api *api = call->rank->device->api;
  cuda_stream stream = call->rank->own[RONDO_STREAM_COMPUTE];
  if (bytes == 0)
    return RONDO_OK;
  if (!target || !source)
    return context_fail(call->context, RONDO_INVALID_ARGUMENT, "a copy of %zu bytes from or to NULL", bytes);
  cuda_result result = call->rank->has_last ? api->stream_wait(stream, call->rank->last, 0) : CUDA_OK;
  if (result == CUDA_OK && to_device)
    result = api->copy_to_device((cuda_address)(uintptr_t)target, source, bytes, stream);
  else if (result == CUDA_OK)
    result = api->copy_to_host(target, (cuda_address)(uintptr_t)source, bytes, stream);
  if (result == CUDA_OK)
    result = api->stream_synchronize(stream);
  return check(call, result, to_device ? "cannot upload" : "cannot download");
}

rondo_status rondo_device_upload(rondo_context *context, rondo_communicator *communicator, int32_t rank, void *data,
                                 const void *source, size_t bytes) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  return status == RONDO_OK ? leave(&call, copy(&call, data, source, bytes, true)) : status;
}

rondo_status rondo_device_download(rondo_context *context, rondo_communicator *communicator, int32_t rank, void *target,
                                   const void *data, size_t bytes) {
  call call;
  rondo_status status = enter(context, communicator, rank, &call);
  return status == RONDO_OK ? leave(&call, copy(&call, target, data, bytes, false)) : status;
}
