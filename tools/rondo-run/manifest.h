// What a program says of itself (docs/manifest.md), as values.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_MANIFEST_H
#define RONDO_RUN_MANIFEST_H

#include "tools/rondo-run/dtype.h"
#include "tools/rondo-run/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace rondo::run {

struct Axis {
  std::string name;
  std::optional<int64_t> size; // nothing: bound at run time
};

struct Grid {
  std::string name;
  std::vector<Axis> axes;
};

/// A number, or the name of a length.
using Extent = std::variant<int64_t, std::string>;

struct TensorSpec {
  std::string name;
  ElementType type;
  std::vector<Extent> shape;
  std::vector<std::vector<std::string>> sharding; // for each dimension the axes that shard it
};

struct Schedule {
  int64_t attention;
  std::string schedule;
};

struct FunctionSpec {
  std::string name;
  std::vector<std::string> lengths;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<Schedule> schedules;
  std::string workspaceBytes; // formulas; empty if the manifest has none
  std::string communicationBytes;
};

struct Manifest {
  std::string target;
  std::optional<Grid> grid;
  std::vector<FunctionSpec> functions;
};

Result<Manifest> parseManifest(const char *json);

/// The readable form, for --describe.
std::string describeManifest(const Manifest &manifest);

/// "[1, 32, s0, 128]"
std::string shapeText(const std::vector<Extent> &shape);

} // namespace rondo::run
#endif // RONDO_RUN_MANIFEST_H
