/* Collectives over control messages. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "collective.h"
#include "clock.h"
#include "text.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a message, before the bytes that a rank gave. */
typedef struct {
  int64_t rank;
  int64_t bytes;
} entry_header;

void collective_describe(const processes *processes, collective_call call, char *text, size_t capacity) {
  const char *function = processes->collective.function;
  text[0] = '\0';
  switch (call) {
  case CALL_START:
  case CALL_COMPARE:
    text_append(text, capacity, "the start of '%s'", function ? function : "a run");
    return;
  case CALL_END:
    text_append(text, capacity, "the end of '%s'", function ? function : "a run");
    return;
  case CALL_ALL_GATHER:
    text_append(text, capacity, "an all-gather");
    return;
  case CALL_GATHER:
    text_append(text, capacity, "a gather");
    return;
  case CALL_NONE:
    return;
  }
}

/* ---- The tree ---- */

static int32_t parent(const processes *processes) { return processes->rank == 0 ? -1 : (processes->rank - 1) / 2; }

static bool is_child(const processes *processes, int32_t rank) { return rank > 0 && (rank - 1) / 2 == processes->rank; }

static int32_t child_count(const processes *processes) {
  int64_t first = 2 * (int64_t)processes->rank + 1;
  return (first < processes->size) + (first + 1 < processes->size);
}

static void wait_for(processes *processes, int32_t rank) {
  processes->collective.waits_for = rank;
  processes->collective.since = clock_now();
}

static bool append(processes *processes, const void *data, size_t bytes) {
  collective *collective = &processes->collective;
  if (collective->bytes + bytes > collective->capacity) {
    size_t capacity = 2 * collective->capacity + bytes;
    unsigned char *entries = realloc(collective->entries, capacity);
    if (!entries) {
      processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory to gather %zu bytes", processes->rank,
                     collective->bytes + bytes);
      return false;
    }
    collective->entries = entries;
    collective->capacity = capacity;
  }
  if (bytes)
    memcpy(collective->entries + collective->bytes, data, bytes);
  collective->bytes += bytes;
  return true;
}

/* Everyone's entries are here: passes them on. */
static void complete(processes *processes) {
  collective *collective = &processes->collective;
  for (int32_t i = 0; i < child_count(processes); ++i)
    processes_send(processes, 2 * processes->rank + 1 + i, MESSAGE_DOWN, (int32_t)collective->call, collective->number,
                   collective->entries, collective->bytes);
  collective->complete = true;
  collective->waits_for = -1;
}

/* The entries of this rank's subtree are here: gives them to the parent, and waits for all. */
static void subtree_is_complete(processes *processes) {
  collective *collective = &processes->collective;
  if (processes->rank == 0) {
    complete(processes);
    return;
  }
  processes_send(processes, parent(processes), MESSAGE_UP, (int32_t)collective->call, collective->number,
                 collective->entries, collective->bytes);
  wait_for(processes, parent(processes));
}

/* Which child has not sent its part. */
static int32_t missing_child(const processes *processes, const bool *arrived) {
  for (int32_t i = 0; i < child_count(processes); ++i)
    if (!arrived[i])
      return 2 * processes->rank + 1 + i;
  return -1;
}

static void accept(processes *processes, const incoming *message) {
  collective *collective = &processes->collective;
  if (message->kind == MESSAGE_DOWN) {
    collective->bytes = 0;
    if (append(processes, message->payload, message->bytes))
      complete(processes);
    return;
  }
  if (!is_child(processes, message->from) || !append(processes, message->payload, message->bytes))
    return;
  bool arrived[2] = {false, false};
  arrived[message->from - (2 * processes->rank + 1)] = true;
  if (--collective->children > 0)
    wait_for(processes, missing_child(processes, arrived));
  else
    subtree_is_complete(processes);
}

static void free_message(incoming *message) {
  free(message->message);
  free(message);
}

/* Ranks that make different calls would exchange what they do not expect. */
static bool check_call(processes *processes, const incoming *message) {
  collective *collective = &processes->collective;
  if (message->call == (int32_t)collective->call)
    return true;
  char mine[STATE_CAPACITY], theirs[STATE_CAPACITY];
  collective_describe(processes, collective->call, mine, sizeof mine);
  collective_describe(processes, (collective_call)message->call, theirs, sizeof theirs);
  processes_fail(processes, RONDO_INVALID_ARGUMENT,
                 "rank %d is in %s, but rank %d in %s: every rank must make the same calls in the same order",
                 processes->rank, mine, message->from, theirs);
  return false;
}

void collective_receive(processes *processes, incoming *message) {
  collective *collective = &processes->collective;
  bool is_current = collective->call != CALL_NONE && !collective->complete && message->number == collective->number;
  if (!is_current) {
    message->next = processes->early;
    processes->early = message;
    return;
  }
  if (check_call(processes, message))
    accept(processes, message);
  free_message(message);
}

/* Takes the messages that came before this process began the collective. */
static void receive_early(processes *processes) {
  incoming *early = processes->early;
  processes->early = NULL;
  while (early) {
    incoming *next = early->next;
    collective_receive(processes, early);
    early = next;
  }
}

static void begin(processes *processes, collective_call call, const char *function, const void *data, size_t bytes) {
  collective *collective = &processes->collective;
  ++collective->number;
  collective->call = call;
  collective->function = function;
  collective->bytes = 0;
  collective->complete = false;
  collective->children = child_count(processes);
  processes->last_event = clock_now();
  entry_header header = {.rank = processes->rank, .bytes = (int64_t)bytes};
  if (!append(processes, &header, sizeof header) || !append(processes, data, bytes))
    return;
  if (collective->children == 0) {
    subtree_is_complete(processes);
  } else {
    const bool arrived[2] = {false, false};
    wait_for(processes, missing_child(processes, arrived));
  }
  receive_early(processes);
}

static void end(processes *processes) {
  processes->collective.call = CALL_NONE;
  processes->collective.function = NULL;
  processes->collective.waits_for = -1;
}

/* Ranks that are together answer within microseconds, which is less than the shortest sleep. */
static void pause_if_idle(processes *processes, bool any) {
  enum { SOON = 200000 };
  struct timespec pause = clock_timespec(processes_pause(processes));
  if (any)
    return;
  if (clock_now() - processes->last_event < SOON)
    sched_yield();
  else
    nanosleep(&pause, NULL);
}

/* To whom the oldest message goes. */
static int32_t oldest_receiver(const outgoing *sent) {
  while (sent->next)
    sent = sent->next;
  return sent->to;
}

/* Nobody shall wait for a message that this process holds. */
static void flush(processes *processes) {
  while (processes->outgoing && processes->failure == RONDO_OK) {
    int32_t to = oldest_receiver(processes->outgoing);
    if (processes->collective.waits_for != to)
      wait_for(processes, to);
    pause_if_idle(processes, processes_progress(processes));
  }
}

/* ---- All-gather ---- */

/* Finds each rank's entry. */
static rondo_status index_entries(rondo_context *context, processes *processes, gathered *result) {
  collective *collective = &processes->collective;
  result->entries = calloc((size_t)processes->size, sizeof *result->entries);
  if (!result->entries)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for what %d ranks gave", processes->size);
  for (size_t at = 0; at < collective->bytes;) {
    entry_header header;
    memcpy(&header, collective->entries + at, sizeof header);
    at += sizeof header;
    result->entries[header.rank] = (gathered_entry){.data = collective->entries + at, .bytes = (size_t)header.bytes};
    at += (size_t)header.bytes;
  }
  result->memory = collective->entries;
  collective->entries = NULL;
  collective->bytes = collective->capacity = 0;
  return RONDO_OK;
}

static rondo_status failed(rondo_context *context, const processes *processes) {
  return context_fail(context, processes->failure, "%s", processes->failure_text);
}

rondo_status collective_all_gather(rondo_context *context, processes *processes, collective_call call,
                                   const char *function, const void *data, size_t bytes, gathered *result) {
  *result = (gathered){.entries = NULL};
  if (processes->failure != RONDO_OK)
    return failed(context, processes);
  begin(processes, call, function, data, bytes);
  while (!processes->collective.complete && processes->failure == RONDO_OK)
    pause_if_idle(processes, processes_progress(processes));
  flush(processes);
  rondo_status status =
      processes->failure != RONDO_OK ? failed(context, processes) : index_entries(context, processes, result);
  end(processes);
  return status;
}

void gathered_free(gathered *gathered) {
  free(gathered->entries);
  free(gathered->memory);
  *gathered = (struct gathered){.entries = NULL};
}

void collective_part(processes *processes) {
  if (processes->failure == RONDO_OK || processes->has_parted)
    return;
  processes->has_parted = true;
  /* A rank that is silent will not come. */
  bool may_come = processes->failure != RONDO_TIMED_OUT;
  int64_t deadline = clock_now() + (may_come ? NANOSECONDS / 2 : NANOSECONDS / 5);
  /* Ranks may have failed in different calls; this one is the last of all. */
  processes->collective.number = INT64_MAX - 1;
  begin(processes, CALL_END, NULL, NULL, 0);
  while ((!processes->collective.complete || processes->outgoing) && clock_now() < deadline)
    pause_if_idle(processes, processes_progress(processes));
  processes->parted = processes->collective.complete && !processes->outgoing;
  end(processes);
}

static rondo_status check_sizes(rondo_context *context, const gathered *everyone, int32_t ranks) {
  for (int32_t rank = 1; rank < ranks; ++rank)
    if (everyone->entries[rank].bytes != everyone->entries[0].bytes)
      return context_fail(context, RONDO_INVALID_ARGUMENT,
                          "rank %d gives %zu bytes to an all-gather, but rank 0 gives %zu", rank,
                          everyone->entries[rank].bytes, everyone->entries[0].bytes);
  return RONDO_OK;
}

rondo_status processes_all_gather(rondo_context *context, processes *processes, const void *data, size_t bytes,
                                  void *result) {
  gathered everyone;
  rondo_status status = collective_all_gather(context, processes, CALL_ALL_GATHER, NULL, data, bytes, &everyone);
  if (status == RONDO_OK)
    status = check_sizes(context, &everyone, processes->size);
  for (int32_t rank = 0; status == RONDO_OK && bytes > 0 && rank < processes->size; ++rank)
    memcpy((char *)result + (size_t)rank * bytes, everyone.entries[rank].data, bytes);
  gathered_free(&everyone);
  collective_part(processes);
  return status;
}

/* ---- Gather on rank 0 ---- */

/* Tests messages in order; -1 once all are done, else the index of the first that is not. */
static int32_t first_pending(processes *processes, wire_request **requests, int32_t count, const size_t *sizes) {
  for (int32_t i = 0; i < count; ++i) {
    size_t bytes = 0;
    if (!requests[i])
      continue;
    wire_state state = processes->module->test(processes->wire, requests[i], &bytes);
    if (state == WIRE_PENDING)
      return i;
    requests[i] = NULL;
    if (state == WIRE_FAILED)
      processes_fail(processes, RONDO_SYSTEM_ERROR, "rank %d: a gather with rank %d: %s", processes->rank, i,
                     processes->module->error(processes->wire));
    else if (sizes && bytes != sizes[i])
      processes_fail(processes, RONDO_INVALID_ARGUMENT, "rank %d gives %zu bytes to a gather, but rank 0 expects %zu",
                     i, bytes, sizes[i]);
    else
      processes->last_event = clock_now();
  }
  return -1;
}

static void await_messages(processes *processes, wire_request **requests, int32_t count, const size_t *sizes) {
  processes->collective.call = CALL_GATHER;
  while (processes->failure == RONDO_OK) {
    int32_t pending = first_pending(processes, requests, count, sizes);
    if (pending < 0)
      break;
    if (processes->collective.waits_for != pending)
      wait_for(processes, pending);
    pause_if_idle(processes, processes_progress(processes));
  }
  end(processes);
}

static void receive_all(processes *processes, const void *data, size_t bytes, void *const *gathered,
                        const size_t *sizes) {
  wire_request **requests = calloc((size_t)processes->size, sizeof *requests);
  if (!requests) {
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank 0: no memory to gather from %d ranks", processes->size);
    return;
  }
  if (bytes != sizes[0])
    processes_fail(processes, RONDO_INVALID_ARGUMENT, "rank 0 gives %zu bytes to a gather, but expects %zu", bytes,
                   sizes[0]);
  else if (bytes)
    memcpy(gathered[0], data, bytes);
  for (int32_t rank = 1; rank < processes->size && processes->failure == RONDO_OK; ++rank) {
    requests[rank] = processes->module->receive(processes->wire, rank, CHANNEL_GATHER, gathered[rank], sizes[rank]);
    if (!requests[rank])
      processes_fail(processes, RONDO_SYSTEM_ERROR, "rank 0: cannot gather from rank %d: %s", rank,
                     processes->module->error(processes->wire));
  }
  await_messages(processes, requests, processes->size, sizes);
  free(requests);
}

static void send_mine(processes *processes, const void *data, size_t bytes) {
  wire_request *request = processes->module->send(processes->wire, 0, CHANNEL_GATHER, data, bytes);
  if (!request)
    processes_fail(processes, RONDO_SYSTEM_ERROR, "rank %d: cannot send to a gather: %s", processes->rank,
                   processes->module->error(processes->wire));
  else
    await_messages(processes, &request, 1, NULL);
}

rondo_status collective_gather(rondo_context *context, processes *processes, const void *data, size_t bytes,
                               void *const *gathered_data, const size_t *sizes) {
  if (processes->rank == 0)
    receive_all(processes, data, bytes, gathered_data, sizes);
  else
    send_mine(processes, data, bytes);
  /* Nobody leaves before rank 0 has everything. */
  gathered everyone;
  rondo_status status = collective_all_gather(context, processes, CALL_GATHER, NULL, NULL, 0, &everyone);
  gathered_free(&everyone);
  return status;
}
