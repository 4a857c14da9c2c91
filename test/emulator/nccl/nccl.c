/* A libnccl.so.2 for the emulated GPU: transfers between processes of one machine, by files in a temporary folder.
 *
 * It has what librondo_runtime uses of NCCL, without blocking. Each group becomes work of its stream, which the
 * emulated driver does when the messages that it waits for are there; or, of a stream that is captured, nodes of a
 * graph, whose every launch sends and receives messages of its own. A message of a graph is received by a graph alone:
 * ranks capture and launch together. Graphs must go before their communicator does.
 *
 *   RONDO_EMULATOR_NCCL_VERSION  the version that it says it is; 22807 if unset
 *   RONDO_EMULATOR_NCCL_REFUSES  set: it refuses to connect ranks, as NCCL does where two are on one GPU
 *   RONDO_EMULATOR_NCCL_LOG      a file to which each process appends a line for each call that concerns memory:
 *                                "allocate", "register", "deregister", "free", with addresses and bytes
 *
 * What NCCL leaves undefined ends the process: memory that is freed while it is registered, a communicator that is
 * destroyed with memory registered, and messages of which some are in registered memory and some are not.
 *
 * Built with WITHOUT_REGISTRATION it lacks those functions, as an older NCCL does.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  SUCCESS = 0,
  UNHANDLED_CUDA_ERROR = 1,
  SYSTEM_ERROR = 2,
  INTERNAL_ERROR = 3,
  INVALID_ARGUMENT = 4,
  INVALID_USAGE = 5,
  REMOTE_ERROR = 6,
  IN_PROGRESS = 7
};
enum { MOST_RANKS = 64, MOST_OPERATIONS = 64, MOST_REGISTRATIONS = 8 };

typedef struct {
  char folder[128];
} unique_id;

/* The head of ncclConfig_t. */
typedef struct {
  size_t size;
  unsigned magic, version;
  int blocking;
} config_head;

typedef struct {
  uint64_t address; /* 0: none */
  size_t bytes;
} registration;

typedef struct ncclComm {
  char folder[128];
  int rank, ranks;
  bool connected;
  volatile bool aborted;
  pid_t processes[MOST_RANKS];
  int64_t sent[MOST_RANKS], received[MOST_RANKS]; /* messages to and from each rank */
  registration registrations[MOST_REGISTRATIONS];
  int graphs; /* groups that graphs hold */
} communicator;

typedef struct {
  bool is_send;
  int peer;
  uint64_t address;
  size_t bytes;
  char path[PATH_MAX];
} operation;

/* What was called between ncclGroupStart and ncclGroupEnd. */
typedef struct group {
  communicator *communicator;
  void *stream;
  struct group *launched; /* of a captured group: that of the present launch */
  int count;
  operation operations[MOST_OPERATIONS];
} group;

static _Thread_local group *current;
static _Thread_local int depth;

/* ---- The emulated driver ---- */

typedef int (*issue_function)(void *stream, int (*is_ready)(void *), const char *(*run)(void *), void *data);
typedef int (*capture_function)(void *stream, void *(*instantiate)(void *), int (*is_ready)(void *),
                                const char *(*run)(void *), void (*release)(void *), void *data);
typedef int (*info_function)(void *stream, int *status, uint64_t *, void **, void *, size_t *);

static void *find(const char *name) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  return library ? dlsym(library, name) : NULL;
}

/* ---- Registered memory ---- */

static _Noreturn void misuse(const char *what) {
  fprintf(stderr, "emulated NCCL: %s\n", what);
  abort();
}

static bool is_inside(const registration *registration, uint64_t address, size_t bytes) {
  return registration->address != 0 && address >= registration->address &&
         address - registration->address + bytes <= registration->bytes;
}

/* What ncclMemAlloc gave, and how many communicators have registered it. */
static registration allocations[MOST_REGISTRATIONS];
static int users[MOST_REGISTRATIONS];

static int find_allocation(uint64_t address, size_t bytes) {
  for (int i = 0; i < MOST_REGISTRATIONS; ++i)
    if (is_inside(&allocations[i], address, bytes))
      return i;
  return -1;
}

static void forget(registration *registration) {
  if (registration->address)
    --users[find_allocation(registration->address, registration->bytes)];
  registration->address = 0;
}

/* Nothing is registered, or this is. */
static bool may_travel(const communicator *communicator, uint64_t address, size_t bytes) {
  bool any = false;
  for (int i = 0; i < MOST_REGISTRATIONS; ++i) {
    if (is_inside(&communicator->registrations[i], address, bytes))
      return true;
    any |= communicator->registrations[i].address != 0;
  }
  return !any;
}

/* ---- Messages ---- */

static int is_ready(void *data) {
  const group *group = data;
  struct stat status;
  if (group->communicator->aborted)
    return 1;
  for (int i = 0; i < group->count; ++i)
    if (!group->operations[i].is_send && stat(group->operations[i].path, &status) != 0)
      return 0;
  return 1;
}

static int is_always_ready(void *data) {
  (void)data;
  return 1;
}

static const char *send_one(const operation *operation) {
  int (*copy)(void *, uint64_t, size_t) = (int (*)(void *, uint64_t, size_t))find("cuMemcpyDtoH_v2");
  char partial[PATH_MAX + 8];
  snprintf(partial, sizeof partial, "%s.part", operation->path);
  void *bytes = malloc(operation->bytes);
  FILE *file = bytes && copy && copy(bytes, operation->address, operation->bytes) == 0 ? fopen(partial, "wb") : NULL;
  bool written = file && fwrite(bytes, 1, operation->bytes, file) == operation->bytes;
  free(bytes);
  if (file)
    written = fclose(file) == 0 && written;
  /* A message is there entirely, or not at all. */
  return written && rename(partial, operation->path) == 0 ? NULL : "a message cannot be sent";
}

static const char *receive_one(const operation *operation) {
  int (*copy)(uint64_t, const void *, size_t) = (int (*)(uint64_t, const void *, size_t))find("cuMemcpyHtoD_v2");
  struct stat status;
  if (stat(operation->path, &status) != 0 || (size_t)status.st_size != operation->bytes)
    return "a message has another size than its receiver expects";
  void *bytes = malloc(operation->bytes);
  FILE *file = fopen(operation->path, "rb");
  bool read = bytes && file && fread(bytes, 1, operation->bytes, file) == operation->bytes && copy &&
              copy(operation->address, bytes, operation->bytes) == 0;
  if (file)
    fclose(file);
  free(bytes);
  unlink(operation->path);
  return read ? NULL : "a message cannot be received";
}

static const char *run(group *group, bool sends) {
  const char *error = NULL;
  for (int i = 0; i < group->count && !error && !group->communicator->aborted; ++i)
    if (group->operations[i].is_send == sends)
      error = sends ? send_one(&group->operations[i]) : receive_one(&group->operations[i]);
  return error;
}

/* Gives each message its number, in the order in which groups are issued or launched. */
static void number_messages(group *group, bool is_captured) {
  communicator *communicator = group->communicator;
  for (int i = 0; i < group->count; ++i) {
    operation *operation = &group->operations[i];
    int peer = operation->peer;
    int from = operation->is_send ? communicator->rank : peer, to = operation->is_send ? peer : communicator->rank;
    int64_t number = operation->is_send ? communicator->sent[peer]++ : communicator->received[peer]++;
    snprintf(operation->path, sizeof operation->path, "%s/%d-%d-%lld%s", communicator->folder, from, to,
             (long long)number, is_captured ? "-graph" : "");
  }
}

static const char *run_sends(void *data) { return run(data, true); }

static const char *run_receives(void *data) {
  const char *error = run(data, false);
  free(data);
  return error;
}

/* ---- Graphs ---- */

static bool is_capturing(void *stream) {
  info_function info = (info_function)find("cuStreamGetCaptureInfo_v2");
  int status = 0;
  return info && info(stream, &status, NULL, NULL, NULL, NULL) == 0 && status == 1;
}

static void *launch_sends(void *data) {
  group *captured = data, *launched = malloc(sizeof *launched);
  if (!launched)
    abort();
  *launched = *captured;
  number_messages(launched, true);
  return captured->launched = launched;
}

/* The node of the sends comes first. */
static void *launch_receives(void *data) { return ((group *)data)->launched; }

static void keep(void *data) { (void)data; }

static void release(void *data) {
  group *captured = data;
  --captured->communicator->graphs;
  free(captured);
}

static int capture(group *group) {
  capture_function capture_node = (capture_function)find("rondo_emulator_capture");
  ++group->communicator->graphs;
  if (!capture_node || capture_node(group->stream, launch_sends, is_always_ready, run_sends, keep, group) != 0)
    return SYSTEM_ERROR;
  return capture_node(group->stream, launch_receives, is_ready, run_receives, release, group) == 0 ? SUCCESS
                                                                                                   : SYSTEM_ERROR;
}

static int add(bool is_send, uint64_t address, size_t bytes, int peer, communicator *communicator, void *stream) {
  if (!current || depth == 0 || current->count == MOST_OPERATIONS || peer < 0 || peer >= communicator->ranks ||
      !communicator->connected)
    return INVALID_USAGE;
  if (!may_travel(communicator, address, bytes))
    misuse("a message outside of the memory that is registered");
  current->operations[current->count++] =
      (operation){.is_send = is_send, .peer = peer, .address = address, .bytes = bytes};
  current->communicator = communicator;
  current->stream = stream;
  return SUCCESS;
}

/* ---- NCCL's functions ---- */

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int ncclGetVersion(int *version) {
  const char *text = getenv("RONDO_EMULATOR_NCCL_VERSION");
  *version = text ? atoi(text) : 22807;
  return SUCCESS;
}

EXPORTED const char *ncclGetErrorString(int result) {
  return result == REMOTE_ERROR           ? "remote process exited or there was a network error"
         : result == INVALID_USAGE        ? "invalid usage"
         : result == UNHANDLED_CUDA_ERROR ? "unhandled cuda error"
         : result == SUCCESS              ? "no error"
                                          : "internal error";
}
EXPORTED const char *ncclGetLastError(communicator *communicator) {
  (void)communicator;
  return getenv("RONDO_EMULATOR_NCCL_REFUSES") ? "Duplicate GPU detected" : "";
}

EXPORTED int ncclGetUniqueId(unique_id *id) {
  const char *parent = getenv("TMPDIR");
  memset(id, 0, sizeof *id);
  if (snprintf(id->folder, sizeof id->folder, "%s/rondo-nccl-XXXXXX", parent ? parent : "/tmp") >= (int)sizeof *id)
    return SYSTEM_ERROR;
  return mkdtemp(id->folder) ? SUCCESS : SYSTEM_ERROR;
}

static void name_rank(const communicator *communicator, int rank, char *path, size_t capacity) {
  snprintf(path, capacity, "%s/rank-%d", communicator->folder, rank);
}

EXPORTED int ncclCommInitRankConfig(communicator **result, int ranks, unique_id id, int rank,
                                    const config_head *config) {
  if (getenv("RONDO_EMULATOR_NCCL_REFUSES"))
    return INVALID_USAGE;
  if (ranks > MOST_RANKS || rank >= ranks || config->magic != 0xcafebeef || config->blocking != 0)
    return INVALID_ARGUMENT;
  communicator *created = calloc(1, sizeof *created);
  if (!created)
    return SYSTEM_ERROR;
  memcpy(created->folder, id.folder, sizeof created->folder);
  created->rank = rank;
  created->ranks = ranks;
  char path[PATH_MAX], partial[PATH_MAX + 8];
  name_rank(created, rank, path, sizeof path);
  snprintf(partial, sizeof partial, "%s.part", path);
  FILE *file = fopen(partial, "w");
  if (!file || fprintf(file, "%ld\n", (long)getpid()) < 0 || fclose(file) != 0 || rename(partial, path) != 0) {
    free(created);
    return SYSTEM_ERROR;
  }
  *result = created;
  return IN_PROGRESS;
}

/* Reads who the others are; false: not all have come. */
static bool connects(communicator *communicator) {
  for (int rank = 0; rank < communicator->ranks; ++rank) {
    char path[PATH_MAX];
    long process = 0;
    name_rank(communicator, rank, path, sizeof path);
    FILE *file = fopen(path, "r");
    bool read = file && fscanf(file, "%ld", &process) == 1;
    if (file)
      fclose(file);
    if (!read)
      return false;
    communicator->processes[rank] = (pid_t)process;
  }
  return communicator->connected = true;
}

/* This one blocks. */
EXPORTED int ncclCommInitRank(communicator **result, int ranks, unique_id id, int rank) {
  config_head config = {.size = sizeof config, .magic = 0xcafebeef};
  int status = ncclCommInitRankConfig(result, ranks, id, rank, &config);
  if (status != IN_PROGRESS)
    return status;
  while (!connects(*result))
    usleep(100);
  return SUCCESS;
}

EXPORTED int ncclCommGetAsyncError(communicator *communicator, int *error) {
  *error = SUCCESS;
  if (!communicator->connected && !connects(communicator))
    *error = IN_PROGRESS;
  for (int rank = 0; communicator->connected && rank < communicator->ranks; ++rank)
    if (kill(communicator->processes[rank], 0) != 0 && errno == ESRCH)
      *error = REMOTE_ERROR;
  return SUCCESS;
}

EXPORTED int ncclCommFinalize(communicator *communicator) { return communicator->connected ? SUCCESS : INVALID_USAGE; }

EXPORTED int ncclCommAbort(communicator *communicator) {
  /* Its memory stays: work of streams refers to it. */
  communicator->aborted = true;
  for (int i = 0; i < MOST_REGISTRATIONS; ++i)
    forget(&communicator->registrations[i]);
  return SUCCESS;
}

EXPORTED int ncclCommDestroy(communicator *communicator) {
  for (int i = 0; i < MOST_REGISTRATIONS; ++i)
    if (communicator->registrations[i].address)
      misuse("a communicator is destroyed while memory is registered");
  if (communicator->graphs > 0) {
    fprintf(stderr, "ncclCommDestroy would wait for ever: %d groups are held by graphs\n", communicator->graphs);
    abort();
  }
  char path[PATH_MAX];
  name_rank(communicator, communicator->rank, path, sizeof path);
  unlink(path);
  rmdir(communicator->folder); /* by the last one */
  free(communicator);
  return SUCCESS;
}

EXPORTED int ncclCommCount(const communicator *communicator, int *ranks) {
  *ranks = communicator->ranks;
  return SUCCESS;
}
EXPORTED int ncclCommUserRank(const communicator *communicator, int *rank) {
  *rank = communicator->rank;
  return SUCCESS;
}
EXPORTED int ncclCommCuDevice(const communicator *communicator, int *device) {
  (void)communicator;
  *device = 0;
  return SUCCESS;
}

EXPORTED int ncclSend(const void *data, size_t count, int type, int peer, communicator *communicator, void *stream) {
  return type == 0 ? add(true, (uint64_t)(uintptr_t)data, count, peer, communicator, stream) : INVALID_ARGUMENT;
}
EXPORTED int ncclRecv(void *data, size_t count, int type, int peer, communicator *communicator, void *stream) {
  return type == 0 ? add(false, (uint64_t)(uintptr_t)data, count, peer, communicator, stream) : INVALID_ARGUMENT;
}

EXPORTED int ncclGroupStart(void) {
  if (depth++ == 0)
    current = calloc(1, sizeof *current);
  return current ? SUCCESS : SYSTEM_ERROR;
}

EXPORTED int ncclGroupEnd(void) {
  if (depth == 0)
    return INVALID_USAGE;
  if (--depth > 0)
    return SUCCESS;
  group *ended = current;
  current = NULL;
  issue_function issue = (issue_function)find("rondo_emulator_issue");
  if (!ended || ended->count == 0 || !issue) {
    free(ended);
    return issue ? SUCCESS : SYSTEM_ERROR;
  }
  if (is_capturing(ended->stream))
    return capture(ended);
  number_messages(ended, false);
  if (issue(ended->stream, is_always_ready, run_sends, ended) != 0 ||
      issue(ended->stream, is_ready, run_receives, ended) != 0)
    return SYSTEM_ERROR;
  return SUCCESS;
}

/* ---- Memory ---- */

#ifndef WITHOUT_REGISTRATION

static void write_log(const char *call, uint64_t address, size_t bytes) {
  const char *path = getenv("RONDO_EMULATOR_NCCL_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (file) {
    fprintf(file, "%ld %s 0x%llx %zu\n", (long)getpid(), call, (unsigned long long)address, bytes);
    fclose(file);
  }
}

EXPORTED int ncclMemAlloc(void **data, size_t bytes) {
  int (*allocate)(uint64_t *, size_t) = (int (*)(uint64_t *, size_t))find("cuMemAlloc_v2");
  int place = 0;
  while (place < MOST_REGISTRATIONS && allocations[place].address)
    ++place;
  uint64_t address = 0;
  if (place == MOST_REGISTRATIONS || !allocate || allocate(&address, bytes) != 0)
    return UNHANDLED_CUDA_ERROR;
  allocations[place] = (registration){address, bytes};
  write_log("allocate", address, bytes);
  *data = (void *)(uintptr_t)address;
  return SUCCESS;
}

EXPORTED int ncclMemFree(void *data) {
  int (*release)(uint64_t) = (int (*)(uint64_t))find("cuMemFree_v2");
  uint64_t address = (uint64_t)(uintptr_t)data;
  int place = find_allocation(address, 1);
  if (place < 0 || allocations[place].address != address || !release)
    misuse("memory is freed that ncclMemAlloc did not give");
  if (users[place] != 0)
    misuse("memory is freed while it is registered");
  write_log("free", address, allocations[place].bytes);
  allocations[place] = (registration){0, 0};
  return release(address) == 0 ? SUCCESS : UNHANDLED_CUDA_ERROR;
}

EXPORTED int ncclCommRegister(communicator *communicator, void *data, size_t bytes, void **handle) {
  uint64_t address = (uint64_t)(uintptr_t)data;
  int place = find_allocation(address, bytes);
  if (place < 0)
    misuse("memory is registered that ncclMemAlloc did not give");
  for (int i = 0; i < MOST_REGISTRATIONS; ++i) {
    registration *free_place = &communicator->registrations[i];
    if (free_place->address)
      continue;
    *free_place = (registration){address, bytes};
    ++users[place];
    write_log("register", address, bytes);
    *handle = free_place;
    return SUCCESS;
  }
  return INTERNAL_ERROR;
}

EXPORTED int ncclCommDeregister(communicator *communicator, void *handle) {
  registration *registered = handle;
  if (registered < communicator->registrations || registered >= communicator->registrations + MOST_REGISTRATIONS ||
      !registered->address)
    misuse("memory is deregistered that is not registered");
  write_log("deregister", registered->address, registered->bytes);
  forget(registered);
  return SUCCESS;
}

#endif
