// The readable form of a manifest.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/manifest.h"

#include "tools/rondo-run/text.h"

#include <algorithm>

namespace rondo::run {

static std::string extentText(const Extent &extent) {
  if (const std::string *name = std::get_if<std::string>(&extent))
    return *name;
  return std::to_string(std::get<int64_t>(extent));
}

std::string shapeText(const std::vector<Extent> &shape) {
  std::vector<std::string> extents;
  for (const Extent &extent : shape)
    extents.push_back(extentText(extent));
  return "[" + join(extents, ", ") + "]";
}

static std::string gridText(const std::optional<Grid> &grid) {
  if (!grid)
    return "none (runs on one rank)";
  std::vector<std::string> axes;
  for (const Axis &axis : grid->axes)
    axes.push_back(concat('"', axis.name, "\" = ", axis.size ? std::to_string(*axis.size) : "?"));
  return concat("@", grid->name, " [", join(axes, ", "), "]");
}

/// "dimension 2 over "seq""
static std::string shardingText(const TensorSpec &tensor) {
  std::vector<std::string> dimensions;
  for (size_t i = 0; i < tensor.sharding.size(); ++i)
    if (!tensor.sharding[i].empty())
      dimensions.push_back(concat("dimension ", i, " over \"", join(tensor.sharding[i], "\", \""), '"'));
  return dimensions.empty() ? "replicated" : join(dimensions, "; ");
}

static std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

static std::string tensorsText(const char *title, const std::vector<TensorSpec> &tensors) {
  size_t nameWidth = 0, shapeWidth = 0;
  for (const TensorSpec &tensor : tensors) {
    nameWidth = std::max(nameWidth, tensor.name.size());
    shapeWidth = std::max(shapeWidth, shapeText(tensor.shape).size());
  }
  std::string text;
  for (size_t i = 0; i < tensors.size(); ++i)
    text += concat("  ", padded(i ? "" : title, 15), padded(tensors[i].name, nameWidth), "  ",
                   padded(elementTypeName(tensors[i].type), 4), " ", padded(shapeText(tensors[i].shape), shapeWidth),
                   "  ", shardingText(tensors[i]), "\n");
  return text;
}

static std::string functionText(const FunctionSpec &function) {
  std::string text = concat("\nfunction ", function.name, "\n");
  auto line = [&](const char *title, const std::string &value) {
    if (!value.empty())
      text += concat("  ", padded(title, 15), value, "\n");
  };
  text += tensorsText("inputs", function.inputs);
  text += tensorsText("outputs", function.outputs);
  line("lengths", function.lengths.empty() ? "" : join(function.lengths, ", ") + " (bound at run time)");
  for (const Schedule &schedule : function.schedules)
    line("schedule", concat("attention ", schedule.attention, ": ", schedule.schedule));
  line("workspace", function.workspaceBytes.empty() ? "" : function.workspaceBytes + " bytes on each rank");
  line("communication",
       function.communicationBytes.empty() ? "" : function.communicationBytes + " bytes from each rank");
  return text;
}

std::string describeManifest(const Manifest &manifest) {
  std::string text = concat("target  ", manifest.target, "\ngrid    ", gridText(manifest.grid), "\n");
  for (const FunctionSpec &function : manifest.functions)
    text += functionText(function);
  return text;
}

} // namespace rondo::run
