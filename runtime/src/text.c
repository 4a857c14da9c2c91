/* Small helpers for building texts. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0)
    return NULL;
  char *text = malloc((size_t)length + 1);
  if (!text)
    return NULL;
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

void text_append(char *buffer, size_t capacity, const char *format, ...) {
  size_t length = strlen(buffer);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(buffer + length, capacity - length, format, arguments);
  va_end(arguments);
}
