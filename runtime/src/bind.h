/* From the caller's DLPack tensors to what an entry receives: the lengths of a run, and each rank's shards. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_BIND_H
#define RONDO_SRC_BIND_H

#include "rondo/abi.h"
#include "shards.h"

/* The tensors that a caller passed. Rank r's are at [r * count + i] if it placed the shards. */
typedef struct {
  const DLTensor *const *inputs;
  size_t input_count;
  DLTensor *const *outputs;
  size_t output_count;
  const int32_t *ordinals; /* of the GPU of each rank; NULL: tensors are on the CPU */
} tensor_list;

typedef struct {
  int64_t *lengths;      /* in the order of the manifest */
  rondo_tensor *tensors; /* rank r's are at [r * tensor_count] */
  int64_t *extents;      /* what their sizes and strides point to */
} binding;

/* Each checks every tensor against the manifest and binds the lengths. `ranks` counts the ranks that run here; it is
 * less than the grid's where one rank stands for all. On success the caller frees the binding.
 *
 * bind_global: whole tensors, of which the ranks get views. bind_shards: one tensor for each rank; lengths are sums of
 * extents, or, where one rank stands for all, its extent times the number of parts. bind_reference: whole, contiguous,
 * double. */
rondo_status bind_global(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         int32_t ranks, const tensor_list *list, binding *result);
rondo_status bind_shards(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         int32_t ranks, const tensor_list *list, binding *result);
rondo_status bind_reference(rondo_context *context, const manifest_function *function, const tensor_list *list,
                            binding *result);
void binding_free(binding *binding);

#endif /* RONDO_SRC_BIND_H */
