/* Runs, the reference, statistics and traces: the public calls on a communicator. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "bind.h"
#include "clock.h"
#include "communicator.h"
#include "cuda_communicator.h"
#include "program.h"
#include "table.h"

#include <string.h>

typedef rondo_status (*bind_function)(rondo_context *, const manifest_function *, const grid_shape *, int32_t,
                                      const tensor_list *, binding *);

/* ---- Checks ---- */

static rondo_status check_program(rondo_context *context, const rondo_program *program) {
  return program ? RONDO_OK : context_fail(context, RONDO_INVALID_ARGUMENT, "the program is NULL");
}

static rondo_status check_communicator(rondo_context *context, const rondo_communicator *communicator) {
  if (!communicator)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator is NULL");
  if (communicator->context != context)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator was made from another context");
  return RONDO_OK;
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
static rondo_status place_tensors(rondo_context *context, const rondo_program *program,
                                  rondo_communicator *communicator, bool placed, tensor_list *list) {
  if (!program->cuda)
    return RONDO_OK;
  rondo_status status = cuda_communicator_prepare(context, communicator, program);
  if (status != RONDO_OK)
    return status;
  list->ordinals = communicator->cuda->ordinals;
  for (int32_t i = 1; !placed && i < communicator->local_ranks; ++i)
    if (list->ordinals[i] != list->ordinals[0])
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "rank 0 runs on GPU %d, and rank %d on GPU %d, so no rank can reach the whole tensors of "
                          "rondo_run: pass shards to rondo_run_shards, or choose one device in the communicator's "
                          "options",
                          list->ordinals[0], i, list->ordinals[i]);
  return RONDO_OK;
}

/* ---- Runs ---- */

static rondo_status run_function(rondo_context *context, const rondo_program *program, int index,
                                 rondo_communicator *communicator, tensor_list *list, bind_function bind) {
  const manifest_function *function = &program->manifest.functions[index];
  run_plan plan = {.function = function->name, .entry = program->code[index]->entry};
  plan.backend = program->cuda ? &cuda_backend : &cpu_backend;
  rondo_status status = grid_bind(context, &program->manifest.grid, communicator->ranks, &plan.shape);
  if (status != RONDO_OK)
    return status;
  status = place_tensors(context, program, communicator, bind == bind_shards, list);
  if (status != RONDO_OK)
    return status;
  binding binding;
  status = bind(context, function, &plan.shape, communicator->local_ranks, list, &binding);
  if (status != RONDO_OK)
    return status;
  plan.lengths = binding.lengths;
  plan.tensors = binding.tensors;
  plan.tensor_count = function->tensor_count;
  status = communicator_run(context, communicator, &plan);
  binding_free(&binding);
  return status;
}

static rondo_status run(rondo_context *context, const rondo_program *program, const char *function,
                        rondo_communicator *communicator, tensor_list *list, bind_function bind) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  int index = 0;
  status = check_program(context, program);
  if (status == RONDO_OK)
    status = check_communicator(context, communicator);
  if (status == RONDO_OK)
    status = program_find(context, program, function, &index);
  if (status == RONDO_OK)
    status = check_target(context, program->manifest.target);
  if (status == RONDO_OK)
    status = run_function(context, program, index, communicator, list, bind);
  return context_leave(context, status);
}

rondo_status rondo_run(rondo_context *context, const rondo_program *program, const char *function,
                       rondo_communicator *communicator, const DLTensor *const *inputs, size_t input_count,
                       DLTensor *const *outputs, size_t output_count) {
  tensor_list list = {inputs, input_count, outputs, output_count, NULL};
  return run(context, program, function, communicator, &list, bind_global);
}

rondo_status rondo_run_shards(rondo_context *context, const rondo_program *program, const char *function,
                              rondo_communicator *communicator, const DLTensor *const *inputs, size_t input_count,
                              DLTensor *const *outputs, size_t output_count) {
  tensor_list list = {inputs, input_count, outputs, output_count, NULL};
  return run(context, program, function, communicator, &list, bind_shards);
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

rondo_status rondo_rank_statistics_get(rondo_context *context, const rondo_communicator *communicator, int32_t rank,
                                       rondo_rank_statistics *statistics) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_communicator(context, communicator);
  if (status == RONDO_OK && (rank < 0 || rank >= communicator->local_ranks))
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "there are no statistics of rank %d: ranks 0 to %d run here",
                          rank, communicator->local_ranks - 1);
  else if (status == RONDO_OK && !statistics)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the statistics' out-parameter is NULL");
  if (status == RONDO_OK)
    *statistics = communicator->executions[rank].statistics;
  return context_leave(context, status);
}

rondo_status rondo_trace_enable(rondo_context *context, rondo_communicator *communicator, int enable) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  status = check_communicator(context, communicator);
  if (status == RONDO_OK && !enable)
    communicator->trace.enabled = false;
  else if (status == RONDO_OK && !communicator->trace.enabled)
    trace_start(&communicator->trace, clock_now());
  return context_leave(context, status);
}

/* Whether there is a whole trace to read. */
static rondo_status check_trace(rondo_context *context, const rondo_communicator *communicator) {
  rondo_status status = check_communicator(context, communicator);
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
  if (status == RONDO_OK)
    status = trace_write_json(context, &communicator->trace, communicator->local_ranks, path);
  return context_leave(context, status);
}
