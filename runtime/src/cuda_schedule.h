/* How the work of one attention is handed to the CTAs of a GPU: splits of the keys for few rows, a tile table for many.
 * Both follow from lengths and the number of multiprocessors alone, so the same lengths give the same schedule. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_CUDA_SCHEDULE_H
#define RONDO_CUDA_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "rondo/cuda_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One attention, as an attend kernel sees it. */
typedef struct {
  int64_t batches;
  int64_t heads;       /* of keys and values */
  int64_t group;       /* query heads for each of them */
  int64_t query_count; /* S_q */
  int64_t key_count;   /* S_kv */
  int64_t features;
  int64_t value_features;
  int64_t diagonal; /* causal kernels: key j is visible to query i if j <= i + diagonal */
  bool by_position; /* the packing of rows; see cuda_abi.h */
} rondo_attend_problem;

/* What follows from a problem and a kernel. */
typedef struct {
  int32_t rows; /* of each key/value head */
  int32_t row_inner;
  int32_t box_rows;
  int32_t box_inner; /* of the tensor map of queries */
  int32_t box_outer;
  int32_t position_divisor;
  int32_t row_tiles; /* of each head; not rounded up to the cluster */
  int32_t key_blocks;
} rondo_attend_shape;

rondo_attend_shape rondo_get_attend_shape(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel);

/* How to split the keys, so that `multiprocessors` are busy and finish at the same time. */
typedef struct {
  int32_t splits;
  int32_t blocks_per_split;
  double microseconds; /* predicted, with the merge if there are several splits */
} rondo_split_plan;

rondo_split_plan rondo_plan_splits(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                   int32_t multiprocessors);

/* A transfer beside an attention: a kernel of `count` CTAs, each of which takes a multiprocessor for so long. */
typedef struct {
  int32_t count;
  double microseconds;
  bool is_late; /* it comes when the first CTAs of the attention have their places, and takes the first that end */
} rondo_transfer_ctas;

/* When both are over, in microseconds from the start of the attention. */
typedef struct {
  double attend; /* with the merge, if there are several splits */
  double transfer;
} rondo_step_ends;

/* Splits on so many multiprocessors beside a transfer, whatever number of multiprocessors they were planned for. */
rondo_step_ends rondo_predict_splits_beside(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                            const rondo_split_plan *plan, const rondo_transfer_ctas *transfer,
                                            int32_t multiprocessors);

/* A tile table for at most `multiprocessors` CTAs, whole clusters of them; free it with rondo_free_tile_table. */
typedef struct {
  uint32_t *words; /* [ctas][stride]; null if memory ran out */
  int32_t ctas;
  int32_t stride;
  double imbalance; /* the longest CTA's modelled time over the average */
} rondo_tile_table;

rondo_tile_table rondo_build_tile_table(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                        int32_t multiprocessors);
void rondo_free_tile_table(rondo_tile_table *table);

/* The predicted time of a persistent kernel with this table, which is not empty; compare with rondo_split_plan's. */
double rondo_predict_tile_table(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                const rondo_tile_table *table);

/* The same beside a transfer. */
rondo_step_ends rondo_predict_tile_table_beside(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                                const rondo_tile_table *table, const rondo_transfer_ctas *transfer,
                                                int32_t multiprocessors);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_CUDA_SCHEDULE_H */
