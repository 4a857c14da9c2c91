/* What was chosen for the lengths that a rank has met. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_plans.h"

static bool same_problem(const rondo_attend_problem *a, const rondo_attend_problem *b) {
  return a->batches == b->batches && a->heads == b->heads && a->group == b->group && a->query_count == b->query_count &&
         a->key_count == b->key_count && a->features == b->features && a->value_features == b->value_features &&
         a->diagonal == b->diagonal;
}

static bool same(const cuda_plan *a, const cuda_plan *b) {
  return a->operation == b->operation && a->program == b->program && a->multiprocessors == b->multiprocessors &&
         a->fixed_margin == b->fixed_margin && a->transfer.ctas == b->transfer.ctas &&
         a->transfer.microseconds == b->transfer.microseconds && a->facts.query_by_head == b->facts.query_by_head &&
         a->facts.result_by_head == b->facts.result_by_head && a->facts.inputs_aligned == b->facts.inputs_aligned &&
         a->facts.output_aligned == b->facts.output_aligned && same_problem(&a->facts.problem, &b->facts.problem);
}

cuda_plan *cuda_plans_find(cuda_plans *plans, const cuda_plan *key) {
  ++plans->clock;
  for (int i = 0; i < CUDA_PLAN_CAPACITY; ++i) {
    cuda_plan *plan = &plans->plans[i];
    if (plan->operation && same(plan, key)) {
      plan->used = plans->clock;
      return plan;
    }
  }
  return NULL;
}

cuda_plan *cuda_plans_evict(cuda_plans *plans) {
  cuda_plan *oldest = &plans->plans[0];
  for (int i = 0; i < CUDA_PLAN_CAPACITY; ++i) {
    cuda_plan *plan = &plans->plans[i];
    if (!plan->operation)
      return plan;
    if (plan->used < oldest->used)
      oldest = plan;
  }
  return oldest;
}
