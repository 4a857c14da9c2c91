//===- RondoDialect.td - The rondo dialect ------------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention on global tensors, and how their sequences are sharded over a grid of ranks.
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_DIALECT_TD
#define RONDO_DIALECT_TD

include "mlir/IR/OpBase.td"

def Rondo_Dialect : Dialect {
  let name = "rondo";
  let cppNamespace = "::mlir::rondo";
  let summary = "Attention whose sequence is sharded over ranks";
  let description = [{
    States what is computed (attention on global tensors) and where each sequence lives (`#rondo.sharding` on the
    arguments and results of functions), never when anything moves: that is what the passes derive.

    Tensors are laid out `[batch, head, sequence, feature]`. The ops fall into two levels:

    - the global program: `rondo.grid`, `rondo.attention`;
    - one rank's program, after partition: `rondo.attend` and `rondo.merge`, on local shards.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    /// The name under which a function's argument or result carries its `#rondo.sharding`.
    static constexpr ::llvm::StringLiteral kShardingAttr = "rondo.sharding";
    /// The name under which an op carries the shardings of its results, once they are derived: an array with a
    /// `#rondo.sharding` for each ranked tensor and `unit` for each other result.
    static constexpr ::llvm::StringLiteral kShardingsAttr = "rondo.shardings";
    /// Marks a function that evaluates another one densely: it runs on one rank and is left as it is.
    static constexpr ::llvm::StringLiteral kReferenceAttr = "rondo.reference";

  private:
    void registerAttributes();

  public:
  }];
}

class Rondo_Op<string mnemonic, list<Trait> traits = []> : Op<Rondo_Dialect, mnemonic, traits>;

#endif // RONDO_DIALECT_TD
