/* The GPUs of a communicator, opened when something first needs them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_COMMUNICATOR_H
#define RONDO_SRC_CUDA_COMMUNICATOR_H

#include "communicator.h"
#include "cuda_rank.h"
#include "program.h"

/* Which GPU each local rank is on; owned by the communicator. */
typedef struct cuda_communicator {
  const cuda_api *api;
  int device_count;
  cuda_device **devices; /* by ordinal; NULL: not used */
  int32_t *ordinals;     /* of each local rank */
} cuda_communicator;

/* Opens the GPUs and the ranks' streams, unless that has been done. Without a driver or a GPU the status is
 * RONDO_UNSUPPORTED, and the text says what is missing. */
rondo_status cuda_communicator_open(rondo_context *context, rondo_communicator *communicator);
void cuda_communicator_close(rondo_communicator *communicator);

/* Before a run: loads the program's kernels on every GPU that is used. */
rondo_status cuda_communicator_prepare(rondo_context *context, rondo_communicator *communicator,
                                       const rondo_program *program);

/* Runs of programs for CUDA. */
extern const backend cuda_backend;

#endif /* RONDO_SRC_CUDA_COMMUNICATOR_H */
