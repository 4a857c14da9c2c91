/* GPUs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_PINNED = 1, LOCATION_DEVICE = 1, ACCESS_READ_WRITE = 3 };

rondo_status cuda_context_fail(rondo_context *context, const cuda_device *device, cuda_result result,
                               const char *what) {
  rondo_status status = result == CUDA_OUT_OF_MEMORY ? RONDO_OUT_OF_MEMORY : RONDO_SYSTEM_ERROR;
  return context_fail(context, status, "GPU %d (%s): %s: %s", device->ordinal, device->name, what,
                      cuda_result_text(device->api, result));
}

static cuda_result read_attributes(cuda_device *device, int *pools) {
  const cuda_api *api = device->api;
  const struct {
    int attribute;
    int *value;
  } wanted[] = {{CUDA_MAJOR, &device->major},
                {CUDA_MINOR, &device->minor},
                {CUDA_MULTIPROCESSORS, &device->multiprocessors},
                {CUDA_SHARED_BYTES_LIMIT, &device->shared_bytes_limit},
                {CUDA_POOLS_SUPPORTED, pools}};
  cuda_result result = api->device_name(device->name, sizeof device->name, device->handle);
  for (size_t i = 0; result == CUDA_OK && i < sizeof wanted / sizeof *wanted; ++i)
    result = api->device_attribute(wanted[i].value, wanted[i].attribute, device->handle);
  return result;
}

/* A pool of our own: what the application set for the device's default pool stays as it is. Memory stays in it until
 * the end, since the driver would otherwise give it back, at some cost, whenever somebody synchronises. */
static rondo_status create_pool(rondo_context *context, cuda_device *device) {
  cuda_pool_properties properties;
  memset(&properties, 0, sizeof properties);
  properties.allocation_type = POOL_PINNED;
  properties.location = (cuda_location){LOCATION_DEVICE, device->handle};
  uint64_t everything = UINT64_MAX;
  cuda_result result = device->api->pool_create(&device->pool, &properties);
  if (result == CUDA_OK)
    result = device->api->pool_set(device->pool, CUDA_POOL_RELEASE_THRESHOLD, &everything);
  return result == CUDA_OK ? RONDO_OK : cuda_context_fail(context, device, result, "cannot make a pool of memory");
}

static rondo_status open_device(rondo_context *context, cuda_device *device) {
  const cuda_api *api = device->api;
  int pools = 0;
  snprintf(device->name, sizeof device->name, "unknown");
  cuda_result result = api->device_get(&device->handle, device->ordinal);
  if (result == CUDA_OK)
    result = read_attributes(device, &pools);
  if (result != CUDA_OK)
    return cuda_context_fail(context, device, result, "cannot read its properties");
  if (!pools)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "GPU %d (%s) has no memory pools (cuMemAllocAsync), which the runtime needs", device->ordinal,
                        device->name);
  result = api->context_retain(&device->context, device->handle);
  if (result != CUDA_OK)
    return cuda_context_fail(context, device, result, "cannot make its context");
  return create_pool(context, device);
}

rondo_status cuda_device_open(rondo_context *context, const cuda_api *api, int ordinal, int count,
                              cuda_device **device) {
  if (ordinal < 0 || ordinal >= count)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "there is no GPU %d: this process sees GPUs 0 to %d", ordinal,
                        count - 1);
  cuda_device *opened = calloc(1, sizeof *opened);
  if (!opened)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for GPU %d", ordinal);
  opened->api = api;
  opened->ordinal = ordinal;
  rondo_status status = open_device(context, opened);
  if (status == RONDO_OK)
    *device = opened;
  else
    cuda_device_close(opened);
  return status;
}

void cuda_device_close(cuda_device *device) {
  if (!device)
    return;
  if (device->pool)
    device->api->pool_destroy(device->pool);
  if (device->context)
    device->api->context_release(device->handle);
  free(device);
}

/* For memory that is of no pool. Where the number of peers is used up, or a virtual machine forbids it, copies go by
 * way of the host. */
static cuda_result enable_peer(const cuda_device *device, const cuda_device *other) {
  cuda_result result = device->api->context_push(other->context);
  if (result != CUDA_OK)
    return result;
  cuda_context former;
  result = device->api->peer_enable(device->context, 0);
  device->api->context_pop(&former);
  bool harmless = result == CUDA_PEER_ACCESS_ALREADY_ENABLED || result == CUDA_TOO_MANY_PEERS ||
                  result == CUDA_PEER_ACCESS_UNSUPPORTED;
  return harmless ? CUDA_OK : result;
}

rondo_status cuda_device_admit(rondo_context *context, cuda_device *device, const cuda_device *other) {
  int possible = 0;
  cuda_result result = device->api->can_access_peer(&possible, other->handle, device->handle);
  if (result == CUDA_OK && possible) {
    cuda_access access = {{LOCATION_DEVICE, other->handle}, ACCESS_READ_WRITE};
    result = device->api->pool_set_access(device->pool, &access, 1);
    if (result == CUDA_OK)
      result = enable_peer(device, other);
  }
  return result == CUDA_OK ? RONDO_OK
                           : cuda_context_fail(context, device, result, "cannot let another GPU reach its memory");
}

rondo_status cuda_device_allocate(const cuda_device *device, size_t bytes, cuda_stream stream, const char *purpose,
                                  cuda_address *address, char *text, size_t capacity) {
  cuda_result result = device->api->allocate(address, bytes, device->pool, stream);
  if (result == CUDA_OK)
    return RONDO_OK;
  const char *words = cuda_result_text(device->api, result);
  if (result != CUDA_OUT_OF_MEMORY) {
    snprintf(text, capacity, "GPU %d (%s) cannot allocate %zu bytes for %s: %s", device->ordinal, device->name, bytes,
             purpose, words);
    return RONDO_SYSTEM_ERROR;
  }
  size_t available = 0, total = 0;
  device->api->memory_info(&available, &total);
  snprintf(text, capacity, "GPU %d (%s) has no memory for %s: %zu bytes are wanted, %zu of %zu are free",
           device->ordinal, device->name, purpose, bytes, available, total);
  return RONDO_OUT_OF_MEMORY;
}
