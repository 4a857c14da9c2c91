/* Comparing what the ranks are about to do, and what became of it. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "agreement.h"
#include "clock.h"
#include "collective.h"
#include "digest.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The text of a proposal ---- */

/* Appends `field<tab>value<newline>`. */
static void add_field(FILE *text, const char *value, const char *format, ...) PRINTF_LIKE(3, 4);
static void add_field(FILE *text, const char *value, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(text, format, arguments);
  va_end(arguments);
  fprintf(text, "\t%s\n", value);
}

static void add_json(FILE *text, const char *field, const json_t *value) {
  char *dumped = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
  add_field(text, dumped ? dumped : "none", "%s", field);
  free(dumped);
}

/* Those of placed shards differ from rank to rank. */
static bool is_compared(const proposal *proposal, const manifest_dimension *dimension) {
  return !proposal->placed || dimension_parts(dimension, proposal->shape) <= 1;
}

static void add_extents(FILE *text, const proposal *proposal) {
  const manifest_function *function = &proposal->program->manifest.functions[proposal->function];
  const int64_t *extent = proposal->extents;
  for (int i = 0; i < function->tensor_count; ++i) {
    const manifest_tensor *tensor = &function->tensors[i];
    for (int d = 0; d < tensor->dimension_count; ++d, ++extent) {
      const manifest_dimension *dimension = &tensor->dimensions[d];
      if (!is_compared(proposal, dimension))
        continue;
      char value[32];
      snprintf(value, sizeof value, "%" PRId64, *extent);
      if (dimension->length >= 0)
        add_field(text, value, "length %s (dimension %d of %s)", function->lengths[dimension->length], d, tensor->name);
      else
        add_field(text, value, "dimension %d of %s", d, tensor->name);
    }
  }
}

char *agreement_text(const proposal *proposal) {
  char *result = NULL;
  size_t bytes = 0;
  FILE *text = open_memstream(&result, &bytes);
  if (!text)
    return NULL;
  const manifest *manifest = &proposal->program->manifest;
  const json_t *json = json_array_get(json_object_get(manifest->json, "functions"), (size_t)proposal->function);
  char value[32];
  add_field(text, manifest->functions[proposal->function].name, "function");
  add_field(text, proposal->placed ? "rondo_run_shards" : "rondo_run", "call");
  add_json(text, "grid", json_object_get(manifest->json, "grid"));
  add_json(text, "schedule", json_object_get(json, "schedules"));
  add_json(text, "inputs", json_object_get(json, "inputs"));
  add_json(text, "outputs", json_object_get(json, "outputs"));
  add_extents(text, proposal);
  snprintf(value, sizeof value, "%" PRId64 " ns", proposal->timeout);
  add_field(text, value, "timeout_s");
  add_field(text, manifest->target, "target");
  snprintf(value, sizeof value, "%016" PRIx64, proposal->program->digest);
  add_field(text, value, "digest of the program's file");
  snprintf(value, sizeof value, "%d", rondo_version());
  add_field(text, value, "version of the runtime");
  if (fclose(text) == 0)
    return result;
  free(result);
  return NULL;
}

/* ---- The digest of a proposal ---- */

/* Of all that its text depends on; false without memory. Short: it is made for every run. */
static bool make_digest(const proposal *proposal, uint64_t *digest) {
  const manifest_function *function = &proposal->program->manifest.functions[proposal->function];
  int64_t *words = calloc(bind_extent_count(function) + 5, sizeof *words);
  if (!words)
    return false;
  size_t count = 0;
  words[count++] = (int64_t)proposal->program->digest;
  words[count++] = proposal->function;
  words[count++] = proposal->placed;
  words[count++] = proposal->timeout;
  words[count++] = rondo_version();
  const int64_t *extent = proposal->extents;
  for (int i = 0; i < function->tensor_count; ++i)
    for (int d = 0; d < function->tensors[i].dimension_count; ++d, ++extent)
      if (is_compared(proposal, &function->tensors[i].dimensions[d]))
        words[count++] = *extent;
  *digest = digest_bytes(words, count * sizeof *words);
  free(words);
  return true;
}

/* ---- Comparison ---- */

/* How many texts equal that of `rank`. */
static int32_t votes(const char *const *texts, int32_t ranks, int32_t rank) {
  int32_t count = 0;
  for (int32_t other = 0; other < ranks; ++other)
    count += strcmp(texts[other], texts[rank]) == 0;
  return count;
}

/* The first rank with the most frequent text. Once one has more than half of the votes, no other can have. */
static int32_t find_majority(const char *const *texts, int32_t ranks) {
  int32_t best = 0, most = 0;
  for (int32_t rank = 0; rank < ranks && 2 * most <= ranks; ++rank) {
    int32_t count = votes(texts, ranks, rank);
    if (count > most) {
      most = count;
      best = rank;
    }
  }
  return best;
}

static size_t line_length(const char *line) { return strcspn(line, "\n"); }

/* Describes the first line in which two texts differ. */
static rondo_status differ(rondo_context *context, int32_t odd, const char *theirs, int32_t usual, const char *mine,
                           int32_t ranks) {
  while (line_length(theirs) == line_length(mine) && memcmp(theirs, mine, line_length(mine)) == 0 && *mine) {
    theirs += line_length(theirs) + (theirs[line_length(theirs)] == '\n');
    mine += line_length(mine) + (mine[line_length(mine)] == '\n');
  }
  enum { MOST = 400 }; /* characters of a value that a message shows */
  const char *odd_value = strchr(theirs, '\t'), *usual_value = strchr(mine, '\t');
  int odd_length = odd_value ? (int)line_length(odd_value + 1) : 0;
  int usual_length = usual_value ? (int)line_length(usual_value + 1) : 0;
  char others[64];
  snprintf(others, sizeof others, ranks == 2 ? "rank %d has" : "most ranks, such as %d, have", usual);
  return context_fail(context, RONDO_INVALID_ARGUMENT,
                      "the ranks differ: %.*s is %.*s on rank %d, but %s %.*s: run the same program with the same "
                      "lengths and options on every rank",
                      (int)strcspn(theirs, "\t"), theirs, odd_length < MOST ? odd_length : MOST,
                      odd_value ? odd_value + 1 : "", odd, others, usual_length < MOST ? usual_length : MOST,
                      usual_value ? usual_value + 1 : "");
}

rondo_status agreement_compare(rondo_context *context, const char *const *texts, int32_t ranks) {
  int32_t usual = find_majority(texts, ranks);
  for (int32_t rank = 0; rank < ranks; ++rank)
    if (strcmp(texts[rank], texts[usual]) != 0)
      return differ(context, rank, texts[rank], usual, texts[usual], ranks);
  return RONDO_OK;
}

/* ---- Gathering ---- */

/* What a rank says: how it fares, and then its digest and extents, or its error. */
typedef struct {
  int32_t status;
  int32_t returns_early;
  uint64_t digest;
  int64_t offers[AGREEMENT_OFFERS]; /* 0: none */
} statement;

static unsigned char *make_statement(const statement *head, const void *rest, size_t bytes) {
  unsigned char *message = malloc(sizeof *head + bytes + 1);
  if (!message)
    return NULL;
  memcpy(message, head, sizeof *head);
  if (bytes)
    memcpy(message + sizeof *head, rest, bytes);
  return message;
}

/* The first rank that fared ill, or -1; and what it said. */
static int32_t find_failure(const gathered *everyone, int32_t ranks, statement *head) {
  for (int32_t rank = 0; rank < ranks; ++rank) {
    memcpy(head, everyone->entries[rank].data, sizeof *head);
    if (head->status != RONDO_OK)
      return rank;
  }
  return -1;
}

/* Whether every rank said the same. */
static bool is_unanimous(const gathered *everyone, int32_t ranks) {
  const gathered_entry *first = &everyone->entries[0];
  for (int32_t rank = 1; rank < ranks; ++rank)
    if (everyone->entries[rank].bytes != first->bytes ||
        memcmp(everyone->entries[rank].data, first->data, first->bytes) != 0)
      return false;
  return true;
}

/* Reports the error of `rank`, and whose it is unless it is everyone's or names its rank. */
static rondo_status report_failure(rondo_context *context, const gathered *everyone, int32_t ranks,
                                   const statement *head, int32_t rank) {
  const gathered_entry *entry = &everyone->entries[rank];
  const char *text = (const char *)entry->data + sizeof *head;
  int length = (int)(entry->bytes - sizeof *head);
  char prefix[32];
  snprintf(prefix, sizeof prefix, "rank %d", rank);
  size_t end = strlen(prefix);
  bool named = (size_t)length > end && strncmp(text, prefix, end) == 0 && (text[end] == ':' || text[end] == ' ');
  if (named || is_unanimous(everyone, ranks))
    return context_fail(context, (rondo_status)head->status, "%.*s", length, text);
  return context_fail(context, (rondo_status)head->status, "%s: %.*s", prefix, length, text);
}

/* Gathers statements; fails if one tells of a failure. */
static rondo_status gather_statements(rondo_context *context, processes *processes, collective_call call,
                                      const char *function, const statement *head, const void *rest, size_t bytes,
                                      gathered *everyone) {
  unsigned char *message = make_statement(head, rest, bytes);
  if (!message) {
    /* The others must not wait for this rank. */
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory to begin a run", processes->rank);
    return context_fail(context, RONDO_OUT_OF_MEMORY, "%s", processes->failure_text);
  }
  rondo_status status =
      collective_all_gather(context, processes, call, function, message, sizeof *head + bytes, everyone);
  free(message);
  if (status != RONDO_OK)
    return status;
  statement worst;
  int32_t rank = find_failure(everyone, processes->size, &worst);
  if (rank >= 0)
    status = report_failure(context, everyone, processes->size, &worst, rank);
  return status;
}

/* Whether all digests are the same; and whether all return early. */
static bool compare_digests(const gathered *everyone, int32_t ranks, bool *returns_early) {
  statement first, other;
  memcpy(&first, everyone->entries[0].data, sizeof first);
  bool same = true;
  *returns_early = first.returns_early;
  for (int32_t rank = 1; rank < ranks; ++rank) {
    memcpy(&other, everyone->entries[rank].data, sizeof other);
    same &= other.digest == first.digest;
    *returns_early &= other.returns_early != 0;
  }
  return same;
}

/* Gathers the texts and says in what they differ. */
static rondo_status find_difference(rondo_context *context, processes *processes, const char *function,
                                    const proposal *proposal) {
  gathered everyone;
  char *text = agreement_text(proposal);
  if (!text)
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory to compare the ranks", processes->rank);
  rondo_status status = collective_all_gather(context, processes, CALL_COMPARE, function, text ? text : "",
                                              text ? strlen(text) + 1 : 1, &everyone);
  free(text);
  if (status != RONDO_OK)
    return status;
  const char **texts = calloc((size_t)processes->size, sizeof *texts);
  for (int32_t rank = 0; texts && rank < processes->size; ++rank)
    texts[rank] = (const char *)everyone.entries[rank].data;
  status = texts ? agreement_compare(context, texts, processes->size)
                 : context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to compare the ranks");
  if (status == RONDO_OK)
    status = context_fail(context, RONDO_INVALID_ARGUMENT, "the ranks have different digests of the same run");
  free(texts);
  gathered_free(&everyone);
  return status;
}

static bool offers(const gathered *everyone, int32_t rank, int64_t number) {
  statement theirs;
  memcpy(&theirs, everyone->entries[rank].data, sizeof theirs);
  for (int i = 0; i < AGREEMENT_OFFERS; ++i)
    if (theirs.offers[i] == number)
      return true;
  return false;
}

/* The greatest number that every rank offers, or 0. */
static int64_t find_offer(const gathered *everyone, int32_t ranks, const statement *mine) {
  int64_t best = 0;
  for (int i = 0; i < AGREEMENT_OFFERS; ++i) {
    int32_t rank = 0;
    while (rank < ranks && offers(everyone, rank, mine->offers[i]))
      ++rank;
    if (rank == ranks && mine->offers[i] > best)
      best = mine->offers[i];
  }
  return best;
}

static rondo_status copy_extents(rondo_context *context, const processes *processes, const gathered *everyone,
                                 size_t count, int64_t **extents) {
  *extents = calloc((size_t)processes->size * count + 1, sizeof **extents);
  if (!*extents)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the extents of %d ranks", processes->size);
  for (int32_t rank = 0; rank < processes->size; ++rank)
    memcpy(*extents + (size_t)rank * count, everyone->entries[rank].data + sizeof(statement), count * sizeof **extents);
  return RONDO_OK;
}

rondo_status agreement_reach(rondo_context *context, processes *processes, const char *function, rondo_status local,
                             const proposal *proposal, agreement *result) {
  *result = (agreement){.extents = NULL};
  statement head = {.status = 0};
  if (local == RONDO_OK && !make_digest(proposal, &head.digest))
    local = context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to begin a run");
  bool fares_well = local == RONDO_OK;
  head.status = (int32_t)local;
  head.returns_early = fares_well && proposal->returns_early;
  for (int i = 0; fares_well && i < proposal->offer_count; ++i)
    head.offers[i] = proposal->offers[i];
  size_t count = fares_well ? bind_extent_count(&proposal->program->manifest.functions[proposal->function]) : 0;
  const char *error = rondo_last_error(context);
  gathered everyone = {.entries = NULL};
  rondo_status status = gather_statements(context, processes, CALL_START, function, &head,
                                          fares_well ? (const void *)proposal->extents : error,
                                          fares_well ? count * sizeof(int64_t) : strlen(error), &everyone);
  if (status == RONDO_OK && !compare_digests(&everyone, processes->size, &result->returns_early))
    status = find_difference(context, processes, function, proposal);
  if (status == RONDO_OK)
    result->offer = find_offer(&everyone, processes->size, &head);
  if (status == RONDO_OK)
    status = copy_extents(context, processes, &everyone, count, &result->extents);
  gathered_free(&everyone);
  return status;
}

rondo_status agreement_conclude_early(rondo_context *context, processes *processes, rondo_status local) {
  if (local == RONDO_OK && processes->failure == RONDO_OK)
    return RONDO_OK;
  processes_fail(processes, local, "%s", rondo_last_error(context));
  collective_part(processes);
  return context_fail(context, processes->failure, "%s", processes->failure_text);
}

rondo_status agreement_conclude(rondo_context *context, processes *processes, const char *function,
                                rondo_status local) {
  if (processes->failure != RONDO_OK) {
    collective_part(processes);
    return context_fail(context, processes->failure, "%s", processes->failure_text);
  }
  gathered everyone = {.entries = NULL};
  statement head = {.status = (int32_t)local};
  const char *error = rondo_last_error(context);
  rondo_status status = gather_statements(context, processes, CALL_END, function, &head, error,
                                          local == RONDO_OK ? 0 : strlen(error), &everyone);
  gathered_free(&everyone);
  if (processes->failure != RONDO_OK)
    collective_part(processes);
  return status;
}
