/* Overlap of tensors in memory. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "overlap_check.h"

#include <stdio.h>
#include <stdlib.h>

/* A tensor that is not empty, in bytes. */
typedef struct {
  uintptr_t begin, end;
  bool dense; /* every byte between is an element's */
  bool output;
  int32_t rank;
  int index;
} region;

static int64_t stride_of(const DLTensor *tensor, int dimension) {
  if (tensor->strides)
    return tensor->strides[dimension];
  int64_t stride = 1;
  for (int d = dimension + 1; d < tensor->ndim; ++d)
    stride *= tensor->shape[d];
  return stride;
}

/* Fails if two elements of an output lie in one place, as far as one dimension shows it. */
static rondo_status check_own_elements(const tensor_scope *scope, int32_t rank, int index) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  int last = tensor->ndim - 1;
  for (int d = 0; d < last; ++d)
    if (tensor->shape[d] > 1 && stride_of(tensor, d) < tensor->shape[last])
      return tensor_fail(scope, rank, index,
                         "(dimension %d) has stride %lld, but its rows have %lld elements: they overlap, and an output "
                         "needs a place for each element",
                         d, (long long)stride_of(tensor, d), (long long)tensor->shape[last]);
  return RONDO_OK;
}

/* Returns false for an empty tensor. */
static bool find_region(const tensor_scope *scope, int32_t rank, int index, region *result) {
  const DLTensor *tensor = tensor_list_get(scope, rank, index);
  uint64_t span = 1, count = 1;
  for (int d = 0; d < tensor->ndim; ++d) {
    if (tensor->shape[d] == 0)
      return false;
    span += (uint64_t)(tensor->shape[d] - 1) * (uint64_t)stride_of(tensor, d);
    count *= (uint64_t)tensor->shape[d];
  }
  uintptr_t begin = (uintptr_t)tensor->data + (uintptr_t)tensor->byte_offset;
  *result = (region){.begin = begin,
                     .end = begin + span * tensor_element_bytes(scope, index),
                     .dense = span == count,
                     .output = index >= scope->function->input_count,
                     .rank = rank,
                     .index = index};
  return true;
}

static int compare_regions(const void *a, const void *b) {
  const region *left = a, *right = b;
  return left->begin < right->begin ? -1 : left->begin > right->begin;
}

/* The same output of several ranks, in one place: they write the same there. */
static bool is_one_output(const tensor_scope *scope, const region *a, const region *b) {
  const DLTensor *left = tensor_list_get(scope, a->rank, a->index), *right = tensor_list_get(scope, b->rank, b->index);
  if (a->index != b->index || a->begin != b->begin)
    return false;
  for (int d = 0; d < left->ndim; ++d)
    if (left->shape[d] != right->shape[d] || stride_of(left, d) != stride_of(right, d) ||
        scope->function->tensors[a->index].dimensions[d].axis_count > 0)
      return false;
  return true;
}

/* `b` begins in `a`, or with it, and is in order behind it: certain if `a` has no gaps, or if its last element lies in
 * `b`, which has none. */
static bool overlaps(const region *a, const region *b) {
  return a->begin == b->begin || a->dense || (b->dense && a->end <= b->end);
}

static rondo_status check_pair(const tensor_scope *scope, const region *a, const region *b) {
  if ((!a->output && !b->output) || !overlaps(a, b) || is_one_output(scope, a, b))
    return RONDO_OK;
  const region *output = a->output ? a : b, *other = a->output ? b : a;
  const manifest_tensor *tensor = &scope->function->tensors[other->index];
  char place[32] = "";
  if (scope->placed && other->rank != output->rank)
    snprintf(place, sizeof place, " of rank %d", other->rank);
  return tensor_fail(scope, output->rank, output->index,
                     "shares memory with %s '%s'%s: an output needs memory of its own",
                     tensor_role(scope->function, other->index), tensor->name, place);
}

static rondo_status check_regions(const tensor_scope *scope, region *regions, size_t count) {
  qsort(regions, count, sizeof *regions, compare_regions);
  for (size_t i = 0; i < count; ++i)
    for (size_t j = i + 1; j < count && regions[j].begin < regions[i].end; ++j) {
      rondo_status status = check_pair(scope, &regions[i], &regions[j]);
      if (status != RONDO_OK)
        return status;
    }
  return RONDO_OK;
}

rondo_status overlap_check(const tensor_scope *scope, int32_t ranks) {
  size_t tensors = (size_t)scope->function->tensor_count, count = 0;
  region *regions = calloc((size_t)ranks * tensors + 1, sizeof *regions);
  if (!regions)
    return context_fail(scope->context, RONDO_OUT_OF_MEMORY, "no memory for the tensors of %d ranks", ranks);
  rondo_status status = RONDO_OK;
  const int32_t first = scope->first_rank;
  for (int32_t rank = first; status == RONDO_OK && rank < first + ranks; ++rank)
    for (int index = 0; status == RONDO_OK && index < scope->function->tensor_count; ++index) {
      if (!find_region(scope, rank, index, &regions[count]))
        continue;
      if (regions[count++].output)
        status = check_own_elements(scope, rank, index);
    }
  if (status == RONDO_OK)
    status = check_regions(scope, regions, count);
  free(regions);
  return status;
}
