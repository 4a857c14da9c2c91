/* The arithmetic of grids and shards. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "shards.h"
#include "text.h"

static rondo_status wrong_ranks(rondo_context *context, const manifest_grid *grid, int64_t ranks, int64_t product,
                                bool dynamic) {
  char axes[256] = "";
  for (int i = 0; i < grid->axis_count; ++i) {
    if (grid->axes[i].size == 0)
      text_append(axes, sizeof axes, "%s'%s' = ?", i ? ", " : "", grid->axes[i].name);
    else
      text_append(axes, sizeof axes, "%s'%s' = %lld", i ? ", " : "", grid->axes[i].name, (long long)grid->axes[i].size);
  }
  if (dynamic)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "grid '%s' (%s) needs a multiple of %lld ranks, but the communicator has %lld: create it with "
                        "such a number",
                        grid->name, axes, (long long)product, (long long)ranks);
  return context_fail(context, RONDO_INVALID_ARGUMENT,
                      "grid '%s' (%s) needs %lld ranks, but the communicator has %lld: create it with %lld, or compile "
                      "the program with a grid size of ?",
                      grid->name, axes, (long long)product, (long long)ranks, (long long)product);
}

rondo_status grid_bind(rondo_context *context, const manifest_grid *grid, int64_t ranks, grid_shape *shape) {
  if (grid->axis_count == 0 && ranks != 1)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the program names no grid, so it runs on 1 rank, but the communicator has %lld",
                        (long long)ranks);
  int64_t product = 1;
  int dynamic = -1;
  for (int i = 0; i < grid->axis_count; ++i) {
    shape->sizes[i] = grid->axes[i].size;
    if (grid->axes[i].size == 0)
      dynamic = i;
    else if (__builtin_mul_overflow(product, grid->axes[i].size, &product))
      return context_fail(context, RONDO_INVALID_ARGUMENT, "grid '%s' has more ranks than any machine", grid->name);
  }
  if (dynamic < 0 ? product != ranks : ranks % product != 0)
    return wrong_ranks(context, grid, ranks, product, dynamic >= 0);
  if (dynamic >= 0)
    shape->sizes[dynamic] = ranks / product;
  shape->axis_count = grid->axis_count;
  return RONDO_OK;
}

/* By how much the rank's number grows from one coordinate on the axis to the next. */
static int64_t axis_stride(const grid_shape *shape, int axis) {
  int64_t stride = 1;
  for (int i = axis + 1; i < shape->axis_count; ++i)
    stride *= shape->sizes[i];
  return stride;
}

int64_t grid_coordinate(const grid_shape *shape, int64_t rank, int axis) {
  return rank / axis_stride(shape, axis) % shape->sizes[axis];
}

int64_t grid_neighbour(const grid_shape *shape, int64_t rank, int axis, int64_t distance) {
  int64_t size = shape->sizes[axis];
  int64_t from = grid_coordinate(shape, rank, axis);
  int64_t to = (from + distance % size + size) % size;
  return rank + (to - from) * axis_stride(shape, axis);
}

shard_range shard_of(int64_t length, int64_t parts, int64_t index) {
  int64_t block = length / parts + (length % parts != 0);
  int64_t begin = index * block < length ? index * block : length;
  int64_t end = length - begin < block ? length : begin + block;
  return (shard_range){.offset = begin, .size = end - begin};
}

int64_t dimension_parts(const manifest_dimension *dimension, const grid_shape *shape) {
  int64_t parts = 1;
  for (int i = 0; i < dimension->axis_count; ++i)
    parts *= shape->sizes[dimension->axes[i]];
  return parts;
}

int64_t dimension_part(const manifest_dimension *dimension, const grid_shape *shape, int64_t rank) {
  int64_t part = 0;
  for (int i = 0; i < dimension->axis_count; ++i)
    part = part * shape->sizes[dimension->axes[i]] + grid_coordinate(shape, rank, dimension->axes[i]);
  return part;
}

bool dimension_first_copy(const manifest_dimension *dimension, const grid_shape *shape, int64_t rank) {
  for (int axis = 0; axis < shape->axis_count; ++axis) {
    bool shards = false;
    for (int i = 0; i < dimension->axis_count; ++i)
      shards |= dimension->axes[i] == axis;
    if (!shards && grid_coordinate(shape, rank, axis) != 0)
      return false;
  }
  return true;
}
