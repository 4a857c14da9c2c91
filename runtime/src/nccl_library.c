/* Finding NCCL. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "nccl_library.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

nccl_config nccl_default_config(void) {
  enum { UNDEFINED = INT_MIN, VERSION_OF_LAYOUT = 22700 };
  return (nccl_config){.size = sizeof(nccl_config),
                       .magic = 0xcafebeef,
                       .version = VERSION_OF_LAYOUT,
                       .blocking = UNDEFINED,
                       .cluster_size = UNDEFINED,
                       .min_ctas = UNDEFINED,
                       .max_ctas = UNDEFINED,
                       .split_share = UNDEFINED,
                       .traffic_class = UNDEFINED,
                       .collnet_enable = UNDEFINED,
                       .cta_policy = UNDEFINED,
                       .shrink_share = UNDEFINED,
                       .nvls_ctas = UNDEFINED};
}

/* ---- Loading, once in a process ---- */

static nccl_library loaded;
static rondo_status load_status = RONDO_OK;
static char load_error[ERROR_CAPACITY];
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load_fail(const char *format, const char *first, const char *second) {
  load_status = RONDO_UNSUPPORTED;
  snprintf(load_error, sizeof load_error, format, first, second);
}

static void *open_library(const char **path) {
  *path = getenv("RONDO_NCCL");
  if (!*path && dlsym(RTLD_DEFAULT, "ncclGetVersion")) {
    *path = "this process";
    return RTLD_DEFAULT;
  }
  if (!*path)
    *path = "libnccl.so.2";
  void *library = dlopen(*path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    load_fail("NCCL cannot be loaded: %s. Install it, or name its file by the environment variable RONDO_NCCL%s",
              dlerror(), "");
  return library;
}

/* All of them, or none. */
static void find_registration(void *library) {
  loaded.allocate = (nccl_result (*)(void **, size_t))dlsym(library, "ncclMemAlloc");
  loaded.free = (nccl_result (*)(void *))dlsym(library, "ncclMemFree");
  loaded.register_memory =
      (nccl_result (*)(nccl_communicator, void *, size_t, void **))dlsym(library, "ncclCommRegister");
  loaded.deregister_memory = (nccl_result (*)(nccl_communicator, void *))dlsym(library, "ncclCommDeregister");
  if (!loaded.allocate || !loaded.free || !loaded.register_memory || !loaded.deregister_memory) {
    loaded.allocate = NULL;
    loaded.free = NULL;
    loaded.register_memory = NULL;
    loaded.deregister_memory = NULL;
  }
}

static void load(void) {
  const char *path;
  void *library = open_library(&path);
  if (load_status != RONDO_OK)
    return;
  struct {
    const char *name;
    void **function;
  } const functions[] = {
      {"ncclGetVersion", (void **)&loaded.get_version},
      {"ncclGetUniqueId", (void **)&loaded.get_unique_id},
      {"ncclCommInitRankConfig", (void **)&loaded.init_rank_config},
      {"ncclCommFinalize", (void **)&loaded.finalize},
      {"ncclCommDestroy", (void **)&loaded.destroy},
      {"ncclCommAbort", (void **)&loaded.abort},
      {"ncclCommGetAsyncError", (void **)&loaded.get_async_error},
      {"ncclCommCount", (void **)&loaded.count},
      {"ncclCommCuDevice", (void **)&loaded.device},
      {"ncclCommUserRank", (void **)&loaded.user_rank},
      {"ncclGroupStart", (void **)&loaded.group_start},
      {"ncclGroupEnd", (void **)&loaded.group_end},
      {"ncclSend", (void **)&loaded.send},
      {"ncclRecv", (void **)&loaded.receive},
      {"ncclGetErrorString", (void **)&loaded.get_error_string},
      {"ncclGetLastError", (void **)&loaded.get_last_error},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {
    *functions[i].function = dlsym(library, functions[i].name);
    if (!*functions[i].function) {
      load_fail("NCCL (from %s) has no %s: version 2.27 or later is needed", path, functions[i].name);
      return;
    }
  }
  find_registration(library);
  char version[32] = "unknown";
  if (loaded.get_version(&loaded.version) == NCCL_SUCCESS)
    snprintf(version, sizeof version, "%d.%d.%d", loaded.version / 10000, loaded.version / 100 % 100,
             loaded.version % 100);
  if (loaded.version < NCCL_OLDEST_VERSION)
    load_fail("NCCL (from %s) is of version %s: 2.27 or later is needed", path, version);
}

rondo_status nccl_library_get(rondo_context *context, const nccl_library **library) {
  pthread_once(&load_once, load);
  if (load_status != RONDO_OK)
    return context_fail(context, load_status, "%s", load_error);
  *library = &loaded;
  return RONDO_OK;
}
