/* Reading and checking manifests. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "manifest.h"
#include "text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const element_type_names[] = {"f32", "f16", "bf16"};

const char *element_type_name(element_type type) { return element_type_names[type]; }

size_t element_type_bytes(element_type type) { return type == ELEMENT_F32 ? 4 : 2; }

/* A place in the manifest, such as "functions[0].inputs[1]", and the context that an error goes to. */
typedef struct {
  rondo_context *context;
  char path[160];
} place;

static place place_member(const place *parent, const char *key) {
  place member = *parent;
  text_append(member.path, sizeof member.path, "%s%s", parent->path[0] ? "." : "", key);
  return member;
}

static place place_element(const place *parent, size_t index) {
  place element = *parent;
  text_append(element.path, sizeof element.path, "[%zu]", index);
  return element;
}

static rondo_status place_fail(const place *place, const char *format, ...) PRINTF_LIKE(2, 3);

static rondo_status place_fail(const place *place, const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return context_fail(place->context, RONDO_INVALID_PROGRAM, "manifest: %s%s%s", place->path,
                      place->path[0] ? ": " : "", message);
}

static rondo_status no_memory(const place *place) {
  return context_fail(place->context, RONDO_OUT_OF_MEMORY, "no memory for the manifest");
}

static rondo_status get_string(const place *parent, const json_t *object, const char *key, const char **result) {
  const json_t *value = json_object_get(object, key);
  if (!json_is_string(value) || json_string_length(value) == 0)
    return place_fail(parent, "'%s' should be a non-empty string", key);
  *result = json_string_value(value);
  return RONDO_OK;
}

static rondo_status get_array(const place *parent, const json_t *object, const char *key, const json_t **result,
                              int *count) {
  const json_t *value = json_object_get(object, key);
  if (!json_is_array(value))
    return place_fail(parent, "'%s' should be an array", key);
  if (json_array_size(value) > INT16_MAX)
    return place_fail(parent, "'%s' has %zu elements; at most %d are supported", key, json_array_size(value),
                      INT16_MAX);
  *result = value;
  *count = (int)json_array_size(value);
  return RONDO_OK;
}

/* ---- Grid ---- */

static int find_axis(const manifest_grid *grid, const char *name) {
  for (int i = 0; i < grid->axis_count; ++i)
    if (strcmp(grid->axes[i].name, name) == 0)
      return i;
  return -1;
}

static rondo_status parse_axis(const place *here, const json_t *json, manifest_grid *grid) {
  if (!json_is_object(json))
    return place_fail(here, "an axis should be an object");
  manifest_axis axis = {0};
  rondo_status status = get_string(here, json, "name", &axis.name);
  if (status != RONDO_OK)
    return status;
  if (find_axis(grid, axis.name) >= 0)
    return place_fail(here, "a second axis named '%s'", axis.name);
  const json_t *size = json_object_get(json, "size");
  if (json_is_integer(size) && json_integer_value(size) >= 1)
    axis.size = json_integer_value(size);
  else if (!json_is_null(size))
    return place_fail(here, "'size' should be a positive integer, or null if it is bound at run time");
  grid->axes[grid->axis_count++] = axis;
  return RONDO_OK;
}

static rondo_status parse_grid(const place *parent, const json_t *json, manifest_grid *grid) {
  if (!json)
    return RONDO_OK;
  place here = place_member(parent, "grid");
  if (!json_is_object(json))
    return place_fail(&here, "it should be an object");
  const json_t *axes = NULL;
  int count = 0;
  rondo_status status = get_string(&here, json, "name", &grid->name);
  if (status == RONDO_OK)
    status = get_array(&here, json, "axes", &axes, &count);
  if (status != RONDO_OK)
    return status;
  if (count < 1 || count > MAX_AXES)
    return place_fail(&here, "it has %d axes; 1 to %d are supported", count, MAX_AXES);
  place list = place_member(&here, "axes");
  int dynamic = 0;
  for (int i = 0; i < count; ++i) {
    place element = place_element(&list, (size_t)i);
    status = parse_axis(&element, json_array_get(axes, (size_t)i), grid);
    if (status != RONDO_OK)
      return status;
    dynamic += grid->axes[i].size == 0;
  }
  if (dynamic > 1)
    return place_fail(&list, "%d sizes are null, but the number of ranks can bind only one", dynamic);
  return RONDO_OK;
}

/* ---- Tensors ---- */

static int find_length(const manifest_function *function, const char *name) {
  for (int i = 0; i < function->length_count; ++i)
    if (strcmp(function->lengths[i], name) == 0)
      return i;
  return -1;
}

static rondo_status parse_extent(const place *here, const json_t *json, const manifest_function *function,
                                 manifest_dimension *dimension) {
  dimension->length = -1;
  if (json_is_integer(json) && json_integer_value(json) >= 0) {
    dimension->extent = json_integer_value(json);
    return RONDO_OK;
  }
  if (!json_is_string(json))
    return place_fail(here, "an extent should be an integer >= 0 or the name of a length");
  dimension->length = find_length(function, json_string_value(json));
  if (dimension->length < 0)
    return place_fail(here, "'%s' is not among the function's lengths", json_string_value(json));
  return RONDO_OK;
}

/* `used` collects the axes that shard the tensor: each may do so once. */
static rondo_status parse_axes(const place *here, const json_t *json, const manifest_grid *grid, unsigned *used,
                               manifest_dimension *dimension) {
  if (!json_is_array(json))
    return place_fail(here, "it should be an array of axes");
  for (size_t i = 0; i < json_array_size(json); ++i) {
    const char *name = json_string_value(json_array_get(json, i));
    if (!name)
      return place_fail(here, "an axis should be a string");
    int axis = find_axis(grid, name);
    if (axis < 0)
      return place_fail(here, "'%s' is not an axis of the grid", name);
    if (*used & (1u << axis))
      return place_fail(here, "axis '%s' shards the tensor a second time", name);
    *used |= 1u << axis;
    dimension->axes[dimension->axis_count++] = axis;
  }
  return RONDO_OK;
}

static rondo_status parse_dimensions(const place *here, const json_t *json, const manifest_grid *grid,
                                     const manifest_function *function, manifest_tensor *tensor) {
  const json_t *shape = NULL, *sharding = NULL;
  int shape_count = 0, sharding_count = 0;
  rondo_status status = get_array(here, json, "shape", &shape, &shape_count);
  if (status == RONDO_OK)
    status = get_array(here, json, "sharding", &sharding, &sharding_count);
  if (status != RONDO_OK)
    return status;
  if (shape_count > MAX_DIMENSIONS)
    return place_fail(here, "it has %d dimensions; at most %d are supported", shape_count, MAX_DIMENSIONS);
  if (sharding_count != shape_count)
    return place_fail(here, "'shape' has %d dimensions, but 'sharding' has %d", shape_count, sharding_count);
  place shape_place = place_member(here, "shape"), sharding_place = place_member(here, "sharding");
  unsigned used = 0;
  for (int i = 0; i < shape_count; ++i) {
    place extent = place_element(&shape_place, (size_t)i), axes = place_element(&sharding_place, (size_t)i);
    manifest_dimension *dimension = &tensor->dimensions[i];
    status = parse_extent(&extent, json_array_get(shape, (size_t)i), function, dimension);
    if (status == RONDO_OK)
      status = parse_axes(&axes, json_array_get(sharding, (size_t)i), grid, &used, dimension);
    if (status != RONDO_OK)
      return status;
  }
  tensor->dimension_count = shape_count;
  return RONDO_OK;
}

static rondo_status parse_type(const place *here, const json_t *json, element_type *type) {
  const char *name = NULL;
  rondo_status status = get_string(here, json, "type", &name);
  if (status != RONDO_OK)
    return status;
  for (int i = ELEMENT_F32; i <= ELEMENT_BF16; ++i) {
    if (strcmp(name, element_type_names[i]) == 0) {
      *type = (element_type)i;
      return RONDO_OK;
    }
  }
  return place_fail(here, "type '%s' is not one of 'f32', 'f16', 'bf16'", name);
}

/* Parses the next tensor of `function`. */
static rondo_status parse_tensor(const place *here, const json_t *json, const manifest_grid *grid,
                                 manifest_function *function) {
  manifest_tensor *tensor = &function->tensors[function->tensor_count];
  if (!json_is_object(json))
    return place_fail(here, "it should be an object");
  rondo_status status = get_string(here, json, "name", &tensor->name);
  if (status != RONDO_OK)
    return status;
  for (int i = 0; i < function->tensor_count; ++i)
    if (strcmp(function->tensors[i].name, tensor->name) == 0)
      return place_fail(here, "a second tensor named '%s'", tensor->name);
  status = parse_type(here, json, &tensor->type);
  if (status == RONDO_OK)
    status = parse_dimensions(here, json, grid, function, tensor);
  if (status == RONDO_OK)
    ++function->tensor_count;
  return status;
}

static rondo_status parse_tensor_list(const place *parent, const char *key, const json_t *list,
                                      const manifest_grid *grid, manifest_function *function) {
  place here = place_member(parent, key);
  for (size_t i = 0; i < json_array_size(list); ++i) {
    place element = place_element(&here, i);
    rondo_status status = parse_tensor(&element, json_array_get(list, i), grid, function);
    if (status != RONDO_OK)
      return status;
  }
  return RONDO_OK;
}

/* ---- Functions ---- */

static rondo_status parse_lengths(const place *here, const json_t *json, manifest_function *function) {
  const json_t *lengths = NULL;
  int count = 0;
  rondo_status status = get_array(here, json, "lengths", &lengths, &count);
  if (status != RONDO_OK)
    return status;
  function->lengths = calloc((size_t)count + 1, sizeof *function->lengths);
  if (!function->lengths)
    return no_memory(here);
  place list = place_member(here, "lengths");
  for (int i = 0; i < count; ++i) {
    place element = place_element(&list, (size_t)i);
    const char *name = json_string_value(json_array_get(lengths, (size_t)i));
    if (!name || !name[0])
      return place_fail(&element, "a length should be a non-empty string");
    if (find_length(function, name) >= 0)
      return place_fail(&element, "a second length named '%s'", name);
    function->lengths[function->length_count++] = name;
  }
  return RONDO_OK;
}

/* A length that is no tensor's extent could never be bound. */
static rondo_status check_lengths_are_used(const place *here, const manifest_function *function) {
  for (int length = 0; length < function->length_count; ++length) {
    bool used = false;
    for (int i = 0; i < function->tensor_count; ++i)
      for (int d = 0; d < function->tensors[i].dimension_count; ++d)
        used |= function->tensors[i].dimensions[d].length == length;
    if (!used)
      return place_fail(here, "length '%s' is not an extent of any input or output", function->lengths[length]);
  }
  return RONDO_OK;
}

static rondo_status parse_function(const place *here, const json_t *json, manifest *result) {
  if (!json_is_object(json))
    return place_fail(here, "a function should be an object");
  manifest_function *function = &result->functions[result->function_count++];
  const json_t *inputs = NULL, *outputs = NULL;
  int output_count = 0;
  rondo_status status = get_string(here, json, "name", &function->name);
  if (status == RONDO_OK)
    status = parse_lengths(here, json, function);
  if (status == RONDO_OK)
    status = get_array(here, json, "inputs", &inputs, &function->input_count);
  if (status == RONDO_OK)
    status = get_array(here, json, "outputs", &outputs, &output_count);
  if (status != RONDO_OK)
    return status;
  function->tensors = calloc((size_t)(function->input_count + output_count + 1), sizeof *function->tensors);
  if (!function->tensors)
    return no_memory(here);
  status = parse_tensor_list(here, "inputs", inputs, &result->grid, function);
  if (status == RONDO_OK)
    status = parse_tensor_list(here, "outputs", outputs, &result->grid, function);
  if (status == RONDO_OK)
    status = check_lengths_are_used(here, function);
  return status;
}

static rondo_status parse_functions(const place *root, const json_t *json, manifest *result) {
  const json_t *functions = NULL;
  int count = 0;
  rondo_status status = get_array(root, json, "functions", &functions, &count);
  if (status != RONDO_OK)
    return status;
  if (count == 0)
    return place_fail(root, "'functions' is empty");
  result->functions = calloc((size_t)count, sizeof *result->functions);
  if (!result->functions)
    return no_memory(root);
  place list = place_member(root, "functions");
  for (int i = 0; i < count; ++i) {
    place element = place_element(&list, (size_t)i);
    status = parse_function(&element, json_array_get(functions, (size_t)i), result);
    if (status != RONDO_OK)
      return status;
    for (int j = 0; j < i; ++j)
      if (strcmp(result->functions[i].name, result->functions[j].name) == 0)
        return place_fail(&element, "a second function named '%s'", result->functions[i].name);
  }
  return RONDO_OK;
}

rondo_status manifest_parse(rondo_context *context, const char *text, size_t bytes, manifest *result) {
  memset(result, 0, sizeof *result);
  place root = {.context = context, .path = ""};
  json_error_t error;
  result->json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
  if (!result->json)
    return place_fail(&root, "line %d, column %d: %s", error.line, error.column, error.text);
  if (!json_is_object(result->json))
    return place_fail(&root, "it should be an object");
  const json_t *version = json_object_get(result->json, "rondo");
  if (!json_is_integer(version))
    return place_fail(&root, "'rondo' should be the version of its format, 1");
  if (json_integer_value(version) != 1)
    return place_fail(&root, "its format is of version %lld, but this runtime reads version 1",
                      (long long)json_integer_value(version));
  rondo_status status = get_string(&root, result->json, "target", &result->target);
  if (status == RONDO_OK)
    status = parse_grid(&root, json_object_get(result->json, "grid"), &result->grid);
  if (status == RONDO_OK)
    status = parse_functions(&root, result->json, result);
  return status;
}

void manifest_free(manifest *manifest) {
  for (int i = 0; i < manifest->function_count; ++i) {
    free(manifest->functions[i].lengths);
    free(manifest->functions[i].tensors);
  }
  free(manifest->functions);
  json_decref(manifest->json);
  memset(manifest, 0, sizeof *manifest);
}
