/* Recording what each stream did. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TRACE_H
#define RONDO_SRC_TRACE_H

#include "context.h"

typedef struct {
  bool enabled;
  bool started; /* something was or is being recorded */
  bool lost;    /* memory ran out */
  int64_t origin;
  rondo_trace_event *events;
  size_t count, capacity;
  char **names; /* copies, since a program may be gone before its trace is read */
  size_t name_count;
  int32_t gathered_ranks; /* of which rank 0 has the events; 0: those that run here */
  int64_t uncertainty;    /* of the clocks of those, in nanoseconds */
} trace;

/* Begins a new recording. */
void trace_start(trace *trace, int64_t now);
void trace_free(trace *trace);

/* Adds an event if the trace is enabled; its times are still those of the monotonic clock. The caller holds the
 * communicator's lock. */
void trace_add(trace *trace, const rondo_trace_event *event);

/* The same whether it is enabled or not, until memory runs out. */
void trace_append(trace *trace, const rondo_trace_event *event);

/* Writes the lanes of `ranks` ranks from `first` on as Chrome-trace JSON to `path`, by way of a temporary file. */
rondo_status trace_write_json(rondo_context *context, const trace *trace, int32_t first, int32_t ranks,
                              const char *path);

#endif /* RONDO_SRC_TRACE_H */
