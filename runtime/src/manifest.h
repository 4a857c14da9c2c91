/* The manifest of a program as structures: see docs/manifest.md. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_SRC_MANIFEST_H
#define RONDO_SRC_MANIFEST_H

#include "context.h"

#include <jansson.h>

enum { MAX_AXES = 8, MAX_DIMENSIONS = 16 };

typedef enum { ELEMENT_F32, ELEMENT_F16, ELEMENT_BF16 } element_type;

typedef struct {
  const char *name;
  int64_t size; /* 0: bound at run time */
} manifest_axis;

typedef struct {
  const char *name;
  int axis_count; /* 0: the program names no grid */
  manifest_axis axes[MAX_AXES];
} manifest_grid;

typedef struct {
  int length;     /* index of the length that names this extent, or -1 */
  int64_t extent; /* if length < 0 */
  int axis_count; /* the axes that shard it, the major one first */
  int axes[MAX_AXES];
} manifest_dimension;

typedef struct {
  const char *name;
  element_type type;
  int dimension_count;
  manifest_dimension dimensions[MAX_DIMENSIONS];
} manifest_tensor;

typedef struct {
  const char *name;
  int length_count;
  const char **lengths;
  int input_count;
  int tensor_count;
  manifest_tensor *tensors; /* the inputs, then the outputs */
} manifest_function;

typedef struct {
  json_t *json; /* owns every string */
  const char *target;
  manifest_grid grid;
  int function_count;
  manifest_function *functions;
} manifest;

/* Reads and checks a manifest. On failure the last error names the place; `result` can then be freed all the same. */
rondo_status manifest_parse(rondo_context *context, const char *text, size_t bytes, manifest *result);
void manifest_free(manifest *manifest);

const char *element_type_name(element_type type);
size_t element_type_bytes(element_type type);

#endif /* RONDO_SRC_MANIFEST_H */
