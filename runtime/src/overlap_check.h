/* What memory the caller's tensors take, and that outputs share none of it. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_OVERLAP_CHECK_H
#define RONDO_SRC_OVERLAP_CHECK_H

#include "tensor_check.h"

/* Checks that no output has an element in common with another tensor, or two of its own elements in one place: ranks
 * write while others read. The same output of ranks that hold the same part of it may be one. What neither the ends nor
 * the density of two tensors decide passes: interleaved views of one buffer are legitimate. Expects tensors that
 * tensor_check_list accepted. `ranks` counts those that the caller placed. */
rondo_status overlap_check(const tensor_scope *scope, int32_t ranks);

#endif /* RONDO_SRC_OVERLAP_CHECK_H */
