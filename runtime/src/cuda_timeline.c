/* Times of a rank's kernels, transfers and waits. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_timeline.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cuda_result cuda_timeline_begin(cuda_timeline *timeline, const cuda_api *api, bool enabled, cuda_stream stream) {
  timeline->api = api;
  timeline->enabled = enabled;
  timeline->count = 0;
  timeline->paused = timeline->lost = false;
  if (!enabled)
    return CUDA_OK;
  cuda_result result = timeline->origin ? CUDA_OK : api->event_create(&timeline->origin, CUDA_EVENT_TIMED);
  if (result == CUDA_OK)
    result = api->event_record(timeline->origin, stream);
  if (result == CUDA_OK)
    result = api->event_synchronize(timeline->origin);
  timeline->origin_ns = clock_now();
  return result;
}

void cuda_timeline_free(cuda_timeline *timeline) {
  for (int64_t i = 0; i < timeline->event_capacity; ++i) {
    timeline->api->event_destroy(timeline->spans[i].begin);
    timeline->api->event_destroy(timeline->spans[i].end);
  }
  if (timeline->origin)
    timeline->api->event_destroy(timeline->origin);
  free(timeline->spans);
}

/* The next span, with its events. */
static cuda_span *take_span(cuda_timeline *timeline) {
  if (timeline->count == timeline->capacity) {
    int64_t capacity = timeline->capacity ? 2 * timeline->capacity : 64;
    cuda_span *spans = realloc(timeline->spans, (size_t)capacity * sizeof *spans);
    if (!spans)
      return NULL;
    timeline->spans = spans;
    timeline->capacity = capacity;
  }
  cuda_span *span = &timeline->spans[timeline->count];
  if (timeline->count == timeline->event_capacity) {
    if (timeline->api->event_create(&span->begin, CUDA_EVENT_TIMED) != CUDA_OK)
      return NULL;
    if (timeline->api->event_create(&span->end, CUDA_EVENT_TIMED) != CUDA_OK) {
      timeline->api->event_destroy(span->begin);
      return NULL;
    }
    ++timeline->event_capacity;
  }
  return span;
}

cuda_span *cuda_timeline_open(cuda_timeline *timeline, const rondo_trace_event *event, int32_t phase,
                              cuda_stream stream) {
  if (!timeline->enabled || timeline->paused || timeline->lost)
    return NULL;
  cuda_span *span = take_span(timeline);
  if (!span || timeline->api->event_record(span->begin, stream) != CUDA_OK) {
    timeline->lost = true;
    return NULL;
  }
  span->event = *event;
  span->phase = phase;
  snprintf(span->name, sizeof span->name, "%s", event->name);
  ++timeline->count;
  return span;
}

void cuda_timeline_close(cuda_timeline *timeline, cuda_span *span, cuda_stream stream) {
  if (span && timeline->api->event_record(span->end, stream) != CUDA_OK)
    timeline->lost = true;
}

static void account(rondo_rank_statistics *statistics, const cuda_span *span, double seconds) {
  switch (span->event.kind) {
  case RONDO_TRACE_KERNEL:
    statistics->compute += seconds;
    break;
  case RONDO_TRACE_EXCHANGE:
    statistics->communication += seconds;
    break;
  case RONDO_TRACE_WAIT:
    statistics->exposed += seconds;
    if (span->phase == RONDO_PHASE_TAIL)
      statistics->exposed_tail += seconds;
    break;
  }
}

void cuda_timeline_report(cuda_timeline *timeline, rondo_execution *execution) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  for (int64_t i = 0; i < timeline->count; ++i) {
    cuda_span *span = &timeline->spans[i];
    float begin = 0, duration = 0; /* in milliseconds */
    if (timeline->api->event_elapsed(&begin, timeline->origin, span->begin) != CUDA_OK ||
        timeline->api->event_elapsed(&duration, span->begin, span->end) != CUDA_OK) {
      timeline->lost = true;
      break;
    }
    account(&execution->statistics, span, (double)duration * 1e-3);
    span->event.name = span->name;
    span->event.begin_ns = timeline->origin_ns + (int64_t)((double)begin * 1e6);
    span->event.end_ns = span->event.begin_ns + (int64_t)((double)duration * 1e6);
    trace_add(&communicator->trace, &span->event);
  }
  if (timeline->lost && communicator->trace.enabled)
    communicator->trace.lost = true;
  pthread_mutex_unlock(&communicator->lock);
}
