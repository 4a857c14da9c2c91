/* Launching generated kernels: their parameters, one by one, and how they are started. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_LAUNCH_H
#define RONDO_SRC_CUDA_LAUNCH_H

#include "cuda_issue.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded kernel. */
typedef struct {
  const cuda_api *api;
  cuda_function function;
  const rondo_kernel_traits *traits;
  cuda_issuer *issuer; /* NULL: at once */
} cuda_launcher;

/* `overlaps`: the kernel may begin before the one before it has ended, if it is made for that. */
cuda_result cuda_launch_attend(const cuda_launcher *launcher, const unsigned grid[3], rondo_attend_arguments *arguments,
                               cuda_stream stream, bool overlaps);
cuda_result cuda_launch_merge(const cuda_launcher *launcher, rondo_merge_arguments *arguments, cuda_stream stream,
                              bool overlaps);
/* `arguments`, of `bytes` bytes, are the kernel's only parameter. `elements` > 0 are shared by CTAs of at most so many
 * multiprocessors. */
cuda_result cuda_launch_elementwise(const cuda_launcher *launcher, const void *arguments, size_t bytes,
                                    int64_t elements, int32_t multiprocessors, cuda_stream stream);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_LAUNCH_H */
