/* The arithmetic of grids and shards. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_SHARDS_H
#define RONDO_SRC_SHARDS_H

#include "manifest.h"

#include <stdbool.h>

/* A grid whose sizes are all bound. */
typedef struct {
  int axis_count;
  int64_t sizes[MAX_AXES];
} grid_shape;

typedef struct {
  int64_t offset;
  int64_t size;
} shard_range;

/* Binds the sizes of a grid for `ranks` ranks: the one dynamic size, if any, is what the others leave. */
rondo_status grid_bind(rondo_context *context, const manifest_grid *grid, int64_t ranks, grid_shape *shape);

/* Coordinate of `rank` on an axis; ranks are numbered in row-major order. */
int64_t grid_coordinate(const grid_shape *shape, int64_t rank, int axis);

/* The rank that is `distance` ahead of `rank` on an axis, cyclically; `distance` may be negative. */
int64_t grid_neighbour(const grid_shape *shape, int64_t rank, int axis, int64_t distance);

/* Block `index` of the `parts` blocks of ceil(length / parts): the last ones are shorter, or empty. */
shard_range shard_of(int64_t length, int64_t parts, int64_t index);

/* Into how many parts a dimension is cut, and which of them `rank` holds. */
int64_t dimension_parts(const manifest_dimension *dimension, const grid_shape *shape);
int64_t dimension_part(const manifest_dimension *dimension, const grid_shape *shape, int64_t rank);

/* Whether `rank` is the first of the ranks that hold the same part. */
bool dimension_first_copy(const manifest_dimension *dimension, const grid_shape *shape, int64_t rank);

#endif /* RONDO_SRC_SHARDS_H */
