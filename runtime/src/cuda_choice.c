/* Which of an operation's attend kernels runs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_choice.h"

#include <math.h>

enum { LARGEST_POSITION_GROUP = 64 };

/* What kernels count in 32 bits, with room for the last tile. */
static const int64_t LARGEST_COUNT = INT32_MAX - 65536;

/* What fits into the fields of a tile; see cuda_abi.h. */
static const int64_t TABLE_ROW_TILES = 65536, TABLE_HEADS = 256, TABLE_BATCHES = 256, TABLE_BLOCKS = 65535;

static const int64_t LARGEST_GRID_YZ = 65535;

rondo_attend_candidate rondo_get_attend_candidate(const rondo_cuda_kernel *attend, const rondo_cuda_kernel *merge,
                                                  rondo_element output) {
  const rondo_kernel_traits *traits = &attend->traits;
  return (rondo_attend_candidate){.traits = traits,
                                  .writes_output = attend->output == output && !traits->scaled_rows,
                                  .has_merge = merge && merge->input == attend->output &&
                                               merge->traits.scaled_rows == traits->scaled_rows};
}

static bool exceeds(int64_t a, int64_t b, int64_t limit) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) || product > limit;
}

static rondo_attend_refusal check_counts(const rondo_attend_problem *p, bool direct) {
  if (exceeds(p->group, p->query_count, LARGEST_COUNT) || p->key_count > LARGEST_COUNT)
    return RONDO_TOO_LARGE;
  /* A merge counts all rows. */
  if (!direct && (exceeds(p->batches, p->heads, LARGEST_COUNT) ||
                  exceeds(p->batches * p->heads, p->group * p->query_count, LARGEST_COUNT)))
    return RONDO_TOO_LARGE;
  return RONDO_FITS;
}

/* By head if the strides allow it: then the rows of a tile are dense. */
static rondo_attend_refusal choose_packing(const rondo_attend_facts *facts, bool direct, bool *by_position) {
  *by_position = !(facts->query_by_head && (!direct || facts->result_by_head));
  return *by_position && facts->problem.group > LARGEST_POSITION_GROUP ? RONDO_HEADS_APART : RONDO_FITS;
}

static rondo_attend_refusal plan_persistent(const rondo_attend_problem *problem, const rondo_kernel_traits *traits,
                                            int32_t multiprocessors, rondo_attend_choice *choice) {
  if (problem->key_count == 0)
    return RONDO_NO_KEYS;
  rondo_attend_shape shape = rondo_get_attend_shape(problem, traits);
  if (shape.row_tiles > TABLE_ROW_TILES || problem->heads > TABLE_HEADS || problem->batches > TABLE_BATCHES ||
      shape.key_blocks > TABLE_BLOCKS)
    return RONDO_TABLE_TOO_LARGE;
  choice->table = rondo_build_tile_table(problem, traits, multiprocessors);
  if (!choice->table.words)
    return RONDO_NO_MEMORY;
  choice->splits = (rondo_split_plan){1, shape.key_blocks, 0};
  choice->splits.microseconds = rondo_predict_tile_table(problem, traits, &choice->table);
  return RONDO_FITS;
}

static rondo_attend_refusal plan_grid(const rondo_attend_problem *problem, const rondo_kernel_traits *traits,
                                      bool merges, int32_t multiprocessors, rondo_attend_choice *choice) {
  if (problem->heads > LARGEST_GRID_YZ || problem->batches > LARGEST_GRID_YZ)
    return RONDO_TOO_LARGE;
  rondo_attend_shape shape = rondo_get_attend_shape(problem, traits);
  choice->splits = (rondo_split_plan){1, shape.key_blocks > 0 ? shape.key_blocks : 1, INFINITY};
  rondo_split_plan plan = rondo_plan_splits(problem, traits, multiprocessors);
  bool can_split = merges && plan.splits * problem->batches <= LARGEST_GRID_YZ;
  if (plan.splits == 1 || can_split)
    choice->splits = plan;
  return RONDO_FITS;
}

/* Plans one candidate. With several splits its results are partial ones, even if their type is that of O. */
static rondo_attend_refusal plan(const rondo_attend_facts *facts, const rondo_attend_candidate *candidate, bool direct,
                                 int32_t multiprocessors, rondo_attend_choice *choice) {
  const rondo_kernel_traits *traits = candidate->traits;
  rondo_attend_problem problem = facts->problem;
  choice->direct = direct;
  if (!direct && !candidate->has_merge)
    return RONDO_NO_MERGE;
  if (!traits->plain_loads && !facts->inputs_aligned)
    return RONDO_NOT_ALIGNED;
  rondo_attend_refusal refusal = choose_packing(facts, direct, &problem.by_position);
  if (refusal == RONDO_FITS)
    refusal = check_counts(&problem, direct);
  if (refusal != RONDO_FITS)
    return refusal;
  choice->by_position = problem.by_position;
  if (traits->persistent)
    return plan_persistent(&problem, traits, multiprocessors, choice);
  return plan_grid(&problem, traits, !direct, multiprocessors, choice);
}

static void discard(rondo_attend_choice *choice) { rondo_free_tile_table(&choice->table); }

rondo_attend_choice rondo_choose_attend(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                        int32_t count, int32_t multiprocessors) {
  rondo_attend_choice best = {.candidate = -1, .refusal = RONDO_NO_MERGE};
  for (int32_t i = 0; i < 2 * count; ++i) {
    const rondo_attend_candidate *candidate = &candidates[i / 2];
    bool direct = i % 2 == 0; /* first its own result, then partial ones, in as many splits as it likes */
    if (direct && (!candidate->writes_output || !facts->output_aligned))
      continue;
    rondo_attend_choice choice = {.candidate = i / 2};
    choice.refusal = plan(facts, candidate, direct, multiprocessors, &choice);
    bool first = best.candidate < 0;
    if (choice.refusal != RONDO_FITS) {
      if (first && choice.refusal != RONDO_NO_MERGE)
        best.refusal = choice.refusal;
      discard(&choice);
    } else if (first || choice.splits.microseconds < best.splits.microseconds) {
      discard(&best);
      best = choice;
    } else {
      discard(&choice);
    }
  }
  return best;
}
