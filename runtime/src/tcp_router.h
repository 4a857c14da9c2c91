/* The middle of a star of processes: a thread of rank 0's process, which passes frames on. It also serves ranks while
 * rank 0 is in no call of the runtime, and tells all of a rank whose connection has ended. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TCP_ROUTER_H
#define RONDO_SRC_TCP_ROUTER_H

#include <stdint.h>

typedef struct tcp_router tcp_router;

/* Takes over the sockets, one to each rank; NULL, with errno, if it cannot start. */
tcp_router *tcp_router_start(const int *sockets, int32_t ranks);

/* Waits at most `patience` nanoseconds until every rank has left, and ends. */
void tcp_router_stop(tcp_router *router, int64_t patience);

#endif /* RONDO_SRC_TCP_ROUTER_H */
