/* The functions that the entries of programs call. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TABLE_H
#define RONDO_SRC_TABLE_H

#include "rondo/abi.h"

extern const rondo_runtime_table runtime_table;

#endif /* RONDO_SRC_TABLE_H */
