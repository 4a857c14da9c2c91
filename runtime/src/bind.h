/* From the caller's DLPack tensors to what an entry receives: the lengths of a run, and each rank's shards. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_BIND_H
#define RONDO_SRC_BIND_H

#include "rondo/abi.h"
#include "shards.h"

#include <stdbool.h>

/* The tensors that a caller passed. If it placed the shards, those of the i-th rank that runs here are at
 * [i * count]. */
typedef struct {
  const DLTensor *const *inputs;
  size_t input_count;
  DLTensor *const *outputs;
  size_t output_count;
  const int32_t *ordinals; /* of the GPU of each rank; NULL: tensors are on the CPU */
} tensor_list;

typedef struct {
  int64_t *lengths;      /* in the order of the manifest */
  rondo_tensor *tensors; /* those of the i-th rank that runs here are at [i * tensor_count] */
  int64_t *extents;      /* what their sizes and strides point to */
} binding;

/* The ranks that run here: `count` from `first` on. They are fewer than the grid's where one rank stands for all, or
 * where the others run in other processes. */
typedef struct {
  int32_t first, count;
  /* Of shards, where others run in other processes: the extents of every rank's tensors, those of rank r at
   * [r * bind_extent_count]; else NULL. */
  const int64_t *extents;
} rank_range;

/* Each checks every tensor against the manifest and binds the lengths. On success the caller frees the binding.
 *
 * bind_global: whole tensors, of which the ranks get views. bind_shards: one tensor for each rank; lengths are sums of
 * extents, or, where one rank stands for all, its extent times the number of parts. bind_reference: whole, contiguous,
 * double. */
rondo_status bind_global(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         const rank_range *ranks, const tensor_list *list, binding *result);
rondo_status bind_shards(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         const rank_range *ranks, const tensor_list *list, binding *result);
rondo_status bind_reference(rondo_context *context, const manifest_function *function, const tensor_list *list,
                            binding *result);
void binding_free(binding *binding);

/* The extents of a function's tensors: how many there are, and those of the tensors of the first rank that runs here.
 * `placed`: the tensors are shards. Fails as the functions above do if a tensor is wrong whatever the lengths are. */
size_t bind_extent_count(const manifest_function *function);
rondo_status bind_read_extents(rondo_context *context, const manifest_function *function, bool placed,
                               const rank_range *ranks, const tensor_list *list, int64_t *extents);

#endif /* RONDO_SRC_BIND_H */
