/* An emulated link on a GPU: a kernel that takes as long as a transfer would, in the order of the stream. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_LINK_H
#define RONDO_SRC_CUDA_LINK_H

#include "cuda_device.h"
#include "cuda_issue.h"

typedef struct {
  const cuda_api *api;
  cuda_library library;
  cuda_function function;
} cuda_link;

rondo_status cuda_link_create(rondo_context *context, const cuda_device *device, cuda_link *link);
void cuda_link_destroy(cuda_link *link);

/* Keeps `stream` busy for `nanoseconds`. With `multiprocessors` > 0 it occupies so many of them, as a transfer that
 * kernels carry out would; with 0 it needs next to nothing of one. */
cuda_result cuda_link_occupy(const cuda_link *link, cuda_issuer *issuer, int64_t nanoseconds, int32_t multiprocessors,
                             cuda_stream stream);

#endif /* RONDO_SRC_CUDA_LINK_H */
