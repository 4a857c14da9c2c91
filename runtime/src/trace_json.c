/* Writing a trace as Chrome-trace JSON, which Perfetto opens. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "rondo/abi.h"
#include "text.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_string(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *c = (const unsigned char *)text; *c; ++c) {
    if (*c == '"' || *c == '\\')
      fprintf(file, "\\%c", *c);
    else if (*c < 0x20)
      fprintf(file, "\\u%04x", *c);
    else
      fputc(*c, file);
  }
  fputc('"', file);
}

/* Microseconds. Integers only: printf would put the locale's decimal point. */
static void write_time(FILE *file, const char *key, int64_t nanoseconds) {
  fprintf(file, ",\"%s\":%lld.%03lld", key, (long long)(nanoseconds / 1000), (long long)(nanoseconds % 1000));
}

static int lane(int32_t rank, int32_t stream) { return 2 * rank + stream; }

static void write_lanes(FILE *file, int32_t first, int32_t ranks) {
  fprintf(file, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0,\"args\":{\"name\":\"rondo\"}}");
  for (int32_t rank = first; rank < first + ranks; ++rank) {
    for (int32_t stream = RONDO_STREAM_COMPUTE; stream <= RONDO_STREAM_COMMUNICATION; ++stream) {
      fprintf(file,
              ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"rank %d %s\"}}",
              lane(rank, stream), rank, stream == RONDO_STREAM_COMPUTE ? "compute" : "communication");
      fprintf(file,
              ",\n{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"sort_index\":%d}}",
              lane(rank, stream), lane(rank, stream));
    }
  }
}

static void write_event(FILE *file, const rondo_trace_event *event) {
  static const char *const categories[] = {"kernel", "exchange", "wait"};
  fprintf(file, ",\n{\"name\":");
  write_string(file, event->name);
  fprintf(file, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%d", categories[event->kind],
          lane(event->rank, event->stream));
  write_time(file, "ts", event->begin_ns);
  write_time(file, "dur", event->end_ns - event->begin_ns);
  fprintf(file, ",\"args\":{\"step\":%lld", (long long)event->step);
  if (event->kind == RONDO_TRACE_EXCHANGE)
    fprintf(file, ",\"bytes\":%lld,\"peer\":%d,\"from\":%d", (long long)event->bytes_sent, event->to, event->from);
  fprintf(file, "}}");
}

static bool write_all(FILE *file, const trace *trace, int32_t first, int32_t ranks) {
  fprintf(file, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
  write_lanes(file, first, ranks);
  for (size_t i = 0; i < trace->count; ++i)
    write_event(file, &trace->events[i]);
  fprintf(file, "\n]");
  if (trace->gathered_ranks > 0)
    fprintf(file, ",\"otherData\":{\"clock_uncertainty_ns\":\"%lld\"}", (long long)trace->uncertainty);
  fprintf(file, "}\n");
  bool failed = ferror(file) != 0;
  return fclose(file) == 0 && !failed;
}

/* Opens a new file beside `path`; its name, which the caller frees, goes to `name`. */
static FILE *open_temporary(const char *path, char **name) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    *name = text_format("%s.tmp-%ld-%d", path, (long)getpid(), attempt);
    if (!*name) {
      errno = ENOMEM;
      return NULL;
    }
    int descriptor = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (file)
      return file;
    int reason = errno;
    if (descriptor >= 0)
      close(descriptor);
    free(*name);
    *name = NULL;
    errno = reason;
    if (reason != EEXIST)
      return NULL;
  }
  return NULL;
}

rondo_status trace_write_json(rondo_context *context, const trace *trace, int32_t first, int32_t ranks,
                              const char *path) {
  struct stat present;
  /* Renaming over a device or a pipe would replace it. */
  if (stat(path, &present) == 0 && !S_ISREG(present.st_mode))
    return context_fail(context, RONDO_SYSTEM_ERROR, "cannot write the trace '%s': it exists and is no regular file",
                        path);
  char *temporary = NULL;
  FILE *file = open_temporary(path, &temporary);
  if (!file)
    return context_fail(context, RONDO_SYSTEM_ERROR, "cannot write the trace '%s': %s", path, strerror(errno));
  rondo_status status = RONDO_OK;
  errno = 0;
  if (!write_all(file, trace, first, ranks) || rename(temporary, path) != 0) {
    status = context_fail(context, RONDO_SYSTEM_ERROR, "cannot write the trace '%s': %s", path,
                          errno ? strerror(errno) : "the file could not be completed");
    unlink(temporary);
  }
  free(temporary);
  return status;
}
