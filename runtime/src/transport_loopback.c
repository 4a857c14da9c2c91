/* One rank that stands for all: it receives its own sends, when the ranks of a real ring would have delivered. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "exchange.h"

#include <string.h>

static void copy(const exchange *exchange) {
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    int64_t bytes =
        transfer->source_bytes < transfer->destination_bytes ? transfer->source_bytes : transfer->destination_bytes;
    if (bytes > 0)
      memmove(transfer->destination, transfer->source, (size_t)bytes);
  }
}

static rondo_status loopback_exchange(rondo_execution *execution, int32_t stream, exchange *exchange) {
  rondo_communicator *communicator = execution->communicator;
  int64_t bytes = clock_later(exchange->bytes_out, exchange->bytes_in);
  int64_t arrival = 0;
  pthread_mutex_lock(&communicator->lock);
  rondo_status status = link_occupy_locked(execution, execution, stream, exchange->ready, bytes, exchange, &arrival);
  pthread_mutex_unlock(&communicator->lock);
  if (status != RONDO_OK)
    return status;
  copy(exchange);
  pthread_mutex_lock(&communicator->lock);
  link_sleep_locked(execution, stream, arrival);
  exchange->done = link_is_emulated(communicator) ? arrival : clock_now();
  status = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

const transport loopback_transport = {.name = "loopback", .lone_rank = true, .exchange = loopback_exchange};
