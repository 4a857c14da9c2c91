//===- Attributes.cpp - The attributes of the rondo dialect ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialect/rondo/Rondo.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::rondo;

#include "dialect/rondo/RondoEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/rondo/RondoAttrs.cpp.inc"

void RondoDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/rondo/RondoAttrs.cpp.inc"
      >();
}

SmallVector<StringRef> ShardingAttr::getAxes(int64_t dim) const {
  return llvm::to_vector(getDimensions()[dim].getAsValueRange<StringAttr>());
}

bool ShardingAttr::isReplicated() const {
  return llvm::all_of(getDimensions(), [](ArrayAttr axes) { return axes.empty(); });
}

std::optional<int64_t> ShardingAttr::getDimension(StringRef axis) const {
  for (int64_t dim = 0; dim < getRank(); ++dim)
    if (llvm::is_contained(getAxes(dim), axis))
      return dim;
  return std::nullopt;
}

ShardingAttr ShardingAttr::get(MLIRContext *context, FlatSymbolRefAttr grid, ArrayRef<StringRef> axes) {
  Builder builder(context);
  SmallVector<ArrayAttr> dimensions;
  for (StringRef axis : axes)
    dimensions.push_back(axis.empty() ? builder.getArrayAttr({}) : builder.getStrArrayAttr(axis));
  return get(context, grid, dimensions);
}

LogicalResult ShardingAttr::verify(function_ref<InFlightDiagnostic()> emitError, FlatSymbolRefAttr grid,
                                   ArrayRef<ArrayAttr> dimensions) {
  llvm::StringSet<> seen;
  for (ArrayAttr axes : dimensions)
    for (Attribute axis : axes) {
      auto name = dyn_cast<StringAttr>(axis);
      if (!name)
        return emitError() << "expected the name of an axis, but got " << axis;
      if (!seen.insert(name.getValue()).second) // sharding_c1
        return emitError() << "axis " << name << " shards more than one dimension; an axis can shard only one";
    }
  return success();
}

// <@gpus, [{}, {}, {"seq"}, {}]>
Attribute ShardingAttr::parse(AsmParser &parser, Type) {
  FlatSymbolRefAttr grid;
  SmallVector<ArrayAttr> dimensions;
  auto parseDimension = [&]() -> ParseResult {
    SmallVector<Attribute> axes;
    auto parseAxis = [&]() -> ParseResult {
      std::string name;
      if (parser.parseString(&name))
        return failure();
      axes.push_back(parser.getBuilder().getStringAttr(name));
      return success();
    };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, parseAxis, " in the axes of a dimension"))
      return failure();
    dimensions.push_back(parser.getBuilder().getArrayAttr(axes));
    return success();
  };
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseAttribute(grid) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDimension, " in a sharding") ||
      parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(location); }, parser.getContext(), grid, dimensions);
}

void ShardingAttr::print(AsmPrinter &printer) const {
  printer << '<' << getGrid() << ", [";
  llvm::interleaveComma(getDimensions(), printer, [&](ArrayAttr axes) {
    printer << '{';
    llvm::interleaveComma(axes, printer);
    printer << '}';
  });
  printer << "]>";
}

// <attend [<...>, <...>] merge <...>>
Attribute KernelAttr::parse(AsmParser &parser, Type) {
  SmallVector<AttendKernelAttr> attend;
  MergeKernelAttr merge;
  auto parseKernel = [&]() -> ParseResult {
    auto kernel = FieldParser<AttendKernelAttr>::parse(parser);
    return failed(kernel) ? ParseResult(failure()) : (attend.push_back(*kernel), ParseResult(success()));
  };
  if (parser.parseLess() ||
      (succeeded(parser.parseOptionalKeyword("attend")) &&
       parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseKernel, " in the kernels of attention")))
    return {};
  if (succeeded(parser.parseOptionalKeyword("merge"))) {
    auto kernel = FieldParser<MergeKernelAttr>::parse(parser);
    if (failed(kernel))
      return {};
    merge = *kernel;
  }
  return parser.parseGreater() ? KernelAttr() : get(parser.getContext(), attend, merge);
}

void KernelAttr::print(AsmPrinter &printer) const {
  printer << '<';
  if (!getAttend().empty()) {
    printer << "attend [";
    llvm::interleaveComma(getAttend(), printer, [&](AttendKernelAttr kernel) { kernel.print(printer); });
    printer << ']' << (getMerge() ? " " : "");
  }
  if (getMerge()) {
    printer << "merge ";
    getMerge().print(printer);
  }
  printer << '>';
}
