/* Communicators: their options, their threads, and starting a run on them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "communicator.h"
#include "clock.h"
#include "cuda_communicator.h"
#include "cuda_margin.h"
#include "cuda_replay.h"
#include "failure.h"
#include "nccl_connection.h"
#include "nvtx.h"
#include "processes.h"
#include "stream.h"
#include "table.h"
#include "watchdog.h"
#include "wire_load.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

static rondo_status check_number(rondo_context *context, const char *name, double value, double largest) {
  if (value >= 0 && value <= largest)
    return RONDO_OK;
  return context_fail(context, RONDO_INVALID_ARGUMENT, "%s is %g, but should be between 0 and %g", name, value,
                      largest);
}

/* Copies the caller's options. Those of an earlier version end before the fields that were added since. */
static rondo_status read_options(rondo_context *context, const rondo_communicator_options *given,
                                 rondo_communicator_options *options) {
  const size_t first_version = offsetof(rondo_communicator_options, threads_per_rank);
  const size_t before_cuda = offsetof(rondo_communicator_options, device);
  const size_t before_mpi = offsetof(rondo_communicator_options, mpi_communicator);
  const size_t before_nccl = offsetof(rondo_communicator_options, rank);
  const size_t before_transfers = offsetof(rondo_communicator_options, transfers);
  if (given->size != first_version && given->size != before_cuda && given->size != before_mpi &&
      given->size != before_nccl && given->size != before_transfers && given->size != sizeof *options)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the communicator options have size %zu, but this runtime expects %zu: initialise them with "
                        "RONDO_COMMUNICATOR_OPTIONS_INIT",
                        given->size, sizeof *options);
  *options = (rondo_communicator_options)RONDO_COMMUNICATOR_OPTIONS_INIT;
  memcpy(options, given, given->size);
  return RONDO_OK;
}

static rondo_status check_nccl_options(rondo_context *context, const rondo_communicator_options *options) {
  if (options->rank < -1)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "rank is %d: it should be that of this process, or -1",
                        options->rank);
  if (options->nccl_ctas < -1 || options->nccl_ctas > RONDO_NCCL_MOST_CTAS)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "nccl_ctas is %d, but should be between 0 and %d, or -1, and then it is chosen",
                        options->nccl_ctas, RONDO_NCCL_MOST_CTAS);
  if (options->nccl_communicator && (options->nccl_unique_id || options->nccl_ctas > 0))
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "nccl_communicator was given, and with it %s, which it has already",
                        options->nccl_unique_id ? "nccl_unique_id" : "nccl_ctas");
  if (options->transfers != RONDO_TRANSFERS_AUTO && options->transfers != RONDO_TRANSFERS_NCCL)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "unknown transfers: %d", (int)options->transfers);
  return RONDO_OK;
}

/* Ranks of one process wait for each other's events, which are no part of a graph that one of them captures. */
static rondo_status check_graphs(rondo_context *context, const rondo_communicator_options *options) {
  if (options->graphs != 0 && options->graphs != 1)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "graphs is %d, but should be 0 or 1", options->graphs);
  if (options->graphs && options->kind == RONDO_COMMUNICATOR_MPI)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "graphs on a communicator of the kind mpi, whose programs run on CPUs: leave them out");
  if (options->graphs && options->kind == RONDO_COMMUNICATOR_THREADS && options->ranks > 1)
    return context_fail(context, RONDO_UNSUPPORTED,
                        "graphs with %d ranks in one process, which wait for each other's events: make each rank a "
                        "process (RONDO_COMMUNICATOR_NCCL), or run without graphs",
                        options->ranks);
  return RONDO_OK;
}

static rondo_status check_options(rondo_context *context, const rondo_communicator_options *options) {
  enum { MAX_RANKS = 4096, MAX_THREADS = 256 };
  bool is_nccl = options->kind == RONDO_COMMUNICATOR_NCCL;
  bool has_processes = is_nccl || options->kind == RONDO_COMMUNICATOR_MPI;
  if (!has_processes && options->kind != RONDO_COMMUNICATOR_THREADS && options->kind != RONDO_COMMUNICATOR_LOOPBACK)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "unknown kind of communicator: %d", (int)options->kind);
  if (options->ranks < !has_processes || options->ranks > MAX_RANKS)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "a communicator of %d ranks: it should have 1 to %d",
                        options->ranks, MAX_RANKS);
  if (options->threads_per_rank < 1 || options->threads_per_rank > MAX_THREADS)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "%d threads for each rank: there should be 1 to %d",
                        options->threads_per_rank, MAX_THREADS);
  rondo_status status = check_number(context, "link_latency_us", options->link_latency_us, 1e9);
  if (status == RONDO_OK)
    status = check_number(context, "link_gb_per_s", options->link_gb_per_s, 1e9);
  if (status == RONDO_OK)
    status = check_number(context, "timeout_s", options->timeout_s, 1e9);
  if (status == RONDO_OK && options->device < -1)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "device is %d: it should be the number of a GPU, or -1",
                          options->device);
  if (status == RONDO_OK && options->sm_margin != -1)
    status = check_number(context, "sm_margin", options->sm_margin, 1024);
  if (status == RONDO_OK)
    status = check_number(context, "link_sms", options->link_sms, 1024);
  if (status == RONDO_OK && has_processes && (options->link_latency_us > 0 || options->link_gb_per_s > 0))
    status = context_fail(context, RONDO_INVALID_ARGUMENT,
                          "an emulated link between processes: only the threads and loopback communicators have one");
  if (status == RONDO_OK && !has_processes && options->mpi_communicator)
    status = context_fail(context, RONDO_INVALID_ARGUMENT,
                          "an MPI communicator was given, but the kind is neither RONDO_COMMUNICATOR_MPI nor _NCCL");
  if (status == RONDO_OK && !is_nccl &&
      (options->rank != -1 || (options->nccl_ctas != 0 && options->nccl_ctas != -1) || options->rendezvous ||
       options->nccl_unique_id || options->nccl_communicator || options->nccl_stream ||
       options->transfers != RONDO_TRANSFERS_AUTO))
    status = context_fail(context, RONDO_INVALID_ARGUMENT,
                          "options of NCCL were given, but the kind is not RONDO_COMMUNICATOR_NCCL");
  if (status == RONDO_OK && is_nccl)
    status = check_nccl_options(context, options);
  if (status == RONDO_OK)
    status = check_graphs(context, options);
  return status;
}

/* Joins the other processes, whose number is that of the ranks. */
static rondo_status join_processes(rondo_context *context, const rondo_communicator_options *options,
                                   rondo_communicator *communicator) {
  if (options->kind == RONDO_COMMUNICATOR_NCCL)
    return nccl_join_processes(context, options, communicator);
  if (options->kind != RONDO_COMMUNICATOR_MPI)
    return RONDO_OK;
  const wire_module *module;
  rondo_status status = wire_load(context, &module);
  if (status == RONDO_OK)
    status = processes_open(context, communicator, module, options->mpi_communicator, &communicator->processes);
  if (status != RONDO_OK)
    return status;
  int32_t size = communicator->processes->size;
  if (options->ranks != 0 && options->ranks != size)
    return context_fail(
        context, RONDO_INVALID_ARGUMENT,
        "a communicator of %d ranks, but MPI has %d process%s, each of which is a rank: start as many by "
        "mpirun or srun, or give 0 to take what there is",
        options->ranks, size, size == 1 ? "" : "es");
  communicator->transport = &processes_transport;
  communicator->ranks = size;
  communicator->first_rank = communicator->processes->rank;
  communicator->local_ranks = 1;
  return RONDO_OK;
}

static rondo_status set_options(rondo_context *context, const rondo_communicator_options *options,
                                rondo_communicator *communicator) {
  communicator->context = context;
  communicator->transport = options->kind == RONDO_COMMUNICATOR_LOOPBACK ? &loopback_transport : &threads_transport;
  communicator->ranks = options->ranks;
  communicator->local_ranks = communicator->transport->lone_rank ? 1 : options->ranks;
  communicator->threads_per_rank = options->threads_per_rank;
  communicator->link_latency = options->link_latency_us * 1e3;
  communicator->link_ns_per_byte = options->link_gb_per_s > 0 ? 1 / options->link_gb_per_s : 0;
  communicator->device = options->device;
  communicator->local_rank = -1;
  communicator->sm_margin = options->sm_margin;
  communicator->link_sms = options->link_sms;
  communicator->measure = options->measure != 0;
  communicator->graphs = options->graphs != 0;
  /* A time-out that rounds to none would wait for ever. */
  communicator->timeout = (int64_t)ceil(options->timeout_s * NANOSECONDS);
  rondo_status status = join_processes(context, options, communicator);
  if (status != RONDO_OK)
    return status;
  int32_t named_ranks = communicator->transport->lone_rank ? 1 : communicator->ranks;
  return injection_parse(context, options->inject, named_ranks, &communicator->injection);
}

/* ---- Threads ---- */

static void run_entry(rondo_execution *execution) {
  rondo_communicator *communicator = execution->communicator;
  const run_plan *plan = communicator->plan;
  int64_t begin = clock_now();
  const rondo_tensor *tensors =
      plan->tensors + (size_t)(execution->rank - communicator->first_rank) * (size_t)plan->tensor_count;
  int32_t status = plan->backend->begin ? (int32_t)plan->backend->begin(execution) : RONDO_OK;
  nvtx_push(NVTX_RUN, plan->function, execution->rank);
  if (status == RONDO_OK)
    status = plan->backend->call ? (int32_t)plan->backend->call(execution, tensors)
                                 : plan->entry(plan->backend->table, execution, tensors, plan->lengths);
  table_end(execution);
  if (status != RONDO_OK)
    run_fail(communicator, RONDO_RANK_FAILED, "rank %d failed in step %lld: '%s' returned %d", execution->rank,
             (long long)execution->step, plan->function, status);
  plan->backend->end(execution);
  nvtx_pop();
  execution->statistics.total = (double)(clock_now() - begin) / NANOSECONDS;
}

/* After a failure the communication thread may still be leaving its last item. */
static void drain_locked(rondo_execution *execution) {
  while (execution->completed < execution->enqueued)
    stream_wait_locked(execution, RONDO_STREAM_COMPUTE,
                       (stream_id){.rank = execution->rank, .stream = RONDO_STREAM_COMMUNICATION});
}

static void *worker_main(void *argument) {
  rondo_execution *execution = argument;
  rondo_communicator *communicator = execution->communicator;
  nvtx_name_thread(execution->rank, "compute");
  pthread_mutex_lock(&communicator->lock);
  while (!communicator->shutdown) {
    if (execution->run == communicator->run) {
      pthread_cond_wait(&execution->streams[RONDO_STREAM_COMPUTE].wake, &communicator->lock);
      continue;
    }
    execution->run = communicator->run;
    pthread_mutex_unlock(&communicator->lock);
    run_entry(execution);
    pthread_mutex_lock(&communicator->lock);
    drain_locked(execution);
    execution->finished = true;
    if (--communicator->running == 0)
      pthread_cond_signal(&communicator->finished);
  }
  pthread_mutex_unlock(&communicator->lock);
  return NULL;
}

static void init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

static void init_executions(rondo_communicator *communicator) {
  for (int32_t i = 0; i < communicator->local_ranks; ++i) {
    rondo_execution *execution = &communicator->executions[i];
    execution->communicator = communicator;
    execution->rank = communicator->first_rank + i;
    for (int s = 0; s < STREAM_COUNT; ++s) {
      init_condition(&execution->streams[s].wake);
      execution->streams[s].waits_for.rank = -1;
    }
  }
}

/* Signals are the application's: its own threads shall handle them. Faults stay with the thread that commits them. */
static void block_signals(sigset_t *former) {
  sigset_t signals;
  sigfillset(&signals);
  sigdelset(&signals, SIGSEGV);
  sigdelset(&signals, SIGBUS);
  sigdelset(&signals, SIGFPE);
  sigdelset(&signals, SIGILL);
  pthread_sigmask(SIG_SETMASK, &signals, former);
}

/* Whether every thread that computes has a processor to itself. */
static bool has_processor_for_each(const rondo_communicator *communicator) {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof processors, &processors) == 0 &&
         (int64_t)communicator->local_ranks * communicator->threads_per_rank <= CPU_COUNT(&processors);
}

static rondo_status start_threads(rondo_context *context, rondo_communicator *communicator) {
  static void *(*const mains[STREAM_COUNT])(void *) = {worker_main, stream_communication_main};
  bool may_spin = has_processor_for_each(communicator);
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank) {
    rondo_execution *execution = &communicator->executions[rank];
    int error = team_create(communicator->threads_per_rank, may_spin, &execution->team);
    for (int s = 0; s < STREAM_COUNT && !error; ++s) {
      error = pthread_create(&execution->threads[s], NULL, mains[s], execution);
      execution->thread_count += !error;
    }
    if (error)
      return context_fail(context, RONDO_SYSTEM_ERROR, "cannot start the threads of rank %d of %d: %s", rank,
                          communicator->local_ranks, strerror(error));
  }
  return RONDO_OK;
}

static void stop_threads(rondo_communicator *communicator) {
  pthread_mutex_lock(&communicator->lock);
  communicator->shutdown = true;
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank)
    for (int s = 0; s < STREAM_COUNT; ++s)
      pthread_cond_signal(&communicator->executions[rank].streams[s].wake);
  pthread_mutex_unlock(&communicator->lock);
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank) {
    rondo_execution *execution = &communicator->executions[rank];
    for (int s = 0; s < execution->thread_count; ++s)
      pthread_join(execution->threads[s], NULL);
    team_destroy(execution->team);
  }
}

/* ---- Creation and destruction ---- */

static rondo_status create(rondo_context *context, const rondo_communicator_options *given,
                           rondo_communicator **communicator) {
  rondo_communicator_options options;
  rondo_status status = read_options(context, given, &options);
  if (status == RONDO_OK)
    status = check_options(context, &options);
  if (status != RONDO_OK)
    return status;
  rondo_communicator *created = calloc(1, sizeof *created);
  if (!created)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for a communicator");
  status = set_options(context, &options, created);
  if (status == RONDO_OK) {
    created->executions = calloc((size_t)created->local_ranks, sizeof *created->executions);
    if (!created->executions)
      status =
          context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for a communicator of %d ranks", created->local_ranks);
  }
  if (status != RONDO_OK) {
    processes_close(created->processes);
    injection_free(&created->injection);
    free(created);
    return status;
  }
  pthread_mutex_init(&created->lock, NULL);
  init_condition(&created->finished);
  init_executions(created);
  nvtx_load();
  sigset_t former;
  block_signals(&former);
  status = start_threads(context, created);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  if (status == RONDO_OK && options.kind == RONDO_COMMUNICATOR_NCCL)
    status = nccl_connection_open(context, &options, created);
  if (status == RONDO_OK)
    *communicator = created;
  else
    rondo_communicator_destroy(created);
  return status;
}

rondo_status rondo_communicator_create(rondo_context *context, const rondo_communicator_options *options,
                                       rondo_communicator **communicator) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  if (!options || !communicator)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator's %s NULL",
                          options ? "out-parameter is" : "options are");
  else
    status = create(context, options, communicator);
  return context_leave(context, status);
}

void rondo_communicator_destroy(rondo_communicator *communicator) {
  if (!communicator)
    return;
  stop_threads(communicator);
  cuda_replay_close(communicator);
  nccl_connection_close(communicator);
  cuda_communicator_close(communicator);
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank) {
    for (int s = 0; s < STREAM_COUNT; ++s)
      pthread_cond_destroy(&communicator->executions[rank].streams[s].wake);
    /* Messages of a run that failed between processes may still be under way to and from it. */
    if (!communicator->processes || communicator->processes->failure == RONDO_OK)
      free(communicator->executions[rank].arena);
  }
  processes_close(communicator->processes);
  pthread_cond_destroy(&communicator->finished);
  pthread_mutex_destroy(&communicator->lock);
  free(communicator->executions);
  injection_free(&communicator->injection);
  trace_free(&communicator->trace);
  free(communicator);
}

/* ---- Runs ---- */

static void prepare_rank(rondo_execution *execution, int64_t now) {
  execution->enqueued = execution->completed = 0;
  execution->finished = false;
  execution->step = 0;
  execution->phase = RONDO_PHASE_STEADY;
  execution->link_free = 0;
  execution->arena_taken = false;
  execution->statistics = (rondo_rank_statistics){0};
  execution->room = (transfer_room){0, 0};
  for (int s = 0; s < STREAM_COUNT; ++s) {
    stream *stream = &execution->streams[s];
    stream->operation = NULL;
    stream->posted = NULL;
    stream->step = 0;
    stream->progress = now;
    stream->waits_for_device = false;
    stream->waits_for.rank = -1;
    stream->idle_since = 0;
  }
}

static rondo_status conclude(rondo_context *context, const rondo_communicator *communicator) {
  if (communicator->failure != RONDO_OK)
    return context_fail(context, communicator->failure, "%s", communicator->failure_text);
  const injection *injection = &communicator->injection;
  if (injection->kind != INJECT_NOTHING && !injection->fired && communicator_execution(communicator, injection->rank))
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the injection '%s' met nothing: rank %d of '%s' has no '%s' in step %lld", injection->text,
                        injection->rank, communicator->plan->function, injection->operation,
                        (long long)injection->step);
  return RONDO_OK;
}

rondo_status communicator_check(rondo_context *context, const rondo_communicator *communicator) {
  if (!communicator)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator is NULL");
  if (communicator->context != context)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the communicator was made from another context");
  return RONDO_OK;
}

static void begin_locked(rondo_communicator *communicator, const run_plan *plan) {
  communicator->plan = plan;
  communicator->failure = RONDO_OK;
  ++communicator->run;
  int64_t now = clock_now();
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank)
    prepare_rank(&communicator->executions[rank], now);
}

rondo_status communicator_run_here(rondo_context *context, rondo_communicator *communicator, const run_plan *plan) {
  rondo_execution *execution = &communicator->executions[0];
  pthread_mutex_lock(&communicator->lock);
  begin_locked(communicator, plan);
  execution->run = communicator->run; /* the worker has nothing to do */
  pthread_mutex_unlock(&communicator->lock);
  run_entry(execution);
  pthread_mutex_lock(&communicator->lock);
  execution->finished = true;
  rondo_status status = conclude(context, communicator);
  communicator->plan = NULL;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}

rondo_status communicator_run(rondo_context *context, rondo_communicator *communicator, const run_plan *plan) {
  pthread_mutex_lock(&communicator->lock);
  begin_locked(communicator, plan);
  communicator->running = communicator->local_ranks;
  for (int32_t rank = 0; rank < communicator->local_ranks; ++rank)
    pthread_cond_signal(&communicator->executions[rank].streams[RONDO_STREAM_COMPUTE].wake);
  watchdog_wait_locked(communicator);
  rondo_status status = conclude(context, communicator);
  communicator->plan = NULL;
  pthread_mutex_unlock(&communicator->lock);
  return status;
}
