/* Small helpers for building texts. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_TEXT_H
#define RONDO_SRC_TEXT_H

#include "context.h"

#include <stddef.h>

/* A new string that the caller frees, or NULL without memory. */
char *text_format(const char *format, ...) PRINTF_LIKE(1, 2);

/* Appends to the string in `buffer`; what does not fit is cut off. */
void text_append(char *buffer, size_t capacity, const char *format, ...) PRINTF_LIKE(3, 4);

#endif /* RONDO_SRC_TEXT_H */
