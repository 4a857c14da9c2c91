/* A transfer beside an attention. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_margin.h"

#include <math.h>

/* Measured between two H100s (18 links): copies of 256 MiB by their copy engines, 386 GB/s; 315 MB by one CTA of NCCL
 * between registered buffers, 38.7 GB/s. The latency is that of an NCCL kernel and of the hand-shake in it. */
const rondo_link_model rondo_nvlink = {
    .latency = 10, .bytes_per_microsecond = 386e3, .cta_bytes_per_microsecond = 38.7e3};

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
