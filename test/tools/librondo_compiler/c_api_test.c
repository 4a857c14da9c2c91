/* The compiler's C API, as an application in C99 uses it: text in memory becomes a program that librondo_runtime runs.
 * Usage: rondo-compiler-c-api-test <folder to write to> */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "rondo/compiler.h"
#include "rondo/rondo.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                         \
      ++failures;                                                                                                      \
    }                                                                                                                  \
  } while (0)

enum { HEADS = 2, ROWS = 5, KEYS = 7, FEATURES = 8, RANKS = 2 };
enum { QUERY_COUNT = HEADS * ROWS * FEATURES, KEY_COUNT = HEADS * KEYS * FEATURES };

static int failures;
static const char *folder;

static const char *const source = "rondo.grid @gpus = [\"seq\" = ?]\n"
                                  "#seq = #rondo.sharding<@gpus, [{}, {}, {\"seq\"}, {}]>\n"
                                  "!q = tensor<1x2x5x8xf32>\n"
                                  "!kv = tensor<1x2x7x8xf32>\n"
                                  "func.func @attend(%q: !q {rondo.sharding = #seq}, %k: !kv {rondo.sharding = #seq},\n"
                                  "                  %v: !kv {rondo.sharding = #seq}) -> !q {\n"
                                  "  %o = rondo.attention %q, %k, %v : (!q, !kv, !kv) -> !q\n"
                                  "  return %o : !q\n"
                                  "}\n";

static int file_exists(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file)
    fclose(file);
  return file != NULL;
}

/* Compiles `text` to `path` and checks that it fails, with `expected` among the diagnostics, and writes nothing. */
static void expect_error(const char *text, const rondo_compiler_options *options, const char *path,
                         const char *expected) {
  char *diagnostics = NULL;
  int failed = rondo_compile(text, text ? strlen(text) : 0, "model.mlir", options, path, &diagnostics);
  CHECK(failed != 0);
  CHECK(diagnostics != NULL);
  if (diagnostics && !strstr(diagnostics, expected)) {
    fprintf(stderr, "expected a diagnostic with \"%s\", but got:\n%s\n", expected, diagnostics);
    ++failures;
  }
  CHECK(!path || !file_exists(path));
  rondo_compiler_free(diagnostics);
}

static void test_errors(void) {
  char path[512];
  snprintf(path, sizeof(path), "%s/error.so", folder);
  remove(path);

  rondo_compiler_options options = RONDO_COMPILER_OPTIONS_INIT;
  expect_error(NULL, NULL, path, "needs a source and an output path");
  expect_error(source, NULL, NULL, "needs a source and an output path");
  options.size = 8;
  expect_error(source, &options, path, "rondo_compiler_options has size 8, expected ");
  options.size = sizeof(options);
  options.cpu = "z80";
  expect_error(source, &options, path, "unknown CPU 'z80'");
  options.cpu = "native";
  options.kernel = "attend:stages=1";
  expect_error(source, &options, path,
               "--kernel=attend:stages=1 is about kernels for cuda:sm_90a, but the target is cpu");
  options.kernel = NULL;
  options.home_parts = "3";
  expect_error(source, &options, path, "the home block cannot be attended in '3' parts; expected auto, 1 or 2");
  options.home_parts = NULL;
  options.target = "cuda";
  expect_error(source, &options, path, "unknown target 'cuda'; expected cpu, cpu:NAME or cuda:sm_90a");
  options.target = "cuda:sm_90a";
  expect_error(source, &options, path, "has no kernel for cuda:sm_90a: elements are f32");
  options.target = NULL; /* the default */
  options.schedule = "star";
  expect_error(source, &options, path, "unknown schedule 'star'; expected auto, query-ring, kv-ring");
  options.schedule = NULL; /* the default */
  options.function = "forward";
  expect_error(source, &options, path, "there is no public function 'forward'; the module has 'attend'");
  options.function = NULL;
  options.linker = "no-such-linker";
  expect_error(source, &options, path, "cannot find the linker 'no-such-linker'");

  expect_error("", NULL, path, "no public function of this module attends");
  expect_error("func.func @f() {\n  return\n", NULL, path, "model.mlir:2:9: error: ");
  expect_error("func.func @f(%x: tensor<1x1x2x4xf32>) {\n"
               "  %o = rondo.attention %x, %x, %y : () -> ()\n",
               NULL, path, "model.mlir:2:");
  expect_error(source, NULL, "no-such-folder/a.so", "cannot write 'no-such-folder/a.so': No such file or directory");

  /* Diagnostics are optional, and so is a source's name. */
  CHECK(rondo_compile("nonsense", 8, NULL, NULL, path, NULL) != 0);
  rondo_compiler_free(NULL);
}

static DLTensor make_tensor(void *data, int64_t *shape, int bits) {
  DLTensor tensor;
  memset(&tensor, 0, sizeof(tensor));
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.ndim = 4;
  tensor.dtype.code = kDLFloat;
  tensor.dtype.bits = (uint8_t)bits;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  return tensor;
}

/* Runs the program at `path` on RANKS ranks, and compares with its evaluation in float64. */
static void run_program(const char *path) {
  static int64_t query_shape[4] = {1, HEADS, ROWS, FEATURES}, key_shape[4] = {1, HEADS, KEYS, FEATURES};
  float query[QUERY_COUNT], key[KEY_COUNT], value[KEY_COUNT], output[QUERY_COUNT];
  double wide_query[QUERY_COUNT], wide_key[KEY_COUNT], wide_value[KEY_COUNT], reference[QUERY_COUNT];
  double error = 0;
  int i;
  for (i = 0; i < QUERY_COUNT; ++i)
    wide_query[i] = query[i] = (float)((i * 37) % 19 - 9) / 8;
  for (i = 0; i < KEY_COUNT; ++i) {
    wide_key[i] = key[i] = (float)((i * 29) % 17 - 8) / 8;
    wide_value[i] = value[i] = (float)((i * 23) % 13 - 6) / 8;
  }
  DLTensor tensors[8] = {make_tensor(query, query_shape, 32),      make_tensor(key, key_shape, 32),
                         make_tensor(value, key_shape, 32),        make_tensor(output, query_shape, 32),
                         make_tensor(wide_query, query_shape, 64), make_tensor(wide_key, key_shape, 64),
                         make_tensor(wide_value, key_shape, 64),   make_tensor(reference, query_shape, 64)};
  const DLTensor *inputs[3] = {&tensors[0], &tensors[1], &tensors[2]};
  const DLTensor *wide_inputs[3] = {&tensors[4], &tensors[5], &tensors[6]};
  DLTensor *outputs[1] = {&tensors[3]}, *references[1] = {&tensors[7]};

  rondo_context *context = NULL;
  rondo_program *program = NULL;
  rondo_communicator *communicator = NULL;
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.ranks = RANKS;
  CHECK(rondo_context_create(&context) == RONDO_OK);
  CHECK(rondo_program_load(context, path, &program) == RONDO_OK);
  CHECK(rondo_communicator_create(context, &options, &communicator) == RONDO_OK);
  CHECK(rondo_run(context, program, "attend", communicator, inputs, 3, outputs, 1) == RONDO_OK);
  CHECK(rondo_run_reference(context, program, "attend", wide_inputs, 3, references, 1) == RONDO_OK);
  if (*rondo_last_error(context))
    fprintf(stderr, "%s\n", rondo_last_error(context));
  for (i = 0; i < QUERY_COUNT; ++i)
    error = fmax(error, fabs(output[i] - reference[i]));
  CHECK(error < 1e-6);
  CHECK(fabs(reference[0]) + fabs(reference[1]) > 1e-3); /* there is something to compare */
  rondo_communicator_destroy(communicator);
  rondo_program_destroy(program);
  rondo_context_destroy(context);
}

static void test_compile_and_run(void) {
  char path[512];
  char *diagnostics = NULL;
  rondo_compiler_options options = RONDO_COMPILER_OPTIONS_INIT;
  snprintf(path, sizeof(path), "%s/attend.so", folder);
  CHECK(rondo_compile(source, strlen(source), NULL, NULL, path, &diagnostics) == 0);
  CHECK(diagnostics && !*diagnostics);
  rondo_compiler_free(diagnostics);
  run_program(path);

  options.schedule = "query-ring";
  options.overlap = 0;
  options.remarks = 1;
  CHECK(rondo_compile(source, strlen(source), "model.mlir", &options, path, &diagnostics) == 0);
  CHECK(diagnostics && strstr(diagnostics, "model.mlir:7:8: remark: [Passed] Partition"));
  rondo_compiler_free(diagnostics);
  run_program(path);
}

/* A program for CUDA holds its kernels, here as PTX, and says what it is for. */
static void test_cuda(void) {
  static const char *const half = "func.func @attend(%q: tensor<1x2x5x8xbf16>) -> tensor<1x2x5x8xbf16> {\n"
                                  "  %o = rondo.attention %q, %q, %q : (tensor<1x2x5x8xbf16>, tensor<1x2x5x8xbf16>,\n"
                                  "      tensor<1x2x5x8xbf16>) -> tensor<1x2x5x8xbf16>\n"
                                  "  return %o : tensor<1x2x5x8xbf16>\n"
                                  "}\n";
  char path[512];
  char *diagnostics = NULL;
  rondo_compiler_options options = RONDO_COMPILER_OPTIONS_INIT;
  rondo_context *context = NULL;
  rondo_program *program = NULL;
  options.target = "cuda:sm_90a";
  options.ptx = 1;
  options.kernel = "attend:block-keys=64,persistent=false";
  options.remarks = 1;
  snprintf(path, sizeof(path), "%s/cuda.so", folder);
  CHECK(rondo_compile(half, strlen(half), "half.mlir", &options, path, &diagnostics) == 0);
  CHECK(diagnostics && strstr(diagnostics, "attend_bf16_8_to_"));
  CHECK(diagnostics && strstr(diagnostics, "_k64_"));
  rondo_compiler_free(diagnostics);
  CHECK(rondo_context_create(&context) == RONDO_OK);
  CHECK(rondo_program_load(context, path, &program) == RONDO_OK);
  CHECK(program && strstr(rondo_program_manifest(program), "\"cuda:sm_90a\""));
  rondo_program_destroy(program);
  rondo_context_destroy(context);

  remove(path);
  options.ptx = 0;
  options.ptxas = "/no/ptxas";
  expect_error(half, &options, path, "ptxas: '/no/ptxas', given as an option, is no executable file");
}

/* One compilation of several at once; its result is 0 if all is well. */
static void *compile_on_thread(void *number) {
  static int failed = 1, well = 0;
  char path[512];
  char *diagnostics = NULL;
  rondo_compiler_options options = RONDO_COMPILER_OPTIONS_INIT;
  options.schedule = *(const int *)number % 2 ? "query-ring" : "kv-ring";
  snprintf(path, sizeof(path), "%s/thread-%d.so", folder, *(const int *)number);
  int result = rondo_compile(source, strlen(source), "model.mlir", &options, path, &diagnostics);
  if (result != 0)
    fprintf(stderr, "%s\n", diagnostics);
  rondo_compiler_free(diagnostics);
  return result == 0 ? &well : &failed;
}

static void test_threads(void) {
  enum { THREADS = 3 };
  pthread_t threads[THREADS];
  int numbers[THREADS], i;
  for (i = 0; i < THREADS; ++i) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, compile_on_thread, &numbers[i]) == 0);
  }
  for (i = 0; i < THREADS; ++i) {
    char path[512];
    void *result = NULL;
    CHECK(pthread_join(threads[i], &result) == 0);
    CHECK(result && *(int *)result == 0);
    snprintf(path, sizeof(path), "%s/thread-%d.so", folder, i);
    run_program(path);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s <folder to write to>\n", argv[0]);
    return 2;
  }
  folder = argv[1];
  test_threads(); /* first: nothing is initialised yet */
  test_errors();
  test_compile_and_run();
  test_cuda();
  if (failures)
    fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}
