/* A loaded program: the shared object, its manifest, and the code of each function. Immutable once loaded. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_PROGRAM_H
#define RONDO_SRC_PROGRAM_H

#include "manifest.h"
#include "rondo/abi.h"

struct rondo_program {
  void *library;
  char *text; /* the manifest, NUL-terminated */
  manifest manifest;
  struct cuda_kernels *cuda;           /* programs for CUDA */
  const rondo_program_function **code; /* code[i] belongs to manifest.functions[i] */
};

/* Index of the function called `name` (NULL: the only one). */
rondo_status program_find(rondo_context *context, const rondo_program *program, const char *name, int *index);

#endif /* RONDO_SRC_PROGRAM_H */
