/* The GPUs of several processes, joined by NCCL: one process, one rank, one GPU. The processes talk to each other on
 * the host too (processes.h), about what they are going to do and what became of it. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_NCCL_CONNECTION_H
#define RONDO_SRC_NCCL_CONNECTION_H

#include "cuda_communicator.h"
#include "cuda_peer_memory.h"
#include "nccl_library.h"

typedef struct nccl_connection {
  const nccl_library *library;
  nccl_communicator handle; /* NULL: none, or no longer */
  bool is_callers;          /* the application's, which alone ends it */
  int32_t limit;            /* of its CTAs; 0: NCCL's own, which is also assumed of the application's */
  int64_t error_since;      /* when NCCL first said that it has failed; 0: it has not */
  peer_memory *peers;       /* of the ranks on this machine, which need no NCCL */
  bool registers;           /* the arena is memory of NCCL's, and registered: on all ranks, or on none */
  void *registration;       /* of the arena; NULL: there is none */
} nccl_connection;

/* Joins the processes that will talk about it: by MPI where it started them, else by TCP. Sets the communicator's
 * `processes` and its ranks. */
rondo_status nccl_join_processes(rondo_context *context, const rondo_communicator_options *options,
                                 rondo_communicator *communicator);

/* Opens this rank's GPU and connects it with the others'. Collective: it succeeds on every rank, or fails on each with
 * the same text. */
rondo_status nccl_connection_open(rondo_context *context, const rondo_communicator_options *options,
                                  rondo_communicator *communicator);
void nccl_connection_close(rondo_communicator *communicator);

/* What an exchange is predicted to keep of the GPU. */
rondo_transfer_load nccl_connection_predict(const rondo_execution *execution, const exchange *exchange);

/* Issues an exchange to a stream of the rank. Waits for no GPU; but NCCL's first transfer between two ranks connects
 * them, which takes both. */
rondo_status nccl_connection_exchange(rondo_execution *execution, int32_t stream, const exchange *exchange);

/* Where the connection registers: makes the rank's arena at least `bytes` large, and waits for the GPU if it has one
 * that is too small; what it held is lost. */
rondo_status nccl_arena_reserve(rondo_execution *execution, int64_t bytes);
/* Before the communicator ends in an orderly way; after it has ended. */
void nccl_arena_deregister(rondo_communicator *communicator);
void nccl_arena_free(rondo_communicator *communicator);

/* While the rank waits for its GPU: fails the run if NCCL has failed, unless another failure explains it. */
void nccl_connection_check(rondo_execution *execution, const cuda_mark *mark);

/* Before a graph is launched, which tells nothing: fails if NCCL has failed. */
rondo_status nccl_connection_verify(rondo_context *context, rondo_communicator *communicator, const char *function);

/* After a failure: ends the transfers that wait for other ranks; to be called until their streams have ended. */
void nccl_connection_release(rondo_communicator *communicator);
/* Ends NCCL's part for good. */
void nccl_connection_abort(rondo_communicator *communicator);

#endif /* RONDO_SRC_NCCL_CONNECTION_H */
