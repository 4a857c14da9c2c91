/* An emulated link on a GPU. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_link.h"

/* More than half of what a multiprocessor has: no CTA of an attention fits beside it. */
enum { OCCUPYING_BYTES = 120 * 1024, LINK_THREADS = 32 };

/* For the GPUs that programs are compiled for. */
static const char ptx[] = ".version 8.0\n"
                          ".target sm_90a\n"
                          ".address_size 64\n"
                          ".visible .entry rondo_link(.param .u64 nanoseconds)\n"
                          ".reqntid 32, 1, 1\n"
                          "{\n"
                          "  .reg .pred %p<2>;\n"
                          "  .reg .b64 %rd<6>;\n"
                          "  mov.u64 %rd1, %globaltimer;\n"
                          "  ld.param.u64 %rd2, [nanoseconds];\n"
                          "  add.s64 %rd3, %rd1, %rd2;\n"
                          "WAIT:\n"
                          "  mov.u64 %rd4, %globaltimer;\n"
                          "  setp.lt.u64 %p1, %rd4, %rd3;\n"
                          "  @%p1 bra WAIT;\n"
                          "  ret;\n"
                          "}\n";

rondo_status cuda_link_create(rondo_context *context, const cuda_device *device, cuda_link *link) {
  const cuda_api *api = device->api;
  link->api = api;
  cuda_result result = api->module_load(&link->library, ptx);
  if (result == CUDA_OK)
    result = api->module_function(&link->function, link->library, "rondo_link");
  if (result == CUDA_OK)
    result = api->function_set(link->function, CUDA_FUNCTION_DYNAMIC_SHARED_BYTES, OCCUPYING_BYTES);
  return result == CUDA_OK ? RONDO_OK : cuda_context_fail(context, device, result, "cannot load the emulated link");
}

void cuda_link_destroy(cuda_link *link) {
  if (link->library)
    link->api->module_unload(link->library);
}

cuda_result cuda_link_occupy(const cuda_link *link, cuda_issuer *issuer, int64_t nanoseconds, int32_t multiprocessors,
                             cuda_stream stream) {
  uint64_t duration = (uint64_t)nanoseconds;
  void *parameters[] = {&duration};
  cuda_launch_configuration configuration = {.grid_x = multiprocessors > 0 ? (unsigned)multiprocessors : 1,
                                             .grid_y = 1,
                                             .grid_z = 1,
                                             .block_x = LINK_THREADS,
                                             .block_y = 1,
                                             .block_z = 1,
                                             .shared_bytes = multiprocessors > 0 ? OCCUPYING_BYTES : 0,
                                             .stream = stream};
  return cuda_issue_kernel(issuer, &configuration, link->function, parameters, &duration, sizeof duration);
}
