/* Loading programs. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "program.h"
#include "cuda_module.h"
#include "digest.h"
#include "elf_check.h"
#include "text.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static rondo_status open_library(rondo_context *context, const char *path, rondo_program *program) {
  /* A name without a slash would be looked up on the library path. */
  char *file = strchr(path, '/') ? strdup(path) : text_format("./%s", path);
  if (!file)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to load '%s'", path);
  program->library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  free(file);
  if (!program->library)
    return context_fail(context, RONDO_INVALID_PROGRAM, "cannot load '%s': %s", path, dlerror());
  return RONDO_OK;
}

static rondo_status find_header(rondo_context *context, const char *path, const rondo_program *program,
                                const rondo_program_header **found) {
  const rondo_program_header *header = dlsym(program->library, RONDO_PROGRAM_SYMBOL);
  if (!header)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "'%s' is not a Rondo program: it does not export '" RONDO_PROGRAM_SYMBOL "'", path);
  if (memcmp(header->magic, "RONDOPRG", sizeof header->magic) != 0)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "'%s' is not a Rondo program: '" RONDO_PROGRAM_SYMBOL "' does not begin with RONDOPRG", path);
  if (header->abi_version != RONDO_ABI_VERSION)
    return context_fail(context, RONDO_INVALID_PROGRAM,
                        "'%s' is of ABI version %u, but this runtime is of version %d: compile it again", path,
                        header->abi_version, RONDO_ABI_VERSION);
  if (!header->functions || !header->manifest || header->function_count > INT32_MAX)
    return context_fail(context, RONDO_INVALID_PROGRAM, "'%s' has no functions or no manifest", path);
  *found = header;
  return RONDO_OK;
}

static rondo_status read_manifest(rondo_context *context, const char *path, const rondo_program_header *header,
                                  rondo_program *program) {
  size_t bytes = (size_t)header->manifest_bytes;
  if (bytes > 0 && header->manifest[bytes - 1] == '\0')
    --bytes;
  program->text = malloc(bytes + 1);
  if (!program->text)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the manifest of '%s' (%zu bytes)", path, bytes);
  memcpy(program->text, header->manifest, bytes);
  program->text[bytes] = '\0';
  rondo_status status = manifest_parse(context, program->text, bytes, &program->manifest);
  if (status != RONDO_OK)
    context_prefix(context, "'%s': ", path);
  return status;
}

static const rondo_program_function *find_code(const rondo_program_header *header, const char *name) {
  for (uint32_t i = 0; i < header->function_count; ++i)
    if (header->functions[i].name && strcmp(header->functions[i].name, name) == 0)
      return &header->functions[i];
  return NULL;
}

static rondo_status match_functions(rondo_context *context, const char *path, const rondo_program_header *header,
                                    rondo_program *program) {
  int count = program->manifest.function_count;
  if ((uint32_t)count != header->function_count)
    return context_fail(context, RONDO_INVALID_PROGRAM, "'%s': its manifest lists %d functions, but it has code of %u",
                        path, count, header->function_count);
  program->code = calloc((size_t)count, sizeof *program->code);
  if (!program->code)
    return context_fail(context, RONDO_OUT_OF_MEMORY, "no memory for the functions of '%s'", path);
  for (int i = 0; i < count; ++i) {
    const char *name = program->manifest.functions[i].name;
    program->code[i] = find_code(header, name);
    if (!program->code[i] || !program->code[i]->entry)
      return context_fail(context, RONDO_INVALID_PROGRAM, "'%s': function '%s' of its manifest has no code", path,
                          name);
  }
  return RONDO_OK;
}

static rondo_status load(rondo_context *context, const char *path, rondo_program *program) {
  rondo_status status = elf_check(context, path);
  if (status == RONDO_OK)
    status = open_library(context, path, program);
  const rondo_program_header *header = NULL;
  if (status == RONDO_OK)
    status = find_header(context, path, program, &header);
  if (status == RONDO_OK)
    status = read_manifest(context, path, header, program);
  if (status == RONDO_OK)
    status = match_functions(context, path, header, program);
  if (status == RONDO_OK && strncmp(program->manifest.target, "cuda", 4) == 0) {
    status = cuda_kernels_create(context, program->manifest.target, header->cuda, &program->cuda);
    if (status != RONDO_OK)
      context_prefix(context, "'%s': ", path);
  }
  if (status == RONDO_OK)
    program->digest = digest_file(path);
  return status;
}

rondo_status rondo_program_load(rondo_context *context, const char *path, rondo_program **program) {
  rondo_status status = context_enter(context);
  if (status != RONDO_OK)
    return status;
  if (!path || !program)
    return context_leave(context, context_fail(context, RONDO_INVALID_ARGUMENT, "%s is NULL",
                                               path ? "the program's out-parameter" : "the program's path"));
  rondo_program *loaded = calloc(1, sizeof *loaded);
  if (!loaded)
    return context_leave(context, context_fail(context, RONDO_OUT_OF_MEMORY, "no memory to load '%s'", path));
  status = load(context, path, loaded);
  if (status == RONDO_OK)
    *program = loaded;
  else
    rondo_program_destroy(loaded);
  return context_leave(context, status);
}

void rondo_program_destroy(rondo_program *program) {
  if (!program)
    return;
  cuda_kernels_destroy(program->cuda);
  manifest_free(&program->manifest);
  free(program->text);
  free(program->code);
  if (program->library)
    dlclose(program->library);
  free(program);
}

const char *rondo_program_manifest(const rondo_program *program) { return program ? program->text : ""; }

rondo_status program_find(rondo_context *context, const rondo_program *program, const char *name, int *index) {
  const manifest *manifest = &program->manifest;
  if (!name && manifest->function_count == 1) {
    *index = 0;
    return RONDO_OK;
  }
  for (int i = 0; name && i < manifest->function_count; ++i) {
    if (strcmp(manifest->functions[i].name, name) == 0) {
      *index = i;
      return RONDO_OK;
    }
  }
  char known[512] = "";
  for (int i = 0; i < manifest->function_count; ++i)
    text_append(known, sizeof known, "%s'%s'", i ? ", " : "", manifest->functions[i].name);
  if (!name)
    return context_fail(context, RONDO_INVALID_ARGUMENT, "the program has %d functions; name one of %s",
                        manifest->function_count, known);
  return context_fail(context, RONDO_INVALID_ARGUMENT, "the program has no function '%s'; it has %s", name, known);
}
