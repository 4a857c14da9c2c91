/* Before a run between processes: all ranks compare what they are about to do.
 *
 * Each states its run as lines `field<tab>value`. They gather the digests of these texts; only where those differ they
 * gather the texts, and all find the same first difference.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_AGREEMENT_H
#define RONDO_SRC_AGREEMENT_H

#include "bind.h"
#include "processes.h"
#include "program.h"

/* A call of rondo_run or rondo_run_shards in this process. */
typedef struct {
  const rondo_program *program;
  int function;
  const grid_shape *shape;
  bool placed;
  const int64_t *extents; /* of this rank's tensors: bind_extent_count */
  int64_t timeout;
} proposal;

/* The text of a proposal, which the caller frees; NULL without memory. Extents that differ between ranks, those of
 * placed shards along sharded dimensions, are not part of it. */
char *agreement_text(const proposal *proposal);

/* Compares the texts of all ranks; fails with what is different on which rank. The most frequent text is right. */
rondo_status agreement_compare(rondo_context *context, const char *const *texts, int32_t ranks);

/* Fails, on every rank with the same text, unless all ranks make the same call and each could (`local` is RONDO_OK;
 * else the last error says why not, and `proposal` is not looked at). `extents` receives the extents of every rank; the
 * caller frees it. */
rondo_status agreement_reach(rondo_context *context, processes *processes, const char *function, rondo_status local,
                             const proposal *proposal, int64_t **extents);

/* After the run: fails on every rank if it has failed on one. */
rondo_status agreement_conclude(rondo_context *context, processes *processes, const char *function, rondo_status local);

#endif /* RONDO_SRC_AGREEMENT_H */
