/* How a failing rank ends the run of all. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

static rondo_status fail(rondo_communicator *communicator, rondo_status status, const char *format, va_list arguments) {
  if (communicator->failure != RONDO_OK)
    return communicator->failure;
  communicator->failure = status;
  vsnprintf(communicator->failure_text, sizeof communicator->failure_text, format, arguments);
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank)
    for (int s = 0; s < STREAM_COUNT; ++s)
      pthread_cond_signal(&communicator->executions[rank].streams[s].wake);
  return status;
}

rondo_status run_fail_locked(rondo_communicator *communicator, rondo_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  status = fail(communicator, status, format, arguments);
  va_end(arguments);
  return status;
}

rondo_status run_fail(rondo_communicator *communicator, rondo_status status, const char *format, ...) {
  pthread_mutex_lock(&communicator->lock);
  va_list arguments;
  va_start(arguments, format);
  status = fail(communicator, status, format, arguments);
  va_end(arguments);
  pthread_mutex_unlock(&communicator->lock);
  return status;
}
