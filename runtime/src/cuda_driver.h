/* The part of the CUDA driver that the runtime uses: its types, its functions, its error texts.
 *
 * It is declared here and loaded with dlopen, so that the runtime is built without a toolkit and starts without a
 * driver. Names and layouts are the driver's; see its documentation for what a function does. C and C++.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_CUDA_DRIVER_H
#define RONDO_SRC_CUDA_DRIVER_H

#include "rondo/cuda_abi.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int cuda_result;
typedef uint64_t cuda_address; /* in the memory of a device */
typedef struct cuda_context_handle *cuda_context;
typedef struct cuda_module_handle *cuda_library;
typedef struct cuda_function_handle *cuda_function;
typedef struct cuda_stream_handle *cuda_stream; /* NULL: the default stream */
typedef struct cuda_event_handle *cuda_event;
typedef struct cuda_pool_handle *cuda_pool;
typedef struct cuda_graph_handle *cuda_graph;
typedef struct cuda_executable_handle *cuda_executable; /* a graph that can be launched */
typedef struct cuda_node_handle *cuda_node;

enum {
  CUDA_OK = 0,
  CUDA_OUT_OF_MEMORY = 2,
  CUDA_NO_DEVICE = 100,
  CUDA_INVALID_IMAGE = 200,
  CUDA_NO_BINARY_FOR_GPU = 209,
  CUDA_PEER_ACCESS_UNSUPPORTED = 217,
  CUDA_INVALID_PTX = 218,
  CUDA_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_NOT_FOUND = 500,
  CUDA_NOT_READY = 600,
  CUDA_PEER_ACCESS_ALREADY_ENABLED = 704,
  CUDA_TOO_MANY_PEERS = 711,
  CUDA_LAUNCH_FAILED = 719
};

/* Attributes of devices, functions, pools and pointers. */
enum {
  CUDA_MULTIPROCESSORS = 16,
  CUDA_MAJOR = 75,
  CUDA_MINOR = 76,
  CUDA_SHARED_BYTES_LIMIT = 97,
  CUDA_POOLS_SUPPORTED = 115
};
enum { CUDA_FUNCTION_THREADS_LIMIT = 0, CUDA_FUNCTION_DYNAMIC_SHARED_BYTES = 8 };
enum { CUDA_POOL_RELEASE_THRESHOLD = 4 };
enum { CUDA_POINTER_DEVICE = 9 };

enum { CUDA_STREAM_NON_BLOCKING = 1 };
enum { CUDA_EVENT_TIMED = 0, CUDA_EVENT_UNTIMED = 2 };
enum { CUDA_CAPTURE_THREAD_LOCAL = 1 };
enum { CUDA_GRAPH_NODE_PRIORITIES = 8 };

/* Of tensor maps. */
enum { CUDA_ELEMENT_FLOAT16 = 6, CUDA_ELEMENT_BFLOAT16 = 9 };
enum { CUDA_NO_INTERLEAVE = 0, CUDA_SWIZZLE_128 = 3, CUDA_PROMOTE_256 = 3, CUDA_FILL_ZEROS = 0 };

enum { CUDA_ATTRIBUTE_CLUSTER = 4, CUDA_ATTRIBUTE_PROGRAMMATIC = 6 };

typedef struct {
  int id;
  char padding[4];
  union {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } cluster;
    int programmatic;
  } value;
} cuda_launch_attribute;

typedef struct {
  unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
  cuda_stream stream;
  cuda_launch_attribute *attributes;
  unsigned attribute_count;
} cuda_launch_configuration;

typedef struct {
  int type; /* 1: a device */
  int id;
} cuda_location;

typedef struct {
  int allocation_type; /* 1: memory that stays where it is */
  int handle_types;
  cuda_location location;
  void *security_attributes;
  size_t largest_size;
  unsigned short usage;
  unsigned char reserved[54];
} cuda_pool_properties;

typedef struct {
  cuda_location location;
  int flags; /* 3: reads and writes */
} cuda_access;

enum { CUDA_MEMORY_DEVICE = 2 };

typedef struct {
  size_t source_x, source_y;
  int source_type;
  const void *source_host;
  cuda_address source;
  void *source_array;
  size_t source_pitch;
  size_t target_x, target_y;
  int target_type;
  void *target_host;
  cuda_address target;
  void *target_array;
  size_t target_pitch;
  size_t width, height; /* in bytes, in rows */
} cuda_copy_2d;

typedef struct {
  cuda_function function;
  unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
  void **parameters, **extra;
  void *kernel;
  cuda_context context;
} cuda_kernel_node;
/* Memory that another process can map. */
typedef struct {
  char reserved[64];
} cuda_ipc_handle;
enum { CUDA_IPC_PEER_ACCESS = 1 };

/* Waits for, or writes, a word of 32 bits in the order of a stream. */
enum { CUDA_WAIT_VALUE = 1, CUDA_WRITE_VALUE = 2 };
enum { CUDA_WAIT_EQUAL = 1 };
typedef union {
  struct {
    int operation;
    cuda_address address;
    uint64_t value;
    unsigned flags;
    cuda_address alias;
  } word;
  uint64_t padding[6];
} cuda_stream_operation;

/* The driver's functions. */
typedef struct {
  cuda_result (*get_error_name)(cuda_result, const char **);
  cuda_result (*get_error_string)(cuda_result, const char **);
  cuda_result (*init)(unsigned);
  cuda_result (*device_count)(int *);
  cuda_result (*device_get)(int *, int);
  cuda_result (*device_name)(char *, int, int);
  cuda_result (*device_attribute)(int *, int, int);
  cuda_result (*can_access_peer)(int *, int, int);
  cuda_result (*context_retain)(cuda_context *, int);
  cuda_result (*context_release)(int);
  cuda_result (*context_set)(cuda_context);
  cuda_result (*context_push)(cuda_context);
  cuda_result (*context_pop)(cuda_context *);
  cuda_result (*peer_enable)(cuda_context, unsigned);
  cuda_result (*module_load)(cuda_library *, const void *);
  cuda_result (*module_unload)(cuda_library);
  cuda_result (*module_function)(cuda_function *, cuda_library, const char *);
  cuda_result (*function_get)(int *, int, cuda_function);
  cuda_result (*function_set)(cuda_function, int, int);
  cuda_result (*memory_info)(size_t *, size_t *);
  cuda_result (*memory_allocate)(cuda_address *, size_t);
  cuda_result (*memory_free)(cuda_address);
  cuda_result (*ipc_get)(cuda_ipc_handle *, cuda_address);
  cuda_result (*ipc_open)(cuda_address *, cuda_ipc_handle, unsigned);
  cuda_result (*ipc_close)(cuda_address);
  cuda_result (*pool_create)(cuda_pool *, const cuda_pool_properties *);
  cuda_result (*pool_destroy)(cuda_pool);
  cuda_result (*pool_set)(cuda_pool, int, void *);
  cuda_result (*pool_set_access)(cuda_pool, const cuda_access *, size_t);
  cuda_result (*allocate)(cuda_address *, size_t, cuda_pool, cuda_stream);
  cuda_result (*free)(cuda_address, cuda_stream);
  cuda_result (*host_allocate)(void **, size_t);
  cuda_result (*host_free)(void *);
  cuda_result (*copy)(cuda_address, cuda_address, size_t, cuda_stream);
  cuda_result (*copy_peer)(cuda_address, cuda_context, cuda_address, cuda_context, size_t, cuda_stream);
  cuda_result (*copy_to_device)(cuda_address, const void *, size_t, cuda_stream);
  cuda_result (*copy_to_host)(void *, cuda_address, size_t, cuda_stream);
  cuda_result (*copy_2d)(const cuda_copy_2d *, cuda_stream);
  cuda_result (*fill_8)(cuda_address, size_t, unsigned char, size_t, size_t, cuda_stream);
  cuda_result (*fill_32)(cuda_address, size_t, unsigned, size_t, size_t, cuda_stream);
  cuda_result (*pointer_attribute)(void *, int, cuda_address);
  cuda_result (*stream_create)(cuda_stream *, unsigned, int);
  cuda_result (*stream_destroy)(cuda_stream);
  cuda_result (*stream_query)(cuda_stream);
  cuda_result (*stream_synchronize)(cuda_stream);
  cuda_result (*stream_wait)(cuda_stream, cuda_event, unsigned);
  cuda_result (*stream_batch)(cuda_stream, unsigned, cuda_stream_operation *, unsigned);
  cuda_result (*stream_priorities)(int *, int *);
  cuda_result (*event_create)(cuda_event *, unsigned);
  cuda_result (*event_destroy)(cuda_event);
  cuda_result (*event_record)(cuda_event, cuda_stream);
  cuda_result (*event_query)(cuda_event);
  cuda_result (*event_synchronize)(cuda_event);
  cuda_result (*event_elapsed)(float *, cuda_event, cuda_event);
  cuda_result (*launch)(const cuda_launch_configuration *, cuda_function, void **, void **);
  cuda_result (*encode_tiled)(rondo_tensor_map *, int, uint32_t, void *, const uint64_t *, const uint64_t *,
                              const uint32_t *, const uint32_t *, int, int, int, int);
  /* Of graphs: NULL where the driver is too old for them. */
  cuda_result (*capture_begin)(cuda_stream, int);
  cuda_result (*capture_end)(cuda_stream, cuda_graph *);
  cuda_result (*capture_info)(cuda_stream, int *, uint64_t *, cuda_graph *, const cuda_node **, size_t *);
  /* The same with the kinds of edges; since CUDA 12.3. */
  cuda_result (*capture_info_edges)(cuda_stream, int *, uint64_t *, cuda_graph *, const cuda_node **, const void **,
                                    size_t *);
  cuda_result (*graph_destroy)(cuda_graph);
  cuda_result (*graph_instantiate)(cuda_executable *, cuda_graph, unsigned long long);
  cuda_result (*graph_launch)(cuda_executable, cuda_stream);
  cuda_result (*executable_destroy)(cuda_executable);
  cuda_result (*executable_set_kernel)(cuda_executable, cuda_node, const cuda_kernel_node *);
} cuda_api;

/* The loaded and initialised driver, or NULL; then `text` says what is missing. Loaded once in a process. */
const cuda_api *cuda_driver_get(char *text, size_t capacity);

/* The first function of graphs that the driver lacks, or NULL. */
const char *cuda_driver_missing_graphs(const cuda_api *api);

/* The driver's words for a result: "CUDA_ERROR_...: ... (N)". Valid until the next call of this thread. */
const char *cuda_result_text(const cuda_api *api, cuda_result result);

#ifdef __cplusplus
}
#endif

#endif /* RONDO_SRC_CUDA_DRIVER_H */
