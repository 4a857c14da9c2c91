//===- RondoAttrs.td - Shardings, masks, positions ----------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_ATTRS_TD
#define RONDO_ATTRS_TD

include "dialect/rondo/RondoDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

// Query i sees the keys j <= i (top_left), or j <= i + S_kv - S_q (bottom_right), so that the last query sees all keys.
def Rondo_CausalAlignment : I32EnumAttr<"CausalAlignment",
    "where the diagonal of a causal mask lies when queries and keys differ in number", [
    I32EnumAttrCase<"TopLeft", 0, "top_left">, I32EnumAttrCase<"BottomRight", 1, "bottom_right">]> {
  let cppNamespace = "::mlir::rondo";
}

// contiguous: row i of a shard that starts at `start` is position start + i.
def Rondo_PositionLayout : I32EnumAttr<"PositionLayout", "how the rows of a shard lie in the global sequence", [
    I32EnumAttrCase<"Contiguous", 0, "contiguous">]> {
  let cppNamespace = "::mlir::rondo";
}

def Rondo_ShardingAttr : AttrDef<Rondo_Dialect, "Sharding"> {
  let mnemonic = "sharding";
  let summary = "Which axes of a grid shard each dimension of a tensor";
  let description = [{
    One list of axis names for each dimension; an empty list means that every rank holds that dimension whole. The
    first axis of a list is the major one. A dimension of extent S over n ranks is cut into blocks of ceil(S / n): the
    last shards may be shorter, or empty.

    ```mlir
    #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>
    ```

    Constraints:
    - (sharding_c1) an axis shards at most one dimension, once;
    - (sharding_c2) the grid exists and has every named axis;
    - (sharding_c3) there is one list for each dimension of the tensor;
    - (sharding_c4) it stands on an argument or a result of a function, of ranked tensor type (or memref type, after
      bufferisation).
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$grid,
                        ArrayRefParameter<"::mlir::ArrayAttr", "axis names for each dimension">:$dimensions);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [
    // One optional axis for each dimension; an empty name shards nothing.
    AttrBuilder<(ins "::mlir::FlatSymbolRefAttr":$grid, "::llvm::ArrayRef<::llvm::StringRef>":$axes)>,
  ];
  let extraClassDeclaration = [{
    int64_t getRank() const { return getDimensions().size(); }
    /// The axes that shard dimension `dim`, major first.
    ::llvm::SmallVector<::llvm::StringRef> getAxes(int64_t dim) const;
    bool isSharded(int64_t dim) const { return !getDimensions()[dim].empty(); }
    bool isReplicated() const;
    /// The dimension that `axis` shards, if any.
    std::optional<int64_t> getDimension(::llvm::StringRef axis) const;
  }];
}

#endif // RONDO_ATTRS_TD
