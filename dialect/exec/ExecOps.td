//===- ExecOps.td - Streams, events, dispatches, exchanges --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef EXEC_OPS_TD
#define EXEC_OPS_TD

include "dialect/exec/ExecAttrs.td"
include "dialect/exec/ExecDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Exec_Stream : I32EnumAttr<"Stream", "a queue of work of one rank", [
    I32EnumAttrCase<"Compute", 0, "compute">, I32EnumAttrCase<"Communication", 1, "communication">]> {
  let cppNamespace = "::mlir::exec";
}

def Exec_EventType : TypeDef<Exec_Dialect, "Event"> {
  let mnemonic = "event";
  let summary = "A point in the work of a stream";
}

def Exec_Streams : Resource<"::mlir::exec::StreamResource">;

// Issuing work is a write to the streams: calls keep their order.
class Exec_StreamOp<string mnemonic, list<Trait> traits = []>
    : Exec_Op<mnemonic, !listconcat(traits, [MemoryEffects<[MemRead<Exec_Streams>, MemWrite<Exec_Streams>]>])>;

def Exec_ArenaOp : Exec_StreamOp<"arena"> {
  let summary = "The memory for all intermediate values of a run";
  let description = [{
    ```mlir
    %arena = exec.arena %bytes : memref<?xi8>
    ```

    Constraints:
    - (arena_c1) a function has at most one.

    Lifespan: arena planning creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Index:$bytes);
  let results = (outs MemRefRankOf<[I8], [1]>:$arena);
  let assemblyFormat = "$bytes attr-dict `:` type($arena)";
  let hasVerifier = 1;
}

def Exec_DispatchOp : Exec_StreamOp<"dispatch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel on a stream";
  let description = [{
    The kernel is a function of this module, marked `exec.kernel`, whose first two arguments are `part` and `parts`
    (index): it does part `part` of `parts` parts of its work. `reads` and `writes` say which memref operands (by
    position) it reads and writes.

    ```mlir
    exec.dispatch compute @attend_0(%q, %k, %v, %o, %lse) reads [0, 1, 2] writes [3, 4]
        : (memref<?xf32>, memref<?xf32>, memref<?xf32>, memref<?xf32>, memref<?xf32>) -> ()
    ```

    Constraints:
    - (dispatch_c1) the kernel exists, is marked `exec.kernel` and takes `part`, `parts` and the operands' types;
    - (dispatch_c2) `reads` and `writes` are positions of memref operands; each memref operand is in at least one.

    Lifespan: stream assignment creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Exec_Stream:$stream, FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$operands,
                       DenseI32ArrayAttr:$reads, DenseI32ArrayAttr:$writes);
  let assemblyFormat = [{
    $stream $kernel `(` $operands `)` `reads` $reads `writes` $writes attr-dict `:` functional-type($operands, results)
  }];
  let hasVerifier = 1;
}

def Exec_ExchangeOp : Exec_StreamOp<"exchange", [SameVariadicOperandSize,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Passes shards on along an axis, as one group";
  let description = [{
    Sends each of `sources` to the rank `distance` ahead on the axis, cyclically, while each of `destinations` receives
    that of the rank as far behind. Memrefs are contiguous.

    ```mlir
    exec.exchange communication by 1 on @gpus "seq" send(%q, %o) receive(%q2, %o2) names ["query", "output"]
        : memref<1x32x?x128xf32>, memref<1x32x?x128xf32>
    ```

    Constraints:
    - (axis_c1) the grid exists and has the axis;
    - (exchange_c1) there is one name for each source;
    - (exchange_c2) a source and its destination have one type, of identity layout;
    - (exchange_c3) `distance` is at least 1;
    - (exchange_c4) elements are integers or floating-point numbers of whole bytes.

    Lifespan: stream assignment creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Exec_Stream:$stream, I64Attr:$distance, FlatSymbolRefAttr:$grid, StrAttr:$axis,
                       Variadic<AnyMemRef>:$sources, Variadic<AnyMemRef>:$destinations, StrArrayAttr:$names);
  let assemblyFormat = [{
    $stream `by` $distance `on` $grid $axis `send` `(` $sources `)` `receive` `(` $destinations `)` `names` $names
    attr-dict `:` custom<SameTypes>(type($sources), type($destinations))
  }];
  let hasVerifier = 1;
}

def Exec_RecordOp : Exec_StreamOp<"record"> {
  let summary = "Marks the present end of a stream";
  let description = [{
    ```mlir
    %e = exec.record compute
    ```

    Lifespan: stream assignment creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Exec_Stream:$stream);
  let results = (outs Exec_EventType:$event);
  let assemblyFormat = "$stream attr-dict";
}

def Exec_AwaitOp : Exec_StreamOp<"await"> {
  let summary = "Makes later work of a stream wait for an event";
  let description = [{
    ```mlir
    exec.await communication, %e
    ```

    Lifespan: stream assignment creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Exec_Stream:$stream, Exec_EventType:$event);
  let assemblyFormat = "$stream `,` $event attr-dict";
}

def Exec_StepOp : Exec_StreamOp<"step"> {
  let summary = "Begins a step of the schedule";
  let description = [{
    What is issued from here on is reported under this step. A `tail` step only brings results home.

    ```mlir
    exec.step %t
    ```

    Lifespan: stream assignment creates it; host code generation turns it into a runtime call.
  }];
  let arguments = (ins Index:$step, UnitAttr:$tail);
  let assemblyFormat = "$step (`tail` $tail^)? attr-dict";
}

#endif // EXEC_OPS_TD
