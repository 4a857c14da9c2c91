/* An application that uses CUDA and NCCL already, one process for each GPU: it lends its stream, its memory and its
 * NCCL communicator, and waits for its own stream. Compares each rank's output with a plain loop. C99. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_and_nccl.h" /* in your application: <cuda.h> and <nccl.h> */

#include <rondo/rondo.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUERIES = 10, KEYS = 37, FEATURES = 16 };
typedef unsigned short half; /* the bits of an IEEE half */

/* Halves that are exact: i / 64 for i from -64 to 63. */
static float value_of(int row, int feature, int seed) {
  return (float)((row * FEATURES + feature + 1) * seed % 128 - 64) / 64.0f;
}

static half to_half(float x) {
  if (x == 0.0f)
    return 0;
  int exponent;
  float fraction = frexpf(fabsf(x), &exponent); /* in [0.5, 1): 1.mantissa * 2^(exponent - 1) */
  return (half)((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | ((int)(fraction * 2048.0f) & 1023));
}

static float from_half(half x) {
  int exponent = x >> 10 & 31, mantissa = x & 1023;
  float magnitude = exponent ? ldexpf((float)(1024 + mantissa), exponent - 25) : ldexpf((float)mantissa, -24);
  return x & 0x8000 ? -magnitude : magnitude;
}

/* Which rows of a sequence a rank holds: [begin, end). */
typedef struct {
  int begin, end;
} part;
static part part_of(int length, int ranks, int rank) {
  int block = (length + ranks - 1) / ranks, begin = rank * block, end = begin + block;
  part result = {begin < length ? begin : length, end < length ? end : length};
  return result;
}

static void check(int code, const char *what) {
  if (code != 0) {
    fprintf(stderr, "error: %s: code %d\n", what, code);
    exit(2);
  }
}

/* A shard: memory of the GPU, and its description. */
typedef struct {
  half host[KEYS * FEATURES];
  CUdeviceptr memory;
  size_t bytes;
  int64_t shape[4];
  DLTensor tensor;
} shard;

static void make_shard(shard *made, part rows, int seed, int device, CUstream stream) {
  int64_t shape[] = {1, 1, rows.end - rows.begin, FEATURES}; /* batch, head, sequence, feature */
  DLDevice where = {kDLCUDA, device};
  DLDataType type = {kDLFloat, 16, 1};
  made->bytes = (size_t)shape[2] * FEATURES * sizeof(half);
  for (int row = rows.begin; row < rows.end; ++row)
    for (int f = 0; f < FEATURES; ++f)
      made->host[(row - rows.begin) * FEATURES + f] = to_half(value_of(row, f, seed));
  memcpy(made->shape, shape, sizeof shape);
  check(cuMemAlloc(&made->memory, made->bytes + 1), "cuMemAlloc"); /* a shard may have no rows */
  if (made->bytes)
    check(cuMemcpyHtoDAsync(made->memory, made->host, made->bytes, stream), "cuMemcpyHtoDAsync");
  memset(&made->tensor, 0, sizeof made->tensor);
  made->tensor.data = (void *)(size_t)made->memory;
  made->tensor.device = where;
  made->tensor.ndim = 4;
  made->tensor.dtype = type;
  made->tensor.shape = made->shape;
}

/* The largest difference of this rank's rows from softmax(query * key^T / sqrt(FEATURES)) * value. */
static double compare(const shard *output, part rows) {
  double largest = 0.0;
  for (int q = rows.begin; q < rows.end; ++q) {
    double total = 0.0, sum[FEATURES] = {0.0};
    for (int k = 0; k < KEYS; ++k) {
      double score = 0.0;
      for (int f = 0; f < FEATURES; ++f)
        score += (double)value_of(q, f, 37) * value_of(k, f, 53);
      double weight = exp(score / sqrt(FEATURES));
      total += weight;
      for (int f = 0; f < FEATURES; ++f)
        sum[f] += weight * value_of(k, f, 71);
    }
    for (int f = 0; f < FEATURES; ++f)
      largest = fmax(largest, fabs(from_half(output->host[(q - rows.begin) * FEATURES + f]) - sum[f] / total));
  }
  return largest;
}

/* How rank 0 tells the others NCCL's identifier is the application's own business: here, by a file. */
static void share_id(ncclUniqueId *id, int rank, const char *path) {
  char partial[4096];
  snprintf(partial, sizeof partial, "%s.part", path);
  if (rank == 0) {
    check(ncclGetUniqueId(id), "ncclGetUniqueId");
    FILE *file = fopen(partial, "wb");
    check(!file || fwrite(id, sizeof *id, 1, file) != 1 || fclose(file) != 0 || rename(partial, path) != 0, path);
    return;
  }
  for (time_t begin = time(NULL);;) {
    FILE *file = fopen(path, "rb");
    int read = file && fread(id, sizeof *id, 1, file) == 1;
    if (file)
      fclose(file);
    if (read)
      return;
    check(time(NULL) - begin > 30, "rank 0 has not written NCCL's identifier");
  }
}

static int number_in(const char *variable) {
  const char *text = getenv(variable);
  return text ? atoi(text) : 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr,
            "usage, by torchrun: %s attention-gpu.so FILE    a file that is not there, where all ranks see it\n",
            argv[0]);
    return 2;
  }
  int rank = number_in("RANK"), ranks = number_in("WORLD_SIZE"), device = number_in("LOCAL_RANK"), devices = 0;

  /* What the application has already: a stream for its compute, and one for its transfers. */
  CUcontext cuda = NULL;
  CUstream compute = NULL, transfers = NULL;
  ncclComm_t nccl = NULL;
  ncclUniqueId id;
  check(cuInit(0), "cuInit");
  check(cuDeviceGetCount(&devices), "cuDeviceGetCount");
  check(devices < 1, "there is no GPU");
  device %= devices;
  check(cuDevicePrimaryCtxRetain(&cuda, device), "cuDevicePrimaryCtxRetain");
  check(cuCtxSetCurrent(cuda), "cuCtxSetCurrent");
  check(cuStreamCreate(&compute, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  check(cuStreamCreate(&transfers, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  share_id(&id, rank, argv[2]);
  check(ncclCommInitRank(&nccl, ranks, id, rank), "ncclCommInitRank");
  if (rank == 0)
    remove(argv[2]); /* everyone has read it */

  /* Its data, which the stream brings to the GPU. */
  static shard query, key, value, output;
  part rows = part_of(QUERIES, ranks, rank), columns = part_of(KEYS, ranks, rank);
  make_shard(&query, rows, 37, device, compute);
  make_shard(&key, columns, 53, device, compute);
  make_shard(&value, columns, 71, device, compute);
  make_shard(&output, rows, 0, device, compute);
  const DLTensor *inputs[] = {&query.tensor, &key.tensor, &value.tensor};
  DLTensor *outputs[] = {&output.tensor};

  /* Rondo uses all of these, and owns none. */
  rondo_context *context = NULL;
  rondo_program *program = NULL;
  rondo_communicator *communicator = NULL;
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.kind = RONDO_COMMUNICATOR_NCCL;
  options.ranks = 0; /* as many as the launcher started */
  options.device = device;
  options.nccl_communicator = nccl;
  options.nccl_stream = transfers;
  int failed = 1;
  if (rondo_context_create(&context) != RONDO_OK || rondo_program_load(context, argv[1], &program) != RONDO_OK ||
      rondo_communicator_create(context, &options, &communicator) != RONDO_OK ||
      rondo_communicator_set_stream(context, communicator, rank, compute) != RONDO_OK ||
      rondo_run_shards(context, program, NULL, communicator, inputs, 3, outputs, 1) != RONDO_OK) {
    fprintf(stderr, "rank %d: error: %s\n", rank, rondo_last_error(context));
  } else {
    /* The run has been put in the order of `compute`, and so is what follows. */
    if (output.bytes)
      check(cuMemcpyDtoHAsync(output.host, output.memory, output.bytes, compute), "cuMemcpyDtoHAsync");
    check(cuStreamSynchronize(compute), "cuStreamSynchronize");
    double difference = compare(&output, rows);
    failed = !(difference < 4e-3);
    if (failed)
      fprintf(stderr, "rank %d DIFFERS from a plain loop by %g\n", rank, difference);
    else if (rank == 0)
      printf("rank 0 of %d holds %d queries and %d keys, and agrees with a plain loop\n", ranks, rows.end - rows.begin,
             columns.end - columns.begin);
  }
  rondo_communicator_destroy(communicator);
  rondo_program_destroy(program);
  rondo_context_destroy(context);
  if (failed)
    ncclCommAbort(nccl); /* its transfers may wait for ranks that never come */
  else
    ncclCommDestroy(nccl);
  shard *all[] = {&query, &key, &value, &output};
  for (int i = 0; i < 4; ++i)
    cuMemFree(all[i]->memory);
  cuStreamDestroy(transfers);
  cuStreamDestroy(compute);
  cuDevicePrimaryCtxRelease(device);
  return failed;
}
