/* The context: the last error, and the guard against two threads in one context. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CONTEXT_H
#define RONDO_SRC_CONTEXT_H

#include "rondo/rondo.h"

#include <stdatomic.h>
#include <stdbool.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum { ERROR_CAPACITY = 2048 };

struct rondo_context {
  atomic_bool busy;
  char error[ERROR_CAPACITY];
};

/* Begins a public call and clears the last error. Fails if `context` is NULL or another thread is inside a call. */
rondo_status context_enter(rondo_context *context);

/* Ends a public call with `status`, which it returns. */
rondo_status context_leave(rondo_context *context, rondo_status status);

/* Sets the last error and returns `status`. */
rondo_status context_fail(rondo_context *context, rondo_status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts text before the last error, for a caller that knows more of its place. */
void context_prefix(rondo_context *context, const char *format, ...) PRINTF_LIKE(2, 3);

#endif /* RONDO_SRC_CONTEXT_H */
