//===- RondoGlobalOps.td - Ops of the global program --------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_GLOBAL_OPS_TD
#define RONDO_GLOBAL_OPS_TD

include "dialect/rondo/RondoAttrs.td"
include "dialect/rondo/RondoInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rondo_GridOp : Rondo_Op<"grid", [Symbol]> {
  let summary = "A logical arrangement of ranks";
  let description = [{
    Names the axes over which tensors can be sharded, and how many ranks each has. A size of `?` is bound at run time.
    Ranks are numbered in row-major order: the last axis varies fastest.

    ```mlir
    rondo.grid @gpus = ["data" = 2, "seq" = ?]
    ```

    Constraints:
    - (grid_c1) there is at least one axis, and names are distinct and not empty;
    - (grid_c2) sizes are positive, and their product is below 2^31;
    - (grid_c3) at most one size is `?`, so that the number of ranks determines it.

    Lifespan: written by the user; stays until host code is generated.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$axis_names, DenseI64ArrayAttr:$axis_sizes);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The position of an axis in the grid, if it has one of that name.
    std::optional<unsigned> getAxisNumber(::llvm::StringRef axis);
    /// The size of an axis of this grid; ShapedType::kDynamic if it is bound at run time.
    int64_t getAxisSize(::llvm::StringRef axis);
    /// The grid that a symbol names, looked up from `from`; null if there is none.
    static GridOp lookup(::mlir::Operation *from, ::mlir::FlatSymbolRefAttr name);
    /// Verifies that the grid which `user` names exists and has the axis.
    static ::llvm::LogicalResult verifyAxis(::mlir::Operation *user, ::mlir::FlatSymbolRefAttr grid,
                                            ::llvm::StringRef axis, ::mlir::SymbolTableCollection &symbols);
  }];
}

def Rondo_Float : AnyTypeOf<[F32, F16, BF16], "f32, f16 or bf16">;
def Rondo_GlobalTensor : RankedTensorOf<[Rondo_Float]>;

def Rondo_AttentionOp : Rondo_Op<"attention", [Pure,
    DeclareOpInterfaceMethods<Rondo_DistributedAttentionInterface>]> {
  let summary = "Attention of queries to keys and values";
  let description = [{
    O = softmax(scale * Q K^T) V over `[batch, head, sequence, feature]`, exactly. If there are fewer key/value heads
    than query heads, query heads share them in groups: query head h attends to key/value head h / (H_q / H_kv).

    The optional second result is the natural logarithm of each row's sum of exponentials (LSE), `[batch, head,
    sequence]`, f32. A row that sees no key, or whose scores are all -inf, gives O = 0 and LSE = -inf. Masked keys
    contribute nothing, not even a NaN. Of a key that a row sees with a score of -inf, a NaN or an infinity in V may show
    or not: that depends on which keys are computed together, and so on ranks and schedule.

    ```mlir
    %o = rondo.attention %q, %k, %v : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>)
        -> tensor<1x32x61x128xf32>
    %o, %lse = rondo.attention %q, %k, %v scale 0.125 causal bottom_right : (tensor<?x8x?x64xf16>,
        tensor<?x8x?x64xf16>, tensor<?x8x?x80xf16>) -> (tensor<?x8x?x80xf16>, tensor<?x8x?xf32>)
    ```

    `scale` is 1 / sqrt(D) unless given.

    Constraints:
    - (attention_c1) operands and O have rank 4, LSE has rank 3;
    - (attention_c2) Q, K, V and O have one element type;
    - (attention_c3) batch sizes agree;
    - (attention_c4) K and V have the same heads and the same length;
    - (attention_c5) heads are static, and query heads are a multiple of key/value heads;
    - (attention_c6) feature sizes are static, within 1..256, Q's is K's and O's is V's;
    - (attention_c7) O has Q's batch, heads and length, and LSE those of O;
    - (attention_c8) `scale` is finite.

    Lifespan: written by the user; partition replaces it by `rondo.attend` and `rondo.merge`.
  }];
  let arguments = (ins Rondo_GlobalTensor:$query, Rondo_GlobalTensor:$key, Rondo_GlobalTensor:$value,
                       OptionalAttr<F64Attr>:$scale, OptionalAttr<Rondo_CausalAlignment>:$causal);
  let results = (outs Rondo_GlobalTensor:$output, Optional<RankedTensorOf<[F32]>>:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`scale` $scale^)? (`causal` $causal^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// `scale`, or its default.
    double getScaleOrDefault();
  }];
}

#endif // RONDO_GLOBAL_OPS_TD
