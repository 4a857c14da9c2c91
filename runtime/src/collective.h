/* What all processes of a job do together: gather small data everywhere, or data of any size on rank 0. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_COLLECTIVE_H
#define RONDO_SRC_COLLECTIVE_H

#include "processes.h"

/* What each rank gave. */
typedef struct {
  const unsigned char *data; /* not aligned */
  size_t bytes;
} gathered_entry;

typedef struct gathered {
  gathered_entry *entries; /* of each rank */
  unsigned char *memory;
} gathered;

/* Gathers `bytes` bytes of each rank, whose numbers may differ, on every rank: up and down a binary tree of the ranks.
 * `function` is for errors of runs (NULL: none). Fails on every rank if one fails or stays away. */
rondo_status collective_all_gather(rondo_context *context, processes *processes, collective_call call,
                                   const char *function, const void *data, size_t bytes, gathered *result);
void gathered_free(gathered *gathered);

/* After a failure: waits a moment for every rank to have learned of it, so that all can leave in an orderly way. Else,
 * and the second time, does nothing. */
void collective_part(processes *processes);

/* Gathers `bytes` bytes of each rank, the same number from each, in `result`, on every rank. */
rondo_status processes_all_gather(rondo_context *context, processes *processes, const void *data, size_t bytes,
                                  void *result);

/* Gathers data of any size on rank 0, into `gathered[rank]`, which has `sizes[rank]` bytes: what that rank gives. */
rondo_status collective_gather(rondo_context *context, processes *processes, const void *data, size_t bytes,
                               void *const *gathered, const size_t *sizes);

#endif /* RONDO_SRC_COLLECTIVE_H */
