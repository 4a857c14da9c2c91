/* Runs by graphs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_replay.h"
#include "clock.h"
#include "failure.h"
#include "nccl_connection.h"
#include "nvtx.h"
#include "table.h"

/* ---- What to do ---- */

/* Whether operations must be seen one by one. */
static bool needs_operations(const rondo_communicator *communicator) {
  const injection *injection = &communicator->injection;
  return communicator->trace.enabled || (injection->kind != INJECT_NOTHING && !injection->fired);
}

int cuda_replay_offer(rondo_communicator *communicator, int function, bool placed, const tensor_list *list,
                      int64_t *offers) {
  cuda_rank *rank = communicator->executions[0].cuda;
  cuda_call_describe(&rank->graphs.call, rank->module->number, function, placed, list);
  int count = cuda_graphs_offer(&rank->graphs, offers);
  return needs_operations(communicator) ? 0 : count;
}

void cuda_replay_settle(rondo_communicator *communicator, int64_t agreed) {
  communicator->executions[0].cuda->graphs.agreed = agreed;
}

bool cuda_replay_is_short(const rondo_communicator *communicator) {
  cuda_rank *rank = communicator->executions[0].cuda;
  return cuda_graphs_find(&rank->graphs, rank->graphs.agreed) && rank->is_caller_stream && !communicator->measure &&
         !communicator->hung;
}

bool cuda_replay_is_launch(const rondo_communicator *communicator) {
  cuda_rank *rank = communicator->executions[0].cuda;
  const cuda_captured *captured = cuda_graphs_find(&rank->graphs, rank->graphs.agreed);
  return captured && cuda_replay_is_short(communicator) && cuda_call_has_addresses(&captured->call, &rank->graphs.call);
}

/* ---- Launches ---- */

/* Transfers of the graph come in the order of the stream that the caller gave for them. */
static cuda_result launch(cuda_rank *rank, cuda_captured *captured, cuda_stream stream) {
  const cuda_api *api = rank->device->api;
  cuda_result result = CUDA_OK;
  if (rank->communication) {
    result = api->event_record(rank->graphs.joint, rank->communication);
    if (result == CUDA_OK)
      result = api->stream_wait(stream, rank->graphs.joint, 0);
  }
  if (result == CUDA_OK)
    result = api->graph_launch(captured->records.executable, stream);
  if (result == CUDA_OK && rank->communication) {
    result = api->event_record(rank->graphs.joint, stream);
    if (result == CUDA_OK)
      result = api->stream_wait(rank->communication, rank->graphs.joint, 0);
  }
  cuda_graphs_touch(&rank->graphs, captured, &rank->plans);
  return result;
}

/* In the order of the last run, and before the next one. */
static cuda_result launch_in_order(cuda_rank *rank, cuda_captured *captured) {
  const cuda_api *api = rank->device->api;
  cuda_context former;
  cuda_result result = api->context_push(rank->device->context);
  if (result != CUDA_OK)
    return result;
  if (rank->has_last)
    result = api->stream_wait(rank->caller_stream, rank->last, 0);
  if (result == CUDA_OK)
    result = launch(rank, captured, rank->caller_stream);
  if (result == CUDA_OK)
    result = api->event_record(rank->last, rank->caller_stream);
  rank->has_last = true;
  api->context_pop(&former);
  return result;
}

rondo_status cuda_replay_launch(rondo_context *context, rondo_communicator *communicator, const char *function) {
  rondo_execution *execution = &communicator->executions[0];
  cuda_rank *rank = execution->cuda;
  cuda_captured *captured = cuda_graphs_find(&rank->graphs, rank->graphs.agreed);
  int64_t begin = clock_now();
  if (communicator->nccl) {
    rondo_status status = nccl_connection_verify(context, communicator, function);
    if (status != RONDO_OK)
      return status;
  }
  nvtx_push(NVTX_RUN, function, execution->rank);
  cuda_result result = launch_in_order(rank, captured);
  nvtx_pop();
  if (result != CUDA_OK)
    return context_fail(context, result == CUDA_OUT_OF_MEMORY ? RONDO_OUT_OF_MEMORY : RONDO_RANK_FAILED,
                        "rank %d on GPU %d (%s): cannot launch the graph of '%s': %s", execution->rank,
                        rank->device->ordinal, rank->device->name, function,
                        cuda_result_text(rank->device->api, result));
  ++rank->graphs.replays;
  execution->statistics = captured->statistics;
  execution->room = captured->room;
  execution->statistics.total = (double)(clock_now() - begin) / NANOSECONDS;
  return RONDO_OK;
}

rondo_status cuda_replay_run(rondo_context *context, rondo_communicator *communicator, const run_plan *plan) {
  const cuda_device *device = communicator->executions[0].cuda->device;
  cuda_result result = device->api->context_push(device->context);
  if (result != CUDA_OK)
    return cuda_context_fail(context, device, result, "cannot use its context");
  rondo_status status = communicator_run_here(context, communicator, plan);
  cuda_context former;
  device->api->context_pop(&former);
  return status;
}

/* ---- Passes of the entry ---- */

static rondo_status pass(rondo_execution *execution, const rondo_tensor *tensors, cuda_issue_mode mode,
                         cuda_records *records, bool probes) {
  const run_plan *plan = execution->communicator->plan;
  cuda_rank *rank = execution->cuda;
  rank->issuer = (cuda_issuer){.api = rank->device->api, .mode = mode, .records = records, .probes = probes};
  cuda_rank_begin_pass(rank);
  rank->timeline.paused = mode != CUDA_ISSUE_NOW;
  rank->graphs.peer = -1;
  execution->arena_taken = false;
  execution->step = 0;
  execution->phase = RONDO_PHASE_STEADY;
  execution->statistics = (rondo_rank_statistics){0};
  execution->room = (transfer_room){0, 0};
  int32_t status = plan->entry(plan->backend->table, execution, tensors, plan->lengths);
  table_end(execution);
  rank->issuer.mode = CUDA_ISSUE_NOW;
  return (rondo_status)status;
}

/* Of the launch the watchdog sees the function alone, and the rank from which it receives. */
static rondo_status launch_on_worker(rondo_execution *execution, cuda_captured *captured) {
  cuda_rank *rank = execution->cuda;
  rank->mark_count = 0;
  execution->step = 0;
  for (int s = 0; s < STREAM_COUNT; ++s) {
    rank->operation[s] = execution->communicator->plan->function;
    rank->is_exchange[s] = captured->peer >= 0;
    rank->peer[s] = captured->peer;
  }
  execution->statistics = captured->statistics;
  execution->room = captured->room;
  cuda_result result = launch(rank, captured, rank->streams[RONDO_STREAM_COMPUTE]);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot launch a graph");
}

/* ---- Capture ---- */

static cuda_result order(cuda_rank *rank, int32_t first, int32_t second) {
  const cuda_api *api = rank->device->api;
  cuda_result result = api->event_record(rank->graphs.joint, rank->streams[first]);
  return result == CUDA_OK ? api->stream_wait(rank->streams[second], rank->graphs.joint, 0) : result;
}

/* Captures the entry's work from the compute stream, of which the other one forks, and which it joins. The capture ends
 * whatever fails. */
static rondo_status capture_entry(rondo_execution *execution, const rondo_tensor *tensors, cuda_captured *captured) {
  cuda_rank *rank = execution->cuda;
  const cuda_api *api = rank->device->api;
  cuda_stream compute = rank->streams[RONDO_STREAM_COMPUTE];
  cuda_result result = api->capture_begin(compute, CUDA_CAPTURE_THREAD_LOCAL);
  if (result != CUDA_OK)
    return cuda_rank_fail(execution, result, "cannot begin to capture a graph");
  rondo_status status = RONDO_OK;
  result = order(rank, RONDO_STREAM_COMPUTE, RONDO_STREAM_COMMUNICATION);
  if (result == CUDA_OK)
    status = pass(execution, tensors, CUDA_ISSUE_CAPTURE, &captured->records, false);
  if (result == CUDA_OK && status == RONDO_OK)
    result = order(rank, RONDO_STREAM_COMMUNICATION, RONDO_STREAM_COMPUTE);
  cuda_result ended = api->capture_end(compute, &captured->graph);
  if (status != RONDO_OK)
    return rank->issuer.differs
               ? run_fail(execution->communicator, RONDO_UNSUPPORTED,
                          "rank %d: '%s' wants memory each time that it runs, so it cannot be captured in a graph: run "
                          "it without graphs",
                          execution->rank, execution->communicator->plan->function)
               : status;
  if (result == CUDA_OK)
    result = ended;
  /* Transfers keep the priority of the stream from which they were captured. */
  if (result == CUDA_OK)
    result = api->graph_instantiate(&captured->records.executable, captured->graph, CUDA_GRAPH_NODE_PRIORITIES);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot capture a graph");
}

/* Whether the driver sets other parameters is seen with those that are there. If not, the graph keeps its addresses. */
static rondo_status probe(rondo_execution *execution, const rondo_tensor *tensors, cuda_captured *captured) {
  cuda_issuer *issuer = &execution->cuda->issuer;
  rondo_status status = pass(execution, tensors, CUDA_ISSUE_UPDATE, &captured->records, true);
  if (issuer->refused || issuer->differs || issuer->position != captured->records.count)
    captured->records.fixed = true;
  return issuer->differs ? RONDO_OK : status;
}

/* A first pass makes sure that all memory and plans are there. The streams are the rank's own: the caller's may be the
 * default stream, from which nothing can be captured. */
static rondo_status capture(rondo_execution *execution, const rondo_tensor *tensors) {
  cuda_rank *rank = execution->cuda;
  cuda_graphs *graphs = &rank->graphs;
  cuda_stream streams[STREAM_COUNT] = {rank->streams[0], rank->streams[1]};
  cuda_captured *captured = graphs->made = cuda_graphs_add(graphs, rank->device->api);
  int64_t number = captured->number;
  captured->number = 0; /* it is none yet, to be dropped when memory moves */
  rondo_status status = pass(execution, tensors, CUDA_ISSUE_PREPARE, NULL, false);
  if (status != RONDO_OK)
    return status;
  for (int s = 0; s < STREAM_COUNT; ++s)
    rank->streams[s] = rank->own[s];
  status = capture_entry(execution, tensors, captured);
  if (status == RONDO_OK)
    status = probe(execution, tensors, captured);
  for (int s = 0; s < STREAM_COUNT; ++s)
    rank->streams[s] = streams[s];
  if (status != RONDO_OK) {
    cuda_graphs_drop(captured, rank->device->api);
    /* The next run goes without. */
    cuda_graphs_note_run(graphs, true);
    return status;
  }
  captured->number = number;
  captured->peer = graphs->peer;
  captured->statistics = execution->statistics;
  captured->room = execution->room;
  ++graphs->captures;
  return launch_on_worker(execution, captured);
}

/* ---- Replay ---- */

/* Sets the addresses of this run's tensors in the graph. */
static rondo_status update(rondo_execution *execution, const rondo_tensor *tensors, cuda_captured *captured) {
  cuda_rank *rank = execution->cuda;
  captured->call.address_count = -1; /* nobody's until all are set */
  rondo_status status = pass(execution, tensors, CUDA_ISSUE_UPDATE, &captured->records, false);
  if (rank->issuer.differs || (status == RONDO_OK && rank->issuer.position != captured->records.count))
    status = run_fail(execution->communicator, RONDO_RANK_FAILED,
                      "rank %d: '%s' does not do what it did when its graph was captured, for the same lengths and "
                      "layouts: run it without graphs",
                      execution->rank, execution->communicator->plan->function);
  if (status == RONDO_OK)
    captured->call = rank->graphs.call;
  else
    cuda_graphs_drop(captured, rank->device->api);
  return status;
}

static rondo_status replay(rondo_execution *execution, const rondo_tensor *tensors, cuda_captured *captured) {
  cuda_graphs *graphs = &execution->cuda->graphs;
  rondo_status status = RONDO_OK;
  if (!cuda_call_has_addresses(&captured->call, &graphs->call))
    status = update(execution, tensors, captured);
  if (status == RONDO_OK)
    status = launch_on_worker(execution, captured);
  graphs->replays += status == RONDO_OK;
  return status;
}

static rondo_status run_entry(rondo_execution *execution, const rondo_tensor *tensors) {
  rondo_status status = pass(execution, tensors, CUDA_ISSUE_NOW, NULL, false);
  if (status == RONDO_OK)
    cuda_graphs_note_run(&execution->cuda->graphs, execution->cuda->graphs.overflows);
  return status;
}

rondo_status cuda_replay_call(rondo_execution *execution, const rondo_tensor *tensors) {
  cuda_rank *rank = execution->cuda;
  cuda_graphs *graphs = &rank->graphs;
  const run_plan *plan = execution->communicator->plan;
  if (!execution->communicator->graphs)
    return (rondo_status)plan->entry(plan->backend->table, execution, tensors, plan->lengths);
  if (!graphs->joint) {
    cuda_result result = rank->device->api->event_create(&graphs->joint, CUDA_EVENT_UNTIMED);
    if (result != CUDA_OK)
      return cuda_rank_fail(execution, result, "cannot make an event for graphs");
  }
  cuda_captured *captured = cuda_graphs_find(graphs, graphs->agreed);
  if (captured)
    return replay(execution, tensors, captured);
  return graphs->agreed == CUDA_GRAPH_CAPTURE ? capture(execution, tensors) : run_entry(execution, tensors);
}

/* ---- The end ---- */

void cuda_replay_close(rondo_communicator *communicator) {
  for (int32_t i = 0; communicator->graphs && communicator->cuda && i < communicator->local_ranks; ++i) {
    cuda_rank *rank = communicator->executions[i].cuda;
    cuda_context former;
    if (!rank || rank->device->api->context_push(rank->device->context) != CUDA_OK)
      continue;
    cuda_graphs_drop_all(&rank->graphs, rank->device->api);
    rank->device->api->context_pop(&former);
  }
}
