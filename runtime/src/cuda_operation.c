/* Launching an operation of a program. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_operation.h"
#include "cuda_rank.h"
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- Failures ---- */

rondo_status cuda_launching_fail(const cuda_launching *launching, rondo_status status, const char *format, ...) {
  const rondo_execution *execution = launching->execution;
  char message[768];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return run_fail(execution->communicator, status, "rank %d: cannot launch '%s' in step %lld: %s", execution->rank,
                  launching->name, (long long)execution->step, message);
}

rondo_status cuda_launching_check(const cuda_launching *launching, cuda_result result, const char *what) {
  if (result == CUDA_OK)
    return RONDO_OK;
  const cuda_device *device = launching->execution->cuda->device;
  return cuda_launching_fail(launching, result == CUDA_OUT_OF_MEMORY ? RONDO_OUT_OF_MEMORY : RONDO_RANK_FAILED,
                             "%s on GPU %d (%s): %s", what, device->ordinal, device->name,
                             cuda_result_text(device->api, result));
}

static rondo_status malformed(const cuda_launching *launching, const char *what) {
  return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM, "its operation %s", what);
}

/* ---- Operands ---- */

rondo_status cuda_launching_tensor(const cuda_launching *launching, int operand, int dimensions, size_t element_bytes,
                                   cuda_tensor *tensor) {
  int32_t slot = launching->operation->operands[operand];
  if (slot < 0 || slot + 2 + 2 * (int64_t)dimensions > launching->slot_count)
    return malformed(launching, "has an operand outside of its argument block");
  const int64_t *slots = launching->slots + slot;
  tensor->address = (uint64_t)slots[0] + (uint64_t)slots[1] * element_bytes;
  for (int d = 0; d < dimensions; ++d) {
    tensor->sizes[d] = slots[2 + d];
    tensor->strides[d] = slots[2 + dimensions + d];
    if (tensor->sizes[d] < 0)
      return malformed(launching, "has an operand of a negative extent");
  }
  return RONDO_OK;
}

cuda_launcher cuda_launching_kernel(const cuda_launching *launching, int32_t number) {
  const cuda_module *module = launching->execution->cuda->module;
  return (cuda_launcher){module->device.api, module->functions[number], &module->code->kernels[number].traits,
                         &launching->execution->cuda->issuer};
}

bool cuda_tensor_is_contiguous(const cuda_tensor *tensor, int dimensions) {
  int64_t stride = 1;
  for (int d = dimensions - 1; d >= 0; --d) {
    if (tensor->sizes[d] > 1 && tensor->strides[d] != stride)
      return false;
    stride *= tensor->sizes[d];
  }
  return true;
}

rondo_status cuda_launching_copy_lse(const cuda_launching *launching, const cuda_tensor *lse, cuda_address contiguous,
                                     bool to_contiguous) {
  cuda_rank *rank = launching->execution->cuda;
  int64_t batches = lse->sizes[0], heads = lse->sizes[1], rows = lse->sizes[2], bytes = (int64_t)sizeof(float);
  for (int64_t batch = 0; batch < batches; ++batch) {
    for (int64_t head = 0; head < heads; ++head) {
      /* Lines of one element if rows lie apart, else one line. */
      bool dense = rows == 1 || lse->strides[2] == 1;
      cuda_address strided = lse->address + (uint64_t)((batch * lse->strides[0] + head * lse->strides[1]) * bytes);
      cuda_address packed = contiguous + (uint64_t)((batch * heads + head) * rows * bytes);
      size_t pitch = (size_t)((dense ? rows : lse->strides[2]) * bytes);
      size_t line = (size_t)((dense ? rows : 1) * bytes);
      cuda_copy_2d copy = {.source_type = CUDA_MEMORY_DEVICE,
                           .source = to_contiguous ? strided : packed,
                           .source_pitch = to_contiguous ? pitch : line,
                           .target_type = CUDA_MEMORY_DEVICE,
                           .target = to_contiguous ? packed : strided,
                           .target_pitch = to_contiguous ? line : pitch,
                           .width = line,
                           .height = (size_t)(dense ? 1 : rows)};
      rondo_status status =
          cuda_launching_check(launching, cuda_issue_copy_2d(&rank->issuer, &copy, rank->streams[RONDO_STREAM_COMPUTE]),
                               "cannot copy the LSE");
      if (status != RONDO_OK)
        return status;
    }
  }
  return RONDO_OK;
}

/* ---- merge ---- */

static rondo_status check_merge(const cuda_launching *launching, const cuda_tensor *partial,
                                const cuda_tensor *partial_lse, const cuda_tensor *output, const cuda_tensor *lse) {
  for (int d = 0; d < 4; ++d)
    if (partial->sizes[d] != output->sizes[d] ||
        (d < 3 && (partial_lse->sizes[d] != output->sizes[d] || lse->sizes[d] != output->sizes[d])))
      return malformed(launching, "merges results of different extents");
  if (!cuda_tensor_is_contiguous(partial, 4) || !cuda_tensor_is_contiguous(partial_lse, 3))
    return malformed(launching, "merges a partial result that is not contiguous");
  int64_t rows = 0;
  if (__builtin_mul_overflow(output->sizes[0] * output->sizes[1], output->sizes[2], &rows) || rows > INT32_MAX)
    return cuda_launching_fail(launching, RONDO_UNSUPPORTED,
                               "it has %lld rows in all heads and batches, but merges count at most %d",
                               (long long)rows, INT32_MAX);
  return RONDO_OK;
}

/* Whether an operation merges into its operand, of which it reads the same type. */
static bool is_merge_into(const rondo_cuda_kernel *kernel, const rondo_cuda_operation *operation, bool scaled_rows) {
  return kernel->traits.rows_per_block > 0 && kernel->traits.arriving && kernel->output == operation->operand_output &&
         kernel->arriving == operation->operand_output && (scaled_rows || !kernel->traits.scaled_rows);
}

/* Verifies that what an attention left is what the merge takes. */
static rondo_status check_left(const cuda_launching *launching, const cuda_left *left, const cuda_tensor *partial,
                               const cuda_tensor *partial_lse) {
  const rondo_cuda_kernel *kernels = launching->execution->cuda->module->code->kernels;
  if (left->operand_output != partial->address || left->operand_lse != partial_lse->address ||
      left->rows != partial->sizes[0] * partial->sizes[1] * partial->sizes[2] || left->features != partial->sizes[3])
    return malformed(launching, "is joined with an attention whose result it does not take");
  if (left->merge >= 0 && !is_merge_into(&kernels[left->merge], launching->operation, /*scaled_rows=*/true))
    return malformed(launching, "is joined with an attention whose parts are merged into another type");
  return RONDO_OK;
}

/* Takes what an attention left, and says where the parts are that are to be merged: without parts, in the operands. */
static rondo_status take_left(const cuda_launching *launching, const cuda_tensor *partial,
                              const cuda_tensor *partial_lse, cuda_left *parts) {
  cuda_left *left = &launching->execution->cuda->left;
  const cuda_left operands = {
      .merge = launching->operation->kernels[0], .parts = 1, .output = partial->address, .lse = partial_lse->address};
  *parts = operands;
  if (!launching->operation->joined)
    return RONDO_OK;
  rondo_status status = check_left(launching, left, partial, partial_lse);
  if (left->merge >= 0)
    *parts = *left;
  *left = (cuda_left){.attention = NULL};
  return status;
}

/* Where the LSE that is merged into is contiguous: in its place, or in a copy, behind the parts if there are any. */
static rondo_status gather_lse(const cuda_launching *launching, const cuda_tensor *lse, const cuda_left *parts,
                               cuda_address *place) {
  rondo_execution *execution = launching->execution;
  *place = lse->address;
  if (cuda_tensor_is_contiguous(lse, 3))
    return RONDO_OK;
  *place = parts->room;
  if (!*place) {
    int64_t bytes = lse->sizes[0] * lse->sizes[1] * lse->sizes[2] * (int64_t)sizeof(float);
    rondo_status status = cuda_rank_reserve(execution, &execution->cuda->scratch, bytes, "results in parts");
    if (status != RONDO_OK)
      return status;
    *place = execution->cuda->scratch.address;
  }
  return cuda_launching_copy_lse(launching, lse, *place, true);
}

static rondo_status launch_merge(const cuda_launching *launching) {
  const rondo_cuda_operation *operation = launching->operation;
  const cuda_rank *rank = launching->execution->cuda;
  const rondo_cuda_kernel *kernels = rank->module->code->kernels;
  if (operation->kernel_count < 1 || !is_merge_into(&kernels[operation->kernels[0]], operation, /*scaled_rows=*/false))
    return malformed(launching, "has no merge kernel");
  size_t partial_bytes = cuda_element_bytes(kernels[operation->kernels[0]].input);
  cuda_tensor partial, partial_lse, output, lse;
  rondo_status status = cuda_launching_tensor(launching, RONDO_MERGE_PARTIAL_OUTPUT, 4, partial_bytes, &partial);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_MERGE_PARTIAL_LSE, 3, sizeof(float), &partial_lse);
  if (status == RONDO_OK)
    status =
        cuda_launching_tensor(launching, RONDO_MERGE_OUTPUT, 4, cuda_element_bytes(operation->operand_output), &output);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_MERGE_LSE, 3, sizeof(float), &lse);
  if (status == RONDO_OK)
    status = check_merge(launching, &partial, &partial_lse, &output, &lse);
  cuda_left parts;
  if (status == RONDO_OK)
    status = take_left(launching, &partial, &partial_lse, &parts);
  if (status != RONDO_OK || output.sizes[0] * output.sizes[1] * output.sizes[2] == 0)
    return status;
  cuda_address place = 0;
  status = gather_lse(launching, &lse, &parts, &place);
  if (status != RONDO_OK)
    return status;
  rondo_merge_arguments arguments =
      cuda_merge_arguments(&output, place, parts.output, parts.lse, parts.scales, parts.parts, true);
  cuda_launcher launcher = cuda_launching_kernel(launching, parts.merge);
  bool dense = place == lse.address;
  /* Where an attention left parts, the kernel before this one is its own, which writes no more than these: what arrives
   * may be read while it runs. Elsewhere what arrives may be what the kernel before wrote, or a copy just made. */
  bool overlaps = parts.attention && dense;
  status = cuda_launching_check(launching,
                                cuda_launch_merge(&launcher, &arguments, rank->streams[RONDO_STREAM_COMPUTE], overlaps),
                                kernels[parts.merge].symbol);
  return status == RONDO_OK && !dense ? cuda_launching_copy_lse(launching, &lse, place, false) : status;
}

/* ---- elementwise ---- */

static rondo_status launch_elementwise(const cuda_launching *launching) {
  enum { MAX_ELEMENTWISE_DIMENSIONS = 16, MAX_ARGUMENT_BYTES = 4096 };
  const rondo_cuda_operation *operation = launching->operation;
  int32_t slot = operation->operands[RONDO_ELEMENTWISE_SHAPE];
  if (operation->kernel_count < 1 || operation->dimensions < 0 || operation->dimensions > MAX_ELEMENTWISE_DIMENSIONS ||
      slot < 0 || slot + 2 + (int64_t)operation->dimensions > launching->slot_count)
    return malformed(launching, "has no kernel, or no shape in its argument block");
  if (launching->slot_count * 8 > MAX_ARGUMENT_BYTES)
    return cuda_launching_fail(launching, RONDO_UNSUPPORTED,
                               "its argument block has %lld bytes, but a kernel's parameters at most %d",
                               (long long)launching->slot_count * 8, MAX_ARGUMENT_BYTES);
  int64_t elements = 1;
  for (int32_t d = 0; d < operation->dimensions; ++d)
    if (launching->slots[slot + 2 + d] < 0 ||
        __builtin_mul_overflow(elements, launching->slots[slot + 2 + d], &elements))
      return malformed(launching, "has a shape that no memory holds");
  if (elements == 0)
    return RONDO_OK;
  const cuda_rank *rank = launching->execution->cuda;
  int32_t multiprocessors = rank->device->multiprocessors - (rank->sm_margin > 0 ? rank->sm_margin : 0);
  cuda_launcher launcher = cuda_launching_kernel(launching, operation->kernels[0]);
  return cuda_launching_check(launching,
                              cuda_launch_elementwise(&launcher, launching->slots, (size_t)launching->slot_count * 8,
                                                      elements, multiprocessors, rank->streams[RONDO_STREAM_COMPUTE]),
                              rank->module->code->kernels[operation->kernels[0]].symbol);
}

/* ---- All kinds ---- */

static rondo_status check_kernels(const cuda_launching *launching) {
  const rondo_cuda_operation *operation = launching->operation;
  int64_t kernels = launching->execution->cuda->module->code->kernel_count;
  if (operation->kernel_count < 0 || (operation->kernel_count > 0 && !operation->kernels) ||
      operation->merge >= kernels)
    return malformed(launching, "names kernels that the program does not have");
  for (int32_t i = 0; i < operation->kernel_count; ++i)
    if (operation->kernels[i] < 0 || operation->kernels[i] >= kernels)
      return malformed(launching, "names kernels that the program does not have");
  return RONDO_OK;
}

/* Nothing runs between an attention and the merge that it is joined with: it could overwrite the parts. */
static rondo_status check_joined(const cuda_launching *launching) {
  const char *attention = launching->execution->cuda->left.attention;
  bool takes = launching->operation->kind == RONDO_CUDA_MERGE && launching->operation->joined;
  if (takes && !attention)
    return malformed(launching, "is joined with an attention, but none came just before it");
  if (!takes && attention)
    return cuda_launching_fail(launching, RONDO_INVALID_PROGRAM,
                               "expected the merge that is joined with '%s', which left its result to it", attention);
  return RONDO_OK;
}

static rondo_status launch(const cuda_launching *launching) {
  rondo_status status = check_kernels(launching);
  if (status == RONDO_OK)
    status = check_joined(launching);
  if (status != RONDO_OK)
    return status;
  switch (launching->operation->kind) {
  case RONDO_CUDA_ATTEND:
    return cuda_launch_attention(launching);
  case RONDO_CUDA_MERGE:
    return launch_merge(launching);
  case RONDO_CUDA_ELEMENTWISE:
    return launch_elementwise(launching);
  default:
    return malformed(launching, "is of an unknown kind: the program is newer than the runtime");
  }
}

rondo_status cuda_operation_launch(const cuda_launching *launching) {
  rondo_status status = launch(launching);
  if (status != RONDO_OK) /* the entry ends */
    launching->execution->cuda->left = (cuda_left){.attention = NULL};
  return status;
}
