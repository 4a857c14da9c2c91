/* What was chosen for the lengths that a rank has met: which kernel, which splits, and the tile table on the GPU. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_PLANS_H
#define RONDO_SRC_CUDA_PLANS_H

#include "cuda_driver.h"
#include "cuda_margin.h"

enum { CUDA_PLAN_CAPACITY = 128 };

typedef struct {
  const rondo_cuda_operation *operation; /* NULL: free */
  uint64_t program;                      /* whose operation it is: its number */
  rondo_attend_facts facts;
  int32_t multiprocessors;      /* of the GPU */
  int32_t fixed_margin;         /* -1: none was asked for */
  rondo_transfer_load transfer; /* beside it, if that matters */
  int32_t margin;               /* that was left */
  rondo_attend_choice choice;   /* without the words of its table */
  cuda_address table;           /* on the GPU; 0: none */
  int64_t used;                 /* when it was used last */
} cuda_plan;

typedef struct {
  cuda_plan plans[CUDA_PLAN_CAPACITY];
  int64_t clock;
} cuda_plans;

/* The plan for these facts, or NULL. */
cuda_plan *cuda_plans_find(cuda_plans *plans, const cuda_plan *key);

/* A place for a new plan: a free one, or that which was used longest ago. The caller frees its table first. */
cuda_plan *cuda_plans_evict(cuda_plans *plans);

#endif /* RONDO_SRC_CUDA_PLANS_H */
