/* librondo_compiler: compiles attention programs from within an application. C99.
 *
 * The compiler and the runtime are separate libraries: a program that this one writes is loaded by librondo_runtime,
 * which needs no LLVM.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_COMPILER_H
#define RONDO_COMPILER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RONDO_COMPILER_API __attribute__((visibility("default")))
#else
#define RONDO_COMPILER_API
#endif

typedef struct {
  size_t size;        /* sizeof(rondo_compiler_options): set by the initializer */
  const char *target; /* "cpu", "cpu:NAME" or "cuda:sm_90a"; NULL: "cpu" */
  const char *cpu;    /* that runs kernels, or for CUDA the host's code: "native", or a name such as "x86-64-v3"; NULL:
                         this machine's, or for CUDA one that runs beside every such GPU */
  const char *schedule; /* "auto", "query-ring", "kv-ring" */
  const char *function; /* the only public function to compile; NULL: all */
  const char *linker;   /* C compiler driver that links; NULL: the first of cc, gcc, clang in PATH */
  int overlap;          /* 0: every transfer is waited for where it starts */
  int reference;        /* 0: leave out the float64 evaluation that rondo_run_reference needs */
  int remarks;          /* 1: diagnostics also tell what the compiler decided, and why */
  int ptx;              /* CUDA: 1: the program holds PTX, which the driver compiles at load, and not machine code */
  const char *ptxas;    /* CUDA: path of its assembler; NULL: PATH, then CUDA_HOME, CUDA_PATH, CUDA_ROOT */
  const char *kernel;   /* CUDA: kernels by hand, as rondo-compile's --kernel; NULL: chosen */
  const char *home_parts; /* in which a query ring attends its home block: "auto", "1", "2"; NULL: "auto" */
} rondo_compiler_options;

#define RONDO_COMPILER_OPTIONS_INIT                                                                                    \
  {sizeof(rondo_compiler_options), "cpu", NULL, "auto", NULL, NULL, 1, 1, 0, 0, NULL, NULL, NULL}

/* Compiles `source`, MLIR text of `source_bytes` bytes (`name` is its name in diagnostics), and writes a program to
 * `output_path`: complete, or not at all. `options` may be NULL. Returns 0 on success.
 *
 * `diagnostics`, if not NULL, receives the text of all errors, warnings and remarks, with locations; it is never NULL
 * afterwards and belongs to the caller: free it with rondo_compiler_free.
 * Thread-safe: calls share nothing. */
RONDO_COMPILER_API int rondo_compile(const char *source, size_t source_bytes, const char *name,
                                     const rondo_compiler_options *options, const char *output_path,
                                     char **diagnostics);
RONDO_COMPILER_API void rondo_compiler_free(char *text);

#ifdef __cplusplus
}
#endif
#endif /* RONDO_COMPILER_H */
