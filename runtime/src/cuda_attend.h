/* From the tensors of an attention to the arguments of attend and merge kernels. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_ATTEND_H
#define RONDO_SRC_CUDA_ATTEND_H

#include "cuda_choice.h"
#include "cuda_driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [batch, head, sequence, feature], or [batch, head, sequence]; strides in elements. */
typedef struct {
  uint64_t address;
  int64_t sizes[4];
  int64_t strides[4];
} cuda_tensor;

typedef struct {
  cuda_tensor query, key, value, output, lse;
  uint64_t scales; /* of partial results, where the LSEs' strides tell; of kernels with scaled_rows alone */
  rondo_element input_type, output_type;
  int64_t diagonal;
  double scale;
} cuda_attention;

/* What the addresses and strides allow. Extents are known to fit together. */
rondo_attend_facts cuda_attend_facts(const cuda_attention *attention);

/* The first thing that keeps tensor maps from describing Q, K or V, in words. */
void cuda_attend_describe_alignment(const cuda_attention *attention, char *text, size_t capacity);

/* Strides of partial results of the attention: contiguous [B, H, S, D] and [B, H, S]. */
void cuda_attend_to_partials(cuda_attention *attention, uint64_t output, uint64_t lse, uint64_t scales);

/* Fills in the arguments and the grid of a chosen kernel; `table` is the address of the tile table. */
cuda_result cuda_attend_arguments(const cuda_api *api, const cuda_attention *attention,
                                  const rondo_kernel_traits *traits, const rondo_attend_choice *choice, uint64_t table,
                                  rondo_attend_arguments *arguments, unsigned grid[3]);

/* The arguments of a merge into `output` and contiguous `lse`, which are what arrives if `arriving`. */
rondo_merge_arguments cuda_merge_arguments(const cuda_tensor *output, uint64_t lse, uint64_t partial_output,
                                           uint64_t partial_lse, uint64_t partial_scales, int32_t parts, bool arriving);

size_t cuda_element_bytes(rondo_element element);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_ATTEND_H */
