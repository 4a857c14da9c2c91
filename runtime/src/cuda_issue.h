/* Issuing the work of a rank: to its streams, at once; into a graph that is being captured; or, once that is there, as
 * new parameters of its kernels.
 *
 * An entry that runs again for the same lengths issues the same work in the same order, so the i-th kernel of a pass is
 * the i-th kernel of the graph.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_ISSUE_H
#define RONDO_SRC_CUDA_ISSUE_H

#include "cuda_driver.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CUDA_ISSUE_NOW,     /* to the streams */
  CUDA_ISSUE_PREPARE, /* nothing: only memory is reserved, and plans are made */
  CUDA_ISSUE_CAPTURE, /* to streams that are captured; memory and plans must be there */
  CUDA_ISSUE_UPDATE   /* nothing: parameters that differ are set in the graph */
} cuda_issue_mode;

/* A kernel of a graph. */
typedef struct {
  cuda_node node;
  cuda_function function;
  unsigned grid[3];
  size_t offset, bytes; /* of its arguments among those of all */
} cuda_kernel_record;

/* The kernels of a graph, in the order in which they were issued, and their arguments as the executable graph has them.
 * Work of other kinds keeps its addresses. */
typedef struct {
  cuda_executable executable; /* UPDATE */
  cuda_kernel_record *kernels;
  size_t count, capacity;
  char *arguments;
  size_t argument_bytes, argument_capacity;
  bool fixed; /* other work touches memory that is not the runtime's: other addresses need another graph */
} cuda_records;

typedef struct {
  const cuda_api *api;
  cuda_issue_mode mode;
  cuda_records *records; /* CAPTURE, UPDATE */
  size_t position;       /* UPDATE: the next kernel */
  bool probes;           /* UPDATE: all parameters are set, to see whether they can be */
  bool refused;          /* UPDATE: some cannot */
  bool differs;          /* CAPTURE: it needs memory or a plan that is not there. UPDATE: it is not what was captured */
} cuda_issuer;

/* Whether calls reach the streams. */
static inline bool cuda_issues(const cuda_issuer *issuer) {
  return issuer->mode == CUDA_ISSUE_NOW || issuer->mode == CUDA_ISSUE_CAPTURE;
}

/* Whether memory may be reserved and plans may be made. If not, notes that they were wanted: the pass is void, and its
 * entry is to unwind. */
bool cuda_issuer_may_prepare(cuda_issuer *issuer);

/* Launches a kernel whose `parameters` all lie within the `bytes` bytes of `arguments`. */
cuda_result cuda_issue_kernel(cuda_issuer *issuer, const cuda_launch_configuration *configuration,
                              cuda_function function, void **parameters, const void *arguments, size_t bytes);

/* A copy within the runtime's memory; `is_own`: it is so. */
cuda_result cuda_issue_copy(cuda_issuer *issuer, cuda_address target, cuda_address source, size_t bytes, bool is_own,
                            cuda_stream stream);

/* Notes that work which is issued next touches other memory. The functions below do. */
void cuda_issuer_note_foreign(const cuda_issuer *issuer);

cuda_result cuda_issue_copy_2d(cuda_issuer *issuer, const cuda_copy_2d *copy, cuda_stream stream);
cuda_result cuda_issue_fill_8(cuda_issuer *issuer, cuda_address target, size_t pitch, unsigned char value, size_t width,
                              size_t height, cuda_stream stream);
cuda_result cuda_issue_fill_32(cuda_issuer *issuer, cuda_address target, size_t pitch, unsigned value, size_t width,
                               size_t height, cuda_stream stream);

cuda_result cuda_issue_record(cuda_issuer *issuer, cuda_event event, cuda_stream stream);
cuda_result cuda_issue_wait(cuda_issuer *issuer, cuda_stream stream, cuda_event event);

void cuda_records_free(cuda_records *records);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_ISSUE_H */
