/* Reading the environment of launchers. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANKS = 4096 };

typedef struct {
  rondo_context *context;
  launch_variable variable;
  void *user_data;
} reader;

/* The variables by which a launcher tells a process its place. */
typedef struct {
  const char *launcher;
  const char *rank, *ranks, *local_rank;
} family;

static const family torchrun = {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"};
static const family mpirun = {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"};
static const family srun = {"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"};

typedef struct {
  bool present;
  int32_t rank, ranks, local_rank;
} place;

static const char *get(const reader *reader, const char *name) { return reader->variable(name, reader->user_data); }

/* ---- Numbers ---- */

/* Reads a whole number of [least, most]; `absent` is what an unset variable stands for. */
static rondo_status read_number(const reader *reader, const char *name, int32_t least, int32_t most, int32_t absent,
                                int32_t *result) {
  *result = absent;
  const char *text = get(reader, name);
  if (!text)
    return RONDO_OK;
  char *end = NULL;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most)
    return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                        "the environment variable %s is '%s', but should be a whole number from %d to %d", name, text,
                        least, most);
  *result = (int32_t)number;
  return RONDO_OK;
}

/* ---- Families ---- */

static rondo_status incomplete(const reader *reader, const family *family) {
  const char *set = get(reader, family->rank) ? family->rank : family->ranks;
  const char *missing = set == family->rank ? family->ranks : family->rank;
  return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                      "the environment variable %s is set, but %s is not: a process started by %s has both", set,
                      missing, family->launcher);
}

static rondo_status read_family(const reader *reader, const family *family, place *result) {
  *result = (place){.present = false};
  bool has_rank = get(reader, family->rank), has_ranks = get(reader, family->ranks);
  if (!has_rank && !has_ranks)
    return RONDO_OK;
  if (!has_rank || !has_ranks)
    return incomplete(reader, family);
  rondo_status status = read_number(reader, family->ranks, 1, MAX_RANKS, 0, &result->ranks);
  if (status == RONDO_OK)
    status = read_number(reader, family->rank, 0, MAX_RANKS - 1, 0, &result->rank);
  if (status == RONDO_OK)
    status = read_number(reader, family->local_rank, 0, MAX_RANKS - 1, -1, &result->local_rank);
  if (status != RONDO_OK)
    return status;
  if (result->rank >= result->ranks)
    return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                        "the environment variable %s is %d, but %s is %d: ranks are less than their number",
                        family->rank, result->rank, family->ranks, result->ranks);
  if (result->local_rank >= result->ranks)
    return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                        "the environment variable %s is %d, but %s is %d: no host has more ranks than all hosts",
                        family->local_rank, result->local_rank, family->ranks, result->ranks);
  result->present = true;
  return RONDO_OK;
}

static rondo_status compare(const reader *reader, const char *name_a, int32_t a, const char *name_b, int32_t b) {
  if (a == b)
    return RONDO_OK;
  return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                      "the environment variables %s (%d) and %s (%d) contradict each other: unset those of the "
                      "launcher that did not start this process",
                      name_a, a, name_b, b);
}

/* Two launchers may both have left their variables; then they must agree. */
static rondo_status compare_families(const reader *reader, const place *torch, const place *mpi) {
  if (!torch->present || !mpi->present)
    return RONDO_OK;
  rondo_status status = compare(reader, torchrun.rank, torch->rank, mpirun.rank, mpi->rank);
  return status == RONDO_OK ? compare(reader, torchrun.ranks, torch->ranks, mpirun.ranks, mpi->ranks) : status;
}

/* PMIx, by which Open MPI's mpirun and others start processes, numbers them too. */
static rondo_status check_pmix(const reader *reader, const place *mpi) {
  int32_t rank = -1;
  if (!mpi->present)
    return RONDO_OK;
  rondo_status status = read_number(reader, "PMIX_RANK", 0, MAX_RANKS - 1, -1, &rank);
  return status != RONDO_OK || rank < 0 ? status : compare(reader, "PMIX_RANK", rank, mpirun.rank, mpi->rank);
}

/* ---- The master ---- */

static rondo_status read_master(const reader *reader, launch *result) {
  const char *address = get(reader, "MASTER_ADDR");
  if (address) {
    if (!*address || strlen(address) >= sizeof result->master_address)
      return context_fail(reader->context, RONDO_INVALID_ARGUMENT,
                          "the environment variable MASTER_ADDR is '%s', but should be the name of a host", address);
    strcpy(result->master_address, address);
  }
  /* The port after it must exist too: it is the runtime's. */
  return read_number(reader, "MASTER_PORT", 1, 65534, 0, &result->master_port);
}

static void take(launch *result, const family *family, const place *place) {
  result->launcher = family->launcher;
  result->rank = place->rank;
  result->ranks = place->ranks;
  result->local_rank = place->local_rank;
}

rondo_status launch_read(rondo_context *context, launch_variable variable, void *user_data, launch *result) {
  reader reader = {.context = context, .variable = variable, .user_data = user_data};
  place torch, mpi, slurm = {.present = false};
  *result = (launch){.launcher = NULL, .rank = 0, .ranks = 1, .local_rank = -1};
  rondo_status status = read_family(&reader, &torchrun, &torch);
  if (status == RONDO_OK)
    status = read_family(&reader, &mpirun, &mpi);
  if (status == RONDO_OK)
    status = compare_families(&reader, &torch, &mpi);
  if (status == RONDO_OK)
    status = check_pmix(&reader, &mpi);
  /* Slurm also describes the daemons that it starts for the other launchers, and an allocation's shell has a number of
   * tasks but no rank. */
  if (status == RONDO_OK && !torch.present && !mpi.present && get(&reader, srun.rank))
    status = read_family(&reader, &srun, &slurm);
  if (status == RONDO_OK)
    status = read_master(&reader, result);
  if (status != RONDO_OK)
    return status;
  if (mpi.present)
    take(result, &mpirun, &mpi);
  else if (torch.present)
    take(result, &torchrun, &torch);
  else if (slurm.present)
    take(result, &srun, &slurm);
  return RONDO_OK;
}

/* ---- The process' environment ---- */

static const char *environment_variable(const char *name, void *user_data) {
  (void)user_data;
  return getenv(name);
}

rondo_status launch_read_environment(rondo_context *context, launch *result) {
  return launch_read(context, environment_variable, NULL, result);
}

rondo_status rondo_launch_get(rondo_context *context, rondo_launch *result) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  launch launch;
  if (!result)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the launch's out-parameter is NULL");
  else
    status = launch_read_environment(context, &launch);
  if (status == RONDO_OK)
    *result = (rondo_launch){.size = sizeof *result,
                             .launcher = launch.launcher,
                             .rank = launch.rank,
                             .ranks = launch.ranks,
                             .local_rank = launch.local_rank};
  return context_leave(context, status);
}
