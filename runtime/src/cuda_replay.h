/* Runs by graphs. The first run of a call goes without, the second one captures, and later ones replay: what follows
 * depends on the calls alone, so it is the same on all ranks; where they are processes, they agree on it. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_REPLAY_H
#define RONDO_SRC_CUDA_REPLAY_H

#include "cuda_communicator.h"

/* On the calling thread, before a run of function `function`: what this process can do, for the others. Returns how
 * many offers there are. */
int cuda_replay_offer(rondo_communicator *communicator, int function, bool placed, const tensor_list *list,
                      int64_t *offers);

/* What all do: the greatest number that everyone offers. */
void cuda_replay_settle(rondo_communicator *communicator, int64_t agreed);

/* Whether the run waits for nothing: it replays on a stream of the caller. */
bool cuda_replay_is_short(const rondo_communicator *communicator);

/* Makes that run, on the calling thread: to wake another one up takes longer. */
rondo_status cuda_replay_run(rondo_context *context, rondo_communicator *communicator, const run_plan *plan);

/* Whether it is no more than a launch: the addresses are the same as before, too. */
bool cuda_replay_is_launch(const rondo_communicator *communicator);

/* Makes that run, whose tensors have been checked. */
rondo_status cuda_replay_launch(rondo_context *context, rondo_communicator *communicator, const char *function);

/* On the worker, in place of the entry. */
rondo_status cuda_replay_call(rondo_execution *execution, const rondo_tensor *tensors);

/* Drops every graph: those that hold transfers of NCCL must go before its communicator does. */
void cuda_replay_close(rondo_communicator *communicator);

#endif /* RONDO_SRC_CUDA_REPLAY_H */
