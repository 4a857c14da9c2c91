/* Compiles a program from within an application, in C99, and loads it. Usage: compile <program.mlir> */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <rondo/compiler.h>
#include <rondo/rondo.h>

#include <stdio.h>
#include <string.h>

static char source[1 << 16];

static int compile(const char *text, size_t bytes, const char *path) {
  rondo_compiler_options options = RONDO_COMPILER_OPTIONS_INIT;
  char *diagnostics = NULL;
  int failed = rondo_compile(text, bytes, "program.mlir", &options, path, &diagnostics);
  printf("%s", diagnostics);
  rondo_compiler_free(diagnostics);
  return failed;
}

static int load(const char *path) {
  rondo_context *context = NULL;
  rondo_program *program = NULL;
  int failed = rondo_context_create(&context) != RONDO_OK || rondo_program_load(context, path, &program) != RONDO_OK;
  printf("%s\n", failed ? rondo_last_error(context) : rondo_program_manifest(program));
  rondo_program_destroy(program);
  rondo_context_destroy(context);
  return failed;
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (!file)
    return 2;
  size_t bytes = fread(source, 1, sizeof source, file);
  fclose(file);
  if (compile(source, bytes, "compiled.so") || load("compiled.so"))
    return 1;
  /* What is wrong fails, and is said. */
  return !compile("nonsense", strlen("nonsense"), "nothing.so");
}
