/* A transfer beside an attention. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_margin.h"

#include <math.h>

/* The link: copies of 256 MiB between two H100s (18 links) by their copy engines, measured: 386 GB/s. A CTA: NCCL
 * counts 20.6 GB/s for each link of this generation, which a CTA just fills (SM90_NVLINK_BW in its graph/topo.h); so 18
 * do. The latency is that of an NCCL kernel and of the hand-shake in it. */
const rondo_link_model rondo_nvlink = {
    .latency = 10, .bytes_per_microsecond = 386e3, .cta_bytes_per_microsecond = 20.6e3};

/* ---- Transfers ---- */

double rondo_predict_transfer(const rondo_link_model *link, int64_t bytes, int32_t ctas) {
  if (bytes <= 0)
    return 0;
  double rate = fmin(link->bytes_per_microsecond, (ctas < 1 ? 1 : ctas) * link->cta_bytes_per_microsecond);
  return link->latency + (double)bytes / rate;
}

static int32_t round_up_to_power(int32_t number) {
  int32_t power = 1;
  while (power < number)
    power *= 2;
  return power;
}

int32_t rondo_count_nccl_ctas(int32_t limit, int32_t ranks, int64_t bytes) {
  const int64_t least_part = 65536, most_part = 256 * least_part;
  if (bytes <= 0 || ranks < 2)
    return 0;
  int32_t most = round_up_to_power(limit > 0 && limit < RONDO_NCCL_USUAL_CTAS ? limit : RONDO_NCCL_USUAL_CTAS);
  int32_t share = most;
  while ((int64_t)share * ranks > most && share > 1)
    share /= 2;
  int64_t parts = (bytes + least_part - 1) / least_part;
  int32_t ctas = parts < share ? (int32_t)parts : share;
  while ((bytes + ctas - 1) / ctas > most_part && ctas <= most / 2)
    ctas *= 2;
  return ctas;
}

/* Of a ring whose results travel in f32 and queries in 16 bits, for each feature of a row, and what a multiprocessor
 * computes. */
static const double RING_BYTES = 6, FLOPS_PER_MICROSECOND = 5.62e6, FLOPS_PER_KEY = 4;

int32_t rondo_choose_nccl_limit(const rondo_link_model *link, int32_t multiprocessors, int32_t ranks) {
  double bytes_per_microsecond =
      RING_BYTES * multiprocessors * FLOPS_PER_MICROSECOND / (FLOPS_PER_KEY * (double)RONDO_REFERENCE_KEYS);
  int32_t ctas = 1;
  while (ctas * link->cta_bytes_per_microsecond < bytes_per_microsecond &&
         ctas * link->cta_bytes_per_microsecond < link->bytes_per_microsecond)
    ctas *= 2;
  int64_t limit = (int64_t)ctas * round_up_to_power(ranks < RONDO_NCCL_MOST_CTAS ? ranks : RONDO_NCCL_MOST_CTAS);
  return limit < RONDO_NCCL_MOST_CTAS ? (int32_t)limit : RONDO_NCCL_MOST_CTAS;
}

/* ---- Margins ---- */

const double rondo_margin_tolerance = 1.01;

static rondo_step_ends predict_beside(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                      const rondo_attend_choice *choice, int32_t multiprocessors,
                                      const rondo_transfer_load *transfer, bool is_late) {
  rondo_attend_problem problem = facts->problem;
  problem.by_position = choice->by_position;
  const rondo_kernel_traits *traits = candidates[choice->candidate].traits;
  int64_t count = transfer->microseconds > 0 ? (int64_t)transfer->ctas * traits->cluster : 0;
  rondo_transfer_ctas ctas = {count < multiprocessors ? (int32_t)count : multiprocessors, transfer->microseconds,
                              is_late};
  return traits->persistent ? rondo_predict_tile_table_beside(&problem, traits, &choice->table, &ctas, multiprocessors)
                            : rondo_predict_splits_beside(&problem, traits, &choice->splits, &ctas, multiprocessors);
}

/* With this margin, or with all multiprocessors but one. */
static rondo_step_plan plan_with(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                 int32_t count, int32_t multiprocessors, const rondo_transfer_load *transfer,
                                 int64_t margin) {
  const rondo_transfer_load none = {0, 0};
  rondo_step_plan plan = {.margin = margin < multiprocessors ? (int32_t)margin : multiprocessors - 1};
  plan.choice = rondo_choose_attend(facts, candidates, count, multiprocessors - plan.margin);
  if (plan.choice.candidate < 0)
    return plan;
  plan.attend = predict_beside(facts, candidates, &plan.choice, multiprocessors, &none, false).attend;
  plan.step = fmax(plan.attend, transfer->microseconds);
  for (int late = 0; late < 2; ++late) {
    rondo_step_ends ends = predict_beside(facts, candidates, &plan.choice, multiprocessors, transfer, late == 1);
    plan.step = fmax(plan.step, fmax(ends.attend, ends.transfer));
  }
  plan.other = plan.step;
  return plan;
}

rondo_step_plan rondo_plan_step(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                int32_t count, int32_t multiprocessors, const rondo_transfer_load *transfer,
                                int32_t fixed) {
  rondo_step_plan best = plan_with(facts, candidates, count, multiprocessors, transfer, fixed > 0 ? fixed : 0);
  if (fixed >= 0 || transfer->ctas <= 0 || transfer->microseconds <= 0 || best.choice.candidate < 0)
    return best;
  int32_t largest = 1;
  for (int32_t i = 0; i < count; ++i)
    largest = candidates[i].traits->cluster > largest ? candidates[i].traits->cluster : largest;
  double attend = best.attend, bare = best.step, leaving = INFINITY;
  for (int32_t cluster = 1; cluster <= largest; ++cluster) {
    rondo_step_plan plan =
        plan_with(facts, candidates, count, multiprocessors, transfer, (int64_t)transfer->ctas * cluster);
    bool better = plan.choice.candidate >= 0 && plan.margin > best.margin &&
                  (best.margin == 0 ? plan.step <= rondo_margin_tolerance * best.step : plan.step < best.step);
    leaving = plan.choice.candidate >= 0 ? fmin(leaving, plan.step) : leaving;
    rondo_free_tile_table(better ? &best.choice.table : &plan.choice.table);
    if (better)
      best = plan;
  }
  best.attend = attend;
  best.other = best.margin > 0 ? bare : leaving;
  return best;
}

rondo_step_plan rondo_plan_step_and_ctas(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                         int32_t count, int32_t multiprocessors, const rondo_link_model *link,
                                         int64_t bytes, rondo_transfer_load *transfer) {
  const double significant = 0.999;
  *transfer = (rondo_transfer_load){0, 0};
  if (bytes <= 0)
    return rondo_plan_step(facts, candidates, count, multiprocessors, transfer, -1);
  rondo_step_plan best = {.step = INFINITY};
  for (int32_t ctas = 1; ctas <= RONDO_NCCL_USUAL_CTAS; ctas *= 2) {
    rondo_transfer_load load = {ctas, rondo_predict_transfer(link, bytes, ctas)};
    rondo_step_plan plan = rondo_plan_step(facts, candidates, count, multiprocessors, &load, -1);
    bool better = ctas == 1 || (plan.choice.candidate >= 0 && plan.step < significant * best.step);
    rondo_free_tile_table(better ? &best.choice.table : &plan.choice.table);
    if (better) {
      best = plan;
      *transfer = load;
    }
  }
  return best;
}
