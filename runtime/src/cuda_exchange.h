/* Exchanges between ranks on GPUs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_EXCHANGE_H
#define RONDO_SRC_CUDA_EXCHANGE_H

#include "exchange.h"

/* Issues an exchange to a stream of the rank. The ranks' workers meet, as hosts; nobody waits for a GPU. */
rondo_status cuda_exchange_issue(rondo_execution *execution, int32_t stream, exchange *exchange);

#endif /* RONDO_SRC_CUDA_EXCHANGE_H */
