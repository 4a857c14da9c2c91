/* Recording what each stream did, and writing it as Chrome-trace JSON. */
#ifndef RONDO_SRC_TRACE_H
#define RONDO_SRC_TRACE_H

#include "context.h"

#include <stdbool.h>

typedef enum { TRACE_KERNEL, TRACE_EXCHANGE, TRACE_WAIT } trace_kind;

typedef struct {
  trace_kind kind;
  const char *name;
  int32_t rank, stream;
  int64_t begin, end; /* on the monotonic clock */
  int64_t step;
  int64_t bytes;    /* exchanges: sent */
  int32_t to, from; /* exchanges: the peers */
} trace_event;

typedef struct {
  bool enabled;
  bool started; /* something was or is being recorded */
  bool lost;    /* memory ran out */
  int64_t origin;
  trace_event *events;
  size_t count, capacity;
  char **names; /* copies, since a program may be gone before its trace is written */
  size_t name_count;
} trace;

/* Begins a new recording. */
void trace_start(trace *trace, int64_t now);
void trace_free(trace *trace);

/* Adds an event if the trace is enabled. The caller holds the communicator's lock. */
void trace_add(trace *trace, const trace_event *event);

/* Writes the lanes of `ranks` ranks to `path` by way of a temporary file. */
rondo_status trace_write_file(rondo_context *context, const trace *trace, int32_t ranks, const char *path);

#endif /* RONDO_SRC_TRACE_H */
