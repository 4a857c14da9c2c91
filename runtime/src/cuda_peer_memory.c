/* Copies into the memory of GPUs of other processes. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "cuda_peer_memory.h"
#include "collective.h"
#include "failure.h"
#include "nccl_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of each pair of ranks and each stream, in the memory of the rank that waits for them. */
enum { READY = 0, ARRIVED = 1, FLAG_KINDS = 2 };
enum { FLAG_SET = 1, FLAG_CLEAR = 0, BATCH_CAPACITY = 4 };

/* What is known of another rank. */
typedef struct {
  bool within_reach;
  cuda_address flags; /* its flags, as mapped here; 0: not */
  cuda_address arena; /* its arena, as mapped here; 0: not */
  int64_t mapped;     /* the number of that arena; 0: none */
  int64_t told;       /* the number of this rank's arena that it has mapped; 0: none */
} peer_rank;

struct peer_memory {
  rondo_communicator *communicator;
  const cuda_device *device;
  cuda_address flags; /* this rank's: [ranks][STREAM_COUNT][FLAG_KINDS], by the rank that sets them */
  cuda_stream releasing;
  int64_t arena_number; /* how often the arena was allocated */
  peer_rank *peers;
};

/* What a rank says of its flags. */
typedef struct {
  char machine[40]; /* the boot of the machine; empty: it offers nothing */
  cuda_ipc_handle flags;
} offer;

/* ---- Opening and closing ---- */

static size_t flag_bytes(const peer_memory *memory) {
  return (size_t)memory->communicator->ranks * STREAM_COUNT * FLAG_KINDS * sizeof(uint32_t);
}

/* Processes share memory only on the same running kernel: containers and hosts' names do not tell. */
static void read_machine(char *text, size_t capacity) {
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (!file)
    return;
  if (!fgets(text, (int)capacity, file))
    text[0] = '\0';
  fclose(file);
}

/* Where something cannot be had, the rank offers nothing. */
static void make_offer(peer_memory *memory, offer *mine) {
  const cuda_api *api = memory->device->api;
  size_t words = flag_bytes(memory) / sizeof(uint32_t);
  cuda_result result = api->memory_allocate(&memory->flags, flag_bytes(memory));
  if (result == CUDA_OK)
    result = api->stream_create(&memory->releasing, CUDA_STREAM_NON_BLOCKING, 0);
  if (result == CUDA_OK)
    result = api->fill_32(memory->flags, flag_bytes(memory), FLAG_CLEAR, words, 1, memory->releasing);
  if (result == CUDA_OK)
    result = api->stream_synchronize(memory->releasing);
  if (result == CUDA_OK)
    result = api->ipc_get(&mine->flags, memory->flags);
  if (result == CUDA_OK)
    read_machine(mine->machine, sizeof mine->machine);
}

/* Maps the others' flags, as far as that is possible. */
static void map_flags(peer_memory *memory, const offer *everyone) {
  const cuda_api *api = memory->device->api;
  int32_t own = memory->communicator->first_rank;
  for (int32_t rank = 0; rank < memory->communicator->ranks; ++rank) {
    bool offers = everyone[own].machine[0] && strcmp(everyone[rank].machine, everyone[own].machine) == 0;
    if (rank == own || !offers)
      continue;
    if (api->ipc_open(&memory->peers[rank].flags, everyone[rank].flags, CUDA_IPC_PEER_ACCESS) != CUDA_OK)
      memory->peers[rank].flags = 0;
  }
}

/* Two ranks are within each other's reach if each has mapped the other's flags. */
static rondo_status find_reach(rondo_context *context, peer_memory *memory) {
  rondo_communicator *communicator = memory->communicator;
  size_t ranks = (size_t)communicator->ranks, own = (size_t)communicator->first_rank;
  unsigned char *mine = calloc(ranks, 1), *everyone = calloc(ranks, ranks);
  rondo_status status = mine && everyone ? RONDO_OK : context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for peers");
  for (size_t rank = 0; status == RONDO_OK && rank < ranks; ++rank)
    mine[rank] = memory->peers[rank].flags != 0;
  if (status == RONDO_OK)
    status = processes_all_gather(context, communicator->processes, mine, ranks, everyone);
  for (size_t rank = 0; status == RONDO_OK && rank < ranks; ++rank)
    memory->peers[rank].within_reach = mine[rank] && everyone[rank * ranks + own];
  free(mine);
  free(everyone);
  return status;
}

static rondo_status open_peers(rondo_context *context, peer_memory *memory, bool offers) {
  rondo_communicator *communicator = memory->communicator;
  offer mine = {.machine = ""};
  offer *everyone = calloc((size_t)communicator->ranks, sizeof *everyone);
  memory->peers = calloc((size_t)communicator->ranks, sizeof *memory->peers);
  if (!everyone || !memory->peers) {
    free(everyone);
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for %d peers", communicator->ranks);
  }
  if (offers)
    make_offer(memory, &mine);
  rondo_status status = processes_all_gather(context, communicator->processes, &mine, sizeof mine, everyone);
  if (status == RONDO_OK) {
    map_flags(memory, everyone);
    status = find_reach(context, memory);
  }
  free(everyone);
  return status;
}

rondo_status peer_memory_open(rondo_context *context, rondo_communicator *communicator, bool offers,
                              peer_memory **result) {
  peer_memory *memory = calloc(1, sizeof *memory);
  if (!memory)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for peers");
  memory->communicator = communicator;
  memory->device = communicator->executions[0].cuda->device;
  cuda_context former;
  cuda_result pushed = memory->device->api->context_push(memory->device->context);
  if (pushed != CUDA_OK) {
    free(memory);
    return cuda_context_fail(context, communicator->executions[0].cuda->device, pushed, "cannot use its context");
  }
  rondo_status status = open_peers(context, memory, offers);
  memory->device->api->context_pop(&former);
  if (status == RONDO_OK)
    *result = memory;
  else
    peer_memory_close(memory);
  return status;
}

/* It was not taken from the pool. Peers whose runs are over do not touch it any more. */
static void free_last_arena(const peer_memory *memory) {
  cuda_rank *rank = memory->communicator->executions[0].cuda;
  if (!rank || !rank->arena.address || memory->arena_number == 0)
    return;
  if (rank->has_last)
    memory->device->api->event_synchronize(rank->last);
  memory->device->api->memory_free(rank->arena.address);
  rank->arena = (cuda_block){0, 0};
}

void peer_memory_close(peer_memory *memory) {
  if (!memory)
    return;
  const cuda_api *api = memory->device->api;
  cuda_context former;
  /* What a GPU that hangs still holds is lost. */
  if (!memory->communicator->hung && api->context_push(memory->device->context) == CUDA_OK) {
    for (int32_t rank = 0; memory->peers && rank < memory->communicator->ranks; ++rank) {
      if (memory->peers[rank].arena)
        api->ipc_close(memory->peers[rank].arena);
      if (memory->peers[rank].flags)
        api->ipc_close(memory->peers[rank].flags);
    }
    free_last_arena(memory);
    if (memory->releasing)
      api->stream_destroy(memory->releasing);
    if (memory->flags)
      api->memory_free(memory->flags);
    api->context_pop(&former);
  }
  free(memory->peers);
  free(memory);
}

bool peer_memory_reaches(const peer_memory *memory, int32_t rank) { return memory && memory->peers[rank].within_reach; }

int32_t peer_memory_count(const peer_memory *memory) {
  int32_t count = 0;
  for (int32_t rank = 0; memory && rank < memory->communicator->ranks; ++rank)
    count += memory->peers[rank].within_reach;
  return count;
}

/* ---- Arenas ---- */

/* What a rank says of its arena. */
typedef struct {
  int64_t bytes, number;
  cuda_ipc_handle handle;
} arena_statement;

/* Sends `out` bytes of the host to `to`, and receives `in` bytes from `from`, unless these are 0. The thread that
 * called the runtime carries them. */
static rondo_status talk(rondo_execution *execution, const char *name, int32_t to, const void *sent, size_t out,
                         int32_t from, void *received, size_t in) {
  exchange exchange = {.to = to, .from = from, .count = 1, .bytes_out = (int64_t)out, .bytes_in = (int64_t)in};
  snprintf(exchange.name, sizeof exchange.name, "%s", name);
  exchange.transfers[0] = (rondo_transfer){.name = name,
                                           .source = sent,
                                           .source_bytes = (int64_t)out,
                                           .destination = received,
                                           .destination_bytes = (int64_t)in};
  return processes_transport.exchange(execution, RONDO_STREAM_COMPUTE, &exchange);
}

/* Lets go of the peers' arenas, and waits until they have let go of this rank's. Each pair meets when both have come to
 * it; in the order of their numbers no circle of ranks can wait for itself. */
static rondo_status unmap_arenas(rondo_execution *execution) {
  peer_memory *memory = execution->communicator->nccl->peers;
  for (int32_t number = 0; number < memory->communicator->ranks; ++number) {
    peer_rank *peer = &memory->peers[number];
    char token = 0, theirs = 0;
    if (peer->arena && memory->device->api->ipc_close(peer->arena) != CUDA_OK)
      return run_fail(execution->communicator, RONDO_RANK_FAILED, "rank %d cannot let go of the arena of rank %d",
                      execution->rank, number);
    if (!peer->mapped && !peer->told)
      continue;
    rondo_status status = talk(execution, "end of an arena", number, &token, peer->mapped ? sizeof token : 0, number,
                               &theirs, peer->told ? sizeof theirs : 0);
    if (status != RONDO_OK)
      return status;
    peer->arena = 0;
    peer->mapped = peer->told = 0;
  }
  return RONDO_OK;
}

static rondo_status free_arena(rondo_execution *execution) {
  cuda_rank *rank = execution->cuda;
  if (!rank->arena.address)
    return RONDO_OK;
  /* Runs before this one may still use it. */
  cuda_result result = rank->device->api->event_synchronize(rank->last);
  if (result == CUDA_OK) {
    rondo_status status = unmap_arenas(execution);
    if (status != RONDO_OK)
      return status;
    result = rank->device->api->memory_free(rank->arena.address);
    rank->arena = (cuda_block){0, 0};
  }
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot free the arena");
}

rondo_status peer_memory_reserve_arena(rondo_execution *execution, int64_t bytes) {
  enum { UNIT = 1 << 16 };
  peer_memory *memory = execution->communicator->nccl->peers;
  cuda_rank *rank = execution->cuda;
  const cuda_api *api = rank->device->api;
  if (bytes <= rank->arena.bytes && rank->arena.address)
    return RONDO_OK;
  if (!cuda_issuer_may_prepare(&rank->issuer))
    return RONDO_UNSUPPORTED;
  cuda_graphs_drop_all(&rank->graphs, api);
  rondo_status status = free_arena(execution);
  if (status != RONDO_OK)
    return status;
  /* Half as much again, so that it seldom happens. The ranks decide alike: whoever has less memory must not go on with
   * a smaller one. */
  int64_t size = (bytes + bytes / 2) / UNIT * UNIT + UNIT;
  cuda_address address = 0;
  cuda_result result = api->memory_allocate(&address, (size_t)size);
  if (result != CUDA_OK)
    return cuda_rank_fail(execution, result, "cannot allocate the arena");
  rank->arena = (cuda_block){address, size};
  ++memory->arena_number;
  return RONDO_OK;
}

static rondo_status map_arena(rondo_execution *execution, int32_t number, const arena_statement *theirs) {
  peer_memory *memory = execution->communicator->nccl->peers;
  int64_t bytes = execution->cuda->arena.bytes;
  if (theirs->bytes != bytes || theirs->number != memory->arena_number)
    return run_fail(execution->communicator, RONDO_RANK_FAILED,
                    "rank %d has its arena number %lld, of %lld bytes, but rank %d its number %lld, of %lld bytes",
                    execution->rank, (long long)memory->arena_number, (long long)bytes, number,
                    (long long)theirs->number, (long long)theirs->bytes);
  cuda_result result =
      memory->device->api->ipc_open(&memory->peers[number].arena, theirs->handle, CUDA_IPC_PEER_ACCESS);
  if (result != CUDA_OK)
    return cuda_rank_fail(execution, result, "cannot map a peer's arena");
  memory->peers[number].mapped = theirs->number;
  return RONDO_OK;
}

/* Tells the sender of this rank's arena and maps the receiver's, unless that was done. Whether it was does not depend
 * on what travels: all ranks do this in the same exchange. */
rondo_status peer_memory_prepare(rondo_execution *execution, const exchange *exchange) {
  peer_memory *memory = execution->communicator->nccl->peers;
  peer_rank *to = &memory->peers[exchange->to], *from = &memory->peers[exchange->from];
  bool maps = to->within_reach && to->mapped != memory->arena_number;
  bool tells = from->within_reach && from->told != memory->arena_number;
  if (!maps && !tells)
    return RONDO_OK;
  if (!cuda_issuer_may_prepare(&execution->cuda->issuer))
    return RONDO_UNSUPPORTED;
  arena_statement mine = {.bytes = execution->cuda->arena.bytes, .number = memory->arena_number}, theirs = mine;
  cuda_result result = memory->device->api->ipc_get(&mine.handle, execution->cuda->arena.address);
  if (result != CUDA_OK)
    return cuda_rank_fail(execution, result, "cannot share the arena");
  rondo_status status = talk(execution, "arena", exchange->from, &mine, tells ? sizeof mine : 0, exchange->to, &theirs,
                             maps ? sizeof theirs : 0);
  if (status == RONDO_OK && tells)
    from->told = memory->arena_number;
  return status == RONDO_OK && maps ? map_arena(execution, exchange->to, &theirs) : status;
}

/* ---- Exchanges ---- */

/* The flag of that kind that `setter` sets, in the memory that begins at `flags`. */
static cuda_address find_flag(cuda_address flags, int32_t setter, int32_t stream, int kind) {
  return flags + ((uint64_t)setter * STREAM_COUNT * FLAG_KINDS + (uint64_t)stream * FLAG_KINDS + (uint64_t)kind) *
                     sizeof(uint32_t);
}

/* Work of a stream on flags. */
typedef struct {
  cuda_stream_operation operations[BATCH_CAPACITY];
  unsigned count;
} batch;

static void add_write(batch *batch, cuda_address flag, uint32_t value) {
  batch->operations[batch->count++] =
      (cuda_stream_operation){.word = {.operation = CUDA_WRITE_VALUE, .address = flag, .value = value}};
}

static void add_wait(batch *batch, cuda_address flag) {
  batch->operations[batch->count++] = (cuda_stream_operation){
      .word = {.operation = CUDA_WAIT_VALUE, .address = flag, .value = FLAG_SET, .flags = CUDA_WAIT_EQUAL}};
  add_write(batch, flag, FLAG_CLEAR);
}

static rondo_status issue(rondo_execution *execution, int32_t stream, batch *batch) {
  cuda_rank *rank = execution->cuda;
  if (batch->count == 0)
    return RONDO_OK;
  cuda_result result = rank->device->api->stream_batch(rank->streams[stream], batch->count, batch->operations, 0);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot wait for a peer");
}

static bool receives(const peer_memory *memory, const exchange *exchange) {
  return exchange->bytes_in > 0 && peer_memory_reaches(memory, exchange->from);
}

static bool sends(const peer_memory *memory, const exchange *exchange) {
  return exchange->bytes_out > 0 && peer_memory_reaches(memory, exchange->to);
}

/* To where the peer receives the same. */
static rondo_status copy(rondo_execution *execution, int32_t stream, const exchange *exchange, int32_t number) {
  const cuda_rank *rank = execution->cuda;
  const rondo_transfer *transfer = &exchange->transfers[number];
  uint64_t offset = (uint64_t)(uintptr_t)transfer->destination - rank->arena.address;
  if (transfer->source_bytes == 0)
    return RONDO_OK;
  if (offset > (uint64_t)rank->arena.bytes || (uint64_t)transfer->source_bytes > (uint64_t)rank->arena.bytes - offset)
    return run_fail(execution->communicator, RONDO_INVALID_PROGRAM,
                    "rank %d: transfer '%s' in step %lld does not end in the arena", execution->rank, transfer->name,
                    (long long)execution->step);
  cuda_address target = execution->communicator->nccl->peers->peers[exchange->to].arena + offset;
  cuda_result result = rank->device->api->copy(target, (cuda_address)(uintptr_t)transfer->source,
                                               (size_t)transfer->source_bytes, rank->streams[stream]);
  return result == CUDA_OK ? RONDO_OK : cuda_rank_fail(execution, result, "cannot copy to a peer");
}

rondo_status peer_memory_send(rondo_execution *execution, int32_t stream, const exchange *exchange) {
  const peer_memory *memory = execution->communicator->nccl->peers;
  batch batch = {.count = 0};
  if (receives(memory, exchange))
    add_write(&batch, find_flag(memory->peers[exchange->from].flags, execution->rank, stream, READY), FLAG_SET);
  if (sends(memory, exchange))
    add_wait(&batch, find_flag(memory->flags, exchange->to, stream, READY));
  rondo_status status = issue(execution, stream, &batch);
  for (int32_t i = 0; status == RONDO_OK && sends(memory, exchange) && i < exchange->count; ++i)
    status = copy(execution, stream, exchange, i);
  return status;
}

rondo_status peer_memory_receive(rondo_execution *execution, int32_t stream, const exchange *exchange) {
  const peer_memory *memory = execution->communicator->nccl->peers;
  batch batch = {.count = 0};
  if (sends(memory, exchange))
    add_write(&batch, find_flag(memory->peers[exchange->to].flags, execution->rank, stream, ARRIVED), FLAG_SET);
  if (receives(memory, exchange))
    add_wait(&batch, find_flag(memory->flags, exchange->from, stream, ARRIVED));
  return issue(execution, stream, &batch);
}

void peer_memory_release(const peer_memory *memory) {
  const cuda_api *api = memory ? memory->device->api : NULL;
  if (!memory || !memory->releasing || api->stream_query(memory->releasing) != CUDA_OK)
    return;
  size_t words = flag_bytes(memory) / sizeof(uint32_t);
  api->fill_32(memory->flags, flag_bytes(memory), FLAG_SET, words, 1, memory->releasing);
}
