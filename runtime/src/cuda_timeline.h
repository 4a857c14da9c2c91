/* Times of a rank's kernels, transfers and waits, by timed events; nothing where nobody asked. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_TIMELINE_H
#define RONDO_SRC_CUDA_TIMELINE_H

#include "communicator.h"
#include "cuda_driver.h"

typedef struct {
  rondo_trace_event event; /* without times */
  char name[OPERATION_NAME_CAPACITY];
  int32_t phase;
  cuda_event begin, end;
} cuda_span;

typedef struct {
  bool enabled; /* in the present run */
  const cuda_api *api;
  cuda_event origin; /* when the GPU began the run ... */
  int64_t origin_ns; /* ... and what the host's clock was then */
  cuda_span *spans;
  int64_t count, capacity, event_capacity; /* spans below event_capacity have their events */
  bool paused;                             /* what is issued now is not measured */
  bool lost;
} cuda_timeline;

/* Begins the times of a run, if `enabled`; waits until the GPU begins it. */
cuda_result cuda_timeline_begin(cuda_timeline *timeline, const cuda_api *api, bool enabled, cuda_stream stream);
void cuda_timeline_free(cuda_timeline *timeline);

/* What is issued to `stream` between these two is one span. The former returns NULL if nothing is measured. */
cuda_span *cuda_timeline_open(cuda_timeline *timeline, const rondo_trace_event *event, int32_t phase,
                              cuda_stream stream);
void cuda_timeline_close(cuda_timeline *timeline, cuda_span *span, cuda_stream stream);

/* After the run: adds the spans to the rank's statistics and to the trace. */
void cuda_timeline_report(cuda_timeline *timeline, rondo_execution *execution);

#endif /* RONDO_SRC_CUDA_TIMELINE_H */
