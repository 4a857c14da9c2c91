/* The memory of GPUs of other processes on this machine, into which this process copies directly: by copy engines,
 * which take no multiprocessor, and without the host between sender and receiver.
 *
 * Each rank shares its arena and a few words of flags by CUDA's IPC handles. Every rank runs the same program and
 * allocates the same arena, so what this rank receives at an offset of its arena, its peers receive at that offset of
 * theirs. An exchange is work of one stream of each rank:
 *
 *   receiver   sets the sender's flag READY                                      (its memory may be written)
 *   sender     waits for READY and clears it; copies; sets the receiver's flag ARRIVED
 *   receiver   waits for ARRIVED and clears it
 *
 * Every rank sets READY before it waits for anything, and waits for ARRIVED last, so no circle of ranks waits for
 * itself. A flag is set again only after it has been cleared: the other side's next step follows from that.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_PEER_MEMORY_H
#define RONDO_SRC_CUDA_PEER_MEMORY_H

#include "cuda_rank.h"

typedef struct peer_memory peer_memory;

/* Finds out which ranks' memory is within reach. Collective. `offers`: this rank takes part; where it or another does
 * not, or the driver cannot share memory, ranks are out of each other's reach, which is no failure. */
rondo_status peer_memory_open(rondo_context *context, rondo_communicator *communicator, bool offers,
                              peer_memory **result);
void peer_memory_close(peer_memory *memory);

/* Whether transfers between this rank and that one go through each other's memory. */
bool peer_memory_reaches(const peer_memory *memory, int32_t rank);
int32_t peer_memory_count(const peer_memory *memory); /* of those ranks */

/* Makes the rank's arena at least `bytes` large, in memory that peers can reach. All ranks that reach each other do so
 * in the same run. */
rondo_status peer_memory_reserve_arena(rondo_execution *execution, int64_t bytes);

/* Before an exchange: talks to the peers' hosts the first time after arenas have grown. */
rondo_status peer_memory_prepare(rondo_execution *execution, const exchange *exchange);

/* The two parts of an exchange, on a stream, in this order; what else the exchange does comes between them. They do
 * nothing with peers that are out of reach, and where nothing travels. */
rondo_status peer_memory_send(rondo_execution *execution, int32_t stream, const exchange *exchange);
rondo_status peer_memory_receive(rondo_execution *execution, int32_t stream, const exchange *exchange);

/* After a failure: ends what each stream waits for at present, so that repeated calls end all of it. */
void peer_memory_release(const peer_memory *memory);

#endif /* RONDO_SRC_CUDA_PEER_MEMORY_H */
