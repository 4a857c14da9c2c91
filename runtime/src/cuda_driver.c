/* Loading the CUDA driver. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcuda.so.1"

typedef struct {
  const char *symbol;
  size_t offset;
} function_place;

static const function_place functions[] = {
    {"cuGetErrorName", offsetof(cuda_api, get_error_name)},
    {"cuGetErrorString", offsetof(cuda_api, get_error_string)},
    {"cuInit", offsetof(cuda_api, init)},
    {"cuDeviceGetCount", offsetof(cuda_api, device_count)},
    {"cuDeviceGet", offsetof(cuda_api, device_get)},
    {"cuDeviceGetName", offsetof(cuda_api, device_name)},
    {"cuDeviceGetAttribute", offsetof(cuda_api, device_attribute)},
    {"cuDeviceCanAccessPeer", offsetof(cuda_api, can_access_peer)},
    {"cuDevicePrimaryCtxRetain", offsetof(cuda_api, context_retain)},
    {"cuDevicePrimaryCtxRelease_v2", offsetof(cuda_api, context_release)},
    {"cuCtxSetCurrent", offsetof(cuda_api, context_set)},
    {"cuCtxPushCurrent_v2", offsetof(cuda_api, context_push)},
    {"cuCtxPopCurrent_v2", offsetof(cuda_api, context_pop)},
    {"cuCtxEnablePeerAccess", offsetof(cuda_api, peer_enable)},
    {"cuModuleLoadData", offsetof(cuda_api, module_load)},
    {"cuModuleUnload", offsetof(cuda_api, module_unload)},
    {"cuModuleGetFunction", offsetof(cuda_api, module_function)},
    {"cuFuncGetAttribute", offsetof(cuda_api, function_get)},
    {"cuFuncSetAttribute", offsetof(cuda_api, function_set)},
    {"cuMemGetInfo_v2", offsetof(cuda_api, memory_info)},
    {"cuMemAlloc_v2", offsetof(cuda_api, memory_allocate)},
    {"cuMemFree_v2", offsetof(cuda_api, memory_free)},
    {"cuIpcGetMemHandle", offsetof(cuda_api, ipc_get)},
    {"cuIpcOpenMemHandle_v2", offsetof(cuda_api, ipc_open)},
    {"cuIpcCloseMemHandle", offsetof(cuda_api, ipc_close)},
    {"cuMemPoolCreate", offsetof(cuda_api, pool_create)},
    {"cuMemPoolDestroy", offsetof(cuda_api, pool_destroy)},
    {"cuMemPoolSetAttribute", offsetof(cuda_api, pool_set)},
    {"cuMemPoolSetAccess", offsetof(cuda_api, pool_set_access)},
    {"cuMemAllocFromPoolAsync", offsetof(cuda_api, allocate)},
    {"cuMemFreeAsync", offsetof(cuda_api, free)},
    {"cuMemAllocHost_v2", offsetof(cuda_api, host_allocate)},
    {"cuMemFreeHost", offsetof(cuda_api, host_free)},
    {"cuMemcpyAsync", offsetof(cuda_api, copy)},
    {"cuMemcpyPeerAsync", offsetof(cuda_api, copy_peer)},
    {"cuMemcpyHtoDAsync_v2", offsetof(cuda_api, copy_to_device)},
    {"cuMemcpyDtoHAsync_v2", offsetof(cuda_api, copy_to_host)},
    {"cuMemcpy2DAsync_v2", offsetof(cuda_api, copy_2d)},
    {"cuMemsetD2D8Async", offsetof(cuda_api, fill_8)},
    {"cuMemsetD2D32Async", offsetof(cuda_api, fill_32)},
    {"cuPointerGetAttribute", offsetof(cuda_api, pointer_attribute)},
    {"cuStreamCreateWithPriority", offsetof(cuda_api, stream_create)},
    {"cuStreamDestroy_v2", offsetof(cuda_api, stream_destroy)},
    {"cuStreamQuery", offsetof(cuda_api, stream_query)},
    {"cuStreamSynchronize", offsetof(cuda_api, stream_synchronize)},
    {"cuStreamWaitEvent", offsetof(cuda_api, stream_wait)},
    {"cuStreamBatchMemOp_v2", offsetof(cuda_api, stream_batch)},
    {"cuCtxGetStreamPriorityRange", offsetof(cuda_api, stream_priorities)},
    {"cuEventCreate", offsetof(cuda_api, event_create)},
    {"cuEventDestroy_v2", offsetof(cuda_api, event_destroy)},
    {"cuEventRecord", offsetof(cuda_api, event_record)},
    {"cuEventQuery", offsetof(cuda_api, event_query)},
    {"cuEventSynchronize", offsetof(cuda_api, event_synchronize)},
    {"cuEventElapsedTime", offsetof(cuda_api, event_elapsed)},
    {"cuLaunchKernelEx", offsetof(cuda_api, launch)},
    {"cuTensorMapEncodeTiled", offsetof(cuda_api, encode_tiled)},
};

/* A driver without them serves runs without graphs. */
static const function_place graph_functions[] = {
    {"cuStreamBeginCapture_v2", offsetof(cuda_api, capture_begin)},
    {"cuStreamEndCapture", offsetof(cuda_api, capture_end)},
    {"cuStreamGetCaptureInfo_v2", offsetof(cuda_api, capture_info)},
    {"cuGraphDestroy", offsetof(cuda_api, graph_destroy)},
    {"cuGraphInstantiateWithFlags", offsetof(cuda_api, graph_instantiate)},
    {"cuGraphLaunch", offsetof(cuda_api, graph_launch)},
    {"cuGraphExecDestroy", offsetof(cuda_api, executable_destroy)},
    {"cuGraphExecKernelNodeSetParams_v2", offsetof(cuda_api, executable_set_kernel)},
};

/* Takes the place of an older one. */
static const function_place edges_function = {"cuStreamGetCaptureInfo_v3", offsetof(cuda_api, capture_info_edges)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static cuda_api loaded;
static char failure[512]; /* empty if the driver is there */

static bool find(void *library, const function_place *place) {
  void *function = dlsym(library, place->symbol);
  memcpy((char *)&loaded + place->offset, &function, sizeof function);
  return function != NULL;
}

static void load(void) {
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(failure, sizeof failure, "this machine has no CUDA driver: %s", dlerror());
    return;
  }
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {
    if (!find(library, &functions[i])) {
      snprintf(failure, sizeof failure, "the CUDA driver (" LIBRARY ") has no %s: it is older than CUDA 12, update it",
               functions[i].symbol);
      return;
    }
  }
  for (size_t i = 0; i < sizeof graph_functions / sizeof *graph_functions; ++i)
    find(library, &graph_functions[i]);
  find(library, &edges_function);
  cuda_result result = loaded.init(0);
  int count = 0;
  if (result == CUDA_OK)
    result = loaded.device_count(&count);
  if (result == CUDA_NO_DEVICE || (result == CUDA_OK && count == 0))
    snprintf(failure, sizeof failure, "the CUDA driver finds no GPU: see nvidia-smi and CUDA_VISIBLE_DEVICES");
  else if (result != CUDA_OK)
    snprintf(failure, sizeof failure, "the CUDA driver does not start: cuInit: %s", cuda_result_text(&loaded, result));
}

const cuda_api *cuda_driver_get(char *text, size_t capacity) {
  pthread_once(&once, load);
  if (!failure[0])
    return &loaded;
  snprintf(text, capacity, "%s", failure);
  return NULL;
}

const char *cuda_driver_missing_graphs(const cuda_api *api) {
  for (size_t i = 0; i < sizeof graph_functions / sizeof *graph_functions; ++i) {
    void *function;
    memcpy(&function, (const char *)api + graph_functions[i].offset, sizeof function);
    if (!function)
      return graph_functions[i].symbol;
  }
  return NULL;
}

const char *cuda_result_text(const cuda_api *api, cuda_result result) {
  static _Thread_local char text[512];
  const char *name = NULL, *words = NULL;
  if (api->get_error_name(result, &name) != CUDA_OK || !name)
    name = "unknown error";
  if (api->get_error_string(result, &words) != CUDA_OK || !words)
    words = "no description";
  snprintf(text, sizeof text, "%s: %s (%d)", name, words, result);
  return text;
}
