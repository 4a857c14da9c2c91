//===- SpmdOps.td - Ranks, shards, shifts -------------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef SPMD_OPS_TD
#define SPMD_OPS_TD

include "dialect/spmd/SpmdTypes.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===--------------------------------------------------------------------------------------------------------------===//
// Ranks
//===--------------------------------------------------------------------------------------------------------------===//

// An op about one axis of a grid. Constraint axis_c1: the grid exists and has the axis.
class Spmd_AxisOp<string mnemonic, list<Trait> traits = []>
    : Spmd_Op<mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<SymbolUserOpInterface>])>;

class Spmd_RankOp<string mnemonic> : Spmd_AxisOp<mnemonic, [Pure]> {
  let arguments = (ins FlatSymbolRefAttr:$grid, StrAttr:$axis);
  let results = (outs Index:$result);
  let assemblyFormat = "$grid $axis attr-dict";
  let hasCanonicalizeMethod = 1;
}

def Spmd_AxisSizeOp : Spmd_RankOp<"axis_size"> {
  let summary = "The number of ranks on an axis";
  let description = [{
    ```mlir
    %n = spmd.axis_size @gpus "seq"
    ```

    If the grid gives the axis a size, canonicalisation replaces the op by it.

    Constraints:
    - (axis_c1) the grid exists and has the axis.

    Lifespan: partition creates it; host code generation replaces it.
  }];
}

def Spmd_AxisIndexOp : Spmd_RankOp<"axis_index"> {
  let summary = "This rank's coordinate on an axis, from 0";
  let description = [{
    ```mlir
    %r = spmd.axis_index @gpus "seq"
    ```

    On an axis of size 1, canonicalisation replaces the op by 0.

    Constraints:
    - (axis_c1) the grid exists and has the axis.

    Lifespan: partition creates it; host code generation replaces it.
  }];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Shards. No other op knows how a length is cut: lengths that the caller chooses per rank can replace these blocks.
//===--------------------------------------------------------------------------------------------------------------===//

class Spmd_ShardOp<string mnemonic> : Spmd_Op<mnemonic, [Pure]> {
  let arguments = (ins Index:$rank, Index:$ranks, Index:$length);
  let results = (outs Index:$result);
  let assemblyFormat = "$rank `of` $ranks `,` $length attr-dict";
  let hasFolder = 1;
}

def Spmd_ShardSizeOp : Spmd_ShardOp<"shard_size"> {
  let summary = "How many rows of a global length a rank holds";
  let description = [{
    With block = ceil(length / ranks): clamp(length - rank * block, 0, block).

    ```mlir
    %rows = spmd.shard_size %rank of %ranks, %length
    ```

    Lifespan: partition creates it; host code generation replaces it by arithmetic.
  }];
}

def Spmd_ShardOffsetOp : Spmd_ShardOp<"shard_offset"> {
  let summary = "The global position of a rank's first row";
  let description = [{
    With block = ceil(length / ranks): min(rank * block, length).

    ```mlir
    %start = spmd.shard_offset %rank of %ranks, %length
    ```

    Lifespan: partition creates it; host code generation replaces it by arithmetic.
  }];
}

def Spmd_ShardSizeMaxOp : Spmd_Op<"shard_size_max", [Pure]> {
  let summary = "An upper bound of the shard sizes of all ranks";
  let description = [{
    ceil(length / ranks): what a memory slot that holds any rank's shard needs room for.

    ```mlir
    %rows = spmd.shard_size_max %ranks, %length
    ```

    Lifespan: arena planning creates it; host code generation replaces it by arithmetic.
  }];
  let arguments = (ins Index:$ranks, Index:$length);
  let results = (outs Index:$result);
  let assemblyFormat = "$ranks `,` $length attr-dict";
  let hasFolder = 1;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Shifts
//===--------------------------------------------------------------------------------------------------------------===//

def Spmd_Communication : Resource<"::mlir::spmd::CommunicationResource">;

def Spmd_Local : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef], "tensor or memref">;

def Spmd_ShiftStartOp : Spmd_AxisOp<"shift_start", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Starts to pass a shard on along an axis";
  let description = [{
    Starts to send `source` to the rank `distance` ahead on the axis, cyclically, and to receive the shard of the rank
    as far behind. Returns what will arrive. On tensors, `sizes` are the dynamic extents of what arrives, computed by the
    receiver: no length is ever sent. On memrefs, `destination` is where it arrives.

    The source is read until the matching `spmd.wait`, which names it again so that nobody overwrites it before. On an
    axis of one rank the shard arrives where it left.

    ```mlir
    %p = spmd.shift_start %q by 1 on @gpus "seq" (%rows) name "query"
        : tensor<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
    %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" name "query"
        : memref<1x32x?x128xf32>, memref<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
    ```

    Every rank of the axis runs the same shifts in the same order.

    Constraints:
    - (axis_c1) the grid exists and has the axis;
    - (shift_c1) on tensors there is one size for each dynamic extent of the result and no destination; on memrefs there
      are no sizes and there is a destination;
    - (shift_c2) source, destination and result have one element type and, up to `?`, one shape;
    - (shift_c3) `distance` is at least 1.

    Lifespan: partition creates it; stream assignment turns it into an `exec.exchange`.
  }];
  let arguments = (ins Arg<Spmd_Local, "what this rank sends">:$source, Optional<AnyStridedMemRef>:$destination,
                       I64Attr:$distance, FlatSymbolRefAttr:$grid, StrAttr:$axis, Variadic<Index>:$sizes,
                       StrAttr:$name);
  let results = (outs Spmd_PendingType:$pending);
  let assemblyFormat = [{
    $source (`into` $destination^)? `by` $distance `on` $grid $axis (`(` $sizes^ `)`)? `name` $name attr-dict
    `:` type($source) (`,` type($destination)^)? `->` qualified(type($pending))
  }];
  let hasVerifier = 1;
}

def Spmd_WaitOp : Spmd_Op<"wait", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Ends a flight: gives what has arrived";
  let description = [{
    Gives the value that the start promised. `source` is what that start sends: it is in use until here.

    ```mlir
    %arrived = spmd.wait %p, %q : !spmd.pending<1x32x?x128xf32>, tensor<1x32x?x128xf32> -> tensor<1x32x?x128xf32>
    ```

    Constraints:
    - (wait_c1) source and result have the pending value's element type and, up to `?`, its shape; the result is a
      tensor if the source is one, else a memref;
    - (wait_c2) every pending value is waited for exactly once on every path (checked by `--spmd-verify-pending`, since
      it concerns uses).

    Lifespan: partition creates it; stream assignment turns it into an `exec.await`.
  }];
  let arguments = (ins Spmd_PendingType:$pending, Spmd_Local:$source);
  let results = (outs Spmd_Local:$arrived);
  let assemblyFormat = [{
    $pending `,` $source attr-dict `:` qualified(type($pending)) `,` type($source) `->` type($arrived)
  }];
  let hasVerifier = 1;
}

def Spmd_StepOp : Spmd_Op<"step", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Begins a step of the schedule";
  let description = [{
    What follows is reported under this step in errors and traces. A `tail` step only brings results home.

    ```mlir
    spmd.step %t
    spmd.step %n tail
    ```

    Lifespan: partition creates it; stream assignment turns it into an `exec.step`.
  }];
  let arguments = (ins Index:$step, UnitAttr:$tail);
  let assemblyFormat = "$step (`tail` $tail^)? attr-dict";
}

#endif // SPMD_OPS_TD
