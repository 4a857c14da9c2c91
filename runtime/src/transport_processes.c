/* Exchanges between ranks that are processes. A stream posts its exchange; the thread that called the runtime carries
 * it out (processes.h). */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "clock.h"
#include "processes.h"
#include "stream.h"

#include <string.h>

/* ---- The stream's thread ---- */

static rondo_status processes_exchange(rondo_execution *execution, int32_t stream, exchange *mine) {
  rondo_communicator *communicator = execution->communicator;
  pthread_mutex_lock(&communicator->lock);
  execution->streams[stream].posted = mine;
  pthread_cond_signal(&communicator->finished);
  /* Even when the run has failed, the thread that carries it out must have let go of it. */
  while (!mine->delivered && (mine->taken || communicator->failure == RONDO_OK))
    stream_wait_locked(execution, stream, (stream_id){.rank = mine->arrived ? mine->to : mine->from, .stream = stream});
  execution->streams[stream].posted = NULL;
  rondo_status status = communicator->failure;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

const transport processes_transport = {.name = "mpi", .lone_rank = false, .exchange = processes_exchange};

/* ---- The thread that carries exchanges out ---- */

static long long step_of(const processes *processes, int stream) {
  return (long long)processes->communicator->executions[0].streams[stream].step;
}

static void fail_flight(processes *processes, int stream, const exchange *exchange, int32_t with) {
  processes_fail(processes, RONDO_RANK_FAILED, "rank %d: exchange '%s' with rank %d in step %lld: %s", processes->rank,
                 exchange->name, with, step_of(processes, stream), processes->module->error(processes->wire));
}

/* Both ends know which transfers are empty. Receives come first, so that nothing must be kept for them. */
static void start(processes *processes, int stream) {
  flight *flight = &processes->flights[stream];
  exchange *exchange = flight->exchange;
  int32_t channel = CHANNEL_STREAMS + stream;
  const wire_module *module = processes->module;
  memset(flight->receives, 0, sizeof flight->receives);
  memset(flight->sends, 0, sizeof flight->sends);
  flight->moved = 0;
  exchange->begun = clock_now();
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (transfer->destination_bytes == 0)
      continue;
    flight->receives[i] = module->receive(processes->wire, exchange->from, channel, transfer->destination,
                                          (size_t)transfer->destination_bytes);
    if (!flight->receives[i])
      fail_flight(processes, stream, exchange, exchange->from);
  }
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    if (transfer->source_bytes == 0)
      continue;
    flight->sends[i] =
        module->send(processes->wire, exchange->to, channel, transfer->source, (size_t)transfer->source_bytes);
    if (!flight->sends[i])
      fail_flight(processes, stream, exchange, exchange->to);
  }
}

/* Tests one direction; adds to `moved`. True if all of it is done. */
static bool test_direction(processes *processes, int stream, bool receives, size_t *moved) {
  flight *flight = &processes->flights[stream];
  const exchange *exchange = flight->exchange;
  wire_request **requests = receives ? flight->receives : flight->sends;
  bool all = true;
  for (int32_t i = 0; i < exchange->count; ++i) {
    const rondo_transfer *transfer = &exchange->transfers[i];
    size_t expected = (size_t)(receives ? transfer->destination_bytes : transfer->source_bytes), bytes = 0;
    if (!requests[i]) {
      *moved += expected;
      continue;
    }
    wire_state state = processes->module->test(processes->wire, requests[i], &bytes);
    *moved += bytes;
    if (state == WIRE_PENDING) {
      all = false;
      continue;
    }
    requests[i] = NULL;
    if (state == WIRE_FAILED)
      fail_flight(processes, stream, exchange, receives ? exchange->from : exchange->to);
    else if (receives && bytes != expected)
      processes_fail(processes, RONDO_RANK_FAILED,
                     "rank %d expects %zu bytes of '%s' in step %lld, but rank %d sends %zu", processes->rank, expected,
                     transfer->name, step_of(processes, stream), exchange->from, bytes);
  }
  return all;
}

/* Lets go of the exchange, and tells its stream. */
static void release(processes *processes, int stream, bool delivered) {
  rondo_communicator *communicator = processes->communicator;
  flight *flight = &processes->flights[stream];
  pthread_mutex_lock(&communicator->lock);
  flight->exchange->done = clock_now();
  flight->exchange->taken = false;
  flight->exchange->delivered = delivered;
  flight->exchange = NULL;
  pthread_cond_signal(&communicator->executions[0].streams[stream].wake);
  pthread_mutex_unlock(&communicator->lock);
}

/* A long message that moves is no stall. */
static void note_progress(processes *processes, int stream, size_t moved, bool arrived) {
  rondo_communicator *communicator = processes->communicator;
  flight *flight = &processes->flights[stream];
  bool news = arrived && !flight->exchange->arrived;
  if (moved == flight->moved && !news)
    return;
  flight->moved = moved;
  pthread_mutex_lock(&communicator->lock);
  communicator->executions[0].streams[stream].progress = clock_now();
  flight->exchange->arrived = arrived;
  /* Now it waits for another rank. */
  if (news)
    pthread_cond_signal(&communicator->executions[0].streams[stream].wake);
  pthread_mutex_unlock(&communicator->lock);
}

static bool flight_progress(processes *processes, int stream) {
  flight *flight = &processes->flights[stream];
  size_t former = flight->moved, moved = 0;
  bool received = test_direction(processes, stream, true, &moved);
  bool sent = test_direction(processes, stream, false, &moved);
  if (processes->failure != RONDO_OK) {
    /* What is under way keeps its memory: the arena of a failed communicator is never freed. */
    release(processes, stream, false);
    return true;
  }
  note_progress(processes, stream, moved, received);
  if (received && sent)
    release(processes, stream, true);
  return (received && sent) || moved != former;
}

/* Takes up the exchange that a stream has posted, if there is one. */
static bool take_up(processes *processes, int stream) {
  rondo_communicator *communicator = processes->communicator;
  pthread_mutex_lock(&communicator->lock);
  exchange *posted = communicator->executions[0].streams[stream].posted;
  bool taken = posted && !posted->delivered && communicator->failure == RONDO_OK && processes->failure == RONDO_OK;
  if (taken)
    posted->taken = true;
  pthread_mutex_unlock(&communicator->lock);
  if (!taken)
    return false;
  processes->flights[stream].exchange = posted;
  start(processes, stream);
  return true;
}

bool flights_progress(processes *processes) {
  bool any = false;
  for (int stream = 0; stream < STREAM_COUNT; ++stream) {
    if (!processes->flights[stream].exchange && !take_up(processes, stream))
      continue;
    any |= flight_progress(processes, stream);
  }
  return any;
}
