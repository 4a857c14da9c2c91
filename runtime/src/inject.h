/* Fault injection: a rank that fails or stalls at a named operation, for tests. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_INJECT_H
#define RONDO_SRC_INJECT_H

#include "context.h"

#include <stdbool.h>

typedef enum { INJECT_NOTHING, INJECT_FAILURE, INJECT_STALL } injection_kind;

typedef struct {
  injection_kind kind;
  int32_t rank;
  int64_t step;
  char *text;      /* as the caller wrote it */
  char *operation; /* a kernel's or transfer's name */
  bool fired;
} injection;

/* Reads "fail@rank,op,step" or "stall@rank,op,step"; `text` NULL injects nothing. */
rondo_status injection_parse(rondo_context *context, const char *text, int32_t ranks, injection *result);
void injection_free(injection *injection);

/* Whether the injection hits an operation called `name`. */
bool injection_matches(const injection *injection, int32_t rank, const char *name, int64_t step);

#endif /* RONDO_SRC_INJECT_H */
