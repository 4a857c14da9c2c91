/* A GPU of this process: its primary context, which the application's CUDA libraries share, and memory from a pool of
 * its own, in the order of streams. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_DEVICE_H
#define RONDO_SRC_CUDA_DEVICE_H

#include "context.h"
#include "cuda_driver.h"

typedef struct {
  const cuda_api *api;
  int ordinal;
  int handle;
  cuda_context context;
  cuda_pool pool;
  char name[96];
  int major, minor; /* compute capability */
  int multiprocessors;
  int shared_bytes_limit; /* dynamic, of a CTA */
} cuda_device;

/* Opens GPU `ordinal` of `count`. */
rondo_status cuda_device_open(rondo_context *context, const cuda_api *api, int ordinal, int count,
                              cuda_device **device);
void cuda_device_close(cuda_device *device);

/* Lets the other device reach this one's memory, that of its pool and that of the application, where the machine can.
 * It stays so: the contexts are the application's too, which may have come to rely on it. Otherwise the driver copies
 * by way of the host. */
rondo_status cuda_device_admit(rondo_context *context, cuda_device *device, const cuda_device *other);

/* Memory that is there for whatever comes later on `stream`. `bytes` > 0. Without memory the text says how many bytes
 * were wanted, what for, and how many are free. Returns RONDO_OUT_OF_MEMORY then, RONDO_SYSTEM_ERROR otherwise. The
 * device's context must be current. */
rondo_status cuda_device_allocate(const cuda_device *device, size_t bytes, cuda_stream stream, const char *purpose,
                                  cuda_address *address, char *text, size_t capacity);

/* The status of a failed call of the driver, and its text. */
rondo_status cuda_context_fail(rondo_context *context, const cuda_device *device, cuda_result result, const char *what);

#endif /* RONDO_SRC_CUDA_DEVICE_H */
