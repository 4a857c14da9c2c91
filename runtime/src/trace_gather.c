/* Bringing the traces of several processes together on rank 0, on one clock. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "collective.h"
#include "communicator.h"
#include "trace_clock.h"

#include <stdlib.h>
#include <string.h>

enum {
  ROUNDS = 16,           /* of all-gathers that measure clocks */
  MOST_EVENTS = 1 << 22, /* of all processes together ... */
  LEAST_CAPACITY = 1024  /* ... but each may have so many */
};

typedef enum { TRACE_WHOLE, TRACE_NONE, TRACE_LOST, TRACE_GATHERED } trace_state;

/* What a process says of its recording. */
typedef struct {
  uint64_t clock; /* its identity */
  int64_t state;
  int64_t origin;
  int64_t events;
  int64_t bytes;
} summary;

/* An event on its way; all processes have one byte order. */
typedef struct {
  int32_t kind, name, rank, stream, to, from;
  int64_t step, begin, end, bytes_sent;
} packed_event;

/* ---- A process' own recording ---- */

static size_t names_bytes(const trace *trace) {
  size_t bytes = 0;
  for (size_t i = 0; i < trace->name_count; ++i)
    bytes += strlen(trace->names[i]) + 1;
  return bytes;
}

static summary summarise(const trace *trace) {
  trace_state state = TRACE_WHOLE;
  if (!trace->started)
    state = TRACE_NONE;
  else if (trace->lost)
    state = TRACE_LOST;
  else if (trace->gathered_ranks > 0)
    state = TRACE_GATHERED;
  return (summary){.clock = clock_identity(),
                   .state = state,
                   .origin = trace->origin,
                   .events = (int64_t)trace->count,
                   .bytes = (int64_t)(trace->count * sizeof(packed_event) + names_bytes(trace))};
}

static int32_t name_index(const trace *trace, const char *name) {
  size_t index = 0;
  while (trace->names[index] != name) /* the trace's own copies */
    ++index;
  return (int32_t)index;
}

/* The events, and then the names, each NUL-terminated. The caller frees it. */
static unsigned char *pack(const trace *trace, size_t bytes) {
  unsigned char *packed = malloc(bytes + 1);
  if (!packed)
    return NULL;
  unsigned char *at = packed;
  for (size_t i = 0; i < trace->count; ++i, at += sizeof(packed_event)) {
    const rondo_trace_event *event = &trace->events[i];
    packed_event out = {.kind = (int32_t)event->kind,
                        .name = name_index(trace, event->name),
                        .rank = event->rank,
                        .stream = event->stream,
                        .to = event->to,
                        .from = event->from,
                        .step = event->step,
                        .begin = event->begin_ns,
                        .end = event->end_ns,
                        .bytes_sent = event->bytes_sent};
    memcpy(at, &out, sizeof out);
  }
  for (size_t i = 0; i < trace->name_count; ++i) {
    size_t length = strlen(trace->names[i]) + 1;
    memcpy(at, trace->names[i], length);
    at += length;
  }
  return packed;
}

/* ---- What all say ---- */

static rondo_status check_summaries(rondo_context *context, const summary *all, int32_t ranks) {
  int64_t capacity = MOST_EVENTS / ranks > LEAST_CAPACITY ? MOST_EVENTS / ranks : LEAST_CAPACITY;
  for (int32_t rank = 0; rank < ranks; ++rank) {
    if (all[rank].state == TRACE_NONE)
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "rank %d has recorded no trace: call rondo_trace_enable on every process", rank);
    if (all[rank].state == TRACE_LOST)
      return context_fail(context, RONDO_OUT_OF_MEMORY, "rank %d had no memory for its whole trace", rank);
    if (all[rank].state == TRACE_GATHERED)
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "the trace has been gathered already: begin a new recording by rondo_trace_enable");
    if (all[rank].events > capacity)
      return context_fail(
          context, RONDO_INVALID_ARGUMENT,
          "rank %d has recorded %lld events, but of %d ranks each may give %lld: begin a new recording, "
          "by rondo_trace_enable, before fewer runs",
          rank, (long long)all[rank].events, ranks, (long long)capacity);
  }
  return RONDO_OK;
}

/* By how much each rank's clock is ahead of rank 0's; `offsets` are 0 for those that read the same one. */
static rondo_status measure_clocks(rondo_context *context, processes *processes, const summary *all, int64_t *offsets,
                                   int64_t *uncertainty) {
  int32_t ranks = processes->size;
  bool differ = false;
  *uncertainty = 0;
  for (int32_t rank = 0; rank < ranks; ++rank)
    differ |= all[rank].clock != all[0].clock;
  if (!differ)
    return RONDO_OK;
  clock_round mine[ROUNDS];
  clock_round *rounds = calloc((size_t)ranks * ROUNDS, sizeof *rounds);
  unsigned char *ignored = calloc((size_t)ranks, 1);
  rondo_status status = RONDO_OK;
  if (!rounds || !ignored) /* the others wait for this one */
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory for the clocks of %d ranks", processes->rank,
                   ranks);
  for (int i = 0; status == RONDO_OK && i < ROUNDS; ++i) {
    mine[i].begun = clock_now();
    status = processes_all_gather(context, processes, "", 1, ignored);
    mine[i].ended = clock_now();
  }
  if (status == RONDO_OK)
    status = processes_all_gather(context, processes, mine, sizeof mine, rounds);
  for (int32_t rank = 1; status == RONDO_OK && rank < ranks; ++rank) {
    if (all[rank].clock == all[0].clock)
      continue;
    clock_bounds bounds = clock_bound(rounds, rounds + (size_t)rank * ROUNDS, ROUNDS);
    offsets[rank] = clock_offset(bounds);
    *uncertainty = clock_later(*uncertainty, clock_uncertainty(bounds));
  }
  free(ignored);
  free(rounds);
  return status;
}

/* ---- On rank 0 ---- */

/* Adds what a rank gave, whose clock is `offset` ahead. */
static void unpack(trace *trace, const summary *summary, const unsigned char *packed, int64_t offset) {
  const char *names = (const char *)packed + (size_t)summary->events * sizeof(packed_event);
  for (int64_t i = 0; i < summary->events; ++i) {
    packed_event in;
    memcpy(&in, packed + (size_t)i * sizeof in, sizeof in);
    const char *name = names;
    for (int32_t skipped = 0; skipped < in.name; ++skipped)
      name += strlen(name) + 1;
    int64_t origin = summary->origin - offset;
    rondo_trace_event event = {.kind = (rondo_trace_kind)in.kind,
                               .name = name,
                               .rank = in.rank,
                               .stream = in.stream,
                               .step = in.step,
                               .begin_ns = origin + in.begin,
                               .end_ns = origin + in.end,
                               .bytes_sent = in.bytes_sent,
                               .to = in.to,
                               .from = in.from};
    trace_append(trace, &event);
  }
}

/* Makes the recording begin where that of the first rank began. */
static void merge(trace *trace, const summary *all, void *const *packed, const int64_t *offsets, int32_t ranks) {
  int64_t origin = trace->origin;
  for (int32_t rank = 1; rank < ranks; ++rank)
    if (all[rank].origin - offsets[rank] < origin)
      origin = all[rank].origin - offsets[rank];
  for (size_t i = 0; i < trace->count; ++i) {
    trace->events[i].begin_ns += trace->origin - origin;
    trace->events[i].end_ns += trace->origin - origin;
  }
  trace->origin = origin;
  for (int32_t rank = 1; rank < ranks; ++rank)
    unpack(trace, &all[rank], packed[rank], offsets[rank]);
}

/* Room for what each rank gives; `blocks` and `sizes` are of all of them. */
static bool allocate_blocks(const summary *all, int32_t ranks, void **blocks, size_t *sizes) {
  for (int32_t rank = 0; rank < ranks; ++rank) {
    sizes[rank] = (size_t)all[rank].bytes;
    blocks[rank] = malloc(sizes[rank] + 1);
    if (!blocks[rank])
      return false;
  }
  return true;
}

/* ---- The whole ---- */

static rondo_status gather_events(rondo_context *context, rondo_communicator *communicator, const summary *all,
                                  const int64_t *offsets) {
  processes *processes = communicator->processes;
  int32_t ranks = processes->size;
  trace *trace = &communicator->trace;
  size_t bytes = (size_t)all[processes->rank].bytes;
  unsigned char *packed = pack(trace, bytes);
  void **blocks = calloc((size_t)ranks, sizeof *blocks);
  size_t *sizes = calloc((size_t)ranks, sizeof *sizes);
  bool has_memory = packed && blocks && sizes && (processes->rank != 0 || allocate_blocks(all, ranks, blocks, sizes));
  if (!has_memory)
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory to gather the traces", processes->rank);
  rondo_status status = collective_gather(context, processes, packed, bytes, blocks, sizes);
  collective_part(processes);
  if (status == RONDO_OK && processes->rank == 0)
    merge(trace, all, blocks, offsets, ranks);
  if (status == RONDO_OK && trace->lost)
    status = context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the whole trace of %d ranks", ranks);
  for (int32_t rank = 0; blocks && rank < ranks; ++rank)
    free(blocks[rank]);
  free(blocks);
  free(sizes);
  free(packed);
  return status;
}

static rondo_status gather(rondo_context *context, rondo_communicator *communicator, double *uncertainty_s) {
  processes *processes = communicator->processes;
  trace *trace = &communicator->trace;
  rondo_status status = processes_check(context, processes);
  if (status != RONDO_OK)
    return status;
  int64_t uncertainty = 0;
  summary mine = summarise(trace);
  summary *all = calloc((size_t)processes->size, sizeof *all);
  int64_t *offsets = calloc((size_t)processes->size, sizeof *offsets);
  if (!all || !offsets)
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory for the traces of %d ranks", processes->rank,
                   processes->size);
  status = processes_all_gather(context, processes, &mine, sizeof mine, all);
  if (status == RONDO_OK)
    status = check_summaries(context, all, processes->size);
  if (status == RONDO_OK)
    status = measure_clocks(context, processes, all, offsets, &uncertainty);
  if (status == RONDO_OK)
    status = gather_events(context, communicator, all, offsets);
  if (status == RONDO_OK) {
    trace->enabled = false;
    trace->gathered_ranks = processes->size;
    trace->uncertainty = uncertainty;
    if (uncertainty_s)
      *uncertainty_s = (double)uncertainty / NANOSECONDS;
  }
  free(all);
  free(offsets);
  return status;
}

rondo_status rondo_trace_gather(rondo_context *context, rondo_communicator *communicator, double *uncertainty_s) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && communicator->processes) {
    status = gather(context, communicator, uncertainty_s);
  } else if (status == RONDO_OK) {
    if (!communicator->trace.started)
      status = context_fail(context, RONDO_INVALID_ARGUMENT, "no trace was recorded: call rondo_trace_enable first");
    else if (uncertainty_s)
      *uncertainty_s = 0;
  }
  return context_leave(context, status);
}
