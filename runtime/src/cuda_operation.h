/* Launching an operation of a program: decoding its argument block, choosing among its kernels, and starting them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_OPERATION_H
#define RONDO_SRC_CUDA_OPERATION_H

#include "communicator.h"
#include "cuda_attend.h"
#include "cuda_launch.h"

/* An operation that is being launched. */
typedef struct {
  rondo_execution *execution;
  const char *name;
  const rondo_cuda_operation *operation;
  const int64_t *slots;
  int64_t slot_count;
  int32_t stream;
} cuda_launching;

/* Launches an operation on the compute stream. */
rondo_status cuda_operation_launch(const cuda_launching *launching);

/* ---- For the kinds of operations ---- */

/* Fails the run: "rank 0: cannot launch 'NAME' in step 1: ...". */
rondo_status cuda_launching_fail(const cuda_launching *launching, rondo_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same with the driver's text; `what`: "cannot launch". */
rondo_status cuda_launching_check(const cuda_launching *launching, cuda_result result, const char *what);

/* Reads operand `operand` as a tensor of `dimensions` dimensions. */
rondo_status cuda_launching_tensor(const cuda_launching *launching, int operand, int dimensions, size_t element_bytes,
                                   cuda_tensor *tensor);

/* Kernel `number` of the program. */
cuda_launcher cuda_launching_kernel(const cuda_launching *launching, int32_t number);

/* Copies LSE between its place, whose rows may lie apart, and contiguous memory. */
rondo_status cuda_launching_copy_lse(const cuda_launching *launching, const cuda_tensor *lse, cuda_address contiguous,
                                     bool to_contiguous);

bool cuda_tensor_is_contiguous(const cuda_tensor *tensor, int dimensions);

rondo_status cuda_launch_attention(const cuda_launching *launching);

#endif /* RONDO_SRC_CUDA_OPERATION_H */
