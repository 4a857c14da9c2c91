/* librondo_runtime: runs programs that rondo-compile made, in any application. C99.
 *
 * Conventions
 *   - Functions return a rondo_status; results go to trailing out-parameters, written on success alone.
 *   - After a failure rondo_last_error(context) describes it, until the next call with that context.
 *   - Handles are opaque. Whoever created one destroys it; destroying NULL is harmless. Destroy programs and
 *     communicators before their context.
 *   - A context and what was made from it may be used from any thread, by one thread at a time.
 *   - Tensors are DLPack's, borrowed for the duration of the call, on the CPU, last dimension contiguous
 *     (strides == NULL means contiguous), no stride negative. Those of programs for CUDA are on the GPU of their rank
 *     (kDLCUDA). An output shares no memory with another tensor; the same output of several ranks may be one where no
 *     axis shards it.
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
  RONDO_COMMUNICATOR_THREADS = 0,  /* every rank is a thread of this process */
  RONDO_COMMUNICATOR_LOOPBACK = 1, /* one rank runs all steps of an n-rank program and receives its own sends: measures
                                     one rank's time and overlap on any machine; results are not the program's */
  RONDO_COMMUNICATOR_MPI = 2,      /* every rank is a process of an MPI job */
  RONDO_COMMUNICATOR_NCCL = 3      /* every rank is a process with a GPU of its own; transfers are NCCL's */
} rondo_communicator_kind;

/* How RONDO_COMMUNICATOR_NCCL moves data. */
typedef enum {
  RONDO_TRANSFERS_AUTO = 0, /* between GPUs of one machine by their copy engines, which leave all multiprocessors to
                               kernels, where each can reach the other's memory; else by NCCL */
  RONDO_TRANSFERS_NCCL = 1  /* all by NCCL */
} rondo_transfers;

typedef struct {
  size_t size; /* sizeof(rondo_communicator_options): set by the initializer; later versions append fields, which have
                  their defaults for callers of a smaller size */
  rondo_communicator_kind kind;
  int32_t ranks; /* 1..4096; the product of the grid's axes. MPI, NCCL: the number of processes, or 0 to take it */
  double link_latency_us; /* emulated link: a group of B bytes takes latency + B / bandwidth; */
  double link_gb_per_s;   /* 0 = no emulation */
  double timeout_s;       /* a rank that makes no progress for so long ends the run with an error; 0 = wait for ever */
  /* Fault injection for tests: "fail@rank,op,step" or "stall@rank,op,step" (op: a kernel's or transfer's name); NULL.
   * It strikes once; a run that should have met it but did not is an error. */
  const char *inject;
  int32_t threads_per_rank; /* 1..256 threads share each rank's kernels; results do not depend on it */
  /* Programs for CUDA alone: */
  int32_t device;    /* the GPU of every rank of this process; -1: ranks are dealt round the GPUs that it sees. NCCL: by
                        their numbers among the ranks of their host */
  int32_t sm_margin; /* multiprocessors that attention kernels leave to others, 0..1024; -1: to transfers that need
                        some, as predicted for each attention from what is under way beside it */
  int32_t link_sms;  /* multiprocessors that a transfer on an emulated link occupies */
  int32_t measure;   /* 1: the times of the statistics are measured in every run. Otherwise they are so while a trace is
                        enabled, and 0 if not, but for `total` */
  /* RONDO_COMMUNICATOR_MPI alone: */
  const void *mpi_communicator; /* a pointer to the application's MPI_Comm, which is duplicated; NULL: all processes */
  /* RONDO_COMMUNICATOR_NCCL alone: */
  int32_t rank;               /* of this process, where `ranks` is given; -1: as the launcher says */
  int32_t nccl_ctas;          /* the most CTAs that NCCL's communicator may use, which its ranks share, 1..64; 0 or -1:
                                 NCCL's own choice */
  const char *rendezvous;     /* "host:port", where rank 0 listens; NULL: MASTER_ADDR and the port after MASTER_PORT, or
                                 MPI under mpirun */
  const void *nccl_unique_id; /* an ncclUniqueId, the same on every rank; NULL: rank 0 makes one */
  void *nccl_communicator; /* an ncclComm_t, which stays the application's, of this process' copy of NCCL; NULL: none */
  void *nccl_stream;       /* the stream (CUstream, cudaStream_t) that transfers are issued to; NULL: one of the rank */
  rondo_transfers transfers;
  /* Programs for CUDA, one rank in each process: */
  int32_t graphs; /* 1: what a run does is captured as a CUDA graph the second time that it is made, and replayed from
                     then on, which costs little time of the host. See docs/runtime.md */
} rondo_communicator_options;

/* clang-format off */
#define RONDO_COMMUNICATOR_OPTIONS_INIT                                                                                \
  {sizeof(rondo_communicator_options), RONDO_COMMUNICATOR_THREADS, 1, 0.0, 0.0, 60.0, NULL, 1, -1, -1, 0, 0, NULL,     \
   -1, -1, NULL, NULL, NULL, NULL, RONDO_TRANSFERS_AUTO, 0}
/* clang-format on */

/* Starts the ranks' threads; they live until the communicator is destroyed and serve any number of runs. */
RONDO_API rondo_status rondo_communicator_create(rondo_context *context, const rondo_communicator_options *options,
                                                 rondo_communicator **communicator);
RONDO_API void rondo_communicator_destroy(rondo_communicator *communicator);

/* ---- GPUs --------------------------------------------------------------------------------------------------------
 *
 * Programs for CUDA need the driver's libcuda.so.1, which is loaded when one of them runs, or by the first of these
 * calls; without a driver or a GPU these fail with RONDO_UNSUPPORTED. Ranks use the GPUs' primary contexts, as CUDA's
 * own libraries do, and leave the calling thread's context as it is.
 */
/* The GPU of a rank, as CUDA numbers them. */
RONDO_API rondo_status rondo_communicator_device(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                                 int32_t *ordinal);

/* From now on the rank's work is put in the order of `stream` (a CUstream or cudaStream_t of its GPU; NULL is CUDA's
 * default stream), and a run returns without waiting for it: inputs are read, and outputs are there, in the order of
 * the stream, and failures of the GPU show where the stream is waited for. Statistics hold no times. The stream must
 * live until the next call of this, the next run, or the communicator's end. While times are measured, runs wait. */
RONDO_API rondo_status rondo_communicator_set_stream(rondo_context *context, rondo_communicator *communicator,
                                                     int32_t rank, void *stream);
/* The rank works on a stream of its own again, and runs wait for it. */
RONDO_API rondo_status rondo_communicator_unset_stream(rondo_context *context, rondo_communicator *communicator,
                                                       int32_t rank);

/* Memory of a rank's GPU, for applications that have no other way to it. Copies wait for the rank's runs and for
 * themselves; freeing waits for nothing, but the memory stays until the rank's runs are over. */
RONDO_API rondo_status rondo_device_allocate(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                             size_t bytes, void **data);
RONDO_API rondo_status rondo_device_free(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                         void *data);
RONDO_API rondo_status rondo_device_upload(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                           void *data, const void *source, size_t bytes);
RONDO_API rondo_status rondo_device_download(rondo_context *context, rondo_communicator *communicator, int32_t rank,
                                             void *target, const void *data, size_t bytes);

/* Where this process stands among the ranks. */
typedef struct {
  size_t size;         /* sizeof(rondo_communicator_info) of the runtime; later versions append fields */
  int32_t ranks;       /* all */
  int32_t first_rank;  /* of those that run in this process */
  int32_t local_ranks; /* how many run in this process; 1 with loopback and MPI */
  int32_t failed_rank; /* MPI: the rank that found what ended the last failed run, for one message in place of one
                          from each process; -1: none, or every rank found the same */
} rondo_communicator_info;
RONDO_API rondo_status rondo_communicator_info_get(rondo_context *context, const rondo_communicator *communicator,
                                                   rondo_communicator_info *info);

/* How many other ranks copy engines reach (RONDO_TRANSFERS_AUTO), so that NCCL carries nothing to them. */
RONDO_API rondo_status rondo_communicator_copied_ranks(rondo_context *context, const rondo_communicator *communicator,
                                                       int32_t *count);

/* ---- Processes ---------------------------------------------------------------------------------------------------
 *
 * With RONDO_COMMUNICATOR_MPI and _NCCL every rank is a process, and each process makes the same calls in the same
 * order: creation, runs, gathers. A call in which they differ fails on all of them, and so does one in which a process
 * is killed or stopped: within the time-out and 2 s, with a text that names it. After a failed run the communicator
 * cannot be used again: destroy it; another one can be created while all processes live. MPI is called by the thread
 * that calls the runtime, and during these calls alone.
 */

/* How this process was started, by the environment: torchrun (RANK, WORLD_SIZE, LOCAL_RANK), Open MPI's mpirun
 * (OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK) or Slurm's srun (SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID). */
typedef struct {
  size_t size;          /* sizeof(rondo_launch) of the runtime; later versions append fields */
  const char *launcher; /* "torchrun", "mpirun", "srun"; NULL: none, and then it is rank 0 of 1 */
  int32_t rank, ranks;
  int32_t local_rank; /* among the processes of this host; -1: not known */
} rondo_launch;
/* Variables that contradict each other, or of which some are missing, are RONDO_INVALID_ARGUMENT. */
RONDO_API rondo_status rondo_launch_get(rondo_context *context, rondo_launch *launch);

/* Gathers `bytes` bytes of each process, the same number from each, in `gathered`: those of process i at [i * bytes].
 * For small data: it goes through a tree of the processes. Without other processes it copies. Collective. */
RONDO_API rondo_status rondo_communicator_all_gather(rondo_context *context, rondo_communicator *communicator,
                                                     const void *data, size_t bytes, void *gathered);

/* Gathers data of any size on rank 0 alone: gathered[i] there has room for the sizes[i] bytes that process i gives.
 * Elsewhere both are ignored. Collective. */
RONDO_API rondo_status rondo_communicator_gather(rondo_context *context, rondo_communicator *communicator,
                                                 const void *data, size_t bytes, void *const *gathered,
                                                 const size_t *sizes);

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

/* The same over shards that the caller placed: inputs[i * input_count + j] is input j's shard of the i-th rank that
 * runs in this process (of all ranks with threads, of one with MPI and NCCL). Those of programs for CUDA are on the GPU
 * of their rank (rondo_communicator_device), replicated ones on each. A shard of extent 0 may have data == NULL. With
 * the loopback communicator these are the shards of rank 0 alone, and a length that no unsharded extent gives is its
 * shard's extent times the number of parts. */
RONDO_API rondo_status rondo_run_shards(rondo_context *context, const rondo_program *program, const char *function,
                                        rondo_communicator *communicator, const DLTensor *const *inputs,
                                        size_t input_count, DLTensor *const *outputs, size_t output_count);

/* Evaluates `function` densely in float64 on global, contiguous, double tensors. */
RONDO_API rondo_status rondo_run_reference(rondo_context *context, const rondo_program *program, const char *function,
                                           const DLTensor *const *inputs, size_t input_count, DLTensor *const *outputs,
                                           size_t output_count);

RONDO_API rondo_status rondo_rank_statistics_get(rondo_context *context, const rondo_communicator *communicator,
                                                 int32_t rank, rondo_rank_statistics *statistics);

/* What the rank's last run of a program for CUDA left to transfers: the most multiprocessors that one of its attentions
 * left, and the most that one of its transfers kept, as far as is known. */
RONDO_API rondo_status rondo_rank_transfer_room(rondo_context *context, const rondo_communicator *communicator,
                                                int32_t rank, int32_t *sm_margin, int32_t *transfer_ctas);

/* How many runs of this process were captured as a graph, and how many replayed one, so far. */
RONDO_API rondo_status rondo_communicator_graphs(rondo_context *context, const rondo_communicator *communicator,
                                                 int64_t *captured, int64_t *replayed);

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
/* Where ranks are processes: ends the recording on every one, and brings what was recorded to rank 0, whose trace then
 * has the events of all ranks, on its clock. Elsewhere the trace stays as it is. `uncertainty_s` (which may be NULL)
 * receives by how much, at most, the times of two ranks may be off: 0 on one host, where processes read one clock; else
 * it is what bounds the clocks' difference at this moment, while events that are older by t seconds are off by some
 * 10^-5 t more. Each process may give 4194304 / ranks events, or 1024 if that is more. Collective; once for a
 * recording. Where all ranks run in one process it does nothing. */
RONDO_API rondo_status rondo_trace_gather(rondo_context *context, rondo_communicator *communicator,
                                          double *uncertainty_s);
/* Shows `visitor` every recorded event: those of one stream in the order of time. */
RONDO_API rondo_status rondo_trace_events(rondo_context *context, const rondo_communicator *communicator,
                                          rondo_trace_visitor visitor, void *user_data);
/* Writes what was recorded as Chrome-trace JSON: a compute and a communication lane for each rank, and, of a gathered
 * trace, the clocks' uncertainty. Written to a temporary name and renamed. */
RONDO_API rondo_status rondo_trace_write(rondo_context *context, const rondo_communicator *communicator,
                                         const char *path);

#ifdef __cplusplus
}
#endif
#endif /* RONDO_RONDO_H */
