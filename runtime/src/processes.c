/* The processes of a job: control messages, questions to ranks that are waited for, and failures. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "processes.h"
#include "clock.h"
#include "failure.h"
#include "text.h"
#include "watchdog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All processes of a job have the same byte order. */
typedef struct {
  int32_t kind;
  int32_t value;
  int64_t number;
} message_header;

/* ---- Sending ---- */

static void cannot(processes *processes, const char *what) {
  processes_fail(processes, RONDO_SYSTEM_ERROR, "rank %d: %s: %s", processes->rank, what,
                 processes->module->error(processes->wire));
}

void processes_send(processes *processes, int32_t to, message_kind kind, int32_t value, int64_t number,
                    const void *payload, size_t bytes) {
  outgoing *sent = malloc(sizeof *sent);
  unsigned char *message = malloc(sizeof(message_header) + bytes);
  if (!sent || !message) {
    free(sent);
    free(message);
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory for a message of %zu bytes", processes->rank,
                   bytes);
    return;
  }
  message_header header = {.kind = (int32_t)kind, .value = value, .number = number};
  memcpy(message, &header, sizeof header);
  if (bytes)
    memcpy(message + sizeof header, payload, bytes);
  wire_request *request = processes->module->post(processes->wire, to, CHANNEL_CONTROL, message, sizeof header + bytes);
  if (!request) {
    free(sent);
    free(message);
    /* Who tells everyone of a failure must not fail by that. */
    if (kind != MESSAGE_FAILURE)
      cannot(processes, "cannot send a message");
    return;
  }
  *sent = (outgoing){.next = processes->outgoing, .to = to, .request = request, .message = message};
  processes->outgoing = sent;
}

/* Frees what has been sent. */
static bool finish_sends(processes *processes) {
  bool any = false;
  for (outgoing **link = &processes->outgoing; *link;) {
    outgoing *sent = *link;
    wire_state state = processes->module->test(processes->wire, sent->request, NULL);
    if (state == WIRE_PENDING) {
      link = &sent->next;
      continue;
    }
    *link = sent->next;
    free(sent->message);
    free(sent);
    any = true;
  }
  return any;
}

/* ---- Failures ---- */

void processes_fail(processes *processes, rondo_status status, const char *format, ...) {
  if (processes->failure != RONDO_OK)
    return;
  processes->failure = status;
  processes->failure_origin = processes->rank;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(processes->failure_text, sizeof processes->failure_text, format, arguments);
  va_end(arguments);
  for (int32_t rank = 0; rank < processes->size; ++rank)
    if (rank != processes->rank)
      processes_send(processes, rank, MESSAGE_FAILURE, (int32_t)status, processes->rank, processes->failure_text,
                     strlen(processes->failure_text));
}

static void receive_failure(processes *processes, const message_header *header, const unsigned char *text,
                            size_t bytes) {
  if (processes->failure != RONDO_OK)
    return;
  processes->failure = (rondo_status)header->value;
  processes->failure_origin = (int32_t)header->number;
  snprintf(processes->failure_text, sizeof processes->failure_text, "%.*s", (int)bytes, (const char *)text);
}

rondo_status processes_check(rondo_context *context, const processes *processes) {
  if (processes->failure != RONDO_OK)
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "the communicator has failed before (%s): destroy it and create another, which needs every "
                        "process",
                        processes->failure_text);
  if (!processes->module->allows_thread(processes->wire))
    return context_fail(context, RONDO_INVALID_ARGUMENT,
                        "MPI was initialised for its main thread alone, and this is another: initialise it with "
                        "MPI_THREAD_SERIALIZED");
  return RONDO_OK;
}

/* ---- Questions and answers ---- */

int64_t processes_interval(int64_t timeout) {
  const int64_t least = NANOSECONDS / 1000, most = NANOSECONDS / 4;
  int64_t interval = timeout / 8 < most ? timeout / 8 : most;
  return interval > least ? interval : least;
}

/* The other process by which all messages go, or -1. */
static int32_t get_router(const processes *processes) {
  int32_t router = processes->module->router ? processes->module->router(processes->wire) : -1;
  return router == processes->rank ? -1 : router;
}

/* One question at a time: a process that is in no call of the runtime answers later. */
static void question(processes *processes, int32_t rank, int32_t stream, int64_t now) {
  peer *peer = &processes->peers[rank];
  if (peer->asked > peer->answered)
    return;
  peer->asked = now;
  processes_send(processes, rank, MESSAGE_QUESTION, stream, 0, NULL, 0);
}

/* Asks a rank for which this one has waited since `since`, if it is time. Where messages go by another process, this
 * one asks itself, too: without an answer it is that other one which is silent. */
static void ask(processes *processes, int32_t rank, int32_t stream, int64_t since, int64_t now) {
  peer *peer = &processes->peers[rank];
  int64_t last = clock_later(since, clock_later(peer->asked, peer->answered));
  if (processes->timeout == 0 || now - last < processes_interval(processes->timeout))
    return;
  question(processes, rank, stream, now);
  if (get_router(processes) >= 0)
    question(processes, processes->rank, stream, now);
}

static void ask_all(processes *processes) {
  int64_t now = clock_now();
  rondo_communicator *communicator = processes->communicator;
  stream_id waited[STREAM_COUNT];
  int64_t since[STREAM_COUNT];
  pthread_mutex_lock(&communicator->lock);
  for (int s = 0; s < STREAM_COUNT; ++s) {
    waited[s] = communicator->executions[0].streams[s].waits_for;
    since[s] = communicator->executions[0].streams[s].progress;
  }
  pthread_mutex_unlock(&communicator->lock);
  for (int s = 0; s < STREAM_COUNT; ++s)
    if (waited[s].rank >= 0 && waited[s].rank != processes->rank)
      ask(processes, waited[s].rank, s, since[s], now);
  if (processes->collective.waits_for >= 0)
    ask(processes, processes->collective.waits_for, -1, processes->collective.since, now);
}

/* Since when this process has made no progress, as seen by a rank that waits for a stream of it. */
static int64_t own_progress(const processes *processes, int32_t stream, char *state, size_t capacity) {
  rondo_communicator *communicator = processes->communicator;
  pthread_mutex_lock(&communicator->lock);
  bool runs = communicator->running > 0;
  int64_t progress = 0;
  if (runs)
    progress = watchdog_progress_locked(communicator, stream < 0 ? RONDO_STREAM_COMPUTE : stream, state, capacity);
  pthread_mutex_unlock(&communicator->lock);
  if (runs)
    return progress;
  const collective *collective = &processes->collective;
  if (collective->call == CALL_NONE)
    return clock_now();
  if (stream >= 0 && collective->call == CALL_END) {
    snprintf(state, capacity, "rank %d has finished", processes->rank);
    return collective->since;
  }
  if (collective->waits_for < 0)
    return clock_now();
  snprintf(state, capacity, "it waits for rank %d", collective->waits_for);
  return clock_later(collective->since, processes_peer_progress(processes, collective->waits_for));
}

static void answer(processes *processes, int32_t from, int32_t stream) {
  char state[STATE_CAPACITY] = "";
  int64_t age = clock_now() - own_progress(processes, stream, state, sizeof state);
  processes_send(processes, from, MESSAGE_ANSWER, 0, age > 0 ? age : 0, state, strlen(state));
}

static void receive_answer(processes *processes, int32_t from, int64_t age, const unsigned char *state, size_t bytes) {
  peer *peer = &processes->peers[from];
  peer->answered = clock_now();
  peer->progress = peer->answered - age;
  snprintf(peer->state, sizeof peer->state, "%.*s", (int)bytes, (const char *)state);
}

/* ---- Time-outs of others ---- */

int64_t processes_peer_progress(const processes *processes, int32_t rank) { return processes->peers[rank].progress; }

/* Whoever lives answers soon, though a busy machine may leave it without a processor for a while. */
static bool is_silent(const processes *processes, int32_t rank) {
  const peer *peer = &processes->peers[rank];
  return peer->asked > peer->answered && clock_now() - peer->asked > processes->timeout / 4 * 3;
}

/* A rank's own watchdog comes first, then those who notice that a rank is silent, then those who wait for them. */
int64_t processes_patience(const processes *processes, int32_t rank) {
  int64_t slack = processes->timeout / 2 < NANOSECONDS ? processes->timeout / 2 : NANOSECONDS;
  return processes->timeout + (is_silent(processes, rank) ? slack / 2 : slack);
}

void processes_describe_peer(const processes *processes, int32_t rank, char *text, size_t capacity) {
  const peer *peer = &processes->peers[rank];
  int32_t router = get_router(processes);
  text[0] = '\0';
  if (is_silent(processes, rank) && router >= 0 && router != rank && is_silent(processes, processes->rank))
    text_append(text, capacity, "rank %d, by which ranks ask each other, does not answer: was it stopped?", router);
  else if (is_silent(processes, rank))
    text_append(text, capacity,
                "rank %d does not answer: was it killed or stopped, or is it in no call of the runtime?", rank);
  else
    text_append(text, capacity, "%s", peer->state[0] ? peer->state : "it answers, but makes none either");
}

/* A collective fails if whom it waits for is silent for too long. */
static void check_collective(processes *processes) {
  collective *collective = &processes->collective;
  if (processes->timeout == 0 || collective->waits_for < 0 || processes->failure != RONDO_OK)
    return;
  int32_t rank = collective->waits_for;
  int64_t progress = clock_later(collective->since, processes_peer_progress(processes, rank));
  if (clock_now() - progress <= processes_patience(processes, rank))
    return;
  char what[STATE_CAPACITY], state[STATE_CAPACITY];
  collective_describe(processes, collective->call, what, sizeof what);
  processes_describe_peer(processes, rank, state, sizeof state);
  processes_fail(processes, RONDO_TIMED_OUT, "rank %d: no progress in %s with rank %d within %g s (%s)",
                 processes->rank, what, rank, (double)processes->timeout / NANOSECONDS, state);
}

/* ---- Lost connections ---- */

/* Whether a rank that is lost keeps this process from going on, and from what. In a run all depend on all; elsewhere
 * others may have done their part, and a process may end once it has done its own. */
static bool is_kept(processes *processes, int32_t lost, char *what, size_t capacity) {
  rondo_communicator *communicator = processes->communicator;
  pthread_mutex_lock(&communicator->lock);
  bool runs = communicator->running > 0;
  what[0] = '\0';
  if (runs) {
    const stream *stream = &communicator->executions[0].streams[RONDO_STREAM_COMPUTE];
    const char *operation = stream->operation ? stream->operation : communicator->plan->function;
    text_append(what, capacity, "%s'%s' in step %lld", stream->operation && stream->is_exchange ? "exchange " : "",
                operation, (long long)stream->step);
  }
  pthread_mutex_unlock(&communicator->lock);
  if (runs) {
    /* One rank speaks for all; should it not, the others do. */
    bool speaks = (lost + 1) % processes->size == processes->rank;
    return speaks || clock_now() - processes->lost_since > NANOSECONDS / 3;
  }
  collective_describe(processes, processes->collective.call, what, capacity);
  return processes->collective.call != CALL_NONE && processes->collective.waits_for == lost;
}

/* Fails if a process is gone that is needed. */
static void check_lost(processes *processes) {
  int32_t orderly = 0;
  int32_t lost = processes->module->lost ? processes->module->lost(processes->wire, &orderly) : -1;
  if (lost < 0 || processes->failure != RONDO_OK)
    return;
  if (processes->lost_since == 0)
    processes->lost_since = clock_now();
  char what[STATE_CAPACITY];
  if (is_kept(processes, lost, what, sizeof what))
    processes_fail(processes, RONDO_RANK_FAILED, "rank %d lost rank %d in %s: %s", processes->rank, lost, what,
                   orderly ? "it has destroyed its communicator"
                           : "its connection was closed; was it killed, or did it crash?");
}

/* ---- Receiving ---- */

/* Takes over `message`. */
static void receive(processes *processes, int32_t from, void *message, size_t bytes) {
  message_header header;
  if (bytes < sizeof header) {
    free(message);
    return;
  }
  memcpy(&header, message, sizeof header);
  unsigned char *payload = (unsigned char *)message + sizeof header;
  bytes -= sizeof header;
  if (header.kind == MESSAGE_UP || header.kind == MESSAGE_DOWN) {
    incoming *part = malloc(sizeof *part);
    if (part) {
      *part = (incoming){.from = from,
                         .kind = header.kind,
                         .call = header.value,
                         .number = header.number,
                         .bytes = bytes,
                         .payload = payload,
                         .message = message};
      collective_receive(processes, part);
      return;
    }
    processes_fail(processes, RONDO_OUT_OF_MEMORY, "rank %d: no memory for a message", processes->rank);
  } else if (header.kind == MESSAGE_QUESTION) {
    answer(processes, from, header.value);
  } else if (header.kind == MESSAGE_ANSWER) {
    receive_answer(processes, from, header.number, payload, bytes);
  } else if (header.kind == MESSAGE_FAILURE) {
    receive_failure(processes, &header, payload, bytes);
  }
  free(message);
}

static bool take_messages(processes *processes) {
  for (bool any = false;; any = true) {
    int32_t from = 0;
    void *message = NULL;
    size_t bytes = 0;
    wire_state state = processes->module->take(processes->wire, CHANNEL_CONTROL, &from, &message, &bytes);
    if (state == WIRE_DONE) {
      receive(processes, from, message, bytes);
      continue;
    }
    if (state == WIRE_FAILED)
      cannot(processes, "cannot receive messages");
    return any;
  }
}

/* ---- Progress ---- */

bool processes_progress(processes *processes) {
  bool any = finish_sends(processes);
  any |= take_messages(processes);
  any |= flights_progress(processes);
  ask_all(processes);
  check_collective(processes);
  check_lost(processes);
  if (any)
    processes->last_event = clock_now();
  return any;
}

int64_t processes_pause(const processes *processes) {
  /* A fourth of what has been waited is never much later than at once. */
  const int64_t least = 5000, most = 500000;
  int64_t pause = (clock_now() - processes->last_event) / 4;
  return pause < least ? least : pause > most ? most : pause;
}

void processes_share_failure_locked(processes *processes) {
  rondo_communicator *communicator = processes->communicator;
  if (communicator->failure != RONDO_OK)
    processes_fail(processes, communicator->failure, "%s", communicator->failure_text);
  else if (processes->failure != RONDO_OK)
    run_fail_locked(communicator, processes->failure, "%s", processes->failure_text);
}

void processes_wait_locked(processes *processes) {
  rondo_communicator *communicator = processes->communicator;
  processes_share_failure_locked(processes);
  pthread_mutex_unlock(&communicator->lock);
  bool any = processes_progress(processes);
  pthread_mutex_lock(&communicator->lock);
  processes_share_failure_locked(processes);
  if (any || communicator->running == 0)
    return;
  /* A rank that posts an exchange, or finishes, signals. */
  struct timespec deadline = clock_timespec(clock_now() + processes_pause(processes));
  pthread_cond_timedwait(&communicator->finished, &communicator->lock, &deadline);
}

/* ---- Opening and closing ---- */

rondo_status processes_open(rondo_context *context, rondo_communicator *communicator, const wire_module *module,
                            const void *application, processes **result) {
  processes *created = calloc(1, sizeof *created);
  if (!created)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for a communicator");
  char error[512] = "";
  if (module->open(application, communicator->timeout, &created->wire, error, sizeof error) != 0) {
    free(created);
    return context_fail(context, RONDO_SYSTEM_ERROR, "cannot create the communicator: %s", error);
  }
  created->module = module;
  created->communicator = communicator;
  created->timeout = communicator->timeout;
  created->rank = module->rank(created->wire);
  created->size = module->size(created->wire);
  created->collective.waits_for = -1;
  created->failure_origin = -1;
  created->peers = calloc((size_t)created->size, sizeof *created->peers);
  *result = created;
  if (created->peers)
    return RONDO_OK;
  processes_close(created);
  *result = NULL;
  return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for a communicator");
}

void processes_close(processes *processes) {
  if (!processes)
    return;
  /* Messages that were never sent entirely keep their memory: the library may still read it. */
  for (outgoing *sent = processes->outgoing; sent;) {
    outgoing *next = sent->next;
    if (processes->module->test(processes->wire, sent->request, NULL) != WIRE_PENDING) {
      free(sent->message);
      free(sent);
    }
    sent = next;
  }
  for (incoming *message = processes->early; message;) {
    incoming *next = message->next;
    free(message->message);
    free(message);
    message = next;
  }
  processes->module->close(processes->wire, processes->failure == RONDO_OK || processes->parted);
  free(processes->collective.entries);
  free(processes->peers);
  free(processes);
}
