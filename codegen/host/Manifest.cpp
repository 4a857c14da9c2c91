//===- Manifest.cpp - What a program says of itself -----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/host/Manifest.h"
#include "codegen/host/Entries.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::rondo;

/// [1, 32, "s0", 128]
static llvm::json::Array createShape(ArrayAttr shape) {
  llvm::json::Array extents;
  for (Attribute extent : shape)
    if (auto name = dyn_cast<StringAttr>(extent))
      extents.push_back(name.getValue());
    else
      extents.push_back(cast<IntegerAttr>(extent).getInt());
  return extents;
}

/// [[], [], ["seq"], []]
static llvm::json::Array createSharding(ShardingAttr sharding, int64_t rank) {
  llvm::json::Array dimensions;
  for (int64_t dim = 0; dim < rank; ++dim) {
    llvm::json::Array axes;
    if (sharding)
      for (StringRef axis : sharding.getAxes(dim))
        axes.push_back(axis);
    dimensions.push_back(std::move(axes));
  }
  return dimensions;
}

static llvm::json::Object createTensor(func::FuncOp function, unsigned argument, const Twine &name) {
  auto type = cast<ShapedType>(function.getArgumentTypes()[argument]);
  std::string elementType;
  llvm::raw_string_ostream(elementType) << type.getElementType();
  auto sharding = function.getArgAttrOfType<ShardingAttr>(argument, RondoDialect::kShardingAttr);
  return llvm::json::Object{{"name", name.str()},
                            {"type", elementType},
                            {"shape", createShape(function.getArgAttrOfType<ArrayAttr>(argument, "spmd.shape"))},
                            {"sharding", createSharding(sharding, type.getRank())}};
}

static llvm::json::Object createFunction(func::FuncOp function) {
  llvm::json::Array lengths, inputs, outputs, schedules;
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument) {
    if (auto length = function.getArgAttrOfType<StringAttr>(argument, "spmd.length"))
      lengths.push_back(length.getValue());
    else if (function.getArgAttr(argument, "spmd.output"))
      outputs.push_back(createTensor(function, argument, "result" + Twine(outputs.size())));
    else
      inputs.push_back(createTensor(function, argument, "arg" + Twine(inputs.size())));
  }
  if (auto names = function->getAttrOfType<ArrayAttr>("spmd.schedules"))
    for (auto [number, name] : llvm::enumerate(names.getAsValueRange<StringAttr>()))
      schedules.push_back(llvm::json::Object{{"attention", static_cast<int64_t>(number)}, {"schedule", name}});
  auto formula = [&](StringRef attribute) {
    auto text = function->getAttrOfType<StringAttr>(attribute);
    return text ? text.getValue() : StringRef("0");
  };
  return llvm::json::Object{{"name", function.getName()},
                            {"lengths", std::move(lengths)},
                            {"inputs", std::move(inputs)},
                            {"outputs", std::move(outputs)},
                            {"schedules", std::move(schedules)},
                            {"workspace_bytes", formula("spmd.workspace_bytes")},
                            {"communication_bytes", formula("spmd.communication_bytes")}};
}

static llvm::json::Object createGrid(GridOp grid) {
  llvm::json::Array axes;
  for (auto [name, size] : llvm::zip(grid.getAxisNames().getAsValueRange<StringAttr>(), grid.getAxisSizes()))
    axes.push_back(llvm::json::Object{
        {"name", name}, {"size", ShapedType::isDynamic(size) ? llvm::json::Value(nullptr) : llvm::json::Value(size)}});
  return llvm::json::Object{{"name", grid.getSymName()}, {"axes", std::move(axes)}};
}

/// Verifies that every argument is a tensor whose global extents are known, or a length.
static LogicalResult verifyArguments(func::FuncOp function) {
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (!function.getArgAttr(argument, "spmd.length") && !function.getArgAttr(argument, "spmd.shape"))
      return function.emitError() << "argument " << argument << " of '" << function.getName()
                                  << "' has neither 'spmd.shape' nor 'spmd.length', which the program's manifest tells "
                                     "of it; rondo-partition gives them to the functions that it makes";
  return success();
}

FailureOr<std::string> rondo::createManifest(ModuleOp module, StringRef target) {
  // Functions in the order of their names, as in the program header.
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function->hasAttr(RondoDialect::kReferenceAttr) &&
        !function->hasAttr(exec::kKernelAttr))
      functions.push_back(function);
  llvm::sort(functions, [](func::FuncOp a, func::FuncOp b) { return a.getName() < b.getName(); });

  llvm::json::Array descriptions;
  for (func::FuncOp function : functions) {
    if (failed(verifyArguments(function)))
      return failure();
    descriptions.push_back(createFunction(function));
  }
  llvm::json::Object manifest{{"rondo", 1}, {"target", target}, {"functions", std::move(descriptions)}};
  if (auto grids = module.getOps<GridOp>(); !grids.empty())
    manifest["grid"] = createGrid(*grids.begin());
  return llvm::formatv("{0:2}", llvm::json::Value(std::move(manifest))).str();
}
