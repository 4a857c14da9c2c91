/* Recording what each stream did. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

static void clear(trace *trace) {
  for (size_t i = 0; i < trace->name_count; ++i)
    free(trace->names[i]);
  trace->name_count = 0;
  trace->count = 0;
  trace->lost = false;
  trace->gathered_ranks = 0;
  trace->uncertainty = 0;
}

void trace_start(trace *trace, int64_t now) {
  clear(trace);
  trace->enabled = trace->started = true;
  trace->origin = now;
}

void trace_free(trace *trace) {
  clear(trace);
  free(trace->names);
  free(trace->events);
  memset(trace, 0, sizeof *trace);
}

/* The trace's own copy of `name`. A program has a handful of names. */
static const char *intern(trace *trace, const char *name) {
  for (size_t i = 0; i < trace->name_count; ++i)
    if (strcmp(trace->names[i], name) == 0)
      return trace->names[i];
  char **names = realloc(trace->names, (trace->name_count + 1) * sizeof *names);
  if (!names)
    return NULL;
  trace->names = names;
  char *copy = strdup(name);
  if (copy)
    names[trace->name_count++] = copy;
  return copy;
}

static bool reserve(trace *trace) {
  if (trace->count < trace->capacity)
    return true;
  size_t capacity = trace->capacity ? trace->capacity * 2 : 1024;
  rondo_trace_event *events = realloc(trace->events, capacity * sizeof *events);
  if (!events)
    return false;
  trace->events = events;
  trace->capacity = capacity;
  return true;
}

/* Nanoseconds since the recording began, never negative. */
static int64_t since_origin(const trace *trace, int64_t time) {
  return time > trace->origin ? time - trace->origin : 0;
}

void trace_add(trace *trace, const rondo_trace_event *event) {
  if (trace->enabled)
    trace_append(trace, event);
}

void trace_append(trace *trace, const rondo_trace_event *event) {
  if (trace->lost)
    return;
  const char *name = intern(trace, event->name);
  if (!name || !reserve(trace)) {
    trace->lost = true;
    return;
  }
  rondo_trace_event *added = &trace->events[trace->count++];
  *added = *event;
  added->size = sizeof *added;
  added->name = name;
  added->begin_ns = since_origin(trace, event->begin_ns);
  added->end_ns = since_origin(trace, event->end_ns);
}
