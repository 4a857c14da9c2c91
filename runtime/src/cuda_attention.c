/* Launching an attention: the chosen kernel, and the merge of its partial results. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_operation.h"
#include "cuda_rank.h"

#include <stdlib.h>

enum { MAX_CANDIDATES = 16, SCRATCH_ALIGNMENT = 256 };

/* ---- Operands ---- */

static rondo_status read_number(const cuda_launching *launching, int operand, int64_t *number) {
  int32_t slot = launching->operation->operands[operand];
  *number = 0;
  if (slot >= launching->slot_count)
    return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM, "a number lies outside of its argument block");
  if (slot >= 0)
    *number = launching->slots[slot];
  return RONDO_OK;
}

static rondo_status read_diagonal(const cuda_launching *launching, int64_t *diagonal) {
  int64_t query_start = 0, key_start = 0, offset = 0;
  rondo_status status = read_number(launching, RONDO_ATTEND_QUERY_START, &query_start);
  if (status == RONDO_OK)
    status = read_number(launching, RONDO_ATTEND_KEY_START, &key_start);
  if (status == RONDO_OK)
    status = read_number(launching, RONDO_ATTEND_DIAGONAL, &offset);
  *diagonal = query_start - key_start + offset;
  return status;
}

static rondo_status check_extents(const cuda_launching *launching, const cuda_attention *a) {
  const int64_t *q = a->query.sizes, *k = a->key.sizes, *v = a->value.sizes, *o = a->output.sizes, *l = a->lse.sizes;
  bool fits = q[0] == k[0] && q[0] == v[0] && q[0] == o[0] && q[0] == l[0] && k[1] == v[1] && q[1] == o[1] &&
              q[1] == l[1] && k[2] == v[2] && q[2] == o[2] && q[2] == l[2] && q[3] == k[3] && v[3] == o[3];
  if (!fits || k[1] < 1 || q[1] % k[1] != 0)
    return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM,
                               "the extents of its operands do not fit together: Q [%lld, %lld, %lld, %lld], K [%lld, "
                               "%lld, %lld, %lld], V [%lld, %lld, %lld, %lld], O [%lld, %lld, %lld, %lld]",
                               (long long)q[0], (long long)q[1], (long long)q[2], (long long)q[3], (long long)k[0],
                               (long long)k[1], (long long)k[2], (long long)k[3], (long long)v[0], (long long)v[1],
                               (long long)v[2], (long long)v[3], (long long)o[0], (long long)o[1], (long long)o[2],
                               (long long)o[3]);
  return RONDO_OK;
}

static rondo_status read_attention(const cuda_launching *launching, cuda_attention *a) {
  const rondo_cuda_operation *operation = launching->operation;
  const rondo_cuda_code *code = launching->execution->cuda->module->code;
  a->input_type = code->kernels[operation->kernels[0]].input;
  a->output_type = operation->operand_output;
  a->scale = operation->scale;
  size_t bytes = cuda_element_bytes(a->input_type);
  rondo_status status = cuda_launching_tensor(launching, RONDO_ATTEND_QUERY, 4, bytes, &a->query);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_ATTEND_KEY, 4, bytes, &a->key);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_ATTEND_VALUE, 4, bytes, &a->value);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_ATTEND_OUTPUT, 4, cuda_element_bytes(a->output_type), &a->output);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_ATTEND_LSE, 3, sizeof(float), &a->lse);
  if (status == RONDO_OK)
    status = read_diagonal(launching, &a->diagonal);
  return status == RONDO_OK ? check_extents(launching, a) : status;
}

/* ---- Plans ---- */

static rondo_status refuse(const cuda_launching *launching, const cuda_attention *attention,
                           rondo_attend_refusal refusal) {
  const int64_t *q = attention->query.sizes, *k = attention->key.sizes;
  char text[256];
  switch (refusal) {
  case RONDO_NOT_ALIGNED:
    cuda_attend_describe_alignment(attention, text, sizeof text);
    return cuda_launching_fail(
        launching, RONDO_INVALID_ARGUMENT,
        "%s: the GPU's bulk copies need addresses and strides of whole 16 bytes, and the program "
        "has no kernel without them: copy the tensor to aligned memory",
        text);
  case RONDO_HEADS_APART:
    return cuda_launching_fail(
        launching, RONDO_INVALID_ARGUMENT,
        "%lld query heads share a key/value head; more than 64 may only do so if they lie %lld "
        "rows apart in Q (and in O), as in contiguous [B, H, S, D]: head stride %lld, row stride "
        "%lld",
        (long long)(q[1] / k[1]), (long long)q[2], (long long)attention->query.strides[1],
        (long long)attention->query.strides[2]);
  case RONDO_NO_MEMORY:
    return cuda_launching_fail(launching, RONDO_OUT_OF_MEMORY, "no memory of the host for its tile table");
  case RONDO_NO_MERGE:
    return cuda_launching_fail(
        launching, RONDO_INVALID_ARGUMENT,
        "its kernels write rows of O only where these are aligned to 16 bytes (f32: 8), and the "
        "program has no kernel that merges their results: O begins at 0x%llx, with strides of %lld, %lld and %lld "
        "elements",
        (unsigned long long)attention->output.address, (long long)attention->output.strides[0],
        (long long)attention->output.strides[1], (long long)attention->output.strides[2]);
  default:
    return cuda_launching_fail(
        launching, RONDO_UNSUPPORTED,
        "[%lld, %lld, %lld, %lld] queries and [%lld, %lld, %lld, %lld] keys are more than its "
        "kernels can count (2^31 rows of a head's group, keys, and rows to merge; 65535 heads or "
        "batches; for persistent kernels 65536 tiles of rows, 256 heads or batches, 65535 blocks "
        "of keys)",
        (long long)q[0], (long long)q[1], (long long)q[2], (long long)q[3], (long long)k[0], (long long)k[1],
        (long long)k[2], (long long)k[3]);
  }
}

static rondo_status choose(const cuda_launching *launching, const cuda_attention *attention,
                           const rondo_attend_facts *facts, cuda_plan *plan) {
  const rondo_cuda_operation *operation = launching->operation;
  const cuda_rank *rank = launching->execution->cuda;
  rondo_attend_candidate candidates[MAX_CANDIDATES];
  if (operation->kernel_count > MAX_CANDIDATES)
    return cuda_launching_fail(launching, RONDO_UNSUPPORTED,
                               "it has %d kernels to choose from; at most %d are supported", operation->kernel_count,
                               MAX_CANDIDATES);
  const rondo_cuda_kernel *merge = operation->merge >= 0 ? &rank->module->code->kernels[operation->merge] : NULL;
  if (merge && (merge->traits.rows_per_block < 1 || (merge->traits.arriving != 0) != (operation->joined != 0)))
    return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM, "'%s' does not merge partial results %s",
                               merge->symbol,
                               operation->joined ? "with what arrives, as a joined merge must" : "by themselves");
  for (int32_t i = 0; i < operation->kernel_count; ++i) {
    const rondo_cuda_kernel *kernel = &rank->module->code->kernels[operation->kernels[i]];
    const rondo_kernel_traits *traits = &kernel->traits;
    if (traits->cluster < 1 || traits->warpgroups < 1 || traits->block_keys < 1)
      return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM, "'%s' is no attend kernel", kernel->symbol);
    candidates[i] = rondo_get_attend_candidate(kernel, merge, operation->operand_output);
  }
  rondo_step_plan step = rondo_plan_step(facts, candidates, operation->kernel_count, plan->multiprocessors,
                                         &plan->transfer, plan->fixed_margin);
  plan->choice = step.choice;
  plan->margin = step.margin;
  return plan->choice.candidate >= 0 ? RONDO_OK : refuse(launching, attention, plan->choice.refusal);
}

static rondo_status upload_table(const cuda_launching *launching, cuda_plan *plan) {
  rondo_tile_table *table = &plan->choice.table;
  cuda_rank *rank = launching->execution->cuda;
  if (!table->words)
    return RONDO_OK;
  size_t bytes = (size_t)table->ctas * (size_t)table->stride * sizeof *table->words;
  char text[512];
  rondo_status status = cuda_device_allocate(rank->device, bytes, rank->streams[RONDO_STREAM_COMPUTE], "a tile table",
                                             &plan->table, text, sizeof text);
  if (status != RONDO_OK)
    return cuda_launching_fail(launching, status, "%s", text);
  return cuda_rank_upload(launching->execution, plan->table, table->words, bytes);
}

/* Graphs that use its table go with it. */
static void forget(cuda_rank *rank, cuda_plan *plan) {
  cuda_graphs_drop_plan(&rank->graphs, rank->device->api, plan);
  if (plan->table)
    rank->device->api->free(plan->table, rank->streams[RONDO_STREAM_COMPUTE]);
  *plan = (cuda_plan){.operation = NULL};
}

/* The plan for these lengths, and for what is under way beside it, made if it is not there yet. */
static rondo_status get_plan(const cuda_launching *launching, const cuda_attention *attention,
                             const rondo_attend_facts *facts, const cuda_plan **result) {
  rondo_execution *execution = launching->execution;
  cuda_rank *rank = execution->cuda;
  cuda_plan key = {.operation = launching->operation,
                   .program = rank->module->number,
                   .facts = *facts,
                   .multiprocessors = rank->device->multiprocessors,
                   .fixed_margin = rank->sm_margin};
  if (rank->sm_margin < 0)
    key.transfer = cuda_rank_get_transfers(rank);
  cuda_plan *plan = cuda_plans_find(&rank->plans, &key);
  if (!plan && !cuda_issuer_may_prepare(&rank->issuer))
    return RONDO_UNSUPPORTED;
  if (!plan) {
    rondo_status status = choose(launching, attention, facts, &key);
    if (status != RONDO_OK)
      return status;
    plan = cuda_plans_evict(&rank->plans);
    if (plan->operation && plan->used > rank->graphs.first_plan)
      rank->graphs.overflows = true;
    forget(rank, plan);
    key.used = rank->plans.clock;
    *plan = key;
    status = upload_table(launching, plan);
    rondo_free_tile_table(&plan->choice.table);
    if (status != RONDO_OK) {
      forget(rank, plan);
      return status;
    }
  }
  if (plan->margin > execution->room.sm_margin)
    execution->room.sm_margin = plan->margin;
  *result = plan;
  return cuda_graphs_use_plan(&rank->graphs, &rank->issuer, plan)
             ? RONDO_OK
             : cuda_launching_fail(launching, RONDO_OUT_OF_MEMORY, "no memory for a graph");
}

/* ---- Launches ---- */

static int64_t count_rows(const cuda_attention *attention) {
  const int64_t *q = attention->query.sizes;
  return q[0] * q[1] * q[2];
}

static rondo_status launch_attend(const cuda_launching *launching, const cuda_attention *attention,
                                  const cuda_plan *plan) {
  int32_t number = launching->operation->kernels[plan->choice.candidate];
  cuda_launcher launcher = cuda_launching_kernel(launching, number);
  rondo_attend_arguments arguments;
  unsigned grid[3];
  cuda_result result =
      cuda_attend_arguments(launcher.api, attention, launcher.traits, &plan->choice, plan->table, &arguments, grid);
  rondo_status status = cuda_launching_check(launching, result, "cuTensorMapEncodeTiled");
  if (status != RONDO_OK)
    return status;
  const cuda_rank *rank = launching->execution->cuda;
  result = cuda_launch_attend(&launcher, grid, &arguments, rank->streams[RONDO_STREAM_COMPUTE], /*overlaps=*/true);
  return cuda_launching_check(launching, result, rank->module->code->kernels[number].symbol);
}

static int64_t align_up(int64_t bytes) {
  return (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
}

/* Merges partial results into O and LSE. `room` holds an LSE whose place is not contiguous. */
static rondo_status merge_parts(const cuda_launching *launching, const cuda_attention *attention,
                                const cuda_attention *partial, int32_t parts, cuda_address room) {
  int32_t number = launching->operation->merge;
  cuda_rank *rank = launching->execution->cuda;
  bool dense = cuda_tensor_is_contiguous(&attention->lse, 3);
  cuda_address merged = dense ? attention->lse.address : room;
  rondo_merge_arguments arguments =
      cuda_merge_arguments(&attention->output, merged, partial->output.address, partial->lse.address, partial->scales,
                           parts, /*arriving=*/false);
  cuda_launcher launcher = cuda_launching_kernel(launching, number);
  rondo_status status = cuda_launching_check(
      launching, cuda_launch_merge(&launcher, &arguments, rank->streams[RONDO_STREAM_COMPUTE], /*overlaps=*/true),
      rank->module->code->kernels[number].symbol);
  return status == RONDO_OK && !dense ? cuda_launching_copy_lse(launching, &attention->lse, merged, false) : status;
}

/* Partial results in the scratch memory, which are merged into O and LSE, or left there to a joined merge. */
static rondo_status launch_in_parts(const cuda_launching *launching, const cuda_attention *attention,
                                    const cuda_plan *plan) {
  const rondo_cuda_operation *operation = launching->operation;
  rondo_execution *execution = launching->execution;
  cuda_rank *rank = execution->cuda;
  const rondo_cuda_kernel *attend = &rank->module->code->kernels[operation->kernels[plan->choice.candidate]];
  int64_t rows = count_rows(attention), parts = plan->choice.splits.splits;
  int64_t output_bytes =
      align_up(parts * rows * attention->output.sizes[3] * (int64_t)cuda_element_bytes(attend->output));
  int64_t lse_bytes = align_up(parts * rows * (int64_t)sizeof(float));
  int64_t scales_bytes = attend->traits.scaled_rows ? lse_bytes : 0;
  int64_t bytes = output_bytes + lse_bytes + scales_bytes + rows * (int64_t)sizeof(float);
  rondo_status status = cuda_rank_reserve(execution, &rank->scratch, bytes, "results in parts");
  if (status != RONDO_OK)
    return status;
  cuda_address output = rank->scratch.address, lse = output + (uint64_t)output_bytes;
  cuda_address scales = lse + (uint64_t)lse_bytes, room = scales + (uint64_t)scales_bytes;
  cuda_attention partial = *attention;
  cuda_attend_to_partials(&partial, output, lse, scales);
  status = launch_attend(launching, &partial, plan);
  if (status != RONDO_OK)
    return status;
  if (!operation->joined)
    return merge_parts(launching, attention, &partial, (int32_t)parts, room);
  cuda_left *left = &rank->left;
  left->merge = operation->merge;
  left->parts = (int32_t)parts;
  left->output = output;
  left->lse = lse;
  left->scales = scales;
  left->room = room;
  return RONDO_OK;
}

/* What is left as long as no parts are. */
static void leave_operands(const cuda_launching *launching, const cuda_attention *attention) {
  launching->execution->cuda->left = (cuda_left){.attention = launching->name,
                                                 .operand_output = attention->output.address,
                                                 .operand_lse = attention->lse.address,
                                                 .merge = -1,
                                                 .rows = count_rows(attention),
                                                 .features = attention->output.sizes[3]};
}

/* Without keys, where every kernel is persistent: O = 0 and LSE = -inf. */
static rondo_status fill(const cuda_launching *launching, const cuda_attention *attention) {
  static const unsigned MINUS_INFINITY = 0xff800000u;
  cuda_rank *rank = launching->execution->cuda;
  const cuda_tensor *o = &attention->output, *lse = &attention->lse;
  int64_t element = (int64_t)cuda_element_bytes(attention->output_type), rows = o->sizes[2];
  cuda_stream stream = rank->streams[RONDO_STREAM_COMPUTE];
  for (int64_t batch = 0; batch < o->sizes[0]; ++batch) {
    for (int64_t head = 0; head < o->sizes[1]; ++head) {
      cuda_address place = o->address + (uint64_t)((batch * o->strides[0] + head * o->strides[1]) * element);
      cuda_result result =
          cuda_issue_fill_8(&rank->issuer, place, (size_t)((rows > 1 ? o->strides[2] : o->sizes[3]) * element), 0,
                            (size_t)(o->sizes[3] * element), (size_t)rows, stream);
      place = lse->address + (uint64_t)((batch * lse->strides[0] + head * lse->strides[1]) * 4);
      if (result == CUDA_OK)
        result = cuda_issue_fill_32(&rank->issuer, place, (size_t)((rows > 1 ? lse->strides[2] : 1) * 4),
                                    MINUS_INFINITY, 1, (size_t)rows, stream);
      rondo_status status = cuda_launching_check(launching, result, "cannot fill results without keys");
      if (status != RONDO_OK)
        return status;
    }
  }
  return RONDO_OK;
}

/* Nothing is read of an empty shard. Its address may be anything, and its strides, as of a compact tensor without rows,
 * 0; but tensor maps must be valid. */
static void stand_in(cuda_tensor *empty, uint64_t address) {
  empty->address = address;
  for (int d = 0; d < 3; ++d)
    empty->strides[d] = (empty->sizes[3] + 7) / 8 * 8;
}

rondo_status cuda_launch_attention(const cuda_launching *launching) {
  if (launching->operation->kernel_count < 1)
    return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM, "it has no kernel");
  cuda_attention attention;
  rondo_status status = read_attention(launching, &attention);
  if (status == RONDO_OK && launching->operation->joined)
    leave_operands(launching, &attention);
  if (status != RONDO_OK || count_rows(&attention) == 0 || attention.output.sizes[3] == 0)
    return status;
  rondo_attend_facts facts = cuda_attend_facts(&attention);
  const rondo_cuda_code *code = launching->execution->cuda->module->code;
  bool grid = false;
  for (int32_t i = 0; i < launching->operation->kernel_count; ++i)
    grid |= !code->kernels[launching->operation->kernels[i]].traits.persistent;
  if (facts.problem.key_count == 0) {
    if (!grid)
      return fill(launching, &attention);
    stand_in(&attention.key, attention.query.address);
    stand_in(&attention.value, attention.query.address);
    facts = cuda_attend_facts(&attention);
  }
  const cuda_plan *plan = NULL;
  status = get_plan(launching, &attention, &facts, &plan);
  if (status != RONDO_OK)
    return status;
  return plan->choice.direct ? launch_attend(launching, &attention, plan)
                             : launch_in_parts(launching, &attention, plan);
}
