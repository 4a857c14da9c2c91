// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/manifest.h"

#include "tools/rondo-run/text.h"

#include <algorithm>
#include <jansson.h>
#include <memory>

namespace rondo::run {

namespace {

/// Reads the tree, remembering the first thing that is wrong; readers return an empty value after that.
class Reader {
public:
  std::optional<Error> error;

  Manifest manifest(const json_t *root) {
    Manifest manifest;
    if (int64_t version = integer(member(root, "rondo", "manifest"), "rondo"); !error && version != 1)
      fail("rondo", concat("format 1, got ", version));
    manifest.target = string(member(root, "target", "manifest"), "target");
    if (const json_t *node = json_object_get(root, "grid"))
      manifest.grid = grid(node);
    manifest.functions = list<FunctionSpec>(member(root, "functions", "manifest"), "functions", &Reader::function);
    return manifest;
  }

private:
  template <typename T>
  using ReadElement = T (Reader::*)(const json_t *, const std::string &);

  void fail(const std::string &where, const std::string &expected) {
    if (!error)
      error = Error{concat("the program's manifest is malformed: ", where, ": expected ", expected)};
  }

  const json_t *member(const json_t *object, const char *key, const std::string &where) {
    const json_t *node = json_object_get(object, key);
    if (!node)
      fail(where, concat("a member '", key, "'"));
    return node;
  }

  std::string string(const json_t *node, const std::string &where) {
    if (json_is_string(node))
      return json_string_value(node);
    fail(where, "a string");
    return "";
  }

  int64_t integer(const json_t *node, const std::string &where) {
    if (json_is_integer(node))
      return json_integer_value(node);
    fail(where, "a whole number");
    return 0;
  }

  template <typename T>
  std::vector<T> list(const json_t *node, const std::string &where, ReadElement<T> read) {
    std::vector<T> elements;
    if (!json_is_array(node))
      fail(where, "a list");
    for (size_t i = 0; i < json_array_size(node) && !error; ++i)
      elements.push_back((this->*read)(json_array_get(node, i), concat(where, "[", i, "]")));
    return elements;
  }

  std::vector<std::string> strings(const json_t *node, const std::string &where) {
    return list<std::string>(node, where, &Reader::string);
  }

  Grid grid(const json_t *node) {
    return {string(member(node, "name", "grid"), "grid.name"),
            list<Axis>(member(node, "axes", "grid"), "grid.axes", &Reader::axis)};
  }

  Axis axis(const json_t *node, const std::string &where) {
    Axis axis{string(member(node, "name", where), where + ".name"), std::nullopt};
    const json_t *size = member(node, "size", where);
    if (json_is_null(size))
      return axis;
    axis.size = integer(size, where + ".size");
    if (*axis.size < 1)
      fail(where + ".size", "at least 1");
    return axis;
  }

  Extent extent(const json_t *node, const std::string &where) {
    if (json_is_string(node))
      return string(node, where);
    int64_t value = integer(node, where);
    if (value < 0)
      fail(where, "at least 0");
    return value;
  }

  TensorSpec tensor(const json_t *node, const std::string &where) {
    TensorSpec tensor;
    tensor.name = string(member(node, "name", where), where + ".name");
    std::string type = string(member(node, "type", where), where + ".type");
    std::optional<ElementType> known = parseElementType(type);
    if (!known)
      fail(where + ".type", concat("f32, f16 or bf16, got '", type, "'"));
    tensor.type = known.value_or(ElementType::F32);
    tensor.shape = list<Extent>(member(node, "shape", where), where + ".shape", &Reader::extent);
    tensor.sharding =
        list<std::vector<std::string>>(member(node, "sharding", where), where + ".sharding", &Reader::strings);
    if (!error && tensor.sharding.size() != tensor.shape.size())
      fail(where + ".sharding", concat("one list for each of the ", tensor.shape.size(), " dimensions"));
    return tensor;
  }

  Schedule schedule(const json_t *node, const std::string &where) {
    return {integer(member(node, "attention", where), where + ".attention"),
            string(member(node, "schedule", where), where + ".schedule")};
  }

  /// A formula is a string, or a number if it depends on nothing.
  std::string formula(const json_t *node, const std::string &where) {
    if (!node)
      return "";
    return json_is_integer(node) ? std::to_string(json_integer_value(node)) : string(node, where);
  }

  FunctionSpec function(const json_t *node, const std::string &where) {
    FunctionSpec function;
    function.name = string(member(node, "name", where), where + ".name");
    function.lengths = strings(member(node, "lengths", where), where + ".lengths");
    function.inputs = list<TensorSpec>(member(node, "inputs", where), where + ".inputs", &Reader::tensor);
    function.outputs = list<TensorSpec>(member(node, "outputs", where), where + ".outputs", &Reader::tensor);
    if (const json_t *schedules = json_object_get(node, "schedules"))
      function.schedules = list<Schedule>(schedules, where + ".schedules", &Reader::schedule);
    function.workspaceBytes = formula(json_object_get(node, "workspace_bytes"), where + ".workspace_bytes");
    function.communicationBytes = formula(json_object_get(node, "communication_bytes"), where + ".communication_bytes");
    checkLengthNames(function, where);
    return function;
  }

  void checkLengthNames(const FunctionSpec &function, const std::string &where) {
    for (const std::vector<TensorSpec> *tensors : {&function.inputs, &function.outputs})
      for (const TensorSpec &tensor : *tensors)
        for (const Extent &extent : tensor.shape)
          if (const std::string *name = std::get_if<std::string>(&extent))
            if (std::find(function.lengths.begin(), function.lengths.end(), *name) == function.lengths.end())
              fail(where + "." + tensor.name, concat("a length that is in the list of lengths, got '", *name, "'"));
  }
};

} // namespace

Result<Manifest> parseManifest(const char *json) {
  json_error_t failure;
  std::unique_ptr<json_t, decltype(&json_decref)> root(json_loads(json, JSON_REJECT_DUPLICATES, &failure), json_decref);
  if (!root)
    return Error{concat("the program's manifest is malformed: line ", failure.line, ": ", failure.text)};
  Reader reader;
  Manifest manifest = reader.manifest(root.get());
  if (reader.error)
    return *reader.error;
  return manifest;
}

} // namespace rondo::run
