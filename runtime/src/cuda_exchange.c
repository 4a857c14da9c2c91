/* Exchanges between ranks on GPUs.
 *
 * Sender and receiver meet on the host, each at its own call of the exchange. The receiver makes its stream wait for
 * the sender's event, copies, and records an event for which the sender's stream waits. So a transfer starts when both
 * streams have come so far, and the sender's memory is its own again when it has gone. A stream may wait for an event
 * of another GPU, but an event is recorded on streams of its own alone. Both ends are workers, so they meet by the
 * state of their compute streams, whichever stream the exchange is for.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_exchange.h"
#include "clock.h"
#include "cuda_rank.h"
#include "failure.h"
#include "nccl_connection.h"
#include "stream.h"

enum { WORKER = RONDO_STREAM_COMPUTE };

static int64_t get_link_time(const rondo_communicator *communicator, int64_t bytes) {
  return bytes == 0 ? 0 : (int64_t)(communicator->link_latency + communicator->link_ns_per_byte * (double)bytes);
}

static rondo_status check(rondo_execution *execution, const exchange *exchange, cuda_result result) {
  if (result == CUDA_OK)
    return RONDO_OK;
  const cuda_device *device = execution->cuda->device;
  return run_fail(execution->communicator, RONDO_RANK_FAILED,
                  "rank %d on GPU %d (%s) failed in exchange '%s' from rank %d in step %lld: %s", execution->rank,
                  device->ordinal, device->name, exchange->name, exchange->from, (long long)execution->step,
                  cuda_result_text(device->api, result));
}

/* Whether memory is the rank's own, which every run for the same lengths uses at the same address. */
static bool is_own(const cuda_rank *rank, const void *memory) {
  cuda_address address = (cuda_address)(uintptr_t)memory;
  return address >= rank->arena.address && address - rank->arena.address < (uint64_t)rank->arena.bytes;
}

/* From another GPU it is the copy that names both contexts: the other ones take it that this GPU reaches the memory,
 * which need be true of no pool of the application's. Copy engines do either. */
static cuda_result copy_bytes(cuda_rank *rank, int32_t stream, const cuda_device *from, void *target,
                              const void *source, int64_t bytes) {
  const cuda_device *device = rank->device;
  cuda_address to = (cuda_address)(uintptr_t)target, at = (cuda_address)(uintptr_t)source;
  if (from == device)
    return cuda_issue_copy(&rank->issuer, to, at, (size_t)bytes, is_own(rank, target) && is_own(rank, source),
                           rank->streams[stream]);
  return device->api->copy_peer(to, device->context, at, from->context, (size_t)bytes, rank->streams[stream]);
}

/* Copies what `theirs` sends, from its GPU, to where `mine` receives; at most as much as that expects. */
static cuda_result copy(const rondo_execution *execution, int32_t stream, const exchange *mine,
                        const exchange *theirs) {
  cuda_rank *rank = execution->cuda;
  const rondo_execution *sender = mine == theirs ? execution : &execution->communicator->executions[mine->from];
  cuda_result result = CUDA_OK;
  for (int32_t i = 0; result == CUDA_OK && i < mine->count; ++i) {
    const rondo_transfer *in = &mine->transfers[i], *out = &theirs->transfers[i];
    int64_t bytes = in->destination_bytes < out->source_bytes ? in->destination_bytes : out->source_bytes;
    if (bytes > 0)
      result = copy_bytes(rank, stream, sender->cuda->device, in->destination, out->source, bytes);
  }
  return result;
}

static cuda_span *open_span(rondo_execution *execution, int32_t stream, const exchange *mine) {
  rondo_trace_event event = {.kind = RONDO_TRACE_EXCHANGE,
                             .name = mine->name,
                             .rank = execution->rank,
                             .stream = stream,
                             .step = execution->step,
                             .bytes_sent = mine->bytes_out,
                             .to = mine->to,
                             .from = mine->from};
  return cuda_timeline_open(&execution->cuda->timeline, &event, execution->phase, execution->cuda->streams[stream]);
}

/* Issues the transfers, after the time of the link, if there is one; `bytes` travel. */
static rondo_status issue(rondo_execution *execution, int32_t stream, const exchange *mine, const exchange *theirs,
                          int64_t bytes) {
  cuda_rank *rank = execution->cuda;
  rondo_communicator *communicator = execution->communicator;
  cuda_stream handle = rank->streams[stream];
  cuda_span *span = open_span(execution, stream, mine);
  cuda_result result = CUDA_OK;
  int64_t time = link_is_emulated(communicator) && mine->distance != 0 ? get_link_time(communicator, bytes) : 0;
  if (time > 0)
    result = cuda_link_occupy(&rank->link, &rank->issuer, time, rank->link_sms, handle);
  if (result == CUDA_OK)
    result = copy(execution, stream, mine, theirs);
  cuda_timeline_close(&rank->timeline, span, handle);
  return check(execution, mine, result);
}

/* Receives what the sender has posted, and tells it by which event that will be over. */
static void receive_locked(rondo_execution *execution, int32_t stream, exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  rondo_execution *sender = &communicator->executions[mine->from];
  exchange *theirs = exchange_await_sender_locked(execution, WORKER, mine);
  if (!theirs || exchange_check_match_locked(execution, WORKER, mine, theirs) != RONDO_OK)
    return;
  theirs->taken = true;
  pthread_mutex_unlock(&communicator->lock);
  cuda_rank *rank = execution->cuda;
  rondo_status status =
      check(execution, mine, rank->device->api->stream_wait(rank->streams[stream], theirs->ready_event, 0));
  if (status == RONDO_OK)
    status = issue(execution, stream, mine, theirs, theirs->bytes_out);
  int64_t mark = 0;
  if (status == RONDO_OK)
    status = cuda_rank_mark(execution, stream, &mark);
  pthread_mutex_lock(&communicator->lock);
  if (status == RONDO_OK)
    theirs->delivered_event = rank->marks[mark].event;
  theirs->delivered = true;
  pthread_cond_signal(&sender->streams[WORKER].wake);
}

static rondo_status exchange_with_others(rondo_execution *execution, int32_t stream, exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  cuda_rank *rank = execution->cuda;
  int64_t mark = 0;
  rondo_status status = cuda_rank_mark(execution, stream, &mark);
  if (status != RONDO_OK)
    return status;
  mine->ready_event = rank->marks[mark].event;
  pthread_mutex_lock(&communicator->lock);
  execution->streams[WORKER].posted = mine;
  pthread_cond_signal(&communicator->executions[mine->to].streams[WORKER].wake);
  receive_locked(execution, stream, mine);
  /* Even when the run has failed, a receiver that is at it must be waited for. */
  while (!mine->delivered && (mine->taken || communicator->failure == RONDO_OK))
    stream_wait_locked(execution, WORKER, (stream_id){.rank = mine->to, .stream = WORKER});
  execution->streams[WORKER].posted = NULL;
  status = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  if (status != RONDO_OK)
    return status;
  return check(execution, mine, rank->device->api->stream_wait(rank->streams[stream], mine->delivered_event, 0));
}

/* What of an exchange NCCL carries: all but what goes through peers' memory. */
static exchange get_part_of_nccl(const nccl_connection *nccl, const exchange *whole) {
  exchange part = *whole;
  bool sends = !peer_memory_reaches(nccl->peers, whole->to), receives = !peer_memory_reaches(nccl->peers, whole->from);
  for (int32_t i = 0; i < part.count; ++i) {
    if (!sends)
      part.transfers[i].source_bytes = 0;
    if (!receives)
      part.transfers[i].destination_bytes = 0;
  }
  part.bytes_out = sends ? part.bytes_out : 0;
  part.bytes_in = receives ? part.bytes_in : 0;
  return part;
}

/* With ranks of other processes. Waits for what arrives come last, so that all ranks send before. */
static rondo_status exchange_with_processes(rondo_execution *execution, int32_t stream, const exchange *mine) {
  const nccl_connection *nccl = execution->communicator->nccl;
  cuda_rank *rank = execution->cuda;
  cuda_stream handle = rank->streams[stream];
  cuda_span *span = open_span(execution, stream, mine);
  rank->peer[stream] = rank->graphs.peer = mine->from;
  for (int32_t i = 0; i < mine->count; ++i)
    if ((mine->transfers[i].source_bytes > 0 && !is_own(rank, mine->transfers[i].source)) ||
        (mine->transfers[i].destination_bytes > 0 && !is_own(rank, mine->transfers[i].destination)))
      cuda_issuer_note_foreign(&rank->issuer);
  rondo_status status = peer_memory_prepare(execution, mine);
  exchange part = get_part_of_nccl(nccl, mine);
  if (cuda_issues(&rank->issuer)) {
    if (status == RONDO_OK)
      status = peer_memory_send(execution, stream, mine);
    if (status == RONDO_OK)
      status = nccl_connection_exchange(execution, stream, &part);
    if (status == RONDO_OK)
      status = peer_memory_receive(execution, stream, mine);
  }
  cuda_timeline_close(&rank->timeline, span, handle);
  return status;
}

/* With oneself, by no link: sizes must agree. */
static rondo_status exchange_alone(rondo_execution *execution, int32_t stream, exchange *exchange) {
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (transfer->source_bytes != transfer->destination_bytes)
      return run_fail(execution->communicator, RONDO_RANK_FAILED,
                      "rank %d: exchange '%s' with itself in step %lld sends %lld bytes, but expects %lld",
                      execution->rank, transfer->name, (long long)execution->step, (long long)transfer->source_bytes,
                      (long long)transfer->destination_bytes);
  }
  exchange->bytes_out = 0;
  return issue(execution, stream, exchange, exchange, 0);
}

/* What it is predicted to keep of the GPU. Copy engines need no multiprocessor. */
static rondo_transfer_load predict(const rondo_execution *execution, const exchange *whole) {
  const rondo_communicator *communicator = execution->communicator;
  bool is_alone = whole->distance == 0 || (communicator->nccl && whole->to == execution->rank);
  if (!is_alone && communicator->nccl) {
    const exchange part = get_part_of_nccl(communicator->nccl, whole);
    return nccl_connection_predict(execution, &part);
  }
  bool is_lone = communicator->transport->lone_rank;
  int64_t bytes = is_lone ? clock_later(whole->bytes_out, whole->bytes_in) : whole->bytes_in;
  if (is_alone || !link_is_emulated(communicator) || bytes == 0 || execution->cuda->link_sms == 0)
    return (rondo_transfer_load){0, 0};
  return (rondo_transfer_load){execution->cuda->link_sms, (double)get_link_time(communicator, bytes) * 1e-3};
}

rondo_status cuda_exchange_issue(rondo_execution *execution, int32_t stream, exchange *exchange) {
  rondo_communicator *communicator = execution->communicator;
  rondo_status status = stream_begin(execution, WORKER, NULL, exchange, execution->step);
  if (status != RONDO_OK)
    return status;
  execution->cuda->operation[stream] = exchange->transfers[0].name;
  execution->cuda->is_exchange[stream] = true;
  execution->cuda->peer[stream] = -1;
  const rondo_transfer_load load = predict(execution, exchange);
  if (exchange->distance == 0 || (communicator->nccl && exchange->to == execution->rank))
    status = exchange_alone(execution, stream, exchange);
  else if (communicator->transport->lone_rank)
    status = issue(execution, stream, exchange, exchange, clock_later(exchange->bytes_out, exchange->bytes_in));
  else if (communicator->nccl)
    status = exchange_with_processes(execution, stream, exchange);
  else
    status = exchange_with_others(execution, stream, exchange);
  cuda_rank_count_transfer(execution, stream, &load);
  pthread_mutex_lock(&communicator->lock);
  stream_end_locked(execution, WORKER);
  if (status == RONDO_OK) {
    execution->statistics.bytes_sent += exchange->bytes_out;
    execution->statistics.messages_sent += exchange->bytes_out > 0;
  }
  pthread_mutex_unlock(&communicator->lock);
  return status;
}
