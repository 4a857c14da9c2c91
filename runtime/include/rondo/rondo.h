/* librondo_runtime: runs programs that rondo-compile made, in any application. C99.
 *
 * Conventions
 *   - Functions return a rondo_status; results go to trailing out-parameters, written on success alone.
 *   - After a failure rondo_last_error(context) describes it, until the next call with that context.
 *   - Handles are opaque. Whoever created one destroys it; destroying NULL is harmless. Destroy programs and
 *     communicators before their context.
 *   - A context and what was made from it may be used from any thread, by one thread at a time.
 *   - Tensors are DLPack's, borrowed for the duration of the call, on the CPU, last dimension contiguous
 *     (strides == NULL means contiguous), no stride negative. An output shares no memory with another tensor; the same
 *     output of several ranks may be one where no axis shards it.
 *
 * Shards. A length S that is sharded over n ranks is cut into blocks of ceil(S / n): rank r holds
 * [min(r * block, S), min((r + 1) * block, S)). The last shards may be shorter, or empty.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_RONDO_H
#define RONDO_RONDO_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RONDO_API __attribute__((visibility("default")))
#else
#define RONDO_API
#endif

#define RONDO_VERSION_MAJOR 0
#define RONDO_VERSION_MINOR 1

typedef enum {
  RONDO_OK = 0,
  RONDO_INVALID_ARGUMENT = 1, /* a null handle, a wrong tensor, an unknown name: the caller can mend it */
  RONDO_INVALID_PROGRAM = 2,  /* not a Rondo program, damaged, or of another ABI version */
  RONDO_OUT_OF_MEMORY = 3,
  RONDO_TIMED_OUT = 4,   /* a rank made no progress within the time-out */
  RONDO_RANK_FAILED = 5, /* a rank reported an error; the text names rank, operation, peer and step */
  RONDO_UNSUPPORTED = 6,
  RONDO_SYSTEM_ERROR = 7 /* the operating system refused (file, thread); the text carries its reason */
} rondo_status;

typedef struct rondo_context rondo_context;
typedef struct rondo_program rondo_program;
typedef struct rondo_communicator rondo_communicator;

/* Version of the library that is running, as MAJOR * 1000 + MINOR. */
RONDO_API int rondo_version(void);
RONDO_API const char *rondo_status_name(rondo_status status);

/* ---- Context: the owner of the last error -------------------------------------------------------------------- */
RONDO_API rondo_status rondo_context_create(rondo_context **context);
RONDO_API void rondo_context_destroy(rondo_context *context);
/* Never NULL; empty when nothing failed. Owned by the context. */
RONDO_API const char *rondo_last_error(const rondo_context *context);

/* ---- Program: a loaded binary ---------------------------------------------------------------------------------- */
/* Loads a shared object made by rondo-compile. Checks its extents, ABI version and manifest first: a truncated or
 * foreign file is RONDO_INVALID_PROGRAM, never a crash. */
RONDO_API rondo_status rondo_program_load(rondo_context *context, const char *path, rondo_program **program);
RONDO_API void rondo_program_destroy(rondo_program *program);
/* The manifest (JSON, NUL-terminated), owned by the program. */
RONDO_API const char *rondo_program_manifest(const rondo_program *program);

/* ---- Communicator: the ranks and what joins them --------------------------------------------------------------- */
typedef enum {
  RONDO_COMMUNICATOR_THREADS = 0, /* every rank is a thread of this process */
  RONDO_COMMUNICATOR_LOOPBACK = 1 /* one rank runs all steps of an n-rank program and receives its own sends: measures
                                     one rank's time and overlap on any machine; results are not the program's */
} rondo_communicator_kind;

typedef struct {
  size_t size; /* sizeof(rondo_communicator_options): set by the initializer; later versions append fields, which have
                  their defaults for callers of a smaller size */
  rondo_communicator_kind kind;
  int32_t ranks;          /* 1..4096; the product of the grid's axes */
  double link_latency_us; /* emulated link: a group of B bytes takes latency + B / bandwidth; */
  double link_gb_per_s;   /* 0 = no emulation */
  double timeout_s;       /* a rank that makes no progress for so long ends the run with an error; 0 = wait for ever */
  /* Fault injection for tests: "fail@rank,op,step" or "stall@rank,op,step" (op: a kernel's or transfer's name); NULL.
   * It strikes once; a run that should have met it but did not is an error. */
  const char *inject;
  int32_t threads_per_rank; /* 1..256 threads share each rank's kernels; results do not depend on it */
} rondo_communicator_options;

#define RONDO_COMMUNICATOR_OPTIONS_INIT                                                                                \
  {sizeof(rondo_communicator_options), RONDO_COMMUNICATOR_THREADS, 1, 0.0, 0.0, 60.0, NULL, 1}

/* Starts the ranks' threads; they live until the communicator is destroyed and serve any number of runs. */
RONDO_API rondo_status rondo_communicator_create(rondo_context *context, const rondo_communicator_options *options,
                                                 rondo_communicator **communicator);
RONDO_API void rondo_communicator_destroy(rondo_communicator *communicator);

/* ---- Run ----------------------------------------------------------------------------------------------------------
 */
/* What one rank did in the last run. Times in seconds. Kernels and waits on its own thread; transfers by the clock of
 * the link, emulated or real. */
typedef struct {
  double total;         /* from the start of the entry to its end */
  double compute;       /* in kernels */
  double exposed;       /* the compute stream waited for communication */
  double exposed_tail;  /* the part of `exposed` in tail steps, which only bring results home */
  double communication; /* transfers under way */
  int64_t bytes_sent;
  int64_t messages_sent;
  int64_t arena_bytes;
} rondo_rank_statistics;

/* Runs `function` (NULL: the only one) over global tensors: each rank works on views of its shards; nothing is copied.
 * Blocks until every rank is done. On failure the outputs' contents are undefined, and the communicator can be used
 * again. After a time-out the call still waits for a kernel that is running: nothing can interrupt it, and it holds
 * the caller's tensors. With the loopback communicator rank 0 works on its shards, and the others' stay as they are. */
RONDO_API rondo_status rondo_run(rondo_context *context, const rondo_program *program, const char *function,
                                 rondo_communicator *communicator, const DLTensor *const *inputs, size_t input_count,
                                 DLTensor *const *outputs, size_t output_count);

/* The same over shards that the caller placed: inputs[rank * input_count + i] is rank `rank`'s shard of input i.
 * A shard of extent 0 may have data == NULL. With the loopback communicator these are the shards of rank 0 alone, and
 * a length that no unsharded extent gives is its shard's extent times the number of parts. */
RONDO_API rondo_status rondo_run_shards(rondo_context *context, const rondo_program *program, const char *function,
                                        rondo_communicator *communicator, const DLTensor *const *inputs,
                                        size_t input_count, DLTensor *const *outputs, size_t output_count);

/* Evaluates `function` densely in float64 on global, contiguous, double tensors. */
RONDO_API rondo_status rondo_run_reference(rondo_context *context, const rondo_program *program, const char *function,
                                           const DLTensor *const *inputs, size_t input_count, DLTensor *const *outputs,
                                           size_t output_count);

RONDO_API rondo_status rondo_rank_statistics_get(rondo_context *context, const rondo_communicator *communicator,
                                                 int32_t rank, rondo_rank_statistics *statistics);

/* ---- Traces ------------------------------------------------------------------------------------------------------ */
typedef enum {
  RONDO_TRACE_KERNEL = 0,
  RONDO_TRACE_EXCHANGE = 1, /* a group of transfers under way, by the clock of the link */
  RONDO_TRACE_WAIT = 2      /* the compute stream waited for communication */
} rondo_trace_kind;

/* Something that a stream of a rank did. */
typedef struct {
  size_t size; /* sizeof(rondo_trace_event) of the runtime; later versions append fields */
  rondo_trace_kind kind;
  const char *name;         /* of the kernel; of the transfers, joined by +; "wait" */
  int32_t rank, stream;     /* stream: RONDO_STREAM_COMPUTE or RONDO_STREAM_COMMUNICATION of rondo/abi.h */
  int64_t step;             /* what the program announced last */
  int64_t begin_ns, end_ns; /* since the recording began */
  int64_t bytes_sent;       /* exchanges alone, as are the next two */
  int32_t to, from;         /* the peers */
} rondo_trace_event;

/* Receives one event, which is valid until it returns. It must not use the context. */
typedef void (*rondo_trace_visitor)(const rondo_trace_event *event, void *user_data);

/* Begins a new recording, of the next runs; or ends it (enable = 0), which keeps what was recorded. */
RONDO_API rondo_status rondo_trace_enable(rondo_context *context, rondo_communicator *communicator, int enable);
/* Shows `visitor` every recorded event: those of one stream in the order of time. */
RONDO_API rondo_status rondo_trace_events(rondo_context *context, const rondo_communicator *communicator,
                                          rondo_trace_visitor visitor, void *user_data);
/* Writes what was recorded as Chrome-trace JSON: a compute and a communication lane for each rank. Written to a
 * temporary name and renamed. */
RONDO_API rondo_status rondo_trace_write(rondo_context *context, const rondo_communicator *communicator,
                                         const char *path);

#ifdef __cplusplus
}
#endif
#endif /* RONDO_RONDO_H */
