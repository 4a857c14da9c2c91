/* The graphs of a rank: whole runs that were captured, each for one call: function, lengths, layout and alignment of
 * the tensors. At most CUDA_GRAPH_CAPACITY are kept; the one that was used longest ago goes.
 *
 * A graph holds addresses of the rank's memory and of tile tables. It goes when these do.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_GRAPHS_H
#define RONDO_SRC_CUDA_GRAPHS_H

#include "bind.h"
#include "communicator.h"
#include "cuda_issue.h"
#include "cuda_plans.h"

enum {
  CUDA_GRAPH_CAPACITY = 16,
  CUDA_GRAPH_CALLS = 64, /* that are remembered besides */
  CUDA_GRAPH_OFFERS = 5, /* as many as ranks compare: agreement.h */
  CUDA_CALL_WORDS = 256,
  CUDA_CALL_TENSORS = 24
};

/* What a run may do, as a number that ranks can agree on: the greatest that all of them offer. Numbers from
 * CUDA_GRAPH_FIRST on are graphs, which all ranks number alike, since they capture together. */
enum { CUDA_GRAPH_NONE = 0, CUDA_GRAPH_CAPTURE = 1, CUDA_GRAPH_FIRST = 2 };

/* A call: all but the tensors' addresses, and these. */
typedef struct {
  int32_t word_count, address_count; /* 0 words: too large to have a graph */
  int64_t words[CUDA_CALL_WORDS];
  uint64_t addresses[CUDA_CALL_TENSORS];
} cuda_call;

typedef struct {
  int64_t number; /* 0: none */
  int64_t used;   /* when it was used last */
  cuda_call call; /* the addresses are those that the executable graph has now */
  cuda_graph graph;
  cuda_records records;
  const cuda_plan **plans; /* whose tables it reads */
  int32_t plan_count, plan_capacity;
  int32_t peer;                     /* of another process, from which it receives; -1: none */
  rondo_rank_statistics statistics; /* but for times */
  transfer_room room;
} cuda_captured;

typedef struct {
  cuda_call call;      /* the present one */
  uint64_t digest;     /* of it */
  int64_t agreed;      /* what all ranks do in the present run */
  cuda_captured *made; /* that is being captured */
  int64_t first_plan;  /* plans used later are the present run's */
  bool overflows;      /* it has more plans than are kept */
  int32_t peer;        /* of its last exchange with another process */
  cuda_event joint;    /* by which streams fork and join */
  struct {
    uint64_t digest; /* of a call that has run without a graph; 0: none */
    bool is_unfit;   /* it cannot have one */
  } calls[CUDA_GRAPH_CALLS];
  int32_t next_call;
  cuda_captured captured[CUDA_GRAPH_CAPACITY];
  int64_t clock, last_number;
  int64_t captures, replays; /* how many there were */
} cuda_graphs;

/* Describes a call of function `function` of program `program`, by their numbers. */
void cuda_call_describe(cuda_call *call, uint64_t program, int function, bool placed, const tensor_list *list);

bool cuda_call_has_addresses(const cuda_call *call, const cuda_call *other);

/* What the rank can do with the present call: `offers` has room for CUDA_GRAPH_OFFERS. Returns how many there are. */
int cuda_graphs_offer(cuda_graphs *graphs, int64_t *offers);

/* After a run of the present call without a graph. */
void cuda_graphs_note_run(cuda_graphs *graphs, bool is_unfit);

/* The graph of a number, or NULL. */
cuda_captured *cuda_graphs_find(cuda_graphs *graphs, int64_t number);

/* A place for a graph of the present call, which gets the next number. */
cuda_captured *cuda_graphs_add(cuda_graphs *graphs, const cuda_api *api);

/* Counts as a use of the graph and of its plans. */
void cuda_graphs_touch(cuda_graphs *graphs, cuda_captured *captured, cuda_plans *plans);

/* While a graph is captured: it uses a plan. False without memory. */
bool cuda_graphs_use_plan(cuda_graphs *graphs, const cuda_issuer *issuer, const cuda_plan *plan);

void cuda_graphs_drop(cuda_captured *captured, const cuda_api *api);
void cuda_graphs_drop_plan(cuda_graphs *graphs, const cuda_api *api, const cuda_plan *plan);
void cuda_graphs_drop_all(cuda_graphs *graphs, const cuda_api *api);
void cuda_graphs_free(cuda_graphs *graphs, const cuda_api *api);

#endif /* RONDO_SRC_CUDA_GRAPHS_H */
