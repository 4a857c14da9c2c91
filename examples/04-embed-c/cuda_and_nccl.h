/* What gpu.c uses of the CUDA driver and of NCCL, so that this example can be built where their headers are not
 * installed. An application includes <cuda.h> and <nccl.h>. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef CUDA_AND_NCCL_H
#define CUDA_AND_NCCL_H

#include <stddef.h>

typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef unsigned long long CUdeviceptr;
enum { CU_STREAM_NON_BLOCKING = 1 };

/* The driver's functions have versions in their names, which its header hides. */
#define cuDevicePrimaryCtxRelease cuDevicePrimaryCtxRelease_v2
#define cuStreamDestroy cuStreamDestroy_v2
#define cuMemAlloc cuMemAlloc_v2
#define cuMemFree cuMemFree_v2
#define cuMemcpyHtoDAsync cuMemcpyHtoDAsync_v2
#define cuMemcpyDtoHAsync cuMemcpyDtoHAsync_v2

int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);
int cuDevicePrimaryCtxRetain(CUcontext *context, int device);
int cuDevicePrimaryCtxRelease(int device);
int cuCtxSetCurrent(CUcontext context);
int cuStreamCreate(CUstream *stream, unsigned flags);
int cuStreamDestroy(CUstream stream);
int cuStreamSynchronize(CUstream stream);
int cuMemAlloc(CUdeviceptr *memory, size_t bytes);
int cuMemFree(CUdeviceptr memory);
int cuMemcpyHtoDAsync(CUdeviceptr target, const void *source, size_t bytes, CUstream stream);
int cuMemcpyDtoHAsync(void *target, CUdeviceptr source, size_t bytes, CUstream stream);

typedef struct ncclComm *ncclComm_t;
typedef struct {
  char internal[128];
} ncclUniqueId;

int ncclGetUniqueId(ncclUniqueId *id);
int ncclCommInitRank(ncclComm_t *communicator, int ranks, ncclUniqueId id, int rank);
int ncclCommDestroy(ncclComm_t communicator);
int ncclCommAbort(ncclComm_t communicator);

#endif /* CUDA_AND_NCCL_H */
