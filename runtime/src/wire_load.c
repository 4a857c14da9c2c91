/* Loading the module that passes messages by MPI. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "wire_load.h"
#include "text.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char module_name[] = "librondo_mpi.so";

/* The module in the folder of this library, or NULL if there is none. The caller frees it. */
static char *beside_this_library(void) {
  Dl_info info;
  if (!dladdr(module_name, &info) || !info.dli_fname)
    return NULL;
  const char *slash = strrchr(info.dli_fname, '/');
  char *path = slash ? text_format("%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, module_name) : NULL;
  if (path && access(path, R_OK) == 0)
    return path;
  free(path);
  return NULL;
}

static rondo_status open_module(rondo_context *context, const char *path, const wire_module **module) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "no MPI: its module cannot be loaded (%s): install Open MPI and a Rondo that was built with "
                        "it, or name the module in RONDO_MPI_MODULE",
                        dlerror());
  const wire_module *found = dlsym(library, WIRE_MODULE_SYMBOL);
  if (!found || found->version != WIRE_VERSION) {
    unsigned version = found ? found->version : 0;
    dlclose(library);
    return context_fail(context, RONDO_UNSUPPORTED,
                        "no MPI: the module '%s' is of version %u, but this runtime needs %d: both must be of the "
                        "same Rondo",
                        path, version, WIRE_VERSION);
  }
  *module = found;
  return RONDO_OK;
}

rondo_status wire_load(rondo_context *context, const wire_module **module) {
  const char *named = getenv("RONDO_MPI_MODULE");
  if (named && *named)
    return open_module(context, named, module);
  char *path = beside_this_library();
  rondo_status status = open_module(context, path ? path : module_name, module);
  free(path);
  return status;
}
