/* Checks of one DLPack tensor against the manifest. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tensor_check.h"

#include <stdarg.h>
#include <stdio.h>

/* No memory holds more elements; arithmetic on extents below it cannot overflow. */
static const int64_t largest_extent = (int64_t)1 << 50;

const char *tensor_role(const manifest_function *function, int index) {
  return index < function->input_count ? "input" : "output";
}

rondo_status tensor_fail(const tensor_scope *scope, int32_t rank, int index, const char *format, ...) {
  char message[512], place[32] = "";
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (rank >= 0 && scope->placed)
    snprintf(place, sizeof place, "rank %d: ", rank);
  return context_fail(scope->context, RONDO_INVALID_ARGUMENT, "%s%s '%s' %s", place,
                      tensor_role(scope->function, index), scope->function->tensors[index].name, message);
}

const DLTensor *tensor_list_get(const tensor_scope *scope, int32_t rank, int index) {
  const tensor_list *list = scope->list;
  size_t inputs = (size_t)scope->function->input_count, position = (size_t)index;
  size_t place = (size_t)(rank - scope->first_rank);
  if (position < inputs)
    return list->inputs[place * inputs + position];
  return list->outputs[place * list->output_count + position - inputs];
}

size_t tensor_element_bytes(const tensor_scope *scope, int index) {
  return scope->reference ? sizeof(double) : element_type_bytes(scope->function->tensors[index].type);
}

static rondo_status check_type(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  element_type type = scope->function->tensors[index].type;
  uint8_t code = type == ELEMENT_BF16 && !scope->reference ? kDLBfloat : kDLFloat;
  size_t bits = tensor_element_bytes(scope, index) * 8;
  if (tensor->dtype.code == code && tensor->dtype.bits == bits && tensor->dtype.lanes == 1)
    return RONDO_OK;
  return tensor_fail(scope, rank, index,
                     "has DLPack type (code %d, %d bits, %d lanes), but %s is (code %d, %zu bits, 1 lanes)",
                     tensor->dtype.code, tensor->dtype.bits, tensor->dtype.lanes,
                     scope->reference ? "the reference's f64" : element_type_name(type), code, bits);
}

static bool is_empty(const DLTensor *tensor) {
  for (int d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] == 0)
      return true;
  return false;
}

static rondo_status check_data(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  bool empty = is_empty(tensor);
  if (!tensor->data && !empty)
    return tensor_fail(scope, rank, index, "has no data (NULL), but is not empty");
  uintptr_t address = (uintptr_t)tensor->data + (uintptr_t)tensor->byte_offset;
  if (!empty && address % tensor_element_bytes(scope, index) != 0)
    return tensor_fail(scope, rank, index, "is not aligned to its elements of %zu bytes",
                       tensor_element_bytes(scope, index));
  return RONDO_OK;
}

/* One stride, where `contiguous` is what it would be in a contiguous tensor. */
static rondo_status check_stride(const tensor_scope *scope, int32_t rank, int index, int d, int64_t contiguous) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  long long stride = (long long)tensor->strides[d];
  bool last = d == tensor->ndim - 1;
  if ((last || scope->reference) && stride != contiguous)
    return tensor_fail(scope, rank, index, "(dimension %d) has stride %lld, but should have %lld: %s", d, stride,
                       (long long)contiguous,
                       scope->reference ? "the reference takes contiguous tensors"
                                        : "the last dimension must be contiguous");
  if (stride < 0) /* kernels compute addresses without sign */
    return tensor_fail(scope, rank, index, "(dimension %d) has stride %lld, but strides should not be negative", d,
                       stride);
  return RONDO_OK;
}

/* The strides of dimensions of one element, and of empty tensors, mean nothing: NumPy makes them 0. */
static rondo_status check_strides(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  int64_t contiguous = 1, span = (int64_t)tensor_element_bytes(scope, index);
  bool empty = is_empty(tensor);
  for (int d = tensor->ndim - 1; d >= 0; --d) {
    if (tensor->shape[d] <= 1)
      continue;
    if (tensor->strides && !empty) {
      rondo_status status = check_stride(scope, rank, index, d, contiguous);
      if (status != RONDO_OK)
        return status;
    }
    int64_t stride = tensor->strides && !empty ? tensor->strides[d] : contiguous, reach = 0;
    if (__builtin_mul_overflow(contiguous, tensor->shape[d], &contiguous) ||
        __builtin_mul_overflow(stride, (tensor->shape[d] - 1) * (int64_t)tensor_element_bytes(scope, index), &reach) ||
        __builtin_add_overflow(span, reach, &span))
      return tensor_fail(scope, rank, index, "is larger than any memory");
  }
  return RONDO_OK;
}

static void describe_device(DLDevice device, char *text, size_t capacity) {
  if (device.device_type == kDLCPU)
    snprintf(text, capacity, "the CPU");
  else if (device.device_type == kDLCUDA)
    snprintf(text, capacity, "GPU %d", device.device_id);
  else
    snprintf(text, capacity, "DLPack device type %d", (int)device.device_type);
}

static rondo_status check_place(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  const int32_t *ordinals = scope->list->ordinals;
  DLDevice expected = {kDLCPU, 0};
  if (ordinals)
    expected = (DLDevice){kDLCUDA, ordinals[rank - scope->first_rank]};
  if (tensor->device.device_type == expected.device_type &&
      (!ordinals || tensor->device.device_id == expected.device_id))
    return RONDO_OK;
  char here[64], there[64];
  describe_device(tensor->device, here, sizeof here);
  describe_device(expected, there, sizeof there);
  if (ordinals && scope->placed)
    return tensor_fail(scope, rank, index,
                       "is on %s, but rank %d runs on %s: put its shards there (rondo_communicator_device tells where "
                       "a rank runs), or choose one device for all ranks in the communicator's options",
                       here, rank, there);
  return tensor_fail(scope, rank, index, "is on %s, but must be on %s%s", here, there,
                     ordinals ? ", where the program for CUDA runs" : "");
}

static rondo_status check_tensor(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  const manifest_tensor *expected = &scope->function->tensors[index];
  if (!tensor)
    return tensor_fail(scope, rank, index, "is NULL");
  rondo_status placed = check_place(scope, rank, index);
  if (placed != RONDO_OK)
    return placed;
  if (tensor->ndim != expected->dimension_count)
    return tensor_fail(scope, rank, index, "has %d dimensions, but the program has %d", tensor->ndim,
                       expected->dimension_count);
  if (tensor->ndim > 0 && !tensor->shape)
    return tensor_fail(scope, rank, index, "has no shape (NULL)");
  for (int d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] < 0 || tensor->shape[d] > largest_extent)
      return tensor_fail(scope, rank, index, "(dimension %d) is %lld, which is no extent", d,
                         (long long)tensor->shape[d]);
  rondo_status status = check_type(scope, rank, index);
  if (status == RONDO_OK)
    status = check_strides(scope, rank, index);
  if (status == RONDO_OK)
    status = check_data(scope, rank, index);
  return status;
}

static rondo_status check_count(const tensor_scope *scope, const char *role, size_t given, int expected,
                                const void *tensors) {
  if (given != (size_t)expected)
    return context_fail(scope->context, RONDO_INVALID_ARGUMENT, "function '%s' has %d %ss, but %zu were given",
                        scope->function->name, expected, role, given);
  if (given > 0 && !tensors)
    return context_fail(scope->context, RONDO_INVALID_ARGUMENT, "the list of %ss is NULL", role);
  return RONDO_OK;
}

rondo_status tensor_check_list(const tensor_scope *scope, int32_t ranks) {
  const manifest_function *function = scope->function;
  const tensor_list *list = scope->list;
  rondo_status status = check_count(scope, "input", list->input_count, function->input_count, list->inputs);
  if (status == RONDO_OK)
    status =
        check_count(scope, "output", list->output_count, function->tensor_count - function->input_count, list->outputs);
  for (int32_t i = 0; i < ranks; ++i)
    for (int index = 0; status == RONDO_OK && index < function->tensor_count; ++index)
      status = check_tensor(scope, scope->first_rank + i, index);
  return status;
}
