/* Joining the GPUs of several processes by NCCL. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "nccl_connection.h"
#include "bootstrap.h"
#include "clock.h"
#include "collective.h"
#include "launch.h"
#include "wire_load.h"
#include "wire_tcp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Joining the processes ---- */

/* "host:port". */
static rondo_status read_rendezvous(rondo_context *context, const char *text, launch *launch) {
  const char *colon = strrchr(text, ':');
  char *end = NULL;
  long port = colon ? strtol(colon + 1, &end, 10) : 0;
  size_t length = colon ? (size_t)(colon - text) : 0;
  if (length == 0 || length >= sizeof launch->master_address || *end != '\0' || port < 1 || port > 65535)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the rendezvous is '%s', but should be the host and the port where rank 0 listens, as in "
                        "node0:29501",
                        text);
  memcpy(launch->master_address, text, length);
  launch->master_address[length] = '\0';
  launch->master_port = (int32_t)port - 1;
  return RONDO_OK;
}

/* This process' place: by the options, or by its environment. */
static rondo_status find_place(rondo_context *context, const rondo_communicator_options *options, launch *launch) {
  rondo_status status = launch_read_environment(context, launch);
  if (status == RONDO_OK && options->rank >= 0) {
    if (options->rank >= options->ranks)
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "this process is rank %d of %d: ranks are less than their "
                          "number, which is to be given with them",
                          options->rank, options->ranks);
    /* Its number on the host is another one, unless these are the launcher's ranks. */
    if (options->rank != launch->rank || options->ranks != launch->ranks)
      launch->local_rank = -1;
    launch->rank = options->rank;
    launch->ranks = options->ranks;
  }
  if (status == RONDO_OK && options->rendezvous)
    status = read_rendezvous(context, options->rendezvous, launch);
  return status;
}

/* Whether MPI joins the processes, rather than TCP. */
static bool uses_mpi(const rondo_communicator_options *options, const launch *launch) {
  if (options->mpi_communicator)
    return true;
  return !options->rendezvous && options->rank < 0 && launch->launcher && strcmp(launch->launcher, "mpirun") == 0;
}

rondo_status nccl_join_processes(rondo_context *context, const rondo_communicator_options *options,
                                 rondo_communicator *communicator) {
  launch launch;
  rondo_status status = find_place(context, options, &launch);
  if (status != RONDO_OK)
    return status;
  const wire_module *module = &wire_tcp_module;
  const void *application = &launch;
  if (uses_mpi(options, &launch)) {
    application = options->mpi_communicator;
    status = wire_load(context, &module);
  } else if (options->ranks != 0 && options->ranks != launch.ranks) {
    status = context_fail(context, RONDO_INVALID_ARGUMENT,
                          "a communicator of %d ranks, but the launcher started %d process%s, each of which is a rank: "
                          "start as many, or give 0 to take what there is",
                          options->ranks, launch.ranks, launch.ranks == 1 ? "" : "es");
  }
  if (status == RONDO_OK)
    status = processes_open(context, communicator, module, application, &communicator->processes);
  if (status == RONDO_OK) {
    communicator->transport = &processes_transport;
    communicator->first_rank = communicator->processes->rank;
    communicator->ranks = communicator->processes->size;
    communicator->local_ranks = 1;
    communicator->local_rank = launch.local_rank;
  }
  return status;
}

/* ---- What the ranks tell each other before they connect ---- */

typedef struct {
  int32_t status;
  int32_t ordinal;
  int32_t registers;
  char host[256];
  nccl_unique_id id;
  char text[1024];
} statement;

/* Gathers everyone's statement; fails with that of the first rank that has failed. */
static rondo_status gather(rondo_context *context, rondo_communicator *communicator, rondo_status status,
                           statement *mine, statement *everyone) {
  mine->status = status;
  if (status != RONDO_OK)
    snprintf(mine->text, sizeof mine->text, "%s", rondo_last_error(context));
  status = processes_all_gather(context, communicator->processes, mine, sizeof *mine, everyone);
  for (int32_t rank = 0; status == RONDO_OK && rank < communicator->ranks; ++rank)
    if (everyone[rank].status != RONDO_OK)
      status = context_fail(context, (rondo_status)everyone[rank].status, "rank %d: %s", rank, everyone[rank].text);
  return status;
}

/* The number of this rank among those of its host. */
static int32_t count_before(const statement *everyone, int32_t rank) {
  int32_t count = 0;
  for (int32_t other = 0; other < rank; ++other)
    count += strcmp(everyone[other].host, everyone[rank].host) == 0;
  return count;
}

/* A rank of the same host on the same GPU; -1: none. */
static int32_t find_neighbour(const statement *everyone, int32_t ranks, int32_t rank) {
  for (int32_t other = 0; other < ranks; ++other)
    if (other != rank && everyone[other].ordinal == everyone[rank].ordinal &&
        strcmp(everyone[other].host, everyone[rank].host) == 0)
      return other;
  return -1;
}

/* ---- Opening ---- */

static rondo_status create(rondo_context *context, const rondo_communicator_options *options,
                           nccl_connection **result) {
  const nccl_library *library;
  rondo_status status = nccl_library_get(context, &library);
  if (status != RONDO_OK)
    return status;
  nccl_connection *nccl = calloc(1, sizeof *nccl);
  if (!nccl)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for NCCL");
  nccl->library = library;
  nccl->handle = options->nccl_communicator;
  nccl->is_callers = options->nccl_communicator != NULL;
  *result = nccl;
  return RONDO_OK;
}

/* One that the application hands in must have the same ranks, on the same GPU. */
static rondo_status check_handle(rondo_context *context, const rondo_communicator *communicator) {
  const nccl_connection *nccl = communicator->nccl;
  int ranks = 0, rank = 0, device = 0;
  nccl_result result = nccl->library->count(nccl->handle, &ranks);
  if (result == NCCL_SUCCESS)
    result = nccl->library->user_rank(nccl->handle, &rank);
  if (result == NCCL_SUCCESS)
    result = nccl->library->device(nccl->handle, &device);
  if (result != NCCL_SUCCESS)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "NCCL does not know the ncclComm_t that was given: %s",
                        nccl->library->get_error_string(result));
  if (ranks != communicator->ranks || rank != communicator->first_rank)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the ncclComm_t that was given is rank %d of %d, but the communicator rank %d of %d", rank,
                        ranks, communicator->first_rank, communicator->ranks);
  int32_t ordinal = communicator->cuda->ordinals[0];
  if (device != ordinal)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the ncclComm_t that was given is on GPU %d, but the rank on GPU %d: give that as the device",
                        device, ordinal);
  return RONDO_OK;
}

/* Whether this rank can register its memory, and shall. An application may end its own communicator before this one,
 * and with it what is registered there. */
static rondo_status read_registration(rondo_context *context, const nccl_connection *nccl, int32_t *registers) {
  const char *text = getenv("RONDO_NCCL_REGISTER");
  if (text && strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the environment variable RONDO_NCCL_REGISTER is '%s', but should be 1 or 0: whether memory "
                        "is registered with NCCL",
                        text);
  *registers = nccl->library->allocate && !nccl->is_callers && !(text && *text == '0');
  return RONDO_OK;
}

/* All that does not need the others. */
static rondo_status open_locally(rondo_context *context, const rondo_communicator_options *options,
                                 rondo_communicator *communicator, int32_t local_rank, statement *mine) {
  rondo_status status = create(context, options, &communicator->nccl);
  if (status != RONDO_OK)
    return status;
  nccl_connection *nccl = communicator->nccl;
  communicator->local_rank = local_rank;
  status = read_registration(context, nccl, &mine->registers);
  if (status == RONDO_OK)
    status = cuda_communicator_open(context, communicator);
  if (status != RONDO_OK)
    return status;
  mine->ordinal = communicator->cuda->ordinals[0];
  if (options->nccl_stream)
    communicator->executions[0].cuda->communication = options->nccl_stream;
  if (nccl->handle)
    return check_handle(context, communicator);
  if (options->nccl_unique_id) {
    memcpy(&mine->id, options->nccl_unique_id, sizeof mine->id);
    return RONDO_OK;
  }
  nccl_result result = communicator->first_rank == 0 ? nccl->library->get_unique_id(&mine->id) : NCCL_SUCCESS;
  return result == NCCL_SUCCESS ? RONDO_OK
                                : context_fail(context, RONDO_SYSTEM_ERROR, "NCCL makes no unique identifier: %s",
                                               nccl->library->get_error_string(result));
}

static rondo_status check_ids(rondo_context *context, const rondo_communicator *communicator,
                              const rondo_communicator_options *options, const statement *everyone) {
  if (options->nccl_unique_id && !communicator->nccl->handle &&
      memcmp(&everyone[0].id, options->nccl_unique_id, sizeof everyone[0].id) != 0)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the ncclUniqueId that was given is not that of rank 0");
  return RONDO_OK;
}

static rondo_status connect_fail(rondo_context *context, const rondo_communicator *communicator, nccl_result result,
                                 const statement *everyone) {
  const nccl_connection *nccl = communicator->nccl;
  const char *last = nccl->library->get_last_error(nccl->handle);
  int32_t neighbour = find_neighbour(everyone, communicator->ranks, communicator->first_rank);
  char hint[256] = "";
  if (neighbour >= 0)
    snprintf(hint, sizeof hint,
             "; rank %d is on the same GPU, which NCCL allows only to ranks that pose as hosts of their own: give each "
             "another text in the environment variable NCCL_HOSTID",
             neighbour);
  return context_fail(context, RONDO_SYSTEM_ERROR, "NCCL cannot connect the ranks: %s%s%s%s",
                      nccl->library->get_error_string(result), last && *last ? ": " : "", last ? last : "", hint);
}

/* Waits until NCCL has connected the ranks, and looks after the processes meanwhile. */
static rondo_status await_connection(rondo_context *context, rondo_communicator *communicator, nccl_result result,
                                     const statement *everyone) {
  const int64_t least = 30 * (int64_t)NANOSECONDS;
  const struct timespec pause = {.tv_nsec = 200000};
  nccl_connection *nccl = communicator->nccl;
  processes *processes = communicator->processes;
  int64_t begin = clock_now(), timeout = communicator->timeout;
  if (timeout && timeout < least)
    timeout = least;
  while (result == NCCL_IN_PROGRESS) {
    processes_progress(processes);
    if (processes->failure != RONDO_OK)
      return context_fail(context, processes->failure, "%s", processes->failure_text);
    if (timeout && clock_now() - begin > timeout)
      return context_fail(context, RONDO_TIMED_OUT,
                          "NCCL did not connect the ranks within %g s: does NCCL_SOCKET_IFNAME name an interface that "
                          "reaches every host? NCCL_DEBUG=INFO tells more",
                          (double)timeout / NANOSECONDS);
    nanosleep(&pause, NULL);
    nccl_result called = nccl->library->get_async_error(nccl->handle, &result);
    if (called != NCCL_SUCCESS)
      result = called;
  }
  return result == NCCL_SUCCESS ? RONDO_OK : connect_fail(context, communicator, result, everyone);
}

static rondo_status connect_ranks(rondo_context *context, const rondo_communicator_options *options,
                                  rondo_communicator *communicator, const statement *everyone) {
  nccl_connection *nccl = communicator->nccl;
  if (nccl->handle)
    return RONDO_OK;
  const cuda_device *device = communicator->executions[0].cuda->device;
  cuda_result pushed = device->api->context_push(device->context);
  if (pushed != CUDA_OK)
    return cuda_context_fail(context, device, pushed, "cannot use its context");
  nccl_config config = nccl_default_config();
  config.blocking = 0;
  /* Fewer CTAs than NCCL takes by itself make hops longer that nothing hides, by more than attention gains. */
  nccl->limit = options->nccl_ctas > 0 ? options->nccl_ctas : 0;
  if (nccl->limit > 0)
    config.max_ctas = nccl->limit;
  nccl_result result = nccl->library->init_rank_config(&nccl->handle, communicator->ranks, everyone[0].id,
                                                       communicator->first_rank, &config);
  rondo_status status = await_connection(context, communicator, result, everyone);
  cuda_context former;
  device->api->context_pop(&former);
  return status;
}

/* All ranks register their arenas, or none: not where one shares its own with peers. */
static rondo_status agree_on_registration(rondo_context *context, rondo_communicator *communicator, statement *mine,
                                          statement *everyone) {
  nccl_connection *nccl = communicator->nccl;
  if (communicator->ranks == 1 || peer_memory_count(nccl->peers) > 0)
    mine->registers = 0;
  rondo_status status = gather(context, communicator, RONDO_OK, mine, everyone);
  nccl->registers = status == RONDO_OK;
  for (int32_t rank = 0; rank < communicator->ranks; ++rank)
    nccl->registers &= everyone[rank].registers != 0;
  return status;
}

rondo_status nccl_connection_open(rondo_context *context, const rondo_communicator_options *options,
                                  rondo_communicator *communicator) {
  statement *mine = calloc(1, sizeof *mine);
  statement *everyone = calloc((size_t)communicator->ranks, sizeof *everyone);
  if (!mine || !everyone) {
    free(mine);
    free(everyone);
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for %d ranks", communicator->ranks);
  }
  gethostname(mine->host, sizeof mine->host - 1);
  rondo_status status = gather(context, communicator, RONDO_OK, mine, everyone);
  if (status == RONDO_OK) {
    int32_t local_rank = communicator->local_rank;
    if (local_rank < 0)
      local_rank = count_before(everyone, communicator->first_rank);
    status = open_locally(context, options, communicator, local_rank, mine);
    status = gather(context, communicator, status, mine, everyone);
  }
  if (status == RONDO_OK) {
    status = check_ids(context, communicator, options, everyone);
    status = gather(context, communicator, status, mine, everyone);
  }
  if (status == RONDO_OK) {
    status = connect_ranks(context, options, communicator, everyone);
    status = gather(context, communicator, status, mine, everyone);
  }
  if (status == RONDO_OK)
    status =
        peer_memory_open(context, communicator, options->transfers == RONDO_TRANSFERS_AUTO, &communicator->nccl->peers);
  if (status == RONDO_OK)
    status = agree_on_registration(context, communicator, mine, everyone);
  free(mine);
  free(everyone);
  return status;
}

/* ---- Closing ---- */

/* In an orderly way, within a moment; false: that was not possible. */
static bool finalize(const nccl_connection *nccl) {
  const struct timespec pause = {.tv_nsec = 200000};
  int64_t deadline = clock_now() + 2 * (int64_t)NANOSECONDS;
  nccl_result result = nccl->library->finalize(nccl->handle);
  while (result == NCCL_IN_PROGRESS && clock_now() < deadline) {
    nanosleep(&pause, NULL);
    if (nccl->library->get_async_error(nccl->handle, &result) != NCCL_SUCCESS)
      return false;
  }
  return result == NCCL_SUCCESS && nccl->library->destroy(nccl->handle) == NCCL_SUCCESS;
}

/* What a GPU that hangs still holds is lost. */
static void free_arena(rondo_communicator *communicator) {
  const cuda_rank *rank = communicator->nccl->registers ? communicator->executions[0].cuda : NULL;
  cuda_context former;
  if (!rank || communicator->hung || rank->device->api->context_push(rank->device->context) != CUDA_OK)
    return;
  nccl_arena_free(communicator);
  rank->device->api->context_pop(&former);
}

void nccl_connection_close(rondo_communicator *communicator) {
  nccl_connection *nccl = communicator->nccl;
  if (!nccl)
    return;
  if (nccl->handle && !nccl->is_callers) {
    const cuda_device *device = communicator->executions[0].cuda->device;
    cuda_context former;
    bool current = device->api->context_push(device->context) == CUDA_OK;
    bool orderly = communicator->processes->failure == RONDO_OK && !communicator->hung;
    if (orderly)
      nccl_arena_deregister(communicator);
    if (!orderly || !finalize(nccl))
      nccl_connection_abort(communicator);
    if (current)
      device->api->context_pop(&former);
  }
  free_arena(communicator);
  peer_memory_close(nccl->peers);
  free(nccl);
  communicator->nccl = NULL;
}
