//===- HostInterpreter.h - Runs a host function for given ranks and lengths -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_HOSTINTERPRETER_H
#define RONDO_PASSES_HOSTINTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <limits>
#include <optional>

namespace mlir::rondo {

/// Where a rank stands, and how long sequences are.
struct HostConfiguration {
  int64_t dynamicAxisSize;      // of every axis whose size is `?`
  int64_t rank;                 // its coordinate on every axis that is so long; else the last of the axis
  SmallVector<int64_t> lengths; // for the arguments `spmd.length`, in order, again and again
};

/// The number of the arena among the buffers of a function; that of an argument is one more than its position.
inline constexpr unsigned kArena = 0;

/// Memory that a memref names: a range of bytes of a buffer.
struct MemoryRange {
  unsigned buffer;
  int64_t begin, end;
  SmallVector<int64_t> shape;

  bool overlaps(const MemoryRange &other) const {
    return buffer == other.buffer && begin < other.end && other.begin < end;
  }
};

/// Runs a host function at level 3 without doing its work: computes indices, follows branches and loops, and reports
/// every op of the exec dialect, in order, to `visit`.
class HostInterpreter {
public:
  HostInterpreter(func::FuncOp function, const HostConfiguration &configuration)
      : function(function), configuration(configuration) {}
  virtual ~HostInterpreter() = default;

  /// Fails, with an error, at an op that it does not know and where `visit` fails.
  LogicalResult run();

  /// For errors: which rank, and with which lengths.
  std::string describe() const;

protected:
  /// Called at each exec op, operands being known. An op that records an event returns its number.
  virtual FailureOr<unsigned> visit(Operation *op) = 0;

  const MemoryRange &getRange(Value memref) const { return memory.find(memref)->second; }
  unsigned getEvent(Value event) const { return events.lookup(event); }

private:
  LogicalResult bindArguments();
  int64_t getArgumentExtent(BlockArgument argument, int64_t dim);
  int64_t getAxisSize(FlatSymbolRefAttr grid, StringRef axis);
  int64_t getCoordinate(int64_t axisSize) const { return std::min(configuration.rank, axisSize - 1); }
  LogicalResult runBlock(Block &block);
  LogicalResult runOp(Operation &op);
  LogicalResult runView(Operation &op);
  LogicalResult runLoop(Operation &op);
  LogicalResult runBranch(Operation &op);
  LogicalResult runIndexOp(Operation &op);
  LogicalResult runExecOp(Operation &op);
  std::optional<int64_t> getInt(Value value) const;
  void setInt(Value value, int64_t number);
  void copyValues(ValueRange from, ValueRange to);

  func::FuncOp function;
  HostConfiguration configuration;
  llvm::StringMap<int64_t> lengths;
  DenseMap<Value, Attribute> numbers; // index and integer values
  DenseMap<Value, MemoryRange> memory;
  DenseMap<Value, unsigned> events;
};

} // namespace mlir::rondo

#endif // RONDO_PASSES_HOSTINTERPRETER_H
