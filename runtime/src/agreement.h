/* Before a run between processes: all ranks compare what they are about to do.
 *
 * They gather digests of their proposals. Only where those differ each states its run as lines `field<tab>value`; they
 * gather these texts, and all find the same first difference.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_AGREEMENT_H
#define RONDO_SRC_AGREEMENT_H

#include "bind.h"
#include "processes.h"
#include "program.h"

enum { AGREEMENT_OFFERS = 5 };

/* A call of rondo_run or rondo_run_shards in this process. */
typedef struct {
  const rondo_program *program;
  int function;
  const grid_shape *shape;
  bool placed;
  const int64_t *extents; /* of this rank's tensors: bind_extent_count */
  int64_t timeout;
  bool returns_early; /* the call does not wait for the GPU */
  /* What this rank could do, as numbers above 0 of which all ranks are to find the greatest that each has. */
  int64_t offers[AGREEMENT_OFFERS];
  int offer_count;
} proposal;

/* The text of a proposal, which the caller frees; NULL without memory. Extents that differ between ranks, those of
 * placed shards along sharded dimensions, are not part of it. */
char *agreement_text(const proposal *proposal);

/* Compares the texts of all ranks; fails with what is different on which rank. The most frequent text is right. */
rondo_status agreement_compare(rondo_context *context, const char *const *texts, int32_t ranks);

/* What all ranks agreed on. */
typedef struct {
  int64_t *extents;   /* of every rank; the caller frees it */
  bool returns_early; /* on every rank: none of them learns in the call how it ends */
  int64_t offer;      /* the greatest number that every rank offers; 0: there is none */
} agreement;

/* Fails, on every rank with the same text, unless all ranks make the same call and each could (`local` is RONDO_OK;
 * else the last error says why not, and `proposal` is not looked at). */
rondo_status agreement_reach(rondo_context *context, processes *processes, const char *function, rondo_status local,
                             const proposal *proposal, agreement *result);

/* After the run: fails on every rank if it has failed on one. */
rondo_status agreement_conclude(rondo_context *context, processes *processes, const char *function, rondo_status local);

/* The same where all return early, without waiting for the others: what fails here fails on them in their next call. */
rondo_status agreement_conclude_early(rondo_context *context, processes *processes, rondo_status local);

#endif /* RONDO_SRC_AGREEMENT_H */
