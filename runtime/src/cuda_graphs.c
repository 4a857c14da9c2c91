/* The graphs of a rank. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_graphs.h"
#include "digest.h"

#include <stdlib.h>
#include <string.h>

/* ---- Calls ---- */

static void add_word(cuda_call *call, int64_t word) {
  if (call->word_count < CUDA_CALL_WORDS)
    call->words[call->word_count] = word;
  ++call->word_count;
}

/* All that a launch may depend on: tensor maps need 16 bytes of alignment, and nothing needs more. */
static void add_tensor(cuda_call *call, const DLTensor *tensor) {
  enum { ALIGNMENT = 16, HAS_STRIDES = 1 << 8, IS_NULL = 1 << 9 };
  if (!tensor || call->address_count == CUDA_CALL_TENSORS) {
    call->word_count = CUDA_CALL_WORDS + 1;
    return;
  }
  uint64_t address = (uint64_t)(uintptr_t)tensor->data + tensor->byte_offset;
  call->addresses[call->address_count++] = address;
  add_word(call, tensor->dtype.code | tensor->dtype.bits << 8 | tensor->dtype.lanes << 16);
  add_word(call, ((int64_t)tensor->device.device_id << 32) + tensor->device.device_type);
  add_word(call, (int64_t)(address % ALIGNMENT) | (tensor->strides ? HAS_STRIDES : 0) | (tensor->data ? 0 : IS_NULL));
  add_word(call, tensor->ndim);
  for (int d = 0; d < tensor->ndim; ++d) {
    add_word(call, tensor->shape[d]);
    if (tensor->strides)
      add_word(call, tensor->strides[d]);
  }
}

void cuda_call_describe(cuda_call *call, uint64_t program, int function, bool placed, const tensor_list *list) {
  call->word_count = call->address_count = 0;
  add_word(call, (int64_t)program);
  add_word(call, function);
  add_word(call, placed);
  add_word(call, (int64_t)list->input_count);
  add_word(call, (int64_t)list->output_count);
  for (size_t i = 0; list->inputs && i < list->input_count; ++i)
    add_tensor(call, list->inputs[i]);
  for (size_t i = 0; list->outputs && i < list->output_count; ++i)
    add_tensor(call, list->outputs[i]);
  if (call->word_count > CUDA_CALL_WORDS)
    call->word_count = call->address_count = 0;
}

static bool is_same_call(const cuda_call *call, const cuda_call *other) {
  return call->word_count == other->word_count && call->address_count == other->address_count &&
         memcmp(call->words, other->words, (size_t)call->word_count * sizeof *call->words) == 0;
}

bool cuda_call_has_addresses(const cuda_call *call, const cuda_call *other) {
  return call->address_count == other->address_count &&
         memcmp(call->addresses, other->addresses, (size_t)call->address_count * sizeof *call->addresses) == 0;
}

/* Where graphs of such a call keep their addresses, a call with other addresses is another call. */
static uint64_t digest_call(const cuda_graphs *graphs) {
  const cuda_call *call = &graphs->call;
  uint64_t digest = digest_bytes(call->words, (size_t)call->word_count * sizeof *call->words);
  for (int i = 0; i < CUDA_GRAPH_CAPACITY; ++i)
    if (graphs->captured[i].number && graphs->captured[i].records.fixed &&
        is_same_call(&graphs->captured[i].call, call))
      return digest ^ (digest_bytes(call->addresses, (size_t)call->address_count * sizeof *call->addresses) | 1);
  return digest ? digest : 1;
}

/* The place of the present call among those that are remembered, or -1. */
static int find_call(const cuda_graphs *graphs) {
  for (int i = 0; i < CUDA_GRAPH_CALLS; ++i)
    if (graphs->calls[i].digest == graphs->digest)
      return i;
  return -1;
}

void cuda_graphs_note_run(cuda_graphs *graphs, bool is_unfit) {
  if (graphs->call.word_count == 0)
    return;
  int place = find_call(graphs);
  if (place < 0) {
    place = graphs->next_call;
    graphs->next_call = (graphs->next_call + 1) % CUDA_GRAPH_CALLS;
    graphs->calls[place].digest = graphs->digest;
    graphs->calls[place].is_unfit = false;
  }
  graphs->calls[place].is_unfit |= is_unfit;
}

/* ---- Which graph serves a call ---- */

static bool serves(const cuda_captured *captured, const cuda_call *call) {
  return captured->number && is_same_call(&captured->call, call) &&
         (!captured->records.fixed || cuda_call_has_addresses(&captured->call, call));
}

int cuda_graphs_offer(cuda_graphs *graphs, int64_t *offers) {
  int count = 0;
  graphs->digest = digest_call(graphs);
  int place = find_call(graphs);
  if (graphs->call.word_count == 0 || (place >= 0 && graphs->calls[place].is_unfit))
    return 0;
  if (place >= 0)
    offers[count++] = CUDA_GRAPH_CAPTURE;
  /* Several, where shards of other ranks had other lengths. */
  for (int i = 0; i < CUDA_GRAPH_CAPACITY && count < CUDA_GRAPH_OFFERS; ++i)
    if (serves(&graphs->captured[i], &graphs->call))
      offers[count++] = graphs->captured[i].number;
  return count;
}

cuda_captured *cuda_graphs_find(cuda_graphs *graphs, int64_t number) {
  for (int i = 0; number >= CUDA_GRAPH_FIRST && i < CUDA_GRAPH_CAPACITY; ++i)
    if (graphs->captured[i].number == number)
      return &graphs->captured[i];
  return NULL;
}

cuda_captured *cuda_graphs_add(cuda_graphs *graphs, const cuda_api *api) {
  cuda_captured *place = &graphs->captured[0];
  for (int i = 0; i < CUDA_GRAPH_CAPACITY && place->number; ++i)
    if (!graphs->captured[i].number || graphs->captured[i].used < place->used)
      place = &graphs->captured[i];
  cuda_graphs_drop(place, api);
  place->number = graphs->last_number ? graphs->last_number + 1 : CUDA_GRAPH_FIRST;
  graphs->last_number = place->number;
  place->call = graphs->call;
  place->used = ++graphs->clock;
  place->peer = -1;
  return place;
}

/* ---- Plans ---- */

void cuda_graphs_touch(cuda_graphs *graphs, cuda_captured *captured, cuda_plans *plans) {
  captured->used = ++graphs->clock;
  ++plans->clock;
  for (int32_t i = 0; i < captured->plan_count; ++i)
    plans->plans[captured->plans[i] - plans->plans].used = plans->clock;
}

static bool uses_plan(const cuda_captured *captured, const cuda_plan *plan) {
  for (int32_t i = 0; i < captured->plan_count; ++i)
    if (captured->plans[i] == plan)
      return true;
  return false;
}

bool cuda_graphs_use_plan(cuda_graphs *graphs, const cuda_issuer *issuer, const cuda_plan *plan) {
  cuda_captured *captured = graphs->made;
  if (issuer->mode != CUDA_ISSUE_CAPTURE || uses_plan(captured, plan))
    return true;
  if (captured->plan_count == captured->plan_capacity) {
    int32_t capacity = captured->plan_capacity ? 2 * captured->plan_capacity : 8;
    const cuda_plan **plans = realloc(captured->plans, (size_t)capacity * sizeof *plans);
    if (!plans)
      return false;
    captured->plans = plans;
    captured->plan_capacity = capacity;
  }
  captured->plans[captured->plan_count++] = plan;
  return true;
}

/* ---- The end of graphs ---- */

void cuda_graphs_drop(cuda_captured *captured, const cuda_api *api) {
  /* The driver ends what still runs before it frees it. */
  if (captured->records.executable)
    api->executable_destroy(captured->records.executable);
  if (captured->graph)
    api->graph_destroy(captured->graph);
  cuda_records_free(&captured->records);
  free(captured->plans);
  captured->plans = NULL;
  captured->plan_count = captured->plan_capacity = 0;
  captured->graph = NULL;
  captured->number = 0;
}

void cuda_graphs_drop_plan(cuda_graphs *graphs, const cuda_api *api, const cuda_plan *plan) {
  for (int i = 0; i < CUDA_GRAPH_CAPACITY; ++i)
    if (graphs->captured[i].number && uses_plan(&graphs->captured[i], plan))
      cuda_graphs_drop(&graphs->captured[i], api);
}

void cuda_graphs_drop_all(cuda_graphs *graphs, const cuda_api *api) {
  for (int i = 0; i < CUDA_GRAPH_CAPACITY; ++i)
    cuda_graphs_drop(&graphs->captured[i], api);
}

void cuda_graphs_free(cuda_graphs *graphs, const cuda_api *api) {
  cuda_graphs_drop_all(graphs, api);
  if (graphs->joint)
    api->event_destroy(graphs->joint);
  graphs->joint = NULL;
}
