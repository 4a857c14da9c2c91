/* The contract between a compiled program and the runtime that executes it.
 *
 * A program (`rondo-compile ... -o program.so`) exports one symbol, `rondo_program_v1`, and imports nothing of the
 * runtime: each entry receives a table of runtime functions. So any runtime of the same ABI version can run it, and a
 * process may hold several runtimes.
 *
 * The SPMD model: every rank calls the same entry with its own shards. An entry issues work to two streams:
 *   - compute:       kernels, in the order of the calls;
 *   - communication: exchanges between ranks, in the order of the calls, concurrently with compute.
 * Work on different streams is ordered by events alone (`record`, then `await` on the other stream).
 *
 * Every table function returns a rondo_status (0 is success). Generated code checks each and returns the first failure
 * unchanged, so that an error unwinds the entry of each rank.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_ABI_H
#define RONDO_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RONDO_ABI_VERSION 2
#define RONDO_PROGRAM_SYMBOL "rondo_program_v1"
#define RONDO_PROGRAM_MAGIC "RONDOPRG" /* 8 characters, without a terminating NUL in the header */

/* What an entry hands back to each call of the table: the state of this rank's execution. */
typedef struct rondo_execution rondo_execution;

/* Programs for CUDA: rondo/cuda_abi.h. */
struct rondo_cuda_operation;
struct rondo_cuda_code;

/* An event on a stream, valid until the entry returns. */
typedef int64_t rondo_event;

enum { RONDO_STREAM_COMPUTE = 0, RONDO_STREAM_COMMUNICATION = 1 };

/* A tail step only brings results home: nothing is left to compute that could hide its transfers. */
enum { RONDO_PHASE_STEADY = 0, RONDO_PHASE_TAIL = 1 };

/* A generated kernel. It does part `part` of `parts` equal parts of its work; the parts are independent. `arguments`
 * points to the kernel's own argument block, which `dispatch` copies before it returns. */
typedef void (*rondo_kernel)(int64_t part, int64_t parts, const void *arguments);

/* One tensor that travels in an exchange. Sizes are in bytes, are computed by both ends, and may be 0. */
typedef struct {
  const char *name;   /* what it carries, for traces and errors: "query", "output", "lse", "key", "value"; stays valid
                         while the program is loaded */
  const void *source; /* contiguous, in the arena */
  int64_t source_bytes;
  void *destination; /* contiguous, in the arena */
  int64_t destination_bytes;
} rondo_transfer;

typedef struct rondo_runtime_table {
  uint32_t abi_version; /* RONDO_ABI_VERSION of the runtime */
  uint32_t size;        /* sizeof(rondo_runtime_table) of the runtime; later versions append functions */

  /* Coordinate of this rank on grid axis `axis` (0-based, in the order of the manifest), and the size of the axis. */
  int64_t (*axis_index)(rondo_execution *execution, int32_t axis);
  int64_t (*axis_size)(rondo_execution *execution, int32_t axis);

  /* The memory for all intermediate values of this run, aligned to 64 bytes; at most one call in a run. */
  int32_t (*arena)(rondo_execution *execution, int64_t bytes, void **arena);

  /* Announces that schedule step `step` begins: later work is reported under it. Before the first call it is 0. */
  int32_t (*step)(rondo_execution *execution, int64_t step, int32_t phase);

  /* Runs `kernel` on a stream. `name` is for traces and errors; it stays valid while the
   * program is loaded. */
  int32_t (*dispatch)(rondo_execution *execution, int32_t stream, const char *name, rondo_kernel kernel,
                      const void *arguments, int64_t argument_bytes);

  /* Sends each source to the rank `distance` ahead on `axis` (cyclically) while receiving each destination from the
   * rank as far behind. All transfers of one call, at most 16, form one group. Every rank of the axis makes the same
   * calls in the same order on the same stream. */
  int32_t (*exchange)(rondo_execution *execution, int32_t stream, int32_t axis, int64_t distance,
                      const rondo_transfer *transfers, int64_t count);

  /* Marks the present end of a stream / makes later work of a stream wait for the marked work. */
  int32_t (*record)(rondo_execution *execution, int32_t stream, rondo_event *event);
  int32_t (*await)(rondo_execution *execution, int32_t stream, rondo_event event);

  /* What `dispatch` is for CPUs, in programs for CUDA: runs one of the operation's kernels (rondo/cuda_abi.h). */
  int32_t (*launch)(rondo_execution *execution, int32_t stream, const char *name,
                    const struct rondo_cuda_operation *operation, const void *arguments, int64_t argument_bytes);
} rondo_runtime_table;

/* A tensor at the boundary of an entry: the local shard, last dimension contiguous. */
typedef struct {
  void *data;
  const int64_t *sizes;   /* local extents, one for each dimension */
  const int64_t *strides; /* in elements */
} rondo_tensor;

/* The code of one public function for one rank.
 * `tensors`: the inputs in order, then the outputs. `lengths`: the global lengths in the order of the manifest. */
typedef int32_t (*rondo_entry)(const rondo_runtime_table *table, rondo_execution *execution,
                               const rondo_tensor *tensors, const int64_t *lengths);

/* The same function on whole tensors, dense, evaluated in float64: inputs and outputs are contiguous and double,
 * whatever the element types of the program. Takes no part in a run; it is what `--check` compares with.
 * NULL when the program was compiled without it. */
typedef void (*rondo_reference)(const rondo_tensor *tensors, const int64_t *lengths);

typedef struct {
  const char *name;
  rondo_entry entry;
  rondo_reference reference;
} rondo_program_function;

/* Eight characters without a terminating NUL. */
#if defined(__has_attribute)
#if __has_attribute(nonstring)
#define RONDO_MAGIC_CHARACTERS __attribute__((nonstring))
#endif
#endif
#ifndef RONDO_MAGIC_CHARACTERS
#define RONDO_MAGIC_CHARACTERS
#endif

typedef struct {
  char magic[8] RONDO_MAGIC_CHARACTERS; /* RONDO_PROGRAM_MAGIC */
  uint32_t abi_version;
  uint32_t function_count;
  const rondo_program_function *functions;
  const char *manifest; /* JSON, see docs/manifest.md */
  uint64_t manifest_bytes;
  const struct rondo_cuda_code *cuda; /* programs for CUDA; else NULL */
} rondo_program_header;

#ifdef __cplusplus
}
#endif
#endif /* RONDO_ABI_H */
