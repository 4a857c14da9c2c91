/* Contexts, error texts, status names and the version. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A thread that finds a context busy must not write to it, so the refusal is remembered on the thread's own side. */
static _Thread_local const rondo_context *refused;

int rondo_version(void) { return RONDO_VERSION_MAJOR * 1000 + RONDO_VERSION_MINOR; }

const char *rondo_status_name(rondo_status status) {
  switch (status) {
  case RONDO_OK:
    return "ok";
  case RONDO_INVALID_ARGUMENT:
    return "invalid argument";
  case RONDO_INVALID_PROGRAM:
    return "invalid program";
  case RONDO_OUT_OF_MEMORY:
    return "out of memory";
  case RONDO_TIMED_OUT:
    return "timed out";
  case RONDO_RANK_FAILED:
    return "rank failed";
  case RONDO_UNSUPPORTED:
    return "unsupported";
  case RONDO_SYSTEM_ERROR:
    return "system error";
  }
  return "unknown status";
}

rondo_status rondo_context_create(rondo_context **context) {
  if (!context)
    return RONDO_INVALID_ARGUMENT;
  rondo_context *created = calloc(1, sizeof *created);
  if (!created)
    return RONDO_OUT_OF_MEMORY;
  *context = created;
  return RONDO_OK;
}

void rondo_context_destroy(rondo_context *context) {
  if (refused == context)
    refused = NULL;
  free(context);
}

const char *rondo_last_error(const rondo_context *context) {
  if (!context)
    return "the context is NULL";
  if (refused == context)
    return "the context is in use by another thread: use a context of its own for each thread";
  return context->error;
}

rondo_status context_enter(rondo_context *context) {
  if (!context)
    return RONDO_INVALID_ARGUMENT;
  if (atomic_exchange(&context->busy, true)) {
    refused = context;
    return RONDO_INVALID_ARGUMENT;
  }
  refused = NULL;
  context->error[0] = '\0';
  return RONDO_OK;
}

rondo_status context_leave(rondo_context *context, rondo_status status) {
  atomic_store(&context->busy, false);
  return status;
}

rondo_status context_fail(rondo_context *context, rondo_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(context->error, sizeof context->error, format, arguments);
  va_end(arguments);
  return status;
}

void context_prefix(rondo_context *context, const char *format, ...) {
  char former[ERROR_CAPACITY];
  memcpy(former, context->error, sizeof former);
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(context->error, sizeof context->error, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length < sizeof context->error)
    snprintf(context->error + length, sizeof context->error - (size_t)length, "%s", former);
}
