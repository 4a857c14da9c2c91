/* Ranges for tools that understand NVTX. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "nvtx.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- NVTX's interface with tools, version 3 ---- */

enum { NVTX_VERSION = 3, TABLE_CALLBACKS = 1, TABLE_VERSION = 3 };
enum { MODULE_CORE = 1, MODULE_DOMAINS = 5, MODULE_COUNT = 7, FUNCTION_CAPACITY = 16 };
enum { CORE_NAME_THREAD = 14 };
enum { DOMAINS_PUSH = 4, DOMAINS_POP = 5, DOMAINS_NAME_CATEGORY = 8, DOMAINS_CREATE = 12 };
enum { PAYLOAD_INT64 = 2, MESSAGE_TEXT = 1 };

typedef void (*any_function)(void);
typedef struct nvtx_domain *domain;

typedef struct {
  uint16_t version, size;
  uint32_t category;
  int32_t color_type;
  uint32_t color;
  int32_t payload_type;
  int32_t reserved;
  int64_t payload;
  int32_t message_type;
  const char *message;
} attributes;
_Static_assert(sizeof(attributes) == 48, "NVTX's layout on 64-bit machines");

typedef struct {
  size_t size;
  int (*get_functions)(int module, any_function ***functions, unsigned *count);
} callback_table;

typedef struct {
  size_t size;
  uint32_t version, reserved;
  void (*set_version)(uint32_t);
} version_table;

typedef const void *(*get_table_function)(uint32_t);
typedef int (*initialize_function)(get_table_function);

/* ---- What tools fill in ---- */

/* How many functions each module has, with number 0, which is none. */
static const unsigned counts[MODULE_COUNT] = {0, 16, 9, 15, 7, 16, 7};

/* A tool's functions, and pointers to their places, by which it sets them. */
static any_function functions[MODULE_COUNT][FUNCTION_CAPACITY];
static any_function *places[MODULE_COUNT][FUNCTION_CAPACITY + 1];

static int get_functions(int module, any_function ***result, unsigned *count) {
  if (module <= 0 || module >= MODULE_COUNT)
    return 0;
  if (count)
    *count = counts[module];
  if (result)
    *result = places[module];
  return 1;
}

static void set_version(uint32_t version) { (void)version; }

static const void *get_table(uint32_t table) {
  static const callback_table callbacks = {sizeof callbacks, get_functions};
  static const version_table version = {sizeof version, NVTX_VERSION, 0, set_version};
  if (table == TABLE_CALLBACKS)
    return &callbacks;
  return table == TABLE_VERSION ? &version : NULL;
}

/* ---- Attaching ---- */

bool nvtx_attached;
static domain own;

/* dlsym's result, as a function. */
static any_function find(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  any_function function = NULL;
  memcpy(&function, &symbol, sizeof function);
  return function;
}

static void name_categories(void) {
  static const char *const names[NVTX_CATEGORY_COUNT] = {"", "run", "step", "kernel", "exchange", "wait"};
  void (*name)(domain, uint32_t, const char *) =
      (void (*)(domain, uint32_t, const char *))functions[MODULE_DOMAINS][DOMAINS_NAME_CATEGORY];
  for (uint32_t i = 1; name && i < NVTX_CATEGORY_COUNT; ++i)
    name(own, i, names[i]);
}

bool nvtx_attach(const char *path) {
  void *library = nvtx_attached ? NULL : dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (!library)
    return false;
  for (int module = 1; module < MODULE_COUNT; ++module)
    for (unsigned i = 1; i < counts[module]; ++i)
      places[module][i] = &functions[module][i];
  initialize_function initialize = (initialize_function)find(library, "InitializeInjectionNvtx2");
  const any_function *domains = functions[MODULE_DOMAINS];
  if (!initialize || !initialize(get_table) || !domains[DOMAINS_PUSH] || !domains[DOMAINS_POP]) {
    memset(functions, 0, sizeof functions);
    dlclose(library);
    return false;
  }
  domain (*create)(const char *) = (domain (*)(const char *))domains[DOMAINS_CREATE];
  own = create ? create("rondo") : NULL;
  name_categories();
  nvtx_attached = true;
  return true;
}

static void attach(void) {
  const char *path = getenv("NVTX_INJECTION64_PATH"), *wanted = getenv("RONDO_NVTX");
  if (path && *path && !(wanted && strcmp(wanted, "0") == 0))
    nvtx_attach(path);
}

void nvtx_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, attach);
}

/* ---- Ranges ---- */

void nvtx_push_range(nvtx_category category, const char *text, int64_t payload) {
  int (*push)(domain, const attributes *) =
      (int (*)(domain, const attributes *))functions[MODULE_DOMAINS][DOMAINS_PUSH];
  attributes range = {.version = NVTX_VERSION,
                      .size = sizeof range,
                      .category = category,
                      .payload_type = PAYLOAD_INT64,
                      .payload = payload,
                      .message_type = MESSAGE_TEXT,
                      .message = text};
  push(own, &range);
}

void nvtx_pop_range(void) {
  int (*pop)(domain) = (int (*)(domain))functions[MODULE_DOMAINS][DOMAINS_POP];
  pop(own);
}

void nvtx_name_this_thread(int32_t rank, const char *role) {
  void (*name)(uint32_t, const char *) = (void (*)(uint32_t, const char *))functions[MODULE_CORE][CORE_NAME_THREAD];
  char text[64];
  snprintf(text, sizeof text, "rank %d %s", rank, role);
  if (name)
    name((uint32_t)gettid(), text);
}
