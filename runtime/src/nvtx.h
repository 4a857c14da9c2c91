/* Ranges for tools that understand NVTX, such as Nsight Systems: runs, steps, kernels, exchanges and waits of each
 * rank.
 *
 * NVTX needs no library of its own: the tool's, which the variable NVTX_INJECTION64_PATH names, is asked for its
 * functions. Its interface is declared here, so that the runtime is built without the headers. Without a tool each of
 * these functions tests one flag. RONDO_NVTX=0 leaves a tool unattached.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_NVTX_H
#define RONDO_SRC_NVTX_H

#include <stdbool.h>
#include <stdint.h>

/* What a range is, for the tool's filters. */
typedef enum {
  NVTX_NOTHING,
  NVTX_RUN,
  NVTX_STEP,
  NVTX_KERNEL,
  NVTX_EXCHANGE,
  NVTX_WAIT,
  NVTX_CATEGORY_COUNT
} nvtx_category;

/* Whether a tool listens. Written before threads of ranks start, by the first of these functions. */
extern bool nvtx_attached;

/* Attaches the tool that the environment names, once in a process. As with NVTX itself a library that cannot be loaded
 * is no error: the variable is the tool's, and holds for all programs that it starts. */
void nvtx_load(void);
/* Attaches a tool; false if there is one already, or the library cannot be loaded, is none, or refuses. */
bool nvtx_attach(const char *path);

void nvtx_push_range(nvtx_category category, const char *text, int64_t payload);
void nvtx_pop_range(void);
void nvtx_name_this_thread(int32_t rank, const char *role);

/* Ranges of a thread nest. `payload` is the step; of a step and of a run, the rank. */
static inline void nvtx_push(nvtx_category category, const char *text, int64_t payload) {
  if (nvtx_attached)
    nvtx_push_range(category, text, payload);
}
static inline void nvtx_pop(void) {
  if (nvtx_attached)
    nvtx_pop_range();
}
/* "rank 3 compute" */
static inline void nvtx_name_thread(int32_t rank, const char *role) {
  if (nvtx_attached)
    nvtx_name_this_thread(rank, role);
}

#endif /* RONDO_SRC_NVTX_H */
