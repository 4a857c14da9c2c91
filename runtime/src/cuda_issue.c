/* Issuing the work of a rank. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_issue.h"

#include <stdlib.h>
#include <string.h>

bool cuda_issuer_may_prepare(cuda_issuer *issuer) {
  if (issuer->mode == CUDA_ISSUE_NOW || issuer->mode == CUDA_ISSUE_PREPARE)
    return true;
  issuer->differs = true;
  return false;
}

/* ---- Kernels ---- */

static bool grow(void **memory, size_t *capacity, size_t wanted, size_t element) {
  if (wanted <= *capacity)
    return true;
  size_t larger = *capacity ? 2 * *capacity : 64;
  while (larger < wanted)
    larger *= 2;
  void *moved = realloc(*memory, larger * element);
  if (!moved)
    return false;
  *memory = moved;
  *capacity = larger;
  return true;
}

/* The node that was captured last from a stream. */
static cuda_result get_last_node(const cuda_api *api, cuda_stream stream, cuda_node *node) {
  int status = 0;
  const cuda_node *nodes = NULL;
  const void *edges = NULL; /* kernels that overlap have other edges than the usual */
  size_t count = 0;
  cuda_result result = api->capture_info_edges
                           ? api->capture_info_edges(stream, &status, NULL, NULL, &nodes, &edges, &count)
                           : api->capture_info(stream, &status, NULL, NULL, &nodes, &count);
  if (result == CUDA_OK && count != 1)
    return CUDA_LAUNCH_FAILED;
  if (result == CUDA_OK)
    *node = nodes[0];
  return result;
}

static cuda_result record(cuda_issuer *issuer, const cuda_launch_configuration *configuration, cuda_function function,
                          const void *arguments, size_t bytes) {
  cuda_records *records = issuer->records;
  void *kernels = records->kernels, *memory = records->arguments;
  bool grown = grow(&kernels, &records->capacity, records->count + 1, sizeof *records->kernels);
  records->kernels = kernels;
  grown = grown && grow(&memory, &records->argument_capacity, records->argument_bytes + bytes, 1);
  records->arguments = memory;
  if (!grown)
    return CUDA_OUT_OF_MEMORY;
  cuda_kernel_record *added = &records->kernels[records->count++];
  *added = (cuda_kernel_record){.function = function,
                                .grid = {configuration->grid_x, configuration->grid_y, configuration->grid_z},
                                .offset = records->argument_bytes,
                                .bytes = bytes};
  memcpy(records->arguments + added->offset, arguments, bytes);
  records->argument_bytes += bytes;
  return get_last_node(issuer->api, configuration->stream, &added->node);
}

static cuda_result update(cuda_issuer *issuer, const cuda_launch_configuration *configuration, cuda_function function,
                          void **parameters, const void *arguments, size_t bytes) {
  cuda_records *records = issuer->records;
  cuda_kernel_record *kernel = issuer->position < records->count ? &records->kernels[issuer->position] : NULL;
  ++issuer->position;
  if (!kernel || kernel->function != function || kernel->bytes != bytes || kernel->grid[0] != configuration->grid_x ||
      kernel->grid[1] != configuration->grid_y || kernel->grid[2] != configuration->grid_z) {
    issuer->differs = true;
    return CUDA_OK;
  }
  char *former = records->arguments + kernel->offset;
  if (!issuer->probes && memcmp(former, arguments, bytes) == 0)
    return CUDA_OK;
  cuda_kernel_node node = {.function = function,
                           .grid_x = configuration->grid_x,
                           .grid_y = configuration->grid_y,
                           .grid_z = configuration->grid_z,
                           .block_x = configuration->block_x,
                           .block_y = configuration->block_y,
                           .block_z = configuration->block_z,
                           .shared_bytes = configuration->shared_bytes,
                           .parameters = parameters};
  cuda_result result = issuer->api->executable_set_kernel(records->executable, kernel->node, &node);
  if (issuer->probes) {
    issuer->refused |= result != CUDA_OK;
    return CUDA_OK;
  }
  if (result == CUDA_OK)
    memcpy(former, arguments, bytes);
  return result;
}

cuda_result cuda_issue_kernel(cuda_issuer *issuer, const cuda_launch_configuration *configuration,
                              cuda_function function, void **parameters, const void *arguments, size_t bytes) {
  if (issuer->mode == CUDA_ISSUE_UPDATE)
    return update(issuer, configuration, function, parameters, arguments, bytes);
  if (!cuda_issues(issuer))
    return CUDA_OK;
  cuda_result result = issuer->api->launch(configuration, function, parameters, NULL);
  if (result == CUDA_OK && issuer->mode == CUDA_ISSUE_CAPTURE)
    result = record(issuer, configuration, function, arguments, bytes);
  return result;
}

/* ---- Other work ---- */

void cuda_issuer_note_foreign(const cuda_issuer *issuer) {
  if (issuer->mode == CUDA_ISSUE_CAPTURE)
    issuer->records->fixed = true;
}

cuda_result cuda_issue_copy(cuda_issuer *issuer, cuda_address target, cuda_address source, size_t bytes, bool is_own,
                            cuda_stream stream) {
  if (!is_own)
    cuda_issuer_note_foreign(issuer);
  return cuda_issues(issuer) ? issuer->api->copy(target, source, bytes, stream) : CUDA_OK;
}

cuda_result cuda_issue_copy_2d(cuda_issuer *issuer, const cuda_copy_2d *copy, cuda_stream stream) {
  cuda_issuer_note_foreign(issuer);
  return cuda_issues(issuer) ? issuer->api->copy_2d(copy, stream) : CUDA_OK;
}

cuda_result cuda_issue_fill_8(cuda_issuer *issuer, cuda_address target, size_t pitch, unsigned char value, size_t width,
                              size_t height, cuda_stream stream) {
  cuda_issuer_note_foreign(issuer);
  return cuda_issues(issuer) ? issuer->api->fill_8(target, pitch, value, width, height, stream) : CUDA_OK;
}

cuda_result cuda_issue_fill_32(cuda_issuer *issuer, cuda_address target, size_t pitch, unsigned value, size_t width,
                               size_t height, cuda_stream stream) {
  cuda_issuer_note_foreign(issuer);
  return cuda_issues(issuer) ? issuer->api->fill_32(target, pitch, value, width, height, stream) : CUDA_OK;
}

cuda_result cuda_issue_record(cuda_issuer *issuer, cuda_event event, cuda_stream stream) {
  return cuda_issues(issuer) ? issuer->api->event_record(event, stream) : CUDA_OK;
}

cuda_result cuda_issue_wait(cuda_issuer *issuer, cuda_stream stream, cuda_event event) {
  return cuda_issues(issuer) ? issuer->api->stream_wait(stream, event, 0) : CUDA_OK;
}

void cuda_records_free(cuda_records *records) {
  free(records->kernels);
  free(records->arguments);
  *records = (cuda_records){.count = 0};
}
