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

static rondo_status launch_merge(const cuda_launching *launching) {
  const rondo_cuda_operation *operation = launching->operation;
  rondo_execution *execution = launching->execution;
  const cuda_module *module = execution->cuda->module;
  if (operation->kernel_count < 1 || module->code->kernels[operation->kernels[0]].traits.rows_per_block < 1 ||
      module->code->kernels[operation->kernels[0]].traits.scaled_rows)
    return malformed(launching, "has no merge kernel");
  const rondo_cuda_kernel *kernel = &module->code->kernels[operation->kernels[0]];
  cuda_tensor partial, partial_lse, output, lse;
  rondo_status status =
      cuda_launching_tensor(launching, RONDO_MERGE_PARTIAL_OUTPUT, 4, cuda_element_bytes(kernel->input), &partial);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_MERGE_PARTIAL_LSE, 3, sizeof(float), &partial_lse);
  if (status == RONDO_OK)
    status =
        cuda_launching_tensor(launching, RONDO_MERGE_OUTPUT, 4, cuda_element_bytes(operation->operand_output), &output);
  if (status == RONDO_OK)
    status = cuda_launching_tensor(launching, RONDO_MERGE_LSE, 3, sizeof(float), &lse);
  if (status == RONDO_OK)
    status = check_merge(launching, &partial, &partial_lse, &output, &lse);
  if (status != RONDO_OK || output.sizes[0] * output.sizes[1] * output.sizes[2] == 0)
    return status;
  cuda_address place = lse.address;
  bool dense = cuda_tensor_is_contiguous(&lse, 3);
  if (!dense) {
    int64_t bytes = lse.sizes[0] * lse.sizes[1] * lse.sizes[2] * (int64_t)sizeof(float);
    status = cuda_rank_reserve(execution, &execution->cuda->scratch, bytes, "results in parts");
    place = execution->cuda->scratch.address;
    if (status == RONDO_OK)
      status = cuda_launching_copy_lse(launching, &lse, place, true);
    if (status != RONDO_OK)
      return status;
  }
  rondo_merge_arguments arguments =
      cuda_merge_arguments(&output, place, partial.address, partial_lse.address, /*partial_scales=*/0, 1, true);
  cuda_launcher launcher = cuda_launching_kernel(launching, operation->kernels[0]);
  /* What arrives may be what the kernel before it wrote: no overlap. */
  status = cuda_launching_check(
      launching,
      cuda_launch_merge(&launcher, &arguments, execution->cuda->streams[RONDO_STREAM_COMPUTE], /*overlaps=*/false),
      kernel->symbol);
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
  cuda_launcher launcher = cuda_launching_kernel(launching, operation->kernels[0]);
  return cuda_launching_check(launching,
                              cuda_launch_elementwise(&launcher, launching->slots, (size_t)launching->slot_count * 8,
                                                      elements, rank->multiprocessors,
                                                      rank->streams[RONDO_STREAM_COMPUTE]),
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

rondo_status cuda_operation_launch(const cuda_launching *launching) {
  rondo_status status = check_kernels(launching);
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
