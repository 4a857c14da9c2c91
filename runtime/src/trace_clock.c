/* How far the clocks of two processes are apart. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "trace_clock.h"
#include "digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

clock_bounds clock_bound(const clock_round *mine, const clock_round *other, int count) {
  clock_bounds bounds = {INT64_MIN, INT64_MAX};
  for (int i = 0; i < count; ++i) {
    int64_t least = other[i].begun - mine[i].ended, most = other[i].ended - mine[i].begun;
    if (least > bounds.least)
      bounds.least = least;
    if (most < bounds.most)
      bounds.most = most;
  }
  return bounds;
}

int64_t clock_offset(clock_bounds bounds) { return bounds.least + (bounds.most - bounds.least) / 2; }

int64_t clock_uncertainty(clock_bounds bounds) { return (bounds.most - bounds.least + 1) / 2; }

/* Appends what a link or a file of one line says. */
static void append_link(char *text, size_t capacity, const char *path) {
  size_t used = strlen(text);
  ssize_t length = readlink(path, text + used, capacity - used - 1);
  text[length > 0 ? used + (size_t)length : used] = '\0';
}

static void append_line(char *text, size_t capacity, const char *path) {
  size_t used = strlen(text);
  FILE *file = fopen(path, "re");
  if (!file)
    return;
  if (!fgets(text + used, (int)(capacity - used), file))
    text[used] = '\0';
  fclose(file);
}

uint64_t clock_identity(void) {
  char text[512] = "";
  append_line(text, sizeof text, "/proc/sys/kernel/random/boot_id");
  append_link(text, sizeof text, "/proc/self/ns/time");
  const char *posed = getenv("NCCL_HOSTID");
  if (posed)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s", posed);
  return digest_bytes(text, strlen(text));
}
