/* Exchanges between ranks that are threads of one process. The receiver copies, once both ends have posted. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "exchange.h"
#include "failure.h"
#include "stream.h"

#include <string.h>

exchange *exchange_await_sender_locked(rondo_execution *execution, int32_t stream, const exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  const rondo_execution *sender = &communicator->executions[mine->from];
  while (communicator->failure == RONDO_OK) {
    exchange *theirs = sender->streams[stream].posted;
    if (theirs && !theirs->taken && theirs->to == execution->rank)
      return theirs;
    stream_wait_locked(execution, stream, (stream_id){.rank = mine->from, .stream = stream});
  }
  return NULL;
}

rondo_status exchange_check_match_locked(rondo_execution *execution, int32_t stream, const exchange *mine,
                                         const exchange *theirs) {
  rondo_communicator *communicator = execution->communicator;
  long long step = (long long)execution->streams[stream].step;
  if (mine->axis != theirs->axis || mine->distance != theirs->distance || mine->count != theirs->count)
    return run_fail_locked(communicator, RONDO_RANK_FAILED,
                           "rank %d receives '%s' in step %lld (axis %d, distance %lld, %d transfers), but rank %d "
                           "sends '%s' (axis %d, distance %lld, %d transfers)",
                           execution->rank, mine->name, step, mine->axis, (long long)mine->distance, mine->count,
                           mine->from, theirs->name, theirs->axis, (long long)theirs->distance, theirs->count);
  for (int32_t i = 0; i < mine->count; ++i) {
    const rondo_transfer *in = &mine->transfers[i], *out = &theirs->transfers[i];
    if (in->destination_bytes != out->source_bytes)
      return run_fail_locked(communicator, RONDO_RANK_FAILED,
                             "rank %d expects %lld bytes of '%s' in step %lld, but rank %d sends %lld bytes of '%s'",
                             execution->rank, (long long)in->destination_bytes, in->name, step, mine->from,
                             (long long)out->source_bytes, out->name);
  }
  return RONDO_OK;
}

static void copy(const exchange *mine, const exchange *theirs) {
  for (int32_t i = 0; i < mine->count; ++i)
    if (mine->transfers[i].destination_bytes > 0)
      memcpy(mine->transfers[i].destination, theirs->transfers[i].source, (size_t)mine->transfers[i].destination_bytes);
}

static rondo_status receive_locked(rondo_execution *execution, int32_t stream, exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  rondo_execution *sender = &communicator->executions[mine->from];
  exchange *theirs = exchange_await_sender_locked(execution, stream, mine);
  if (!theirs)
    return communicator->failure;
  rondo_status status = exchange_check_match_locked(execution, stream, mine, theirs);
  if (status != RONDO_OK)
    return status;
  int64_t arrival = 0;
  status = link_occupy_locked(sender, execution, stream, clock_later(mine->ready, theirs->ready), theirs->bytes_out,
                              mine, &arrival);
  if (status != RONDO_OK)
    return status;
  theirs->taken = true;
  pthread_mutex_unlock(&communicator->lock);
  copy(mine, theirs);
  pthread_mutex_lock(&communicator->lock);
  link_sleep_locked(execution, stream, arrival);
  mine->done = link_is_emulated(communicator) ? arrival : clock_now();
  theirs->sent = mine->done;
  theirs->delivered = true;
  pthread_cond_signal(&sender->streams[stream].wake);
  return communicator->failure;
}

static rondo_status threads_exchange(rondo_execution *execution, int32_t stream, exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  execution->streams[stream].posted = mine;
  pthread_cond_signal(&communicator->executions[mine->to].streams[stream].wake);
  receive_locked(execution, stream, mine);
  /* Even when the run has failed, a receiver that is copying must be waited for. */
  while (!mine->delivered && (mine->taken || communicator->failure == RONDO_OK))
    stream_wait_locked(execution, stream, (stream_id){.rank = mine->to, .stream = stream});
  execution->streams[stream].posted = NULL;
  mine->done = clock_later(mine->done, mine->sent);
  rondo_status status = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

const transport threads_transport = {.name = "threads", .lone_rank = false, .exchange = threads_exchange};
