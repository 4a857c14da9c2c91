/* A rank on a GPU: its streams, its events, its memory, and waiting for its work.
 *
 * The worker issues all work; nobody waits for the GPU before the entry returns. Then the worker waits for the rank's
 * own streams, or, if the caller gave a stream, for nothing.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_RANK_H
#define RONDO_SRC_CUDA_RANK_H

#include "communicator.h"
#include "cuda_device.h"
#include "cuda_graphs.h"
#include "cuda_issue.h"
#include "cuda_link.h"
#include "cuda_margin.h"
#include "cuda_module.h"
#include "cuda_plans.h"
#include "cuda_timeline.h"

/* What the attention that was issued last left to the merge that it is joined with. */
typedef struct {
  const char *attention;       /* its name; NULL: nothing is left */
  cuda_address operand_output; /* where its operands lie: what the merge must take */
  cuda_address operand_lse;
  int32_t merge; /* the kernel that merges its parts; -1: there are none, the operands hold the result */
  int32_t parts;
  cuda_address output, lse, scales;
  cuda_address room; /* behind the parts, for the LSE of one result */
  int64_t rows, features;
} cuda_left;

/* A block of memory that grows and stays. */
typedef struct {
  cuda_address address; /* 0: none */
  int64_t bytes;
} cuda_block;

/* A point in the work of a stream. */
typedef struct {
  cuda_event event;
  const char *operation; /* what was issued last before it; NULL: nothing */
  int64_t step;
  int32_t stream;
  bool is_exchange;
  int32_t peer;      /* of another process, from which the exchange receives; -1: none */
  int64_t transfers; /* of the communication stream: predicted nanoseconds of all transfers before it */
} cuda_mark;

/* Memory of the host, from which copies to the GPU need no waiting. */
typedef struct {
  char *memory;
  size_t used;
  cuda_event uploaded; /* after the last copy from it */
} cuda_staging;

typedef struct cuda_rank {
  cuda_device *device;
  const cuda_module *module; /* of the present run */
  int32_t sm_margin;         /* that attention leaves to others; -1: to transfers, as needed */
  cuda_link link;            /* if it is emulated */
  int32_t link_sms;
  bool is_caller_stream; /* the compute stream is the caller's */
  cuda_stream caller_stream;
  cuda_stream communication; /* the caller's stream for transfers; NULL: none */
  cuda_stream own[STREAM_COUNT];
  cuda_stream streams[STREAM_COUNT]; /* of the present run */
  cuda_event last;                   /* the end of the last run */
  bool has_last;
  cuda_mark *marks; /* of the present run; their events are used again by the next one */
  int64_t mark_count, mark_capacity, event_count;
  const char *operation[STREAM_COUNT]; /* issued last */
  bool is_exchange[STREAM_COUNT];
  int32_t peer[STREAM_COUNT];
  /* Of transfers in the present run, predicted: nanoseconds of those that were issued to the communication stream, of
   * those that the compute stream has awaited, and the most multiprocessors that one of the others keeps. */
  int64_t transfers_issued, transfers_awaited;
  int32_t transfer_ctas;
  cuda_block arena, scratch;
  cuda_left left;
  cuda_staging staging;
  cuda_plans plans;
  cuda_issuer issuer;
  cuda_graphs graphs;
  cuda_timeline timeline;
} cuda_rank;

rondo_status cuda_rank_create(rondo_context *context, cuda_device *device, cuda_rank **rank);
/* Waits for the last run, and frees everything. */
void cuda_rank_destroy(cuda_rank *rank);

/* Fails the run with what the driver says. `what`: "cannot launch 'attend_0'". */
rondo_status cuda_rank_fail(rondo_execution *execution, cuda_result result, const char *what);

/* Whether runs return before their work is over. */
bool cuda_rank_returns_early(const rondo_execution *execution);

/* Before each call of the entry, of which a run that is captured makes several. */
void cuda_rank_begin_pass(cuda_rank *rank);

/* On the worker: before the entry, and after it. */
rondo_status cuda_rank_begin(rondo_execution *execution);
void cuda_rank_end(rondo_execution *execution);

/* Records an event at the present end of a stream; `index` is its number in this run. */
rondo_status cuda_rank_mark(rondo_execution *execution, int32_t stream, int64_t *index);

/* A transfer was issued to a stream; the compute stream awaits a mark. */
void cuda_rank_count_transfer(rondo_execution *execution, int32_t stream, const rondo_transfer_load *transfer);
void cuda_rank_await_transfers(cuda_rank *rank, const cuda_mark *mark);
/* What is under way on the communication stream beside work that is issued to the compute stream now. */
rondo_transfer_load cuda_rank_get_transfers(const cuda_rank *rank);

/* Makes a block at least `bytes` large, for work that comes later on the compute stream. What it held is lost. */
rondo_status cuda_rank_reserve(rondo_execution *execution, cuda_block *block, int64_t bytes, const char *purpose);

/* Copies to the GPU, on the compute stream; `data` can be freed at once. */
rondo_status cuda_rank_upload(rondo_execution *execution, cuda_address target, const void *data, size_t bytes);

#endif /* RONDO_SRC_CUDA_RANK_H */
