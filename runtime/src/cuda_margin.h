/* A transfer beside an attention: how long it takes on so many CTAs, and how many multiprocessors the attention should
 * leave to it.
 *
 * A CTA of an attend kernel takes all shared memory of a multiprocessor, and so does a CTA of a transfer that a kernel
 * carries out, such as NCCL's. With c CTAs it keeps c multiprocessors for X microseconds. Both are started at once, and
 * either may come first:
 *
 *   margin 0   The attention is planned for all S multiprocessors. If the transfer comes first, those CTAs of the
 *              attention that find no place start when it ends, or when a CTA before them ends; if it comes second, its
 *              own CTAs wait for the first that end. Where one wave of CTAs of length T fills the GPU, the step takes
 *              T + X either way, if X < T.
 *   margin c   It is planned for S - c, and T becomes T(S - c). The transfer finds these free, unless the attention has
 *              more CTAs than multiprocessors, which take what is free.
 *
 * All cases are simulated CTA by CTA, in both orders, and the worse one counts.
 *
 * The multiprocessors of a cluster are neighbours, and the transfer's CTAs may be anywhere: each may cost a kernel with
 * clusters a whole one. So with clusters c counts so many times.
 *
 * A step lasts until both are over. The margin is 0, c, or c clusters if a kernel has them, whichever step is predicted
 * to be shortest. But a margin that makes it longer by less than 1 % is left, too: without one, what is not foreseen of
 * the order in which CTAs find places may cost a whole X. A transfer that keeps no multiprocessor (copy engines), or
 * sends nothing, asks for none. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_MARGIN_H
#define RONDO_SRC_CUDA_MARGIN_H

#include "cuda_choice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Transfers ---- */

/* A link between GPUs, and what a CTA moves over it. */
typedef struct {
  double latency;               /* microseconds, from the launch of a transfer to its end, of no bytes */
  double bytes_per_microsecond; /* of the link, one way */
  double cta_bytes_per_microsecond;
} rondo_link_model;

/* NVLink between two H100s or H200s. */
extern const rondo_link_model rondo_nvlink;

/* latency + bytes / min(link, ctas * CTA), in microseconds; 0 for no bytes. `ctas` < 1 counts as one. */
double rondo_predict_transfer(const rondo_link_model *link, int64_t bytes, int32_t ctas);

/* NCCL's largest number of CTAs, and what it takes where nobody limits it. */
enum { RONDO_NCCL_MOST_CTAS = 64, RONDO_NCCL_USUAL_CTAS = 32 };

/* How many CTAs NCCL gives to a send or receive of `bytes` bytes on a communicator of `ranks` ranks of one host that
 * may have `limit` CTAs (0: nobody limited it). NCCL rounds the limit up to a power of two, shares it out among the
 * ranks, and gives none less than 64 KiB, nor more than 16 MiB if there are CTAs left (addP2pToPlan in its
 * enqueue.cc, versions 2.27 to 2.30). */
int32_t rondo_count_nccl_ctas(int32_t limit, int32_t ranks, int64_t bytes);

/* ---- Margins ---- */

/* A transfer that is under way when an attention starts. */
typedef struct {
  int32_t ctas;        /* multiprocessors that it keeps; 0: none */
  double microseconds; /* 0: nothing is sent */
} rondo_transfer_load;

/* A step: an attention beside a transfer. Times in microseconds. */
typedef struct {
  int32_t margin;
  rondo_attend_choice choice; /* planned for the multiprocessors that are left; the caller frees its table */
  double attend;              /* on all multiprocessors, alone */
  double other;               /* the step without a margin, or if that is best, with one; `step` if it is fixed */
  double step;
} rondo_step_plan;

/* How much longer a step may be for the sake of a margin: 1.01. */
extern const double rondo_margin_tolerance;

/* The attention and its margin. `fixed` >= 0 is the margin that the application wants; -1: the better one is chosen.
 * At least one multiprocessor stays. Without a kernel that can do it, `choice` says why not. */
rondo_step_plan rondo_plan_step(const rondo_attend_facts *facts, const rondo_attend_candidate *candidates,
                                int32_t count, int32_t multiprocessors, const rondo_transfer_load *transfer,
                                int32_t fixed);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_MARGIN_H */
