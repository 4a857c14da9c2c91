/* NCCL, taken from the process if it is loaded there already, else by dlopen: a communicator that an application hands
 * in belongs to the copy that made it. Declared here, so that no header of NCCL is needed to build. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_NCCL_LIBRARY_H
#define RONDO_SRC_NCCL_LIBRARY_H

#include "context.h"

/* The oldest version that knows all that is used here, as ncclGetVersion counts. */
enum { NCCL_OLDEST_VERSION = 22700 };

typedef enum { NCCL_SUCCESS = 0, NCCL_REMOTE_ERROR = 6, NCCL_IN_PROGRESS = 7 } nccl_result;
enum { NCCL_INT8 = 0 }; /* ncclDataType_t: everything travels as bytes */

typedef struct ncclComm *nccl_communicator;
typedef struct {
  char bytes[128];
} nccl_unique_id;

/* ncclConfig_t, as it was in version 2.27; later versions append fields, and take their defaults by `size`. */
typedef struct {
  size_t size;
  unsigned magic, version;
  int blocking, cluster_size, min_ctas, max_ctas;
  const char *network;
  int split_share, traffic_class;
  const char *name;
  int collnet_enable, cta_policy, shrink_share, nvls_ctas;
} nccl_config;

/* A configuration in which everything has its default. */
nccl_config nccl_default_config(void);

typedef struct {
  nccl_result (*get_version)(int *version);
  nccl_result (*get_unique_id)(nccl_unique_id *id);
  nccl_result (*init_rank_config)(nccl_communicator *communicator, int ranks, nccl_unique_id id, int rank,
                                  nccl_config *config);
  nccl_result (*finalize)(nccl_communicator communicator);
  nccl_result (*destroy)(nccl_communicator communicator);
  nccl_result (*abort)(nccl_communicator communicator);
  nccl_result (*get_async_error)(nccl_communicator communicator, nccl_result *error);
  nccl_result (*count)(nccl_communicator communicator, int *ranks);
  nccl_result (*device)(nccl_communicator communicator, int *device);
  nccl_result (*user_rank)(nccl_communicator communicator, int *rank);
  nccl_result (*group_start)(void);
  nccl_result (*group_end)(void);
  nccl_result (*send)(const void *data, size_t count, int type, int peer, nccl_communicator communicator, void *stream);
  nccl_result (*receive)(void *data, size_t count, int type, int peer, nccl_communicator communicator, void *stream);
  /* Memory that NCCL sends from and receives into without a copy in between; all NULL if it lacks one of them. */
  nccl_result (*allocate)(void **data, size_t bytes);
  nccl_result (*free)(void *data);
  nccl_result (*register_memory)(nccl_communicator communicator, void *data, size_t bytes, void **handle);
  nccl_result (*deregister_memory)(nccl_communicator communicator, void *handle);
  const char *(*get_error_string)(nccl_result result);
  const char *(*get_last_error)(nccl_communicator communicator);
  int version;
} nccl_library;

/* The library, loaded once in a process. RONDO_NCCL names another file than libnccl.so.2. Fails if it is missing, or
 * older than NCCL_OLDEST_VERSION: the text says what was looked for and found. */
rondo_status nccl_library_get(rondo_context *context, const nccl_library **library);

#endif /* RONDO_SRC_NCCL_LIBRARY_H */
