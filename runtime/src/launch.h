/* How this process was started: its rank among the processes of a job, by the environment of the launcher. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_LAUNCH_H
#define RONDO_SRC_LAUNCH_H

#include "context.h"

/* Looks a variable up; NULL if it is not set. */
typedef const char *(*launch_variable)(const char *name, void *user_data);

enum { LAUNCH_ADDRESS_CAPACITY = 256 };

/* All that the environment tells. */
typedef struct {
  const char *launcher; /* "torchrun", "mpirun" or "srun"; NULL: none, and then the process is rank 0 of 1 */
  int32_t rank, ranks;
  int32_t local_rank;                           /* among the processes of this host; -1: not known */
  char master_address[LAUNCH_ADDRESS_CAPACITY]; /* empty: not known */
  int32_t master_port;                          /* 0: not known */
} launch;

/* Reads and checks the environment. Variables that contradict each other, or of which some are missing, are an error
 * that names them. */
rondo_status launch_read(rondo_context *context, launch_variable variable, void *user_data, launch *result);

/* The same of this process' environment. */
rondo_status launch_read_environment(rondo_context *context, launch *result);

#endif /* RONDO_SRC_LAUNCH_H */
