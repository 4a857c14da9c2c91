//===- RondoInterfaces.td - What a schedule knows of an op --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_INTERFACES_TD
#define RONDO_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Rondo_DistributedAttentionInterface : OpInterface<"DistributedAttentionInterface"> {
  let cppNamespace = "::mlir::rondo";
  let description = [{
    All that a schedule knows of the op it distributes. The op's operands fall into a query side and a key side, each
    sharded along its own sequence, and operands that every rank holds whole. Its work on one block of queries and one
    block of keys gives a *partial state*: a list of values, each with a home (it belongs to the queries' rows or to the
    keys') and a combiner that is associative and commutative. Because the combiner is, a schedule may visit the blocks
    in any order, on any rank, and bring each value home.
  }];
  let methods = [
    InterfaceMethod<"The operands whose rows are queries.",
      "::llvm::SmallVector<::mlir::OpOperand *>", "getQuerySideOperands">,
    InterfaceMethod<"The operands whose rows are keys.",
      "::llvm::SmallVector<::mlir::OpOperand *>", "getKeySideOperands">,
    InterfaceMethod<"The operands that every rank holds whole.",
      "::llvm::SmallVector<::mlir::OpOperand *>", "getReplicatedOperands">,
    InterfaceMethod<"Which dimension of an operand or of a result is its sequence.",
      "int64_t", "getSequenceDimension", (ins "::mlir::Value":$value)>,
    InterfaceMethod<"All dimensions of operands and results, grouped by equal extents.",
      "::llvm::SmallVector<::mlir::rondo::DimensionGroup>", "getDimensionGroups">,
    InterfaceMethod<"What an operand carries, for traces and errors: `query`, `key`, ...",
      "::llvm::StringRef", "getOperandName", (ins "::mlir::OpOperand &":$operand)>,
    InterfaceMethod<"On which side each result lives.",
      "::mlir::rondo::Side", "getResultHome", (ins "unsigned":$result)>,
    InterfaceMethod<"The values of the partial state.",
      "::llvm::SmallVector<::mlir::rondo::PartialValue>", "getPartialState">,
    InterfaceMethod<"The multiply-adds of the whole work: a sum of products of these extents.",
      "::llvm::SmallVector<::llvm::SmallVector<::mlir::rondo::Dimension>>", "getWork">,
    InterfaceMethod<[{
      Emits the work of one block of queries on one block of keys and returns its partial state. The operands are local
      shards, in the order of getQuerySideOperands / getKeySideOperands.
      }], "::llvm::SmallVector<::mlir::Value>", "createPartial",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$queries, "::mlir::ValueRange":$keys,
           "::mlir::ValueRange":$replicated, "const ::mlir::rondo::BlockPositions &":$positions)>,
    InterfaceMethod<[{
      Emits the combination of `partial` into `accumulated` and returns the new state. The two are lists of the same
      values of the state: all those of one home.
      }], "::llvm::SmallVector<::mlir::Value>", "combinePartials",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::rondo::Side":$home, "::mlir::ValueRange":$accumulated,
           "::mlir::ValueRange":$partial)>,
    InterfaceMethod<[{
      Emits the op's results for the local rows, in their own element types, from the complete state.
      }], "::llvm::SmallVector<::mlir::Value>", "createResults",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$state)>,
  ];
}

#endif // RONDO_INTERFACES_TD
