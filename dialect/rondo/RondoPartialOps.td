//===- RondoPartialOps.td - Attention of local shards -------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PARTIAL_OPS_TD
#define RONDO_PARTIAL_OPS_TD

include "dialect/rondo/RondoAttrs.td"
include "dialect/rondo/RondoKernelAttrs.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rondo_ShardElement : AnyTypeOf<[F32, F16, BF16], "f32, f16 or bf16">;
def Rondo_Shard : AnyTypeOf<[RankedTensorOf<[Rondo_ShardElement]>, StridedMemRefOf<[Rondo_ShardElement]>],
                            "tensor or memref of floats">;

// Both ops work on tensors and, after bufferisation, on memrefs, as linalg's do.
class Rondo_PartialOp<string mnemonic, list<Trait> traits = []> : Rondo_Op<mnemonic, !listconcat(traits, [
    DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
}

def Rondo_AttendOp : Rondo_PartialOp<"attend", [AttrSizedOperandSegments]> {
  let summary = "Attention of one block of queries to one block of keys";
  let description = [{
    Gives the partial result (O, LSE) of local queries over local keys: O is normalised over the keys that the rows see
    here, LSE is the natural logarithm of the sum of exponentials of their scores. A row that sees none has O = 0 and
    LSE = -inf, the identity of `rondo.merge`. `outs` are written, never read.

    With a causal mask, key j of the block is visible to query i of the block if and only if
    `key_start + j <= query_start + i + diagonal`: starts are positions in the global sequences, and the diagonal is 0
    (top_left) or S_kv - S_q (bottom_right).

    ```mlir
    %o, %lse = rondo.attend ins(%q, %k, %v : tensor<1x32x?x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x128xbf16>)
        outs(%o_init, %lse_init : tensor<1x32x?x128xf32>, tensor<1x32x?xf32>) scale 0.08838834764831845
        causal(%query_start, %key_start, %diagonal) contiguous -> tensor<1x32x?x128xf32>, tensor<1x32x?xf32>
    ```

    Constraints:
    - (attend_c1) ranks are 4, 4, 4, 4, 3;
    - (attend_c2) Q, K and V have one element type; LSE is f32;
    - (attend_c3) static extents that must agree, agree: batch, K's and V's heads and length, Q's and K's feature size,
      O's and Q's heads and length, O's and V's feature size, LSE's and O's leading dimensions;
    - (attend_c4) query heads are a multiple of key/value heads;
    - (attend_c5) results are there for tensors, of the types of `outs`, and absent for memrefs;
    - (attend_c6) the last dimension of a memref is contiguous;
    - (attend_c7) `joined` stands on memrefs alone.

    `kernel`, which targets with a choice of kernels set, says which generated kernels may compute it. `joined`, which
    `rondo-join-merges` sets, says that the next computation is a `rondo.merge` that is `joined`, too, and that nothing
    else reads the result: a target may leave it in another form, and in another place, where that merge finds it.

    Lifespan: partition creates it; code generation replaces it by a kernel.
  }];
  let arguments = (ins Rondo_Shard:$query, Rondo_Shard:$key, Rondo_Shard:$value,
                       Rondo_Shard:$output, Rondo_Shard:$lse,
                       Optional<Index>:$query_start, Optional<Index>:$key_start, Optional<Index>:$diagonal,
                       F64Attr:$scale,
                       DefaultValuedAttr<Rondo_PositionLayout, "PositionLayout::Contiguous">:$positions,
                       OptionalAttr<Rondo_KernelAttr>:$kernel, UnitAttr:$joined);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    `outs` `(` $output `,` $lse `:` type($output) `,` type($lse) `)` `scale` $scale
    (`causal` `(` $query_start^ `,` $key_start `,` $diagonal `)` $positions)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    bool isCausal() { return static_cast<bool>(getDiagonal()); }
  }];
}

def Rondo_MergeOp : Rondo_PartialOp<"merge"> {
  let summary = "Combination of two partial results over disjoint keys";
  let description = [{
    Merges the partial result `ins` into `outs`, which is read and written. With m = max(LSE_a, LSE_b) and
    w_x = exp(LSE_x - m): LSE = m + log(w_a + w_b), O = (w_a O_a + w_b O_b) / (w_a + w_b); if m is -inf the result is
    the identity (0, -inf). A partial whose LSE is -inf contributes nothing, whatever its O holds.

    The combination is associative and commutative with identity (0, -inf), because a partial result stands for the pair
    (sum of exponentials, weighted sum of values): that is what lets a schedule visit blocks in any order.

    ```mlir
    %o, %lse = rondo.merge ins(%o_b, %lse_b : tensor<1x32x?x128xf32>, tensor<1x32x?xf32>)
        outs(%o_a, %lse_a : tensor<1x32x?x128xf32>, tensor<1x32x?xf32>) -> tensor<1x32x?x128xf32>, tensor<1x32x?xf32>
    ```

    Constraints:
    - (merge_c1) O has rank 4, LSE rank 3 and O's leading extents;
    - (merge_c2) the LSEs are f32;
    - (merge_c3) both partial results have the same shape, up to `?`;
    - (merge_c4) results are there for tensors, of the types of `outs`, and absent for memrefs;
    - (merge_c5) the last dimension of a memref is contiguous;
    - (merge_c6) `joined` stands on memrefs alone.

    `joined` says that `ins` are what the `rondo.attend` just before it gives, which is `joined`, too.

    Lifespan: partition creates it; code generation replaces it by a kernel.
  }];
  let arguments = (ins Rondo_Shard:$partial_output, Rondo_Shard:$partial_lse, Rondo_Shard:$output, Rondo_Shard:$lse,
                       OptionalAttr<Rondo_KernelAttr>:$kernel, UnitAttr:$joined);
  let assemblyFormat = [{
    `ins` `(` $partial_output `,` $partial_lse `:` type($partial_output) `,` type($partial_lse) `)`
    `outs` `(` $output `,` $lse `:` type($output) `,` type($lse) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
  }];
}

#endif // RONDO_PARTIAL_OPS_TD
