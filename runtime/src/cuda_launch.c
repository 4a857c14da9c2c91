/* Launching generated kernels. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_launch.h"

#include <string.h>

enum { MAX_FIELDS = 32 };

/* The parameters of each kernel are the fields of its structure, in order. */
#define FIELD(structure, name) offsetof(structure, name)

static const size_t attend_fields[] = {
    FIELD(rondo_attend_arguments, queries),
    FIELD(rondo_attend_arguments, keys),
    FIELD(rondo_attend_arguments, values),
    FIELD(rondo_attend_arguments, output),
    FIELD(rondo_attend_arguments, lse),
    FIELD(rondo_attend_arguments, scales),
    FIELD(rondo_attend_arguments, tiles),
    FIELD(rondo_attend_arguments, output_split_stride),
    FIELD(rondo_attend_arguments, output_batch_stride),
    FIELD(rondo_attend_arguments, output_head_stride),
    FIELD(rondo_attend_arguments, output_outer_stride),
    FIELD(rondo_attend_arguments, output_inner_stride),
    FIELD(rondo_attend_arguments, lse_split_stride),
    FIELD(rondo_attend_arguments, lse_batch_stride),
    FIELD(rondo_attend_arguments, lse_head_stride),
    FIELD(rondo_attend_arguments, lse_outer_stride),
    FIELD(rondo_attend_arguments, lse_inner_stride),
    FIELD(rondo_attend_arguments, rows),
    FIELD(rondo_attend_arguments, keys_count),
    FIELD(rondo_attend_arguments, heads),
    FIELD(rondo_attend_arguments, batches),
    FIELD(rondo_attend_arguments, row_inner),
    FIELD(rondo_attend_arguments, box_rows),
    FIELD(rondo_attend_arguments, blocks_per_split),
    FIELD(rondo_attend_arguments, tile_stride),
    FIELD(rondo_attend_arguments, query_count),
    FIELD(rondo_attend_arguments, position_divisor),
    FIELD(rondo_attend_arguments, diagonal),
    FIELD(rondo_attend_arguments, scale_log2),
    FIELD(rondo_attend_arguments, plain_queries),
    FIELD(rondo_attend_arguments, plain_keys),
    FIELD(rondo_attend_arguments, plain_values),
};

static const size_t merge_fields[] = {
    FIELD(rondo_merge_arguments, partial_output),
    FIELD(rondo_merge_arguments, partial_lse),
    FIELD(rondo_merge_arguments, partial_scales),
    FIELD(rondo_merge_arguments, arriving_output),
    FIELD(rondo_merge_arguments, arriving_lse),
    FIELD(rondo_merge_arguments, output),
    FIELD(rondo_merge_arguments, lse),
    FIELD(rondo_merge_arguments, output_batch_stride),
    FIELD(rondo_merge_arguments, output_head_stride),
    FIELD(rondo_merge_arguments, output_row_stride),
    FIELD(rondo_merge_arguments, arriving_batch_stride),
    FIELD(rondo_merge_arguments, arriving_head_stride),
    FIELD(rondo_merge_arguments, arriving_row_stride),
    FIELD(rondo_merge_arguments, rows),
    FIELD(rondo_merge_arguments, parts),
    FIELD(rondo_merge_arguments, heads),
    FIELD(rondo_merge_arguments, query_count),
};

static cuda_result launch(const cuda_launcher *launcher, const unsigned grid[3], void **parameters,
                          const void *arguments, size_t bytes, cuda_stream stream, bool overlaps) {
  const rondo_kernel_traits *traits = launcher->traits;
  cuda_launch_attribute attributes[2];
  memset(attributes, 0, sizeof attributes);
  cuda_launch_configuration configuration = {.grid_x = grid[0],
                                             .grid_y = grid[1],
                                             .grid_z = grid[2],
                                             .block_x = (unsigned)traits->threads,
                                             .block_y = 1,
                                             .block_z = 1,
                                             .shared_bytes = (unsigned)traits->shared_bytes,
                                             .stream = stream,
                                             .attributes = attributes};
  if (traits->cluster > 1) {
    cuda_launch_attribute *attribute = &attributes[configuration.attribute_count++];
    attribute->id = CUDA_ATTRIBUTE_CLUSTER;
    attribute->value.cluster.x = (unsigned)traits->cluster;
    attribute->value.cluster.y = attribute->value.cluster.z = 1;
  }
  if (overlaps && traits->dependent_launch) {
    cuda_launch_attribute *attribute = &attributes[configuration.attribute_count++];
    attribute->id = CUDA_ATTRIBUTE_PROGRAMMATIC;
    attribute->value.programmatic = 1;
  }
  cuda_issuer direct = {.api = launcher->api, .mode = CUDA_ISSUE_NOW};
  return cuda_issue_kernel(launcher->issuer ? launcher->issuer : &direct, &configuration, launcher->function,
                           parameters, arguments, bytes);
}

static void collect(void *structure, const size_t *offsets, size_t count, void **parameters) {
  for (size_t i = 0; i < count; ++i)
    parameters[i] = (char *)structure + offsets[i];
}

cuda_result cuda_launch_attend(const cuda_launcher *launcher, const unsigned grid[3], rondo_attend_arguments *arguments,
                               cuda_stream stream, bool overlaps) {
  void *parameters[MAX_FIELDS];
  collect(arguments, attend_fields, sizeof attend_fields / sizeof *attend_fields, parameters);
  return launch(launcher, grid, parameters, arguments, sizeof *arguments, stream, overlaps);
}

cuda_result cuda_launch_merge(const cuda_launcher *launcher, rondo_merge_arguments *arguments, cuda_stream stream,
                              bool overlaps) {
  void *parameters[MAX_FIELDS];
  collect(arguments, merge_fields, sizeof merge_fields / sizeof *merge_fields, parameters);
  int32_t rows = launcher->traits->rows_per_block;
  unsigned grid[3] = {(unsigned)(((int64_t)arguments->rows + rows - 1) / rows), 1, 1};
  return launch(launcher, grid, parameters, arguments, sizeof *arguments, stream, overlaps);
}

cuda_result cuda_launch_elementwise(const cuda_launcher *launcher, const void *arguments, size_t bytes,
                                    int64_t elements, int32_t multiprocessors, cuda_stream stream) {
  /* Enough CTAs to fill a multiprocessor; each thread of them strides over the elements. */
  enum { CTAS_PER_MULTIPROCESSOR = 8 };
  int64_t wanted = (elements + launcher->traits->threads - 1) / launcher->traits->threads;
  int64_t most = (int64_t)multiprocessors * CTAS_PER_MULTIPROCESSOR;
  unsigned grid[3] = {(unsigned)(wanted < most ? wanted : most), 1, 1};
  void *parameters[] = {(void *)(uintptr_t)arguments};
  return launch(launcher, grid, parameters, arguments, bytes, stream, false);
}
