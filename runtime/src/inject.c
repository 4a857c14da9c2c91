/* Fault injection: a rank that fails or stalls at a named operation, for tests. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reads a decimal number that spans [text, end). */
static bool parse_number(const char *text, const char *end, int64_t *result) {
  if (text == end || *text < '0' || *text > '9')
    return false;
  char *stop = NULL;
  errno = 0;
  *result = strtoll(text, &stop, 10);
  return errno == 0 && stop == end;
}

static rondo_status parse(rondo_context *context, const char *text, injection *result) {
  const char *at = strchr(text, '@');
  const char *first = at ? strchr(at, ',') : NULL;
  const char *last = first ? strrchr(first, ',') : NULL;
  int64_t rank = -1;
  bool is_failure = strncmp(text, "fail@", 5) == 0, is_stall = strncmp(text, "stall@", 6) == 0;
  if ((!is_failure && !is_stall) || !last || last - first < 2 || !parse_number(at + 1, first, &rank) ||
      rank > INT32_MAX || !parse_number(last + 1, text + strlen(text), &result->step))
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "cannot read the injection '%s': it should be fail@rank,op,step or stall@rank,op,step", text);
  result->text = strdup(text);
  result->operation = strndup(first + 1, (size_t)(last - first - 1));
  if (!result->text || !result->operation)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the injection");
  result->kind = is_failure ? INJECT_FAILURE : INJECT_STALL;
  result->rank = (int32_t)rank;
  return RONDO_OK;
}

rondo_status injection_parse(rondo_context *context, const char *text, int32_t ranks, injection *result) {
  memset(result, 0, sizeof *result);
  if (!text)
    return RONDO_OK;
  rondo_status status = parse(context, text, result);
  if (status == RONDO_OK && result->rank >= ranks)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the injection '%s' names rank %d, but the last one is %d",
                          text, result->rank, ranks - 1);
  if (status != RONDO_OK)
    injection_free(result);
  return status;
}

void injection_free(injection *injection) {
  free(injection->text);
  free(injection->operation);
  memset(injection, 0, sizeof *injection);
}

bool injection_matches(const injection *injection, int32_t rank, const char *name, int64_t step) {
  return injection->kind != INJECT_NOTHING && !injection->fired && injection->rank == rank && injection->step == step &&
         strcmp(injection->operation, name) == 0;
}
