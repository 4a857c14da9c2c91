/* A check of an ELF file's extents, made before it is mapped. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_ELF_CHECK_H
#define RONDO_SRC_ELF_CHECK_H

#include "context.h"

/* Fails unless the file at `path` is a whole x86-64 shared object: everything that its headers point to lies inside
 * the file. Mapping a truncated one would end the process with SIGBUS at the first touch of a missing page. */
rondo_status elf_check(rondo_context *context, const char *path);

#endif /* RONDO_SRC_ELF_CHECK_H */
