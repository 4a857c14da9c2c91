/* Which of an operation's attend kernels runs, in which packing, with which schedule: a pure function of lengths, of
 * what the tensors' addresses and strides allow, and of the number of multiprocessors. So the same lengths give the
 * same kernels, and the same bits. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_CHOICE_H
#define RONDO_SRC_CUDA_CHOICE_H

#include "cuda_schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a choice depends on, besides the kernels. */
typedef struct {
  rondo_attend_problem problem; /* by_position is not read */
  bool query_by_head;           /* query heads that share a key/value head are S_q rows apart */
  bool result_by_head;          /* the same of O and LSE */
  bool inputs_aligned;          /* tensor maps can describe Q, K and V */
  bool output_aligned;          /* attend kernels can write O itself */
} rondo_attend_facts;

typedef struct {
  const rondo_kernel_traits *traits;
  bool writes_output; /* its output is as O in memory */
  bool has_merge;     /* the operation has a kernel that merges its output */
} rondo_attend_candidate;

/* Why a kernel cannot do it. */
typedef enum {
  RONDO_FITS = 0,
  RONDO_NOT_ALIGNED,     /* tensor maps need 16 bytes, and it has no plain loads */
  RONDO_HEADS_APART,     /* neither packing: heads are not S_q rows apart, and more than 64 share a key/value head */
  RONDO_NO_KEYS,         /* a persistent kernel without keys */
  RONDO_NO_MERGE,        /* its results need a merge, but the operation has none for them */
  RONDO_TABLE_TOO_LARGE, /* more row tiles, heads, batches or blocks of keys than a tile table numbers */
  RONDO_TOO_LARGE,       /* more rows or keys than kernels count, or more heads or batches than a grid has */
  RONDO_NO_MEMORY        /* for the tile table */
} rondo_attend_refusal;

typedef struct {
  int32_t candidate;            /* -1: none can; then `refusal` is that of the last one that got furthest */
  rondo_attend_refusal refusal; /* RONDO_FITS if there is a candidate */
  bool by_position;
  bool direct; /* writes O and LSE; otherwise partial results, for the merge */
  rondo_split_plan splits;
  rondo_tile_table table; /* of a persistent kernel; the caller frees it */
} rondo_attend_choice;

/* What an operation whose O has elements `output` may do with a kernel, of which `merge` (NULL: none) combines partial
 * results. Rows that are scaled are no O, whatever their type: only a merge that knows it can read them. */
rondo_attend_candidate rondo_get_attend_candidate(const rondo_cuda_kernel *attend, const rondo_cuda_kernel *merge,
                                                  rondo_element output);

/* Of candidates that are predicted to be as fast, the first is chosen. The problem has rows. */
rondo_attend_choice rondo_choose_attend(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                        int32_t count, int32_t multiprocessors);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_CHOICE_H */
