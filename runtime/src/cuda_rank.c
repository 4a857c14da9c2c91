/* Ranks on GPUs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_rank.h"
#include "clock.h"
#include "failure.h"
#include "nccl_connection.h"

#include <stdlib.h>
#include <string.h>

enum { STAGING_BYTES = 1 << 20 };

/* ---- Creation and destruction ---- */

/* Transfers are started before the kernels that wait for a place on the GPU. */
static cuda_result create_streams(cuda_rank *rank) {
  const cuda_api *api = rank->device->api;
  int least = 0, greatest = 0;
  cuda_result result = api->stream_priorities(&least, &greatest);
  if (result == CUDA_OK)
    result = api->stream_create(&rank->own[RONDO_STREAM_COMPUTE], CUDA_STREAM_NON_BLOCKING, least);
  if (result == CUDA_OK)
    result = api->stream_create(&rank->own[RONDO_STREAM_COMMUNICATION], CUDA_STREAM_NON_BLOCKING, greatest);
  if (result == CUDA_OK)
    result = api->event_create(&rank->last, CUDA_EVENT_UNTIMED);
  if (result == CUDA_OK)
    result = api->event_create(&rank->staging.uploaded, CUDA_EVENT_UNTIMED);
  if (result == CUDA_OK)
    result = api->host_allocate((void **)&rank->staging.memory, STAGING_BYTES);
  return result;
}

rondo_status cuda_rank_create(rondo_context *context, cuda_device *device, cuda_rank **rank) {
  cuda_rank *created = calloc(1, sizeof *created);
  if (!created)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for a rank on GPU %d", device->ordinal);
  created->device = device;
  created->issuer = (cuda_issuer){.api = device->api, .mode = CUDA_ISSUE_NOW};
  cuda_result result = create_streams(created);
  if (result == CUDA_OK) {
    *rank = created;
    return RONDO_OK;
  }
  cuda_rank_destroy(created);
  return cuda_context_fail(context, device, result, "cannot make a rank's streams");
}

static void free_block(cuda_rank *rank, cuda_block *block) {
  if (block->address)
    rank->device->api->free(block->address, rank->own[RONDO_STREAM_COMPUTE]);
  *block = (cuda_block){0, 0};
}

void cuda_rank_destroy(cuda_rank *rank) {
  if (!rank)
    return;
  const cuda_api *api = rank->device->api;
  cuda_stream stream = rank->own[RONDO_STREAM_COMPUTE];
  if (rank->has_last)
    api->event_synchronize(rank->last);
  cuda_graphs_free(&rank->graphs, api);
  free_block(rank, &rank->arena);
  free_block(rank, &rank->scratch);
  for (int i = 0; i < CUDA_PLAN_CAPACITY; ++i)
    if (rank->plans.plans[i].table)
      api->free(rank->plans.plans[i].table, stream);
  if (rank->staging.memory)
    api->host_free(rank->staging.memory);
  for (int64_t i = 0; i < rank->event_count; ++i)
    api->event_destroy(rank->marks[i].event);
  cuda_timeline_free(&rank->timeline);
  cuda_link_destroy(&rank->link);
  if (rank->last)
    api->event_destroy(rank->last);
  if (rank->staging.uploaded)
    api->event_destroy(rank->staging.uploaded);
  for (int s = 0; s < STREAM_COUNT; ++s)
    if (rank->own[s])
      api->stream_destroy(rank->own[s]);
  free(rank->marks);
  free(rank);
}

/* ---- Failures ---- */

rondo_status cuda_rank_fail(rondo_execution *execution, cuda_result result, const char *what) {
  const cuda_device *device = execution->cuda->device;
  return run_fail(execution->communicator, result == CUDA_OUT_OF_MEMORY ? RONDO_OUT_OF_MEMORY : RONDO_RANK_FAILED,
                  "rank %d on GPU %d (%s): %s in step %lld: %s", execution->rank, device->ordinal, device->name, what,
                  (long long)execution->step, cuda_result_text(device->api, result));
}

/* ---- Events and memory ---- */

static cuda_mark *take_mark(cuda_rank *rank) {
  if (rank->mark_count == rank->mark_capacity) {
    int64_t capacity = rank->mark_capacity ? 2 * rank->mark_capacity : 64;
    cuda_mark *marks = realloc(rank->marks, (size_t)capacity * sizeof *marks);
    if (!marks)
      return NULL;
    rank->marks = marks;
    rank->mark_capacity = capacity;
  }
  cuda_mark *mark = &rank->marks[rank->mark_count];
  if (rank->mark_count == rank->event_count) {
    if (rank->device->api->event_create(&mark->event, CUDA_EVENT_UNTIMED) != CUDA_OK)
      return NULL;
    ++rank->event_count;
  }
  ++rank->mark_count;
  return mark;
}

rondo_status cuda_rank_mark(rondo_execution *execution, int32_t stream, int64_t *index) {
  cuda_rank *rank = execution->cuda;
  cuda_mark *mark = take_mark(rank);
  if (!mark)
    return run_fail(execution->communicator, RONDO_OUT_OF_MEMORY, "rank %d: no memory for event %lld of the run",
                    execution->rank, (long long)rank->mark_count);
  mark->operation = rank->operation[stream];
  mark->is_exchange = rank->is_exchange[stream];
  mark->step = execution->step;
  mark->stream = stream;
  mark->peer = rank->is_exchange[stream] ? rank->peer[stream] : -1;
  mark->transfers = stream == RONDO_STREAM_COMMUNICATION ? rank->transfers_issued : 0;
  *index = rank->mark_count - 1;
  cuda_result result = cuda_issue_record(&rank->issuer, mark->event, rank->streams[stream]);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot record an event");
}

/* ---- Transfers under way ---- */

void cuda_rank_count_transfer(rondo_execution *execution, int32_t stream, const rondo_transfer_load *transfer) {
  cuda_rank *rank = execution->cuda;
  if (transfer->ctas > execution->room.transfer_ctas)
    execution->room.transfer_ctas = transfer->ctas;
  /* On the compute stream nothing is beside it. */
  if (stream != RONDO_STREAM_COMMUNICATION || transfer->ctas == 0)
    return;
  bool is_first = rank->transfers_awaited >= rank->transfers_issued;
  rank->transfers_issued += (int64_t)(transfer->microseconds * 1e3);
  if (is_first || transfer->ctas > rank->transfer_ctas)
    rank->transfer_ctas = transfer->ctas;
}

void cuda_rank_await_transfers(cuda_rank *rank, const cuda_mark *mark) {
  if (mark->transfers > rank->transfers_awaited)
    rank->transfers_awaited = mark->transfers;
}

rondo_transfer_load cuda_rank_get_transfers(const cuda_rank *rank) {
  int64_t nanoseconds = rank->transfers_issued - rank->transfers_awaited;
  if (nanoseconds <= 0)
    return (rondo_transfer_load){0, 0};
  return (rondo_transfer_load){rank->transfer_ctas, (double)nanoseconds * 1e-3};
}

rondo_status cuda_rank_reserve(rondo_execution *execution, cuda_block *block, int64_t bytes, const char *purpose) {
  enum { UNIT = 512 };
  cuda_rank *rank = execution->cuda;
  if (bytes <= block->bytes && block->address)
    return RONDO_OK;
  if (!cuda_issuer_may_prepare(&rank->issuer))
    return RONDO_UNSUPPORTED;
  /* What graphs know of it is no longer so. */
  cuda_graphs_drop_all(&rank->graphs, rank->device->api);
  cuda_stream stream = rank->streams[RONDO_STREAM_COMPUTE];
  if (block->address)
    rank->device->api->free(block->address, stream);
  *block = (cuda_block){0, 0};
  char text[512];
  cuda_address address = 0;
  size_t size = ((size_t)bytes / UNIT + 1) * UNIT;
  rondo_status status = cuda_device_allocate(rank->device, size, stream, purpose, &address, text, sizeof text);
  if (status != RONDO_OK)
    return run_fail(execution->communicator, status, "rank %d in step %lld: %s", execution->rank,
                    (long long)execution->step, text);
  *block = (cuda_block){address, (int64_t)size};
  return RONDO_OK;
}

rondo_status cuda_rank_upload(rondo_execution *execution, cuda_address target, const void *data, size_t bytes) {
  cuda_rank *rank = execution->cuda;
  const cuda_api *api = rank->device->api;
  cuda_staging *staging = &rank->staging;
  cuda_stream stream = rank->streams[RONDO_STREAM_COMPUTE];
  cuda_result result = CUDA_OK;
  const char *source = data;
  /* Larger than the whole of it: the driver takes it from where it is, before the call returns. */
  if (bytes <= STAGING_BYTES) {
    if (staging->used + bytes > STAGING_BYTES) {
      /* Long over, unless this very run has filled it. */
      result = api->event_synchronize(staging->uploaded);
      staging->used = 0;
    }
    source = memcpy(staging->memory + staging->used, data, bytes);
    staging->used += (bytes + 63) / 64 * 64;
  }
  if (result == CUDA_OK)
    result = api->copy_to_device(target, source, bytes, stream);
  if (result == CUDA_OK)
    result = api->event_record(staging->uploaded, stream);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot upload a tile table");
}

/* ---- The begin and the end of a run ---- */

static bool is_measured(const rondo_communicator *communicator) {
  return communicator->measure || communicator->trace.enabled;
}

bool cuda_rank_returns_early(const rondo_execution *execution) {
  return execution->cuda->is_caller_stream && !is_measured(execution->communicator);
}

/* Work of a former run, on whatever stream it was, comes first; so does work of the compute stream before that of the
 * other stream. */
static cuda_result order_streams(cuda_rank *rank) {
  const cuda_api *api = rank->device->api;
  cuda_stream compute = rank->streams[RONDO_STREAM_COMPUTE];
  cuda_result result = rank->has_last ? api->stream_wait(compute, rank->last, 0) : CUDA_OK;
  if (result == CUDA_OK)
    result = api->event_record(rank->last, compute);
  rank->has_last = true;
  if (result == CUDA_OK)
    result = api->stream_wait(rank->streams[RONDO_STREAM_COMMUNICATION], rank->last, 0);
  return result;
}

void cuda_rank_begin_pass(cuda_rank *rank) {
  rank->mark_count = 0;
  rank->left = (cuda_left){.attention = NULL}; /* by a run that failed */
  rank->transfers_issued = rank->transfers_awaited = 0;
  rank->transfer_ctas = 0;
}

rondo_status cuda_rank_begin(rondo_execution *execution) {
  rondo_communicator *communicator = execution->communicator;
  cuda_rank *rank = execution->cuda;
  const cuda_api *api = rank->device->api;
  cuda_result result = api->context_set(rank->device->context);
  if (result != CUDA_OK)
    return cuda_rank_fail(execution, result, "cannot use the GPU");
  for (int s = 0; s < STREAM_COUNT; ++s) {
    rank->streams[s] = rank->own[s];
    rank->operation[s] = NULL;
    rank->is_exchange[s] = false;
    rank->peer[s] = -1;
  }
  if (rank->communication)
    rank->streams[RONDO_STREAM_COMMUNICATION] = rank->communication;
  if (rank->is_caller_stream)
    rank->streams[RONDO_STREAM_COMPUTE] = rank->caller_stream;
  cuda_rank_begin_pass(rank);
  rank->graphs.first_plan = rank->plans.clock;
  rank->graphs.overflows = false;
  if (rank->has_last && api->event_query(rank->last) == CUDA_NOT_READY && communicator->hung)
    return run_fail(communicator, RONDO_TIMED_OUT,
                    "rank %d: GPU %d (%s) is still busy with a run that timed out: end the process", execution->rank,
                    rank->device->ordinal, rank->device->name);
  result = order_streams(rank);
  if (result == CUDA_OK)
    result = cuda_timeline_begin(&rank->timeline, api, is_measured(communicator), rank->streams[RONDO_STREAM_COMPUTE]);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot begin the run");
}

static void pause_briefly(int64_t begin) {
  /* Runs may take microseconds: look often at first. */
  enum { SPIN = 50000, NAP = 20000 };
  if (clock_now() - begin < SPIN)
    return;
  struct timespec nap = clock_timespec(NAP);
  clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

/* Tells the watchdog what the GPU is at. */
static void show(rondo_execution *execution, const cuda_mark *mark) {
  rondo_communicator *communicator = execution->communicator;
  stream *stream = &execution->streams[RONDO_STREAM_COMPUTE];
  pthread_mutex_lock(&communicator->lock);
  stream->operation = mark->operation;
  stream->is_exchange = mark->is_exchange;
  stream->step = mark->step;
  stream->waits_for_device = true;
  stream->waits_for = (stream_id){.rank = mark->peer, .stream = RONDO_STREAM_COMPUTE};
  stream->progress = clock_now();
  pthread_mutex_unlock(&communicator->lock);
}

static rondo_status read_failure(rondo_communicator *communicator) {
  pthread_mutex_lock(&communicator->lock);
  rondo_status failure = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return failure;
}

/* Whether to give a GPU up: after a time-out, or if it does not end within it after another failure. Where NCCL's
 * transfers wait for other ranks it ends soon after they are aborted, or not at all. */
static bool gives_up(rondo_communicator *communicator, int64_t *failed) {
  rondo_status failure = read_failure(communicator);
  if (failure == RONDO_OK)
    return false;
  if (communicator->nccl)
    nccl_connection_release(communicator);
  int64_t now = clock_now();
  if (*failed == 0)
    *failed = now;
  if (communicator->nccl)
    return now - *failed > NANOSECONDS / 2;
  return failure == RONDO_TIMED_OUT || (communicator->timeout > 0 && now - *failed > communicator->timeout);
}

/* Waits for the mark's event. False: the GPU failed, or was given up. */
static bool await_mark(rondo_execution *execution, const cuda_mark *mark, int64_t *failed) {
  rondo_communicator *communicator = execution->communicator;
  const cuda_api *api = execution->cuda->device->api;
  int64_t begin = clock_now();
  cuda_result result = api->event_query(mark->event);
  if (result == CUDA_NOT_READY)
    show(execution, mark);
  while (result == CUDA_NOT_READY) {
    if (gives_up(communicator, failed)) {
      pthread_mutex_lock(&communicator->lock);
      communicator->hung = true;
      pthread_mutex_unlock(&communicator->lock);
      return false;
    }
    if (communicator->nccl)
      nccl_connection_check(execution, mark);
    pause_briefly(begin);
    result = api->event_query(mark->event);
  }
  if (result == CUDA_OK)
    return true;
  const cuda_device *device = execution->cuda->device;
  run_fail(communicator, RONDO_RANK_FAILED, "rank %d on GPU %d (%s): failed in '%s' in step %lld: %s", execution->rank,
           device->ordinal, device->name, mark->operation ? mark->operation : communicator->plan->function,
           (long long)mark->step, cuda_result_text(api, result));
  return false;
}

/* The compute stream ends after both; that is the end of the run. */
static void join_streams(rondo_execution *execution) {
  cuda_rank *rank = execution->cuda;
  const cuda_api *api = rank->device->api;
  int64_t index = 0;
  if (cuda_rank_mark(execution, RONDO_STREAM_COMMUNICATION, &index) != RONDO_OK)
    return;
  cuda_result result = api->stream_wait(rank->streams[RONDO_STREAM_COMPUTE], rank->marks[index].event, 0);
  if (result == CUDA_OK)
    result = api->event_record(rank->last, rank->streams[RONDO_STREAM_COMPUTE]);
  if (result != CUDA_OK)
    cuda_rank_fail(execution, result, "cannot end the run");
  else
    cuda_rank_mark(execution, RONDO_STREAM_COMPUTE, &index);
}

void cuda_rank_end(rondo_execution *execution) {
  rondo_communicator *communicator = execution->communicator;
  cuda_rank *rank = execution->cuda;
  if (rank->left.attention && read_failure(communicator) == RONDO_OK)
    run_fail(communicator, RONDO_INVALID_PROGRAM, "rank %d: no merge is joined with '%s', which left its result to one",
             execution->rank, rank->left.attention);
  join_streams(execution);
  bool succeeded = read_failure(communicator) == RONDO_OK;
  if (succeeded && cuda_rank_returns_early(execution))
    return;
  int64_t failed = 0;
  bool ended = true;
  for (int64_t i = 0; ended && i < rank->mark_count; ++i)
    ended = await_mark(execution, &rank->marks[i], &failed);
  pthread_mutex_lock(&communicator->lock);
  execution->streams[RONDO_STREAM_COMPUTE].waits_for_device = false;
  execution->streams[RONDO_STREAM_COMPUTE].waits_for.rank = -1;
  pthread_mutex_unlock(&communicator->lock);
  if (ended && succeeded && rank->timeline.enabled)
    cuda_timeline_report(&rank->timeline, execution);
}
