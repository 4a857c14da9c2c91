/* Loading the module that passes messages by MPI. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_WIRE_LOAD_H
#define RONDO_SRC_WIRE_LOAD_H

#include "context.h"
#include "wire.h"

/* Loads librondo_mpi.so: the file that the environment variable RONDO_MPI_MODULE names, else the one beside this
 * library, else the one that the dynamic linker finds. It stays loaded: MPI cannot be unloaded. */
rondo_status wire_load(rondo_context *context, const wire_module **module);

#endif /* RONDO_SRC_WIRE_LOAD_H */
