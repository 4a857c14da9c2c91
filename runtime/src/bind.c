/* Binding lengths and shards: each function here checks one property of the caller's tensors. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "bind.h"
#include "overlap_check.h"

#include <stdlib.h>
#include <string.h>

/* Which tensor's which dimension gave a length its value. */
typedef struct {
  int tensor; /* -1: not bound yet */
  int dimension;
} length_source;

typedef struct {
  tensor_scope scope;
  const grid_shape *shape;
  rank_range ranks;
  bool placed; /* the caller placed the shards */
  int64_t *lengths;
  length_source *sources;
} binder;

static const DLTensor *get_tensor(const binder *binder, int32_t rank, int index) {
  return tensor_list_get(&binder->scope, binder->placed ? rank : binder->scope.first_rank, index);
}

/* How many dimensions the tensors before `index` have. */
static size_t first_extent(const manifest_function *function, int index) {
  size_t count = 0;
  for (int i = 0; i < index; ++i)
    count += (size_t)function->tensors[i].dimension_count;
  return count;
}

size_t bind_extent_count(const manifest_function *function) { return first_extent(function, function->tensor_count); }

/* The extent of a rank's shard, or of the whole tensor. */
static int64_t get_extent(const binder *binder, int32_t rank, int index, int dimension) {
  const manifest_function *function = binder->scope.function;
  if (!binder->ranks.extents)
    return get_tensor(binder, rank, index)->shape[dimension];
  return binder->ranks
      .extents[(size_t)rank * bind_extent_count(function) + first_extent(function, index) + (size_t)dimension];
}

/* How many ranks' shards are known. */
static int32_t known_ranks(const binder *binder) {
  int64_t ranks = 1;
  for (int axis = 0; axis < binder->shape->axis_count; ++axis)
    ranks *= binder->shape->sizes[axis];
  return binder->ranks.extents ? (int32_t)ranks : binder->ranks.count;
}

/* ---- Lengths ---- */

/* Gives the length its first value, or compares it with the one it has. */
static rondo_status bind_length(binder *binder, int tensor, int dimension, int64_t extent) {
  const manifest_function *function = binder->scope.function;
  int length = function->tensors[tensor].dimensions[dimension].length;
  length_source *source = &binder->sources[length];
  if (source->tensor < 0) {
    *source = (length_source){.tensor = tensor, .dimension = dimension};
    binder->lengths[length] = extent;
    return RONDO_OK;
  }
  if (binder->lengths[length] == extent)
    return RONDO_OK;
  return tensor_fail(&binder->scope, -1, tensor, "(dimension %d) is %lld, but '%s' is %lld by %s '%s'", dimension,
                     (long long)extent, function->lengths[length], (long long)binder->lengths[length],
                     tensor_role(function, source->tensor), function->tensors[source->tensor].name);
}

/* Compares a global extent with the manifest. */
static rondo_status bind_extent(binder *binder, int tensor, int dimension, int64_t extent) {
  const manifest_dimension *expected = &binder->scope.function->tensors[tensor].dimensions[dimension];
  if (expected->length >= 0)
    return bind_length(binder, tensor, dimension, extent);
  if (expected->extent == extent)
    return RONDO_OK;
  return tensor_fail(&binder->scope, -1, tensor, "(dimension %d) is %lld, but the program has %lld", dimension,
                     (long long)extent, (long long)expected->extent);
}

/* The global extent of a sharded dimension: the sum of one copy of each part. */
static int64_t sum_of_shards(const binder *binder, int tensor, int dimension) {
  const manifest_dimension *sharded = &binder->scope.function->tensors[tensor].dimensions[dimension];
  int64_t sum = 0;
  for (int32_t rank = 0; rank < known_ranks(binder); ++rank)
    if (dimension_first_copy(sharded, binder->shape, rank))
      sum += get_extent(binder, rank, tensor, dimension);
  return sum;
}

/* One rank stands for all: whatever is known of the length wins over a guess from its own shard. */
static rondo_status bind_lone_shard(binder *binder, int tensor, int dimension) {
  const manifest_dimension *sharded = &binder->scope.function->tensors[tensor].dimensions[dimension];
  if (sharded->length < 0 || binder->sources[sharded->length].tensor >= 0)
    return RONDO_OK;
  int64_t extent = get_extent(binder, 0, tensor, dimension);
  return bind_length(binder, tensor, dimension, extent * dimension_parts(sharded, binder->shape));
}

static rondo_status bind_dimension(binder *binder, int tensor, int dimension) {
  const manifest_dimension *expected = &binder->scope.function->tensors[tensor].dimensions[dimension];
  int64_t parts = dimension_parts(expected, binder->shape);
  if (!binder->placed || parts == 1)
    return bind_extent(binder, tensor, dimension, get_extent(binder, binder->ranks.first, tensor, dimension));
  if (known_ranks(binder) == 1)
    return bind_lone_shard(binder, tensor, dimension);
  return bind_extent(binder, tensor, dimension, sum_of_shards(binder, tensor, dimension));
}

/* Whole extents first: they are exact even where one rank stands for all. */
static rondo_status bind_lengths(binder *binder) {
  const manifest_function *function = binder->scope.function;
  for (int sharded = 0; sharded <= 1; ++sharded) {
    for (int tensor = 0; tensor < function->tensor_count; ++tensor) {
      for (int d = 0; d < function->tensors[tensor].dimension_count; ++d) {
        if ((dimension_parts(&function->tensors[tensor].dimensions[d], binder->shape) > 1) != sharded)
          continue;
        rondo_status status = bind_dimension(binder, tensor, d);
        if (status != RONDO_OK)
          return status;
      }
    }
  }
  return RONDO_OK;
}

/* ---- Shards ---- */

static int64_t global_extent(const binder *binder, const manifest_dimension *dimension) {
  return dimension->length < 0 ? dimension->extent : binder->lengths[dimension->length];
}

static shard_range rank_shard(const binder *binder, int32_t rank, const manifest_dimension *dimension) {
  int64_t extent = global_extent(binder, dimension);
  return shard_of(extent, dimension_parts(dimension, binder->shape), dimension_part(dimension, binder->shape, rank));
}

static rondo_status wrong_shard(const binder *binder, int32_t rank, int index, int d, int64_t expected) {
  const manifest_dimension *dimension = &binder->scope.function->tensors[index].dimensions[d];
  long long extent = (long long)get_extent(binder, rank, index, d);
  long long parts = (long long)dimension_parts(dimension, binder->shape);
  if (parts == 1)
    return tensor_fail(&binder->scope, rank, index, "(dimension %d) is %lld, but every rank should have %lld", d,
                       extent, (long long)expected);
  return tensor_fail(&binder->scope, rank, index, "(dimension %d) is %lld, but its part of %lld in %lld is %lld", d,
                     extent, (long long)global_extent(binder, dimension), parts, (long long)expected);
}

static rondo_status check_placed_shard(const binder *binder, int32_t rank, int index) {
  const manifest_tensor *expected = &binder->scope.function->tensors[index];
  for (int d = 0; d < expected->dimension_count; ++d) {
    const manifest_dimension *dimension = &expected->dimensions[d];
    int64_t size = rank_shard(binder, rank, dimension).size;
    if (get_extent(binder, rank, index, d) == size)
      continue;
    return wrong_shard(binder, rank, index, d, size);
  }
  return RONDO_OK;
}

/* Fills `view` with the rank's part of a tensor; `extents` has room for its sizes, then its strides. */
static void view_shard(const binder *binder, int32_t rank, int index, int64_t *extents, rondo_tensor *view) {
  const manifest_tensor *expected = &binder->scope.function->tensors[index];
  const DLTensor *tensor = get_tensor(binder, rank, index);
  int64_t *sizes = extents, *strides = extents + expected->dimension_count;
  int64_t stride = 1, offset = 0;
  bool empty = false;
  for (int d = expected->dimension_count - 1; d >= 0; --d) {
    shard_range shard = rank_shard(binder, rank, &expected->dimensions[d]);
    sizes[d] = shard.size;
    strides[d] = tensor->strides ? tensor->strides[d] : stride;
    stride *= tensor->shape[d] > 1 ? tensor->shape[d] : 1;
    empty |= shard.size == 0;
    if (!binder->placed)
      offset += shard.offset * strides[d];
  }
  char *data = tensor->data;
  /* The offset of an empty shard may lie beyond the tensor. */
  if (data && !empty)
    data += tensor->byte_offset + (uint64_t)offset * tensor_element_bytes(&binder->scope, index);
  *view = (rondo_tensor){.data = data, .sizes = sizes, .strides = strides};
}

/* The most frequent extent of the ranks' shards. */
static int64_t usual_extent(const binder *binder, int index, int d) {
  int64_t usual = 0;
  int32_t most = 0, ranks = known_ranks(binder);
  for (int32_t rank = 0; rank < ranks && 2 * most <= ranks; ++rank) {
    int32_t count = 0;
    for (int32_t other = 0; other < ranks; ++other)
      count += get_extent(binder, other, index, d) == get_extent(binder, rank, index, d);
    if (count > most) {
      most = count;
      usual = get_extent(binder, rank, index, d);
    }
  }
  return usual;
}

/* Names the process whose shard is odd: the sum of all extents, which a wrong one has made wrong too, does not tell. */
static rondo_status check_usual_shards(const binder *binder, int index, int d) {
  const manifest_dimension *dimension = &binder->scope.function->tensors[index].dimensions[d];
  int64_t parts = dimension_parts(dimension, binder->shape), block = usual_extent(binder, index, d);
  int64_t length = parts > 1 ? sum_of_shards(binder, index, d) : 0;
  for (int32_t rank = 0; parts > 1 && rank < known_ranks(binder); ++rank) {
    int64_t part = dimension_part(dimension, binder->shape, rank);
    if (get_extent(binder, rank, index, d) == shard_of(length, parts, part).size)
      continue;
    /* Something is wrong. Who has the usual extent is not. */
    for (int32_t odd = 0; odd < known_ranks(binder); ++odd)
      if (get_extent(binder, odd, index, d) != block)
        return tensor_fail(&binder->scope, odd, index,
                           "(dimension %d) is %lld, but the shards of most ranks are blocks of %lld: with blocks of "
                           "that size only the last shards may be shorter",
                           d, (long long)get_extent(binder, odd, index, d), (long long)block);
  }
  return RONDO_OK;
}

/* Before the lengths are bound: shards of other processes. */
static rondo_status check_usual(const binder *binder) {
  const manifest_function *function = binder->scope.function;
  for (int index = 0; binder->ranks.extents && index < function->tensor_count; ++index) {
    for (int d = 0; d < function->tensors[index].dimension_count; ++d) {
      rondo_status status = check_usual_shards(binder, index, d);
      if (status != RONDO_OK)
        return status;
    }
  }
  return RONDO_OK;
}

/* Every process checks every rank's shards, so that all find the same error. */
static rondo_status check_shards(const binder *binder) {
  if (!binder->placed)
    return RONDO_OK;
  for (int32_t rank = 0; rank < known_ranks(binder); ++rank) {
    for (int index = 0; index < binder->scope.function->tensor_count; ++index) {
      rondo_status status = check_placed_shard(binder, rank, index);
      if (status != RONDO_OK)
        return status;
    }
  }
  return RONDO_OK;
}

static void view_shards(const binder *binder, binding *result) {
  const manifest_function *function = binder->scope.function;
  int64_t *extents = result->extents;
  for (int32_t i = 0; i < binder->ranks.count; ++i) {
    for (int index = 0; index < function->tensor_count; ++index) {
      view_shard(binder, binder->ranks.first + i, index, extents,
                 &result->tensors[(size_t)i * (size_t)function->tensor_count + (size_t)index]);
      extents += 2 * function->tensors[index].dimension_count;
    }
  }
}

/* ---- The whole ---- */

static rondo_status allocate(binder *binder, binding *result) {
  const manifest_function *function = binder->scope.function;
  size_t ranks = (size_t)binder->ranks.count, dimensions = bind_extent_count(function);
  /* One more of each, so that an empty list is no NULL. */
  result->lengths = calloc((size_t)function->length_count + 1, sizeof *result->lengths);
  result->tensors = calloc(ranks * (size_t)function->tensor_count + 1, sizeof *result->tensors);
  result->extents = calloc(ranks * dimensions * 2 + 1, sizeof *result->extents);
  binder->sources = calloc((size_t)function->length_count + 1, sizeof *binder->sources);
  if (!result->lengths || !result->tensors || !result->extents || !binder->sources)
    return context_fail(binder->scope.context, RONDO_OUT_OF_MEMORY, "no memory for the tensors of %d ranks",
                        binder->ranks.count);
  for (int i = 0; i < function->length_count; ++i)
    binder->sources[i].tensor = -1;
  binder->lengths = result->lengths;
  return RONDO_OK;
}

static rondo_status bind_tensors(binder *binder, binding *result) {
  memset(result, 0, sizeof *result);
  int32_t given = binder->placed ? binder->ranks.count : 1;
  rondo_status status = tensor_check_list(&binder->scope, given);
  if (status == RONDO_OK)
    status = allocate(binder, result);
  if (status == RONDO_OK)
    status = check_usual(binder);
  if (status == RONDO_OK)
    status = bind_lengths(binder);
  if (status == RONDO_OK)
    status = check_shards(binder);
  if (status == RONDO_OK)
    status = overlap_check(&binder->scope, given);
  if (status == RONDO_OK)
    view_shards(binder, result);
  free(binder->sources);
  if (status != RONDO_OK)
    binding_free(result);
  return status;
}

static binder make_binder(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                          const rank_range *ranks, const tensor_list *list, bool placed) {
  tensor_scope scope = {
      .context = context, .function = function, .list = list, .placed = placed, .first_rank = ranks->first};
  return (binder){.scope = scope, .shape = shape, .ranks = *ranks, .placed = placed};
}

rondo_status bind_global(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         const rank_range *ranks, const tensor_list *list, binding *result) {
  binder binder = make_binder(context, function, shape, ranks, list, false);
  return bind_tensors(&binder, result);
}

rondo_status bind_shards(rondo_context *context, const manifest_function *function, const grid_shape *shape,
                         const rank_range *ranks, const tensor_list *list, binding *result) {
  binder binder = make_binder(context, function, shape, ranks, list, true);
  return bind_tensors(&binder, result);
}

rondo_status bind_read_extents(rondo_context *context, const manifest_function *function, bool placed,
                               const rank_range *ranks, const tensor_list *list, int64_t *extents) {
  tensor_scope scope = {
      .context = context, .function = function, .list = list, .placed = placed, .first_rank = ranks->first};
  rondo_status status = tensor_check_list(&scope, placed ? ranks->count : 1);
  for (int index = 0; status == RONDO_OK && index < function->tensor_count; ++index)
    for (int d = 0; d < function->tensors[index].dimension_count; ++d)
      *extents++ = tensor_list_get(&scope, ranks->first, index)->shape[d];
  return status;
}

rondo_status bind_reference(rondo_context *context, const manifest_function *function, const tensor_list *list,
                            binding *result) {
  grid_shape lone = {.axis_count = MAX_AXES};
  for (int i = 0; i < MAX_AXES; ++i)
    lone.sizes[i] = 1;
  binder binder = {.scope = {.context = context, .function = function, .list = list, .reference = true},
                   .shape = &lone,
                   .ranks = {.first = 0, .count = 1}};
  return bind_tensors(&binder, result);
}

void binding_free(binding *binding) {
  free(binding->lengths);
  free(binding->tensors);
  free(binding->extents);
  memset(binding, 0, sizeof *binding);
}
