/* From the tensors of an attention to the arguments of attend and merge kernels. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_attend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH, HEAD, ROW, FEATURE };
enum { MAP_ALIGNMENT = 16, INPUT_BYTES = 2, FRAGMENT_COLUMNS = 64 };

static const int64_t LARGEST_MAP_STRIDE = (int64_t)1 << 40; /* in bytes, not reached */

size_t cuda_element_bytes(rondo_element element) { return element == RONDO_ELEMENT_F32 ? 4 : 2; }

/* ---- What addresses and strides allow ---- */

static int64_t get_group(const cuda_attention *attention) {
  return attention->query.sizes[HEAD] / attention->key.sizes[HEAD];
}

/* Whether the heads that share a key/value head are one matrix: their rows lie at one distance. */
static bool packs_by_head(const cuda_tensor *tensor, int64_t group) {
  int64_t rows = tensor->sizes[ROW];
  return group == 1 || rows == 1 || tensor->strides[HEAD] == rows * tensor->strides[ROW];
}

/* The distance of rows in such a matrix. */
static int64_t get_packed_stride(const cuda_tensor *tensor) {
  return tensor->sizes[ROW] == 1 ? tensor->strides[HEAD] : tensor->strides[ROW];
}

static bool is_map_stride(int64_t bytes) {
  return bytes > 0 && bytes % MAP_ALIGNMENT == 0 && bytes < LARGEST_MAP_STRIDE;
}

/* The first dimension whose stride no tensor map has; -1: none, -2: it is the address. Strides of extents below 2 mean
 * nothing. */
static int find_misaligned(const cuda_tensor *tensor) {
  if (tensor->address % MAP_ALIGNMENT != 0)
    return -2;
  for (int d = BATCH; d < FEATURE; ++d)
    if (tensor->sizes[d] > 1 && !is_map_stride(tensor->strides[d] * INPUT_BYTES))
      return d;
  return -1;
}

/* Rows of O that are stored 16 bytes (f32: 8 bytes) at once. */
static bool is_output_aligned(const cuda_attention *attention) {
  const cuda_tensor *output = &attention->output;
  if (output->sizes[FEATURE] % 8 != 0)
    return true;
  int64_t bytes = (int64_t)cuda_element_bytes(attention->output_type), unit = bytes == 2 ? 16 : 8;
  if (output->address % (uint64_t)unit != 0)
    return false;
  for (int d = BATCH; d < FEATURE; ++d)
    if (output->sizes[d] > 1 && output->strides[d] * bytes % unit != 0)
      return false;
  return true;
}

rondo_attend_facts cuda_attend_facts(const cuda_attention *attention) {
  const cuda_tensor *query = &attention->query, *key = &attention->key;
  int64_t group = get_group(attention);
  return (rondo_attend_facts){.problem = {.batches = query->sizes[BATCH],
                                          .heads = key->sizes[HEAD],
                                          .group = group,
                                          .query_count = query->sizes[ROW],
                                          .key_count = key->sizes[ROW],
                                          .features = query->sizes[FEATURE],
                                          .value_features = attention->value.sizes[FEATURE],
                                          .diagonal = attention->diagonal},
                              .query_by_head = packs_by_head(query, group),
                              .result_by_head =
                                  packs_by_head(&attention->output, group) && packs_by_head(&attention->lse, group),
                              .inputs_aligned = find_misaligned(query) == -1 && find_misaligned(key) == -1 &&
                                                find_misaligned(&attention->value) == -1,
                              .output_aligned = is_output_aligned(attention)};
}

void cuda_attend_describe_alignment(const cuda_attention *attention, char *text, size_t capacity) {
  static const char *const names[] = {"query", "key", "value"};
  const cuda_tensor *const tensors[] = {&attention->query, &attention->key, &attention->value};
  for (int i = 0; i < 3; ++i) {
    int d = find_misaligned(tensors[i]);
    if (d == -2)
      snprintf(text, capacity, "%s begins at address 0x%llx, which is no multiple of %d", names[i],
               (unsigned long long)tensors[i]->address, MAP_ALIGNMENT);
    else if (d >= 0)
      snprintf(text, capacity,
               "dimension %d of %s has a stride of %lld bytes, which is no positive multiple of %d below 2^40", d,
               names[i], (long long)tensors[i]->strides[d] * INPUT_BYTES, MAP_ALIGNMENT);
    if (d != -1)
      return;
  }
  snprintf(text, capacity, "every tensor is aligned");
}

/* ---- Tensors as kernels see them ---- */

static rondo_plain_tensor describe_queries(const cuda_attention *attention, const rondo_attend_shape *shape,
                                           bool by_position) {
  const cuda_tensor *q = &attention->query;
  int64_t group = get_group(attention), heads = attention->key.sizes[HEAD];
  rondo_plain_tensor plain = {
      .address = q->address,
      .extents = {(int32_t)q->sizes[FEATURE], shape->rows, 1, (int32_t)heads, (int32_t)q->sizes[BATCH]},
      .strides = {get_packed_stride(q), q->strides[HEAD] * group, q->strides[HEAD] * group, q->strides[BATCH]}};
  if (by_position) {
    plain.extents[1] = (int32_t)group;
    plain.extents[2] = (int32_t)q->sizes[ROW];
    plain.strides[0] = q->strides[HEAD];
    plain.strides[1] = q->strides[ROW];
  }
  return plain;
}

static rondo_plain_tensor describe_keys(const cuda_tensor *k) {
  return (rondo_plain_tensor){.address = k->address,
                              .extents = {(int32_t)k->sizes[FEATURE], (int32_t)k->sizes[ROW], (int32_t)k->sizes[HEAD],
                                          (int32_t)k->sizes[BATCH], 0},
                              .strides = {k->strides[ROW], k->strides[HEAD], k->strides[BATCH], 0}};
}

/* Nothing is read along extents below 2, but a map must be valid there, too. */
static cuda_result encode_map(const cuda_api *api, rondo_element type, const rondo_plain_tensor *tensor, uint32_t rank,
                              const uint32_t *box, rondo_tensor_map *map) {
  uint64_t extents[5], strides[4], row = ((uint64_t)tensor->extents[0] * INPUT_BYTES + 15) / 16 * 16;
  uint32_t steps[5];
  for (uint32_t i = 0; i < rank; ++i) {
    extents[i] = tensor->extents[i] > 1 ? (uint64_t)tensor->extents[i] : 1;
    steps[i] = 1;
  }
  for (uint32_t i = 0; i + 1 < rank; ++i) {
    int64_t bytes = tensor->strides[i] * INPUT_BYTES;
    strides[i] = is_map_stride(bytes) || extents[i + 1] > 1 ? (uint64_t)bytes : row;
  }
  return api->encode_tiled(map, type == RONDO_ELEMENT_F16 ? CUDA_ELEMENT_FLOAT16 : CUDA_ELEMENT_BFLOAT16, rank,
                           (void *)(uintptr_t)tensor->address, extents, strides, box, steps, CUDA_NO_INTERLEAVE,
                           CUDA_SWIZZLE_128, CUDA_PROMOTE_256, CUDA_FILL_ZEROS);
}

static cuda_result set_tensor(const cuda_api *api, const rondo_kernel_traits *traits, rondo_element type,
                              const rondo_plain_tensor *tensor, uint32_t rank, const uint32_t *box,
                              rondo_tensor_map *map) {
  if (!traits->plain_loads)
    return encode_map(api, type, tensor, rank, box, map);
  memcpy(map->bytes, tensor, sizeof *tensor);
  return CUDA_OK;
}

static cuda_result set_tensors(const cuda_api *api, const cuda_attention *attention, const rondo_kernel_traits *traits,
                               const rondo_attend_shape *shape, bool by_position, rondo_attend_arguments *arguments) {
  const rondo_plain_tensor queries = describe_queries(attention, shape, by_position);
  const rondo_plain_tensor keys = describe_keys(&attention->key), values = describe_keys(&attention->value);
  const uint32_t cluster = traits->cluster > 1 ? (uint32_t)traits->cluster : 1;
  const uint32_t query_box[5] = {FRAGMENT_COLUMNS, (uint32_t)shape->box_inner, (uint32_t)shape->box_outer, 1, 1};
  const uint32_t key_box[4] = {FRAGMENT_COLUMNS, (uint32_t)traits->block_keys / cluster, 1, 1};
  rondo_element type = attention->input_type;
  cuda_result result = set_tensor(api, traits, type, &queries, 5, query_box, &arguments->queries);
  if (result == CUDA_OK)
    result = set_tensor(api, traits, type, &keys, 4, key_box, &arguments->keys);
  if (result == CUDA_OK)
    result = set_tensor(api, traits, type, &values, 4, key_box, &arguments->values);
  return result;
}

/* ---- Results ---- */

static void set_contiguous(cuda_tensor *tensor, int dimensions) {
  int64_t stride = 1;
  for (int d = dimensions - 1; d >= 0; --d) {
    tensor->strides[d] = stride;
    stride *= tensor->sizes[d];
  }
}

void cuda_attend_to_partials(cuda_attention *attention, uint64_t output, uint64_t lse) {
  set_contiguous(&attention->output, 4);
  set_contiguous(&attention->lse, 3);
  attention->output.address = output;
  attention->lse.address = lse;
}

static void set_results(const cuda_attention *attention, bool by_position, rondo_attend_arguments *a) {
  const cuda_tensor *o = &attention->output, *lse = &attention->lse;
  int64_t group = get_group(attention);
  a->output = o->address;
  a->lse = lse->address;
  /* Of partial results, which are contiguous; there are no splits otherwise. */
  a->output_split_stride = o->sizes[BATCH] * o->sizes[HEAD] * o->sizes[ROW] * o->sizes[FEATURE];
  a->lse_split_stride = o->sizes[BATCH] * o->sizes[HEAD] * o->sizes[ROW];
  a->output_batch_stride = o->strides[BATCH];
  a->lse_batch_stride = lse->strides[BATCH];
  a->output_head_stride = o->strides[HEAD] * group;
  a->lse_head_stride = lse->strides[HEAD] * group;
  /* By head, all rows of a key/value head follow one another: their outer index is 0. */
  a->output_outer_stride = by_position ? o->strides[ROW] : 0;
  a->lse_outer_stride = by_position ? lse->strides[ROW] : 0;
  a->output_inner_stride = by_position ? o->strides[HEAD] : get_packed_stride(o);
  a->lse_inner_stride = by_position ? lse->strides[HEAD] : get_packed_stride(lse);
}

/* ---- The whole ---- */

static int32_t clamp_diagonal(int64_t diagonal) {
  const int64_t limit = (int64_t)1 << 30;
  return (int32_t)(diagonal > limit ? limit : diagonal < -limit ? -limit : diagonal);
}

static float get_scale_log2(double scale) {
  static const double LOG2_E = 1.4426950408889634;
  /* Scores of zero: small enough to vanish beside any maximum, large enough to be a normal number. */
  static const float tiny = 1e-30f;
  return scale == 0 ? tiny : (float)(fabs(scale) * LOG2_E);
}

cuda_result cuda_attend_arguments(const cuda_api *api, const cuda_attention *attention,
                                  const rondo_kernel_traits *traits, const rondo_attend_choice *choice, uint64_t table,
                                  rondo_attend_arguments *arguments, unsigned grid[3]) {
  memset(arguments, 0, sizeof *arguments);
  rondo_attend_problem problem = cuda_attend_facts(attention).problem;
  problem.by_position = choice->by_position;
  rondo_attend_shape shape = rondo_get_attend_shape(&problem, traits);
  cuda_result result = set_tensors(api, attention, traits, &shape, choice->by_position, arguments);
  if (result != CUDA_OK)
    return result;
  set_results(attention, choice->by_position, arguments);
  arguments->rows = shape.rows;
  arguments->keys_count = (int32_t)problem.key_count;
  arguments->heads = (int32_t)problem.heads;
  arguments->batches = (int32_t)problem.batches;
  arguments->row_inner = shape.row_inner;
  arguments->box_rows = shape.box_rows;
  arguments->blocks_per_split = choice->splits.blocks_per_split;
  arguments->query_count = (int32_t)problem.query_count;
  arguments->position_divisor = shape.position_divisor;
  arguments->diagonal = clamp_diagonal(problem.diagonal);
  arguments->scale_log2 = get_scale_log2(attention->scale);
  grid[0] = (unsigned)choice->table.ctas;
  grid[1] = grid[2] = 1;
  if (traits->persistent) {
    arguments->tiles = table;
    arguments->tile_stride = choice->table.stride;
    return CUDA_OK;
  }
  unsigned cluster = traits->cluster > 1 ? (unsigned)traits->cluster : 1;
  grid[0] = ((unsigned)shape.row_tiles + cluster - 1) / cluster * cluster;
  grid[1] = (unsigned)problem.heads;
  grid[2] = (unsigned)(choice->splits.splits * problem.batches);
  return CUDA_OK;
}

rondo_merge_arguments cuda_merge_arguments(const cuda_tensor *output, uint64_t lse, uint64_t partial_output,
                                           uint64_t partial_lse, int32_t parts, bool arriving) {
  return (rondo_merge_arguments){.partial_output = partial_output,
                                 .partial_lse = partial_lse,
                                 .arriving_output = arriving ? output->address : 0,
                                 .arriving_lse = arriving ? lse : 0,
                                 .output = output->address,
                                 .lse = lse,
                                 .output_batch_stride = output->strides[BATCH],
                                 .output_head_stride = output->strides[HEAD],
                                 .output_row_stride = output->strides[ROW],
                                 .arriving_batch_stride = output->strides[BATCH],
                                 .arriving_head_stride = output->strides[HEAD],
                                 .arriving_row_stride = output->strides[ROW],
                                 .rows = (int32_t)(output->sizes[BATCH] * output->sizes[HEAD] * output->sizes[ROW]),
                                 .parts = parts,
                                 .heads = (int32_t)output->sizes[HEAD],
                                 .query_count = (int32_t)output->sizes[ROW]};
}
