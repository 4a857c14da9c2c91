/* Checks of one DLPack tensor against the manifest, and error texts that name the tensor. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TENSOR_CHECK_H
#define RONDO_SRC_TENSOR_CHECK_H

#include "bind.h"

#include <stdbool.h>

/* Which tensors a call received, and for what. */
typedef struct {
  rondo_context *context;
  const manifest_function *function;
  const tensor_list *list;
  bool placed; /* one tensor for each rank */
  int32_t first_rank;
  bool reference; /* contiguous and double, whatever the manifest says */
} tensor_scope;

/* "input" or "output". */
const char *tensor_role(const manifest_function *function, int index);

/* Fails with RONDO_INVALID_ARGUMENT; the text begins with the tensor's role and name, and its rank if >= 0. */
rondo_status tensor_fail(const tensor_scope *scope, int32_t rank, int index, const char *format, ...) PRINTF_LIKE(4, 5);

/* Tensor `index` (inputs, then outputs) of `rank`, one that runs here. */
const DLTensor *tensor_list_get(const tensor_scope *scope, int32_t rank, int index);

size_t tensor_element_bytes(const tensor_scope *scope, int index);

/* Checks the numbers of tensors and, for each of the `ranks` ranks that run here, whatever does not depend on lengths.
 */
rondo_status tensor_check_list(const tensor_scope *scope, int32_t ranks);

#endif /* RONDO_SRC_TENSOR_CHECK_H */
