/* The kernels of a program on a device. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_MODULE_H
#define RONDO_SRC_CUDA_MODULE_H

#include "cuda_device.h"

/* The kernels of a program, loaded on the devices that asked for them. */
typedef struct cuda_kernels cuda_kernels;

/* The kernels of a program on one device: functions[i] is kernel i of the program. */
typedef struct cuda_module {
  struct cuda_module *next;
  cuda_device device; /* of its own: a program may outlive communicators */
  const rondo_cuda_code *code;
  uint64_t number; /* of the program: no other has it in this process */
  cuda_library *images;
  cuda_function *functions;
} cuda_module;

/* `path` and `code` stay valid until the kernels are destroyed; `target` is the manifest's: "cuda:sm_90a". Checks the
 * operations' and kernels' numbers. */
rondo_status cuda_kernels_create(rondo_context *context, const char *target, const rondo_cuda_code *code,
                                 cuda_kernels **kernels);
void cuda_kernels_destroy(cuda_kernels *kernels);

/* The kernels on `device`, loaded if they are not yet there, and checked against their traits. The device's context
 * must be current. RONDO_UNSUPPORTED if the program is for another GPU, RONDO_INVALID_PROGRAM if the driver refuses an
 * image or a kernel is not what its traits say. */
rondo_status cuda_kernels_load(rondo_context *context, cuda_kernels *kernels, const cuda_device *device,
                               const cuda_module **module);

#endif /* RONDO_SRC_CUDA_MODULE_H */
