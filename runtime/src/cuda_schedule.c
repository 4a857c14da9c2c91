/* How the work of one attention is handed to the CTAs of a GPU. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

rondo_attend_shape rondo_get_attend_shape(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel) {
  enum { FRAGMENT_ROWS = 64 };
  rondo_attend_shape shape;
  int64_t rows = problem->group * problem->query_count;
  shape.rows = (int32_t)rows;
  if (problem->by_position) {
    shape.row_inner = shape.box_inner = shape.position_divisor = (int32_t)problem->group;
    shape.box_outer = FRAGMENT_ROWS / shape.box_inner;
  } else {
    shape.row_inner = (int32_t)rows;
    shape.box_inner = FRAGMENT_ROWS;
    shape.box_outer = shape.position_divisor = 1;
  }
  shape.box_rows = shape.box_inner * shape.box_outer;
  shape.row_tiles = (int32_t)divide_up(rows, (int64_t)kernel->warpgroups * shape.box_rows);
  shape.key_blocks = (int32_t)divide_up(problem->key_count, kernel->block_keys);
  return shape;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Splits
 * ------------------------------------------------------------------------------------------------------------------ */

/* Measured on H100 and H200 at the clocks that they keep under this load. */
static const double FLOPS_PER_MICROSECOND = 5.62e6; /* of a multiprocessor, in the main loop */
static const double CTA_MICROSECONDS = 4.0;         /* launch, first loads and results of a CTA */
static const double MERGE_MICROSECONDS = 2.5;
static const double BYTES_PER_MICROSECOND = 3.0e6;

enum { MAX_SPLITS = 128 };

/* Of a CTA, for one block of keys. */
static double get_block_microseconds(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel) {
  double features = (double)(problem->features + problem->value_features);
  return 2.0 * features * kernel->warpgroups * 64 * kernel->block_keys / FLOPS_PER_MICROSECOND;
}

/* To read keys and values once. */
static double get_key_microseconds(const rondo_attend_problem *problem) {
  double features = (double)(problem->features + problem->value_features);
  return 2.0 * features * (double)problem->key_count * (double)(problem->heads * problem->batches) /
         BYTES_PER_MICROSECOND;
}

static int32_t find_first(const double *busy_until, int32_t count) {
  int32_t first = 0;
  for (int32_t i = 1; i < count; ++i)
    if (busy_until[i] < busy_until[first])
      first = i;
  return first;
}

/* Puts a CTA on the multiprocessor that is free first. When it ends. */
static double start(double *busy_until, int32_t multiprocessors, double length) {
  int32_t first = find_first(busy_until, multiprocessors);
  return busy_until[first] += length;
}

/* CTAs start in order, each on the multiprocessor that is free first: all full splits, then the shorter last ones. */
static double simulate(int64_t tiles, int64_t splits, double full, double last, int32_t multiprocessors,
                       double *busy_until) {
  int64_t full_ctas = tiles * (splits - 1), waves = full_ctas / multiprocessors, rest = full_ctas % multiprocessors;
  double end = 0;
  for (int32_t i = 0; i < multiprocessors; ++i) {
    busy_until[i] = (double)(waves + (i < rest)) * full;
    end = fmax(end, busy_until[i]);
  }
  for (int64_t i = 0; i < tiles; ++i)
    end = fmax(end, start(busy_until, multiprocessors, last));
  return end;
}

/* The modelled length of a CTA, by its number. */
typedef double (*get_length)(const void *ctas, int64_t number);

/* The same, one by one, beside a transfer. */
static rondo_step_ends simulate_beside(get_length length, const void *ctas, int64_t count,
                                       const rondo_transfer_ctas *transfer, int32_t multiprocessors,
                                       double *busy_until) {
  rondo_step_ends ends = {0, 0};
  int64_t before = !transfer->is_late ? 0 : count < multiprocessors ? count : multiprocessors;
  memset(busy_until, 0, sizeof(double) * (size_t)multiprocessors);
  for (int64_t i = 0; i < before; ++i)
    ends.attend = fmax(ends.attend, start(busy_until, multiprocessors, length(ctas, i)));
  /* Streams of transfers have the higher priority. */
  for (int32_t i = 0; i < transfer->count; ++i)
    ends.transfer = fmax(ends.transfer, start(busy_until, multiprocessors, transfer->microseconds));
  for (int64_t i = before; i < count; ++i)
    ends.attend = fmax(ends.attend, start(busy_until, multiprocessors, length(ctas, i)));
  return ends;
}

/* Of a CTA, by the number of its blocks of keys. */
static double get_cta_microseconds(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                   int64_t blocks) {
  return (double)blocks * get_block_microseconds(problem, kernel) + CTA_MICROSECONDS;
}

/* From the time of the busiest multiprocessor to that of the kernel, and of the merge of several splits. A soft
 * maximum: memory is only saturated if most multiprocessors load. */
static double add_memory(const rondo_attend_problem *problem, const rondo_attend_shape *shape, int64_t splits,
                         double compute) {
  double memory = get_key_microseconds(problem) + CTA_MICROSECONDS;
  double time = pow(pow(compute, 4) + pow(memory, 4), 0.25);
  double rows = (double)shape->rows * (double)(problem->heads * problem->batches);
  if (splits > 1)
    time +=
        MERGE_MICROSECONDS + (double)splits * rows * (double)(2 * problem->value_features + 4) / BYTES_PER_MICROSECOND;
  return time;
}

/* The plan that gives each CTA `blocks` blocks, the last ones of a row tile what is left. */
static rondo_split_plan plan_blocks(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                    const rondo_attend_shape *shape, int64_t tiles, int64_t blocks,
                                    int32_t multiprocessors, double *busy_until) {
  int64_t splits = divide_up(shape->key_blocks, blocks), last = shape->key_blocks - (splits - 1) * blocks;
  double compute = simulate(tiles, splits, get_cta_microseconds(problem, kernel, blocks),
                            get_cta_microseconds(problem, kernel, last), multiprocessors, busy_until);
  return (rondo_split_plan){(int32_t)splits, (int32_t)blocks, add_memory(problem, shape, splits, compute)};
}

/* CTAs of one split. */
static int64_t count_tiles(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                           const rondo_attend_shape *shape) {
  return divide_up(shape->row_tiles, kernel->cluster) * kernel->cluster * problem->heads * problem->batches;
}

typedef struct {
  int64_t full_ctas;
  double full, last; /* microseconds */
} split_ctas;

static double get_split_length(const void *ctas, int64_t number) {
  const split_ctas *splits = ctas;
  return number < splits->full_ctas ? splits->full : splits->last;
}

rondo_step_ends rondo_predict_splits_beside(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                            const rondo_split_plan *plan, const rondo_transfer_ctas *transfer,
                                            int32_t multiprocessors) {
  const int64_t most_waves = 64; /* then the transfer soon finds a place, and makes little difference */
  rondo_attend_shape shape = rondo_get_attend_shape(problem, kernel);
  int64_t tiles = count_tiles(problem, kernel, &shape), blocks = plan->blocks_per_split;
  int64_t last = shape.key_blocks - (plan->splits - 1) * blocks, full_ctas = tiles * (plan->splits - 1);
  split_ctas ctas = {full_ctas, get_cta_microseconds(problem, kernel, blocks),
                     get_cta_microseconds(problem, kernel, last)};
  double *busy_until = malloc(sizeof(double) * (size_t)multiprocessors);
  if (!busy_until)
    return (rondo_step_ends){INFINITY, INFINITY};
  rondo_step_ends ends = {0, transfer->microseconds};
  if (full_ctas + tiles <= most_waves * multiprocessors)
    ends = simulate_beside(get_split_length, &ctas, full_ctas + tiles, transfer, multiprocessors, busy_until);
  else
    ends.attend = ((double)full_ctas * ctas.full + (double)tiles * ctas.last) / multiprocessors;
  ends.attend = add_memory(problem, &shape, plan->splits, ends.attend);
  free(busy_until);
  return ends;
}

rondo_split_plan rondo_plan_splits(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                   int32_t multiprocessors) {
  rondo_attend_shape shape = rondo_get_attend_shape(problem, kernel);
  int64_t tiles = count_tiles(problem, kernel, &shape);
  rondo_split_plan best = {1, (int32_t)max64(shape.key_blocks, 1), INFINITY};
  double *busy_until = malloc(sizeof(double) * (size_t)multiprocessors);
  if (!busy_until || tiles == 0 || tiles >= 4 * (int64_t)multiprocessors) {
    free(busy_until);
    return best;
  }
  for (int64_t wanted = 1; wanted <= min64(MAX_SPLITS, shape.key_blocks); ++wanted) {
    /* As equal as possible; or rounded down, with short CTAs left over for multiprocessors that have nothing else. */
    int64_t equal = divide_up(shape.key_blocks, wanted), less = shape.key_blocks / wanted;
    for (int64_t blocks = equal; blocks >= less; --blocks) {
      rondo_split_plan plan = plan_blocks(problem, kernel, &shape, tiles, blocks, multiprocessors, busy_until);
      if (plan.splits <= MAX_SPLITS && plan.microseconds < best.microseconds - 1e-9)
        best = plan;
    }
  }
  free(busy_until);
  return best;
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Tile tables
 * ------------------------------------------------------------------------------------------------------------------ */

/* What a cluster works on: as many row tiles as it has CTAs, from `row_tile` on. */
typedef struct {
  int32_t row_tile, head, batch;
  int32_t blocks, masked;
} tile;

/* In blocks: what a tile costs besides its blocks, and what a mask costs. */
static const double TILE_COST = 0.5, MASK_COST = 0.1;

static double get_cost(const tile *t) { return t->blocks + MASK_COST * t->masked + TILE_COST; }

static int64_t count_visible(const rondo_attend_problem *problem, int64_t position) {
  return max64(0, min64(problem->key_count, position + problem->diagonal + 1));
}

static tile make_tile(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                      const rondo_attend_shape *shape, int64_t row_tile, int64_t head) {
  tile result = {(int32_t)row_tile, (int32_t)(head % problem->heads), (int32_t)(head / problem->heads),
                 (int32_t)max64(shape->key_blocks, 1), 1};
  if (!kernel->causal)
    return result;
  int64_t tile_rows = (int64_t)kernel->warpgroups * shape->box_rows;
  int64_t first = row_tile * tile_rows / shape->position_divisor;
  int64_t last = (min64((row_tile + kernel->cluster) * tile_rows, shape->rows) - 1) / shape->position_divisor;
  /* Rows of several heads begin again at position 0: then all positions may occur. */
  bool wraps = first / problem->query_count != last / problem->query_count;
  int64_t lowest = wraps ? 0 : first % problem->query_count;
  int64_t highest = wraps ? problem->query_count - 1 : last % problem->query_count;
  int64_t visible = divide_up(count_visible(problem, highest), kernel->block_keys);
  int64_t unmasked = count_visible(problem, lowest) / kernel->block_keys;
  result.blocks = (int32_t)max64(visible, 1);
  result.masked = (int32_t)min64(max64(result.blocks - unmasked, 1), result.blocks);
  return result;
}

/* Longest first; then in the order of rows and heads, so that the order is a total one. */
static int compare_tiles(const void *left, const void *right) {
  const tile *a = left, *b = right;
  if (a->blocks != b->blocks)
    return a->blocks > b->blocks ? -1 : 1;
  if (a->row_tile != b->row_tile)
    return a->row_tile > b->row_tile ? -1 : 1;
  return (a->batch != b->batch) ? a->batch - b->batch : a->head - b->head;
}

/* Gives each tile, in order, to the cluster that is done first: owners[i] is that of tile i. The modelled time. */
static double assign(const tile *tiles, int64_t count, int32_t clusters, double *busy_until, int32_t *owners) {
  double end = 0;
  memset(busy_until, 0, sizeof(double) * (size_t)clusters);
  for (int64_t i = 0; i < count; ++i) {
    int32_t first = find_first(busy_until, clusters);
    owners[i] = first;
    busy_until[first] += get_cost(&tiles[i]);
    end = fmax(end, busy_until[first]);
  }
  return end;
}

/* Heads in sections of `section`, which share K and V in L2; inside a section, the longest tiles first. */
static void order_tiles(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                        const rondo_attend_shape *shape, int64_t section, tile *tiles) {
  int64_t heads = problem->heads * problem->batches, count = 0;
  for (int64_t begin = 0; begin < heads; begin += section) {
    int64_t first = count;
    for (int64_t row_tile = 0; row_tile < shape->row_tiles; row_tile += kernel->cluster)
      for (int64_t head = begin; head < min64(heads, begin + section); ++head)
        tiles[count++] = make_tile(problem, kernel, shape, row_tile, head);
    if (kernel->causal)
      qsort(tiles + first, (size_t)(count - first), sizeof(tile), compare_tiles);
  }
}

/* The words of the table, from tiles and their owners. */
static rondo_tile_table write_table(const tile *tiles, const int32_t *owners, int64_t count, int32_t clusters,
                                    int32_t cluster) {
  rondo_tile_table table = {NULL, clusters * cluster, 0, 1.0};
  int32_t *counts = calloc((size_t)clusters, sizeof *counts), longest = 0;
  if (!counts)
    return table;
  for (int64_t i = 0; i < count; ++i)
    if (++counts[owners[i]] > longest)
      longest = counts[owners[i]];
  table.stride = 2 * (longest + 2); /* the count, and room for one tile more */
  table.words = calloc((size_t)table.ctas * (size_t)table.stride, sizeof *table.words);
  for (int64_t i = 0; table.words && i < count; ++i)
    for (int32_t rank = 0; rank < cluster; ++rank) {
      uint32_t *row = table.words + ((int64_t)owners[i] * cluster + rank) * table.stride;
      uint32_t *entry = row + 2 + 2 * row[0]++;
      const tile *t = &tiles[i];
      entry[0] = (uint32_t)(t->row_tile + rank) | (uint32_t)t->head << RONDO_TILE_HEAD_SHIFT |
                 (uint32_t)t->batch << RONDO_TILE_BATCH_SHIFT;
      entry[1] = (uint32_t)t->blocks | (uint32_t)t->masked << RONDO_TILE_MASKED_SHIFT;
    }
  free(counts);
  return table;
}

rondo_tile_table rondo_build_tile_table(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                        int32_t multiprocessors) {
  rondo_attend_shape shape = rondo_get_attend_shape(problem, kernel);
  int64_t heads = problem->heads * problem->batches, count = divide_up(shape.row_tiles, kernel->cluster) * heads;
  int32_t clusters = (int32_t)min64(max64(multiprocessors / kernel->cluster, 1), count);
  rondo_tile_table table = {NULL, clusters * kernel->cluster, 0, 1.0};
  tile *tiles = malloc(sizeof *tiles * (size_t)max64(count, 1));
  int32_t *owners = malloc(sizeof *owners * (size_t)max64(count, 1));
  double *busy_until = malloc(sizeof *busy_until * (size_t)max64(clusters, 1));
  if (tiles && owners && busy_until && clusters > 0) {
    /* Sections that divide the heads; the smallest that does best, since it needs the least of L2. */
    static const int64_t sections[] = {1, 2, 4, 8};
    int64_t best = 1;
    double shortest = INFINITY;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; ++i) {
      if (heads % sections[i] != 0)
        continue;
      order_tiles(problem, kernel, &shape, sections[i], tiles);
      double time = assign(tiles, count, clusters, busy_until, owners);
      if (time < shortest * 0.995) {
        shortest = time;
        best = sections[i];
      }
    }
    order_tiles(problem, kernel, &shape, best, tiles);
    double total = 0, time = assign(tiles, count, clusters, busy_until, owners);
    for (int64_t i = 0; i < count; ++i)
      total += get_cost(&tiles[i]);
    table = write_table(tiles, owners, count, clusters, kernel->cluster);
    table.imbalance = time * clusters / total;
  }
  free(tiles);
  free(owners);
  free(busy_until);
  return table;
}

void rondo_free_tile_table(rondo_tile_table *table) {
  free(table->words);
  table->words = NULL;
}

/* The modelled blocks of a CTA. */
static double count_blocks(const rondo_kernel_traits *kernel, const rondo_tile_table *table, int32_t cta) {
  const uint32_t *row = table->words + (int64_t)cta * table->stride;
  double blocks = 0;
  for (uint32_t i = 0; i < row[0]; ++i) {
    uint32_t word = row[2 + 2 * i + 1];
    tile t = {0, 0, 0, (int32_t)(word & 0xffff), kernel->causal ? (int32_t)(word >> RONDO_TILE_MASKED_SHIFT) : 0};
    blocks += get_cost(&t);
  }
  return blocks;
}

static double combine_with_memory(const rondo_attend_problem *problem, double compute) {
  return fmax(compute, get_key_microseconds(problem)) + CTA_MICROSECONDS;
}

double rondo_predict_tile_table(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                const rondo_tile_table *table) {
  double longest = 0;
  for (int32_t cta = 0; cta < table->ctas; ++cta)
    longest = fmax(longest, count_blocks(kernel, table, cta));
  return combine_with_memory(problem, longest * get_block_microseconds(problem, kernel));
}

typedef struct {
  const rondo_kernel_traits *kernel;
  const rondo_tile_table *table;
  double block; /* microseconds */
} table_ctas;

static double get_table_length(const void *ctas, int64_t number) {
  const table_ctas *table = ctas;
  return count_blocks(table->kernel, table->table, (int32_t)number) * table->block;
}

rondo_step_ends rondo_predict_tile_table_beside(const rondo_attend_problem *problem, const rondo_kernel_traits *kernel,
                                                const rondo_tile_table *table, const rondo_transfer_ctas *transfer,
                                                int32_t multiprocessors) {
  table_ctas ctas = {kernel, table, get_block_microseconds(problem, kernel)};
  double *busy_until = malloc(sizeof(double) * (size_t)multiprocessors);
  if (!busy_until)
    return (rondo_step_ends){INFINITY, INFINITY};
  rondo_step_ends ends = simulate_beside(get_table_length, &ctas, table->ctas, transfer, multiprocessors, busy_until);
  ends.attend = combine_with_memory(problem, ends.attend);
  free(busy_until);
  return ends;
}
