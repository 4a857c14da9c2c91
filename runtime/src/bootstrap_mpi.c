/* Bootstrap by a communicator of processes. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "bootstrap.h"
#include "collective.h"

#include <stdlib.h>

typedef struct {
  bootstrap base;
  processes *processes;
} mpi_bootstrap;

static rondo_status all_gather(bootstrap *bootstrap, rondo_context *context, const void *blob, size_t bytes,
                               void *all) {
  return processes_all_gather(context, ((mpi_bootstrap *)bootstrap)->processes, blob, bytes, all);
}

static void destroy(bootstrap *bootstrap) { free(bootstrap); }

rondo_status bootstrap_mpi_create(rondo_context *context, processes *processes, bootstrap **result) {
  mpi_bootstrap *created = calloc(1, sizeof *created);
  if (!created)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to begin");
  created->base =
      (bootstrap){.rank = processes->rank, .ranks = processes->size, .all_gather = all_gather, .destroy = destroy};
  created->processes = processes;
  *result = &created->base;
  return RONDO_OK;
}
