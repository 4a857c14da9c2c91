/* Loading and checking kernels. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cuda_kernels {
  pthread_mutex_t lock; /* of the list */
  cuda_module *modules;
  const rondo_cuda_code *code;
  uint64_t number;
  char target[32];
  int major, minor; /* that the target names */
  char specific;    /* 'a': code for this compute capability alone; 'f': for its family; else 0 */
};

/* ---- What a program claims ---- */

static rondo_status check_kernel(rondo_context *context, const rondo_cuda_code *code, uint32_t index) {
  const rondo_cuda_kernel *kernel = &code->kernels[index];
  const rondo_kernel_traits *traits = &kernel->traits;
  if (!kernel->symbol || kernel->image < 0 || (uint32_t)kernel->image >= code->image_count)
    return context_fail(context, RONDO_INVALID_PROGRAM, "CUDA kernel %u has no name, or names image %d of %u", index,
                        kernel->image, code->image_count);
  if (traits->threads < 1 || traits->threads > 1024 || traits->shared_bytes < 0 || traits->cluster < 0 ||
      traits->cluster > 16 || traits->warpgroups < 0 || traits->block_keys < 0 || traits->rows_per_block < 0)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "CUDA kernel '%s' has traits that no kernel has: %d threads, %d bytes of shared memory, "
                        "clusters of %d",
                        kernel->symbol, traits->threads, traits->shared_bytes, traits->cluster);
  return RONDO_OK;
}

static rondo_status check_code(rondo_context *context, const rondo_cuda_code *code) {
  if ((code->image_count > 0 && !code->images) || (code->kernel_count > 0 && !code->kernels))
    return context_fail(context, RONDO_INVALID_PROGRAM, "the program's CUDA code has no images or kernels");
  for (uint32_t i = 0; i < code->image_count; ++i)
    if (!code->images[i].data || code->images[i].bytes == 0)
      return context_fail(context, RONDO_INVALID_PROGRAM, "CUDA image %u of the program is empty", i);
  for (uint32_t i = 0; i < code->kernel_count; ++i) {
    rondo_status status = check_kernel(context, code, i);
    if (status != RONDO_OK)
      return status;
  }
  return RONDO_OK;
}

static rondo_status parse_target(rondo_context *context, const char *target, cuda_kernels *kernels) {
  int number = 0, length = 0;
  snprintf(kernels->target, sizeof kernels->target, "%s", target);
  if (sscanf(target, "cuda:sm_%d%n", &number, &length) != 1 || number < 10 || number > 9999)
    return context_fail(context, RONDO_INVALID_PROGRAM, "the program's target '%s' should be like 'cuda:sm_90a'",
                        target);
  kernels->major = number / 10;
  kernels->minor = number % 10;
  kernels->specific = target[length];
  return RONDO_OK;
}

rondo_status cuda_kernels_create(rondo_context *context, const char *target, const rondo_cuda_code *code,
                                 cuda_kernels **kernels) {
  if (!code)
    return context_fail(context, RONDO_INVALID_PROGRAM, "the program is for '%s', but has no CUDA code", target);
  rondo_status status = check_code(context, code);
  if (status != RONDO_OK)
    return status;
  cuda_kernels *created = calloc(1, sizeof *created);
  if (!created)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the program's CUDA kernels");
  status = parse_target(context, target, created);
  if (status != RONDO_OK) {
    free(created);
    return status;
  }
  static atomic_uint_fast64_t count;
  created->code = code;
  created->number = atomic_fetch_add(&count, 1) + 1;
  pthread_mutex_init(&created->lock, NULL);
  *kernels = created;
  return RONDO_OK;
}

/* ---- On a device ---- */

static rondo_status check_device(rondo_context *context, const cuda_kernels *kernels, const cuda_device *device) {
  bool fits = device->major == kernels->major &&
              (kernels->specific == 'a' ? device->minor == kernels->minor : device->minor >= kernels->minor);
  if (fits)
    return RONDO_OK;
  return context_fail(context, RONDO_UNSUPPORTED,
                      "the program was compiled for '%s', but GPU %d (%s) has compute capability %d.%d: compile it for "
                      "that GPU, or choose another device",
                      kernels->target, device->ordinal, device->name, device->major, device->minor);
}

static rondo_status load_image(rondo_context *context, cuda_module *module, uint32_t index) {
  const cuda_device *device = &module->device;
  cuda_result result = device->api->module_load(&module->images[index], module->code->images[index].data);
  if (result == CUDA_OK)
    return RONDO_OK;
  if (result == CUDA_OUT_OF_MEMORY)
    return cuda_context_fail(context, device, result, "cannot load the program's kernels");
  return context_fail(context, RONDO_INVALID_PROGRAM,
                      "GPU %d (%s) refuses image %u of the program (%llu bytes): %s: the program is damaged, or its "
                      "PTX is newer than the driver",
                      device->ordinal, device->name, index, (unsigned long long)module->code->images[index].bytes,
                      cuda_result_text(device->api, result));
}

static rondo_status resolve_kernel(rondo_context *context, cuda_module *module, uint32_t index) {
  const cuda_device *device = &module->device;
  const rondo_cuda_kernel *kernel = &module->code->kernels[index];
  const rondo_kernel_traits *traits = &kernel->traits;
  cuda_function *function = &module->functions[index];
  cuda_result result = device->api->module_function(function, module->images[kernel->image], kernel->symbol);
  if (result != CUDA_OK)
    return context_fail(context, RONDO_INVALID_PROGRAM, "image %d of the program has no kernel '%s': %s", kernel->image,
                        kernel->symbol, cuda_result_text(device->api, result));
  int threads = 0;
  result = device->api->function_get(&threads, CUDA_FUNCTION_THREADS_LIMIT, *function);
  if (result != CUDA_OK)
    return cuda_context_fail(context, device, result, "cannot read a kernel's attributes");
  if (threads < traits->threads)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "kernel '%s' runs with at most %d threads on GPU %d (%s), but its traits want %d: its image "
                        "does not match them",
                        kernel->symbol, threads, device->ordinal, device->name, traits->threads);
  if (traits->shared_bytes > device->shared_bytes_limit)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "kernel '%s' needs %d bytes of shared memory, but GPU %d (%s) has %d for a CTA", kernel->symbol,
                        traits->shared_bytes, device->ordinal, device->name, device->shared_bytes_limit);
  result = device->api->function_set(*function, CUDA_FUNCTION_DYNAMIC_SHARED_BYTES, traits->shared_bytes);
  if (result != CUDA_OK)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "kernel '%s' cannot have the %d bytes of dynamic shared memory of its traits: %s",
                        kernel->symbol, traits->shared_bytes, cuda_result_text(device->api, result));
  return RONDO_OK;
}

static void unload(cuda_module *module) {
  const cuda_api *api = module->device.api;
  if (module->device.context && api->context_push(module->device.context) == CUDA_OK) {
    for (uint32_t i = 0; module->images && i < module->code->image_count; ++i)
      if (module->images[i])
        api->module_unload(module->images[i]);
    cuda_context former;
    api->context_pop(&former);
  }
  if (module->device.context)
    api->context_release(module->device.handle);
  free(module->images);
  free(module->functions);
  free(module);
}

static rondo_status fill(rondo_context *context, cuda_module *module) {
  const rondo_cuda_code *code = module->code;
  module->images = calloc((size_t)code->image_count + 1, sizeof(cuda_library));
  module->functions = calloc((size_t)code->kernel_count + 1, sizeof(cuda_function));
  if (!module->images || !module->functions)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for %u CUDA kernels", code->kernel_count);
  rondo_status status = RONDO_OK;
  for (uint32_t i = 0; status == RONDO_OK && i < code->image_count; ++i)
    status = load_image(context, module, i);
  for (uint32_t i = 0; status == RONDO_OK && i < code->kernel_count; ++i)
    status = resolve_kernel(context, module, i);
  return status;
}

static rondo_status load(rondo_context *context, cuda_kernels *kernels, const cuda_device *device,
                         const cuda_module **result) {
  for (cuda_module *module = kernels->modules; module; module = module->next) {
    if (module->device.ordinal == device->ordinal) {
      *result = module;
      return RONDO_OK;
    }
  }
  rondo_status status = check_device(context, kernels, device);
  if (status != RONDO_OK)
    return status;
  cuda_module *module = calloc(1, sizeof *module);
  if (!module)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the program's CUDA kernels");
  module->code = kernels->code;
  module->number = kernels->number;
  module->device = *device;
  module->device.pool = NULL;
  module->device.context = NULL;
  cuda_result retained = device->api->context_retain(&module->device.context, device->handle);
  status = retained == CUDA_OK ? fill(context, module)
                               : cuda_context_fail(context, device, retained, "cannot make its context");
  if (status != RONDO_OK) {
    unload(module);
    return status;
  }
  module->next = kernels->modules;
  kernels->modules = module;
  *result = module;
  return RONDO_OK;
}

rondo_status cuda_kernels_load(rondo_context *context, cuda_kernels *kernels, const cuda_device *device,
                               const cuda_module **module) {
  pthread_mutex_lock(&kernels->lock);
  rondo_status status = load(context, kernels, device, module);
  pthread_mutex_unlock(&kernels->lock);
  return status;
}

void cuda_kernels_destroy(cuda_kernels *kernels) {
  if (!kernels)
    return;
  while (kernels->modules) {
    cuda_module *module = kernels->modules;
    kernels->modules = module->next;
    unload(module);
  }
  pthread_mutex_destroy(&kernels->lock);
  free(kernels);
}
