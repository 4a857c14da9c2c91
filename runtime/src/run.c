/* Runs, the reference, statistics and traces: the public calls on a communicator. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "agreement.h"
#include "bind.h"
#include "clock.h"
#include "collective.h"
#include "communicator.h"
#include "cuda_communicator.h"
#include "cuda_replay.h"
#include "program.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

/* A call of rondo_run or rondo_run_shards. */
typedef struct {
  const rondo_program *program;
  const char *name;
  rondo_communicator *communicator;
  tensor_list *list;
  bool placed; /* the caller placed the shards */
} call;

/* ---- Checks ---- */

static rondo_status check_program(rondo_context *context, const rondo_program *program) {
  return program ? RONDO_OK : context_fail(context, RONDO_INVALID_ARGUMENT, "the program is NULL");
}

/* Kernels for instructions that this machine lacks would end the process. */
static rondo_status check_target(rondo_context *context, const char *target) {
  if (strncmp(target, "cuda:", 5) == 0)
    return RONDO_OK; /* judged when its kernels are loaded */
  if (strncmp(target, "cpu", 3) != 0 || (target[3] != '\0' && target[3] != ':'))
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the program was compiled for target '%s', but this runtime runs 'cpu' and 'cuda' programs",
                        target);
  const char *processor = target[3] ? target + 4 : "";
  __builtin_cpu_init();
  if ((strcmp(processor, "x86-64-v2") == 0 && !__builtin_cpu_supports("x86-64-v2")) ||
      (strcmp(processor, "x86-64-v3") == 0 && !__builtin_cpu_supports("x86-64-v3")) ||
      (strcmp(processor, "x86-64-v4") == 0 && !__builtin_cpu_supports("x86-64-v4")))
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the program was compiled for '%s', which this machine is not: compile it for an older "
                        "processor",
                        target);
  return RONDO_OK;
}

/* Where the tensors of a run must be: with programs for CUDA on the GPUs of their ranks. Whole tensors are on the one
 * GPU that all ranks share. */
static rondo_status place_tensors(rondo_context *context, const call *call) {
  rondo_communicator *communicator = call->communicator;
  if (communicator->nccl && !call->program->cuda)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the program is for '%s', but NCCL joins GPUs: run it on a communicator of the kind mpi or "
                        "threads, or compile it for a GPU",
                        call->program->manifest.target);
  if (communicator->graphs && !call->program->cuda)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the program is for '%s', but graphs are those of CUDA: run it on a communicator without them, "
                        "or compile it for a GPU",
                        call->program->manifest.target);
  if (!call->program->cuda)
    return RONDO_OK;
  if (communicator->processes && !communicator->nccl)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "the program is for CUDA, whose ranks MPI does not join: run it on a communicator of the kind "
                        "nccl, threads or loopback, or compile it with --target=cpu");
  rondo_status status = cuda_communicator_prepare(context, communicator, call->program);
  if (status != RONDO_OK)
    return status;
  const int32_t *ordinals = call->list->ordinals = communicator->cuda->ordinals;
  for (int32_t i = 1; !call->placed && i < communicator->local_ranks; ++i)
    if (ordinals[i] != ordinals[0])
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "rank 0 runs on GPU %d, and rank %d on GPU %d, so no rank can reach the whole tensors of "
                          "rondo_run: pass shards to rondo_run_shards, or choose one device in the communicator's "
                          "options",
                          ordinals[0], i, ordinals[i]);
  return RONDO_OK;
}

/* ---- Runs ---- */

/* Checks what does not depend on the tensors. */
static rondo_status check_call(rondo_context *context, const call *call, int *index, grid_shape *shape) {
  rondo_status status = check_program(context, call->program);
  if (status == RONDO_OK)
    status = program_find(context, call->program, call->name, index);
  if (status == RONDO_OK)
    status = check_target(context, call->program->manifest.target);
  if (status == RONDO_OK)
    status = grid_bind(context, &call->program->manifest.grid, call->communicator->ranks, shape);
  if (status == RONDO_OK)
    status = place_tensors(context, call);
  return status;
}

/* Makes the run of a call that has passed its check. `extents`: those of every rank, where ranks are processes. */
static rondo_status run_function(rondo_context *context, const call *call, int index, const grid_shape *shape,
                                 const int64_t *extents) {
  const manifest_function *function = &call->program->manifest.functions[index];
  rondo_communicator *communicator = call->communicator;
  if (communicator->graphs && cuda_replay_is_launch(communicator))
    return cuda_replay_launch(context, communicator, function->name);
  rank_range ranks = {
      .first = communicator->first_rank, .count = communicator->local_ranks, .extents = call->placed ? extents : NULL};
  binding binding;
  rondo_status status =
      (call->placed ? bind_shards : bind_global)(context, function, shape, &ranks, call->list, &binding);
  if (status != RONDO_OK)
    return status;
  run_plan plan = {.function = function->name,
                   .entry = call->program->code[index]->entry,
                   .backend = call->program->cuda ? &cuda_backend : &cpu_backend,
                   .shape = *shape,
                   .lengths = binding.lengths,
                   .tensors = binding.tensors,
                   .tensor_count = function->tensor_count};
  status = communicator->graphs && cuda_replay_is_short(communicator) ? cuda_replay_run(context, communicator, &plan)
                                                                      : communicator_run(context, communicator, &plan);
  binding_free(&binding);
  return status;
}

/* What this process can do with graphs; returns how many offers there are. */
static int offer(const call *call, int index, int64_t *offers) {
  return call->communicator->graphs ? cuda_replay_offer(call->communicator, index, call->placed, call->list, offers)
                                    : 0;
}

static void settle(const call *call, int64_t agreed) {
  if (call->communicator->graphs)
    cuda_replay_settle(call->communicator, agreed);
}

/* What a call proposes to the other processes: reads the extents of this process' tensors. The caller frees them. */
static rondo_status propose(rondo_context *context, const call *call, proposal *proposal, int64_t **own_extents) {
  const manifest_function *function = &call->program->manifest.functions[proposal->function];
  rank_range ranks = {.first = call->communicator->first_rank, .count = 1};
  *own_extents = calloc(bind_extent_count(function) + 1, sizeof **own_extents);
  if (!*own_extents)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the tensors' extents");
  proposal->extents = *own_extents;
  proposal->offer_count = offer(call, proposal->function, proposal->offers);
  return bind_read_extents(context, function, call->placed, &ranks, call->list, *own_extents);
}

/* Where ranks are processes: all begin the run, or none; and it has failed for all, or for none. */
static rondo_status run_together(rondo_context *context, const call *call) {
  processes *processes = call->communicator->processes;
  rondo_status status = processes_check(context, processes);
  if (status != RONDO_OK)
    return status;
  grid_shape shape = {.axis_count = 0};
  proposal proposal = {
      .program = call->program, .shape = &shape, .placed = call->placed, .timeout = call->communicator->timeout};
  int64_t *own_extents = NULL;
  agreement agreement;
  status = check_call(context, call, &proposal.function, &shape);
  if (status == RONDO_OK)
    status = propose(context, call, &proposal, &own_extents);
  if (status == RONDO_OK && call->program->cuda)
    proposal.returns_early = cuda_rank_returns_early(&call->communicator->executions[0]);
  const char *function = status == RONDO_OK ? call->program->manifest.functions[proposal.function].name : call->name;
  status = agreement_reach(context, processes, function, status, &proposal, &agreement);
  free(own_extents);
  if (status == RONDO_OK) {
    settle(call, agreement.offer);
    status = run_function(context, call, proposal.function, &shape, agreement.extents);
    status = agreement.returns_early ? agreement_conclude_early(context, processes, status)
                                     : agreement_conclude(context, processes, function, status);
  } else {
    collective_part(processes);
  }
  free(agreement.extents);
  return status;
}

static rondo_status run_alone(rondo_context *context, const call *call) {
  int index = 0;
  grid_shape shape = {.axis_count = 0};
  rondo_status status = check_call(context, call, &index, &shape);
  if (status != RONDO_OK)
    return status;
  int64_t offers[AGREEMENT_OFFERS], best = 0;
  for (int i = offer(call, index, offers); i-- > 0;)
    best = offers[i] > best ? offers[i] : best;
  settle(call, best);
  return run_function(context, call, index, &shape, NULL);
}

static rondo_status run(rondo_context *context, const call *call) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, call->communicator);
  if (status == RONDO_OK)
    status = call->communicator->processes ? run_together(context, call) : run_alone(context, call);
  return context_leave(context, status);
}

rondo_status rondo_run(rondo_context *context, const rondo_program *program, const char *function,
                       rondo_communicator *communicator, const DLTensor *const *inputs, size_t input_count,
                       DLTensor *const *outputs, size_t output_count) {
  tensor_list list = {inputs, input_count, outputs, output_count, NULL};
  return run(context, &(call){program, function, communicator, &list, false});
}

rondo_status rondo_run_shards(rondo_context *context, const rondo_program *program, const char *function,
                              rondo_communicator *communicator, const DLTensor *const *inputs, size_t input_count,
                              DLTensor *const *outputs, size_t output_count) {
  tensor_list list = {inputs, input_count, outputs, output_count, NULL};
  return run(context, &(call){program, function, communicator, &list, true});
}

static rondo_status run_reference(rondo_context *context, const rondo_program *program, const char *name,
                                  const tensor_list *list) {
  int index = 0;
  rondo_status status = check_program(context, program);
  if (status == RONDO_OK)
    status = program_find(context, program, name, &index);
  if (status != RONDO_OK)
    return status;
  const manifest_function *function = &program->manifest.functions[index];
  if (!program->code[index]->reference)
    return context_fail(context, RONDO_UNSUPPORTED, "function '%s' was compiled without its reference", function->name);
  binding binding;
  status = bind_reference(context, function, list, &binding);
  if (status != RONDO_OK)
    return status;
  program->code[index]->reference(binding.tensors, binding.lengths);
  binding_free(&binding);
  return RONDO_OK;
}

rondo_status rondo_run_reference(rondo_context *context, const rondo_program *program, const char *function,
                                 const DLTensor *const *inputs, size_t input_count, DLTensor *const *outputs,
                                 size_t output_count) {
  tensor_list list = {inputs, input_count, outputs, output_count, NULL};
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  return context_leave(context, run_reference(context, program, function, &list));
}

/* ---- Statistics and traces ---- */

static rondo_status check_rank(rondo_context *context, const rondo_communicator *communicator, int32_t rank) {
  rondo_status status = communicator_check(context, communicator);
  if (status != RONDO_OK || communicator_execution(communicator, rank))
    return status;
  return context_fail(context, RONDO_INVALID_ARGUMENT, "there are no statistics of rank %d: ranks %d to %d run here",
                      rank, communicator->first_rank, communicator->first_rank + communicator->local_ranks - 1);
}

rondo_status rondo_rank_transfer_room(rondo_context *context, const rondo_communicator *communicator, int32_t rank,
                                      int32_t *sm_margin, int32_t *transfer_ctas) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_rank(context, communicator, rank);
  if (status == RONDO_OK && (!sm_margin || !transfer_ctas))
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "an out-parameter for the room is NULL");
  if (status == RONDO_OK) {
    const transfer_room *room = &communicator_execution(communicator, rank)->room;
    *sm_margin = room->sm_margin;
    *transfer_ctas = room->transfer_ctas;
  }
  return context_leave(context, status);
}

rondo_status rondo_rank_statistics_get(rondo_context *context, const rondo_communicator *communicator, int32_t rank,
                                       rondo_rank_statistics *statistics) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_rank(context, communicator, rank);
  if (status == RONDO_OK && !statistics)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the statistics' out-parameter is NULL");
  if (status == RONDO_OK)
    *statistics = communicator_execution(communicator, rank)->statistics;
  return context_leave(context, status);
}

rondo_status rondo_trace_enable(rondo_context *context, rondo_communicator *communicator, int enable) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = communicator_check(context, communicator);
  if (status == RONDO_OK && !enable)
    communicator->trace.enabled = false;
  else if (status == RONDO_OK && !communicator->trace.enabled)
    trace_start(&communicator->trace, clock_now());
  return context_leave(context, status);
}

/* Whether there is a whole trace to read. */
static rondo_status check_trace(rondo_context *context, const rondo_communicator *communicator) {
  rondo_status status = communicator_check(context, communicator);
  if (status != RONDO_OK)
    return status;
  if (!communicator->trace.started)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "no trace was recorded: call rondo_trace_enable first");
  if (communicator->trace.lost)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the whole trace of %zu events and more",
                        communicator->trace.count);
  return RONDO_OK;
}

rondo_status rondo_trace_events(rondo_context *context, const rondo_communicator *communicator,
                                rondo_trace_visitor visitor, void *user_data) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_trace(context, communicator);
  if (status == RONDO_OK && !visitor)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the trace's visitor is NULL");
  if (status == RONDO_OK)
    for (size_t i = 0; i < communicator->trace.count; ++i)
      visitor(&communicator->trace.events[i], user_data);
  return context_leave(context, status);
}

rondo_status rondo_trace_write(rondo_context *context, const rondo_communicator *communicator, const char *path) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_trace(context, communicator);
  if (status == RONDO_OK && !path)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the trace's path is NULL");
  if (status == RONDO_OK) {
    const trace *trace = &communicator->trace;
    bool holds_all = communicator->first_rank == 0 && trace->gathered_ranks > 0;
    status = trace_write_json(context, trace, communicator->first_rank,
                              holds_all ? trace->gathered_ranks : communicator->local_ranks, path);
  }
  return context_leave(context, status);
}
