/* How the processes of a job learn what they need to know before they can talk: an all-gather of a small blob. By MPI,
 * or by TCP where only a launcher's environment joins them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_BOOTSTRAP_H
#define RONDO_SRC_BOOTSTRAP_H

#include "launch.h"
#include "processes.h"

enum { BOOTSTRAP_LARGEST = 1 << 20 }; /* bytes of a blob */

typedef struct bootstrap bootstrap;
struct bootstrap {
  int32_t rank, ranks;
  /* Gathers `bytes` bytes of each rank, the same number from each, in `all`, on every rank. Every rank calls it, in the
   * same order. Fails on all of them, with a text that names the culprit, if one does not within the time-out. */
  rondo_status (*all_gather)(bootstrap *bootstrap, rondo_context *context, const void *blob, size_t bytes, void *all);
  void (*destroy)(bootstrap *bootstrap);
};

/* By a communicator of processes, which outlives the bootstrap. */
rondo_status bootstrap_mpi_create(rondo_context *context, processes *processes, bootstrap **result);

/* By TCP: rank 0 listens on the port after MASTER_PORT at MASTER_ADDR, and the others connect to it. Waits for all, at
 * most `timeout` nanoseconds (0: for ever). Whoever can reach the port can take part: for trusted networks, as is the
 * launcher's own rendezvous. */
rondo_status bootstrap_tcp_create(rondo_context *context, const launch *launch, int64_t timeout, bootstrap **result);

/* The sockets of one that was created by bootstrap_tcp_create: those to each rank (-1 for its own) on rank 0, elsewhere
 * one, to rank 0. They are the caller's from now on, who frees the array; nothing more can be gathered. */
int *bootstrap_tcp_take_sockets(bootstrap *bootstrap);

static inline void bootstrap_destroy(bootstrap *bootstrap) {
  if (bootstrap)
    bootstrap->destroy(bootstrap);
}

#endif /* RONDO_SRC_BOOTSTRAP_H */
