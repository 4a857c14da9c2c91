/* The functions that the entries of programs call: those for CPUs, and what those for GPUs share with them. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TABLE_H
#define RONDO_SRC_TABLE_H

#include "communicator.h"

extern const backend cpu_backend;

int64_t table_axis_index(rondo_execution *execution, int32_t axis);
int64_t table_axis_size(rondo_execution *execution, int32_t axis);
int32_t table_step(rondo_execution *execution, int64_t step, int32_t phase);

/* The entry has returned. */
void table_end(rondo_execution *execution);

bool table_is_stream(int32_t stream);

/* Fails the run: "rank 0: the program WHAT in step 1". */
rondo_status table_misuse(rondo_execution *execution, const char *what);

#endif /* RONDO_SRC_TABLE_H */
