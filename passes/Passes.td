//===- Passes.td - The passes from a global program to streams ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_PASSES_TD
#define RONDO_PASSES_TD

include "mlir/Pass/PassBase.td"

//===--------------------------------------------------------------------------------------------------------------===//
// Global program
//===--------------------------------------------------------------------------------------------------------------===//

def RondoPropagateShardingPass : Pass<"rondo-propagate-sharding", "::mlir::ModuleOp"> {
  let summary = "Derive the sharding of every tensor from those of the arguments and results";
  let description = [{
    Spreads what the arguments and results of public functions declare, forward and backward to a fixed point, through
    attention (whose interface says which dimensions the same axes must shard) and elementwise ops. What nothing says is
    replicated. Afterwards every argument and result carries a `rondo.sharding`, and every op that gives ranked tensors
    `rondo.shardings`, one for each result. A function without any sharding is left as it is: it runs on one rank.

    Before:
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func @f(%q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>},
                 %k: tensor<1x2x6404x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>},
                 %v: tensor<1x2x6404x64xf32>) -> tensor<1x8x61x64xf32> {
      %o = rondo.attention %q, %k, %v : (tensor<1x8x61x64xf32>, tensor<1x2x6404x64xf32>, tensor<1x2x6404x64xf32>)
          -> tensor<1x8x61x64xf32>
      return %o : tensor<1x8x61x64xf32>
    }
    ```

    After: V is sharded as K is, O and the result as Q is.
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func @f(%q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>},
                 %k: tensor<1x2x6404x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>},
                 %v: tensor<1x2x6404x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>})
        -> (tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>}) {
      %o = rondo.attention %q, %k, %v {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {} ]>]}
          : (tensor<1x8x61x64xf32>, tensor<1x2x6404x64xf32>, tensor<1x2x6404x64xf32>) -> tensor<1x8x61x64xf32>
      return %o : tensor<1x8x61x64xf32>
    }
    ```

    It is an error, which names both sides, if declarations contradict each other where they meet, if an op cannot be
    distributed at all or not as declared (a feature dimension sharded, a group of heads split, queries and keys sharded
    along different axes), if shardings name several grids, or if no public function attends. Functions marked
    `rondo.reference` and private ones are left as they are. Remark: `passed` with the numbers of declared and derived
    shardings.
  }];
  let dependentDialects = ["::mlir::rondo::RondoDialect"];
}

//===--------------------------------------------------------------------------------------------------------------===//
// One rank's program
//===--------------------------------------------------------------------------------------------------------------===//

def RondoPartitionPass : Pass<"rondo-partition", "::mlir::ModuleOp"> {
  let summary = "Rewrite the global program into one rank's, by a schedule";
  let description = [{
    Replaces each public function by the function that every rank runs on its own shards. Every op with tensor results
    carries `rondo.shardings`, as `rondo-propagate-sharding` leaves it; in a function without any sharding every rank
    holds everything. An attention becomes the program of its schedule: partial attention of local blocks, merges, and
    shifts along the axis, each waited for at once. All other ops stay, on local types.

    ```mlir
    // before
    func.func @f(%q: tensor<1x32x61x128xf32> {rondo.sharding = #s}, %k: tensor<1x8x?x128xf32> {rondo.sharding = #s},
                 %v: tensor<1x8x?x128xf32> {rondo.sharding = #s}) -> (tensor<1x32x61x128xf32> {rondo.sharding = #s}) {
      %o = rondo.attention %q, %k, %v {rondo.shardings = [#s]} : ...
      return %o : tensor<1x32x61x128xf32>
    }

    // after, schedule=query-ring
    func.func @f(%q: tensor<1x32x?x128xf32> {rondo.sharding = #s, spmd.shape = [1, 32, 61, 128]},
                 %k: tensor<1x8x?x128xf32> {rondo.sharding = #s, spmd.shape = [1, 8, "s0", 128]}, %v: ...,
                 %output: tensor<1x32x?x128xf32> {rondo.sharding = #s, spmd.output, spmd.shape = [1, 32, 61, 128]},
                 %s0: index {spmd.length = "s0"}) -> tensor<1x32x?x128xf32>
        attributes {spmd.communication_bytes = "1843200", spmd.schedules = ["query-ring"]} {
      %staged = linalg.copy ins(%q) outs(...)
      %o0, %l0 = rondo.attend ins(%q, %k, %v) ...
      %ring:3 = scf.for %t = %c1 to %c4 step %c1 iter_args(%qt = %staged, %ot = %o0, %lt = %l0) {
        spmd.step %t
        %p = spmd.shift_start %qt by 1 on @gpus "seq"(%rows) name "query" : ...
        %arrived = spmd.wait %p, %qt : ...
        ...
        %o, %l = rondo.merge ins(%partial#0, %partial#1) outs(%before, %lse_before)
        scf.yield %arrived, %o, %l
      }
      ...
      %r = linalg.copy ins(%home) outs(%output)
      return %r
    }
    ```

    A sharded dimension becomes `?`; heads, which are cut into equal parts, get the static extent of one part. Extents
    that are `?` in the global program become arguments, one for all dimensions that must be equal.

    `schedule=auto` takes the schedule that moves the fewest bytes. Where lengths or the number of ranks are bound at run
    time, the program chooses by the same formula. Remarks of category `rondo-schedule` report the schedule, its bytes and
    steps, the inequality by which a program chooses, and a schedule chosen by hand that moves more than another would.

    A ring whose state comes home by a last hop can attend its home block in two parts, of which the second hides that
    hop: `home-parts=2`. `home-parts=auto` compares the times of both where lengths, ranks and the device are known, and
    takes one part where they are not. A remark says why.

    Functions marked `rondo.reference` stay as they are.
  }];
  let options = [Option<"schedule", "schedule", "std::string", /*default=*/"\"auto\"",
                        "Schedule of every attention: auto, query-ring, kv-ring, local, or one that was registered">,
                 Option<"homeParts", "home-parts", "std::string", /*default=*/"\"auto\"",
                        "Parts in which a query ring attends its home block: auto, 1, or 2, which hides the last hop">,
                 Option<"device", "device", "std::string", /*default=*/"\"none\"",
                        "Device whose speed costs are reckoned with: none, h100">];
  let dependentDialects = ["::mlir::rondo::RondoDialect", "::mlir::spmd::SpmdDialect", "::mlir::scf::SCFDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::linalg::LinalgDialect"];
}

def RondoOverlapPass : Pass<"rondo-overlap", "::mlir::func::FuncOp"> {
  let summary = "Move shifts so that compute hides them";
  let description = [{
    Takes a program that waits for each transfer at once, and moves starts and waits apart:

    - each wait sinks to the first use of what arrives;
    - each start rises to where what it sends is known, if that puts compute behind it;
    - a loop is rotated if it sends a loop-carried value that has arrived, not been computed, in the iteration before:
      that shift starts in the iteration before, and the value in flight is carried. The first one starts before the
      loop, as soon as its source is known, and the last iteration, which starts none, is peeled. If the loop may run
      zero times, all that is under a condition.

    ```mlir
    // before
    %a0, ... = rondo.attend ins(%q, %k, %v) ...
    scf.for %t = %c1 to %n step %c1 iter_args(%qt = %staged, %ot = %o0) {
      %p = spmd.shift_start %qt by 1 on @gpus "seq" (%rows) name "query" : ...
      %arrived = spmd.wait %p, %qt : ...
      %s = spmd.shift_start %ot by 1 on @gpus "seq" (%rows) name "output" : ...
      %before = spmd.wait %s, %ot : ...
      %partial = rondo.attend ins(%arrived, %k, %v) ...
      %o = rondo.merge ins(%partial) outs(%before) ...
      scf.yield %arrived, %o
    }

    // after
    %p0 = spmd.shift_start %staged by 1 on @gpus "seq" (%rows1) name "query" : ...
    %a0, ... = rondo.attend ins(%q, %k, %v) ...
    scf.for %t = %c1 to %last step %c1 iter_args(%qt = %staged, %ot = %o0, %pt = %p0) {
      %arrived = spmd.wait %pt, %qt : ...
      %s = spmd.shift_start %ot by 1 on @gpus "seq" (%rows) name "output" : ...
      %pn = spmd.shift_start %arrived by 1 on @gpus "seq" (%rows_next) name "query" : ...
      %partial = rondo.attend ins(%arrived, %k, %v) ...
      %before = spmd.wait %s, %ot : ...
      %o = rondo.merge ins(%partial) outs(%before) ...
      scf.yield %arrived, %o, %pn
    }
    // the last iteration
    ```

    The pass knows nothing of attention and serves every schedule; without it every transfer is exposed. Remarks of
    category `rondo-overlap` report for each transfer what hides it, or that nothing does.
  }];
  let dependentDialects = ["::mlir::spmd::SpmdDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

def SpmdVerifyPendingPass : Pass<"spmd-verify-pending", "::mlir::func::FuncOp"> {
  let summary = "Verify that every value in flight is waited for exactly once on every path";
  let description = [{
    A verifier: it changes nothing. For each `!spmd.pending` value, through loops that carry it and branches that yield
    it, exactly one `spmd.wait` ends its flight on every path, and that wait names the source of the start: what is in
    use until then. Only `spmd.wait`, `scf.for` and `scf.yield` may take a value in flight.

    ```mlir
    // accepted
    %p = spmd.shift_start %q by 1 on @gpus "seq" (%rows) name "query" : ...
    %arrived = spmd.wait %p, %q : ...

    // rejected: the flight never ends
    %p = spmd.shift_start %q by 1 on @gpus "seq" (%rows) name "query" : ...
    return
    ```
  }];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

def RondoBufferizePass : Pass<"rondo-bufferize", "::mlir::ModuleOp"> {
  let summary = "Turn tensors into memrefs";
  let description = [{
    Runs upstream's one-shot bufferisation, set up for values in flight. A `spmd.shift_start` allocates its destination;
    the `spmd.wait` that ends the flight reads the source once more, so that nothing overwrites it in between, and gives
    the destination to write. Loops hand allocations on: a carried value costs one allocation an iteration and no copy.

    Before that, elementwise ops on tensors become `linalg.generic`, each fused into its only user, constants become
    fills, and an op whose result is only copied to an output argument writes there.

    Arguments become memrefs of any strides but the last, which is 1; inputs are never written. Results must have been
    written into arguments marked `spmd.output`, and vanish. All computation left is `rondo` and `linalg` ops.

    Before:
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func @f(%x: tensor<?x8xf32>, %out: tensor<?x8xf32> {spmd.output}, %rows: index) -> tensor<?x8xf32> {
      %p = spmd.shift_start %x by 1 on @gpus "seq" (%rows) name "x" : tensor<?x8xf32> -> !spmd.pending<?x8xf32>
      %y = spmd.wait %p, %x : !spmd.pending<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
      %r = linalg.copy ins(%y : tensor<?x8xf32>) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
      return %r : tensor<?x8xf32>
    }
    ```

    After:
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func @f(%x: memref<?x8xf32, strided<[?, 1], offset: ?>>,
                 %out: memref<?x8xf32, strided<[?, 1], offset: ?>> {spmd.output}, %rows: index) {
      %slot = memref.alloc(%rows) {alignment = 64 : i64} : memref<?x8xf32>
      %p = spmd.shift_start %x into %slot by 1 on @gpus "seq" name "x"
          : memref<?x8xf32, strided<[?, 1], offset: ?>>, memref<?x8xf32> -> !spmd.pending<?x8xf32>
      %y = spmd.wait %p, %x
          : !spmd.pending<?x8xf32>, memref<?x8xf32, strided<[?, 1], offset: ?>> -> memref<?x8xf32>
      linalg.copy ins(%y : memref<?x8xf32>) outs(%out : memref<?x8xf32, strided<[?, 1], offset: ?>>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::rondo::RondoDialect", "::mlir::spmd::SpmdDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RondoPlanArenaPass : Pass<"rondo-plan-arena", "::mlir::func::FuncOp"> {
  let summary = "Give every allocation a place in one arena";
  let description = [{
    Replaces each `memref.alloc` by a view of one arena, whose size is computed where the function starts. An allocation
    in a loop has as many slots as its lifetime spans iterations, through carried values, flights (a shift's destination
    lives on as what the wait gives) and sources, which are in use until the wait that names them; iteration i takes slot
    i mod slots. Slots hold the longest shard and are aligned to 64 bytes; views are compact and of the present size.
    The branches of an `scf.if` outside of loops share memory.

    Sizes must be bounded by arithmetic of constants, lengths, the number of ranks, extents of arguments and
    `spmd.shard_size`. The bytes are recorded as a formula in the attribute `spmd.workspace_bytes`.

    Before:
    ```mlir
    func.func @f(%x: memref<16xf32>, %n: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %x) -> (memref<16xf32>) {
        %next = memref.alloc() : memref<16xf32>
        linalg.copy ins(%previous : memref<16xf32>) outs(%next : memref<16xf32>)
        scf.yield %next : memref<16xf32>
      }
      return
    }
    ```

    After, with constants folded: two slots.
    ```mlir
    func.func @f(%x: memref<16xf32>, %n: index) attributes {spmd.workspace_bytes = "128"} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c64 = arith.constant 64 : index
      %c128 = arith.constant 128 : index
      %arena = exec.arena %c128 : memref<?xi8>
      %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %x) -> (memref<16xf32>) {
        %slot = arith.remui %t, %c2 : index
        %offset = arith.muli %slot, %c64 : index
        %next = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
        linalg.copy ins(%previous : memref<16xf32>) outs(%next : memref<16xf32>)
        scf.yield %next : memref<16xf32>
      }
      return
    }
    ```

    Remarks: `passed` with the bytes and the number of slots.
  }];
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::spmd::SpmdDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Streams
//===--------------------------------------------------------------------------------------------------------------===//

def RondoJoinMergesPass : Pass<"rondo-join-merges", "::mlir::func::FuncOp"> {
  let summary = "Let merges combine what attentions leave in parts";
  let description = [{
    A GPU attends few queries to many keys in parts, whose results it must merge. Where a `rondo.merge` follows that
    merges the attention's result into another one, it can merge all parts at once, so that the result in between is
    never written. This pass says where that is right: it marks a `rondo.attend` and a `rondo.merge` on memrefs as `joined` if

    - the merge is the next computation in the attention's block: waits, and starts of transfers, may come between;
    - the attention's result lies in memory that such pairs alone access: there is no other reader.

    What the merge merges into may arrive after the attention has begun.

    ```mlir
    rondo.attend ins(%q, %k, %v : ...) outs(%o, %l : ...) scale 0.125 {joined}
    %arrived = spmd.wait %flight, %sent : ...
    rondo.merge ins(%o, %l : ...) outs(%arrived, %arrived_lse : ...) {joined}
    ```

    Remarks: `passed` for a pair, `missed` for a merge of an attention's result that needs a computation of its own.
  }];
}

def RondoOutlineKernelsPass : Pass<"rondo-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move every computation into a kernel and dispatch it";
  let description = [{
    Each `rondo.attend`, `rondo.merge` and `linalg` op on memrefs becomes the body of a private function marked
    `exec.kernel`, and a dispatch to the compute stream that says which memrefs it reads and writes. Equal kernels are
    there once. Scalars are passed; constants that only a body uses move with it. The layout of what attend reads is
    forgotten, by `memref.cast`: blocks in the caller's layout and blocks that arrived share a kernel.

    Before:
    ```mlir
    func.func @f(%x: memref<4xf32>, %y: memref<4xf32>) {
      linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
      return
    }
    ```

    After:
    ```mlir
    func.func @f(%x: memref<4xf32>, %y: memref<4xf32>) {
      exec.dispatch compute @f__copy_0(%x, %y) reads [0] writes [1] : (memref<4xf32>, memref<4xf32>) -> ()
      return
    }
    func.func private @f__copy_0(%part: index, %parts: index, %x: memref<4xf32>, %y: memref<4xf32>)
        attributes {exec.kernel = "copy"} {
      linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::func::FuncDialect",
                          "::mlir::memref::MemRefDialect"];
}

def RondoAssignStreamsPass : Pass<"rondo-assign-streams", "::mlir::func::FuncOp"> {
  let summary = "Turn shifts into exchanges on the communication stream, ordered by events";
  let description = [{
    Neighbouring shifts along one axis become one `exec.exchange`. Communication first awaits all compute issued so far,
    so that sources are complete and nobody reads the destinations any more. An event after the exchange says that all
    has arrived: together with the destination it replaces the pending value, through loops and branches, and where the
    program waits, compute awaits it.

    Before:
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func private @work(index, index, memref<?x8xf32>) attributes {exec.kernel = "work"}
    func.func @f(%q: memref<?x8xf32>, %slot: memref<?x8xf32>) {
      %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" name "query"
          : memref<?x8xf32>, memref<?x8xf32> -> !spmd.pending<?x8xf32>
      exec.dispatch compute @work(%q) reads [0] writes [] : (memref<?x8xf32>) -> ()
      %arrived = spmd.wait %p, %q : !spmd.pending<?x8xf32>, memref<?x8xf32> -> memref<?x8xf32>
      exec.dispatch compute @work(%arrived) reads [0] writes [] : (memref<?x8xf32>) -> ()
      return
    }
    ```

    After:
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func private @work(index, index, memref<?x8xf32>) attributes {exec.kernel = "work"}
    func.func @f(%q: memref<?x8xf32>, %slot: memref<?x8xf32>) {
      %ready = exec.record compute
      exec.await communication, %ready
      exec.exchange communication by 1 on @gpus "seq" send(%q) receive(%slot) names ["query"] : memref<?x8xf32>
      %event = exec.record communication
      exec.dispatch compute @work(%q) reads [0] writes [] : (memref<?x8xf32>) -> ()
      exec.await compute, %event
      exec.dispatch compute @work(%slot) reads [0] writes [] : (memref<?x8xf32>) -> ()
      return
    }
    ```

    Remarks: `passed` with the numbers of shifts and of exchanges.
  }];
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def ExecVerifyOrderPass : Pass<"exec-verify-order", "::mlir::func::FuncOp"> {
  let summary = "Verify that conflicting accesses on different streams are ordered";
  let description = [{
    Runs the host function, without its work, on all of 1, 2, 3 and 5 ranks (or the first 8 of a static grid), with full,
    uneven and empty shards, and follows by vector clocks what happens before what. Errors, with both places:

    - two accesses to overlapping memory on different streams, one of them a write, that no event orders;
    - an exchange that receives where it sends, or moves memory other than the arena's;
    - a view that reaches beyond the arena;
    - an exchange that compute has not awaited when the function ends;
    - an exchange that receives more or less than the rank behind sends (on grids of one axis);
    - an exchange under a condition, or in a loop with bounds, that depend on the rank: ranks would wait for each other.

    Without the `exec.await` here, the dispatch "reads memory that no event orders after earlier work on the communication
    stream":
    ```mlir
    rondo.grid @gpus = ["seq" = 4]
    func.func private @attend(index, index, memref<4xf32>) attributes {exec.kernel = "attend"}
    func.func @f() {
      %c0 = arith.constant 0 : index
      %c64 = arith.constant 64 : index
      %c128 = arith.constant 128 : index
      %arena = exec.arena %c128 : memref<?xi8>
      %q = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
      %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<4xf32>
      exec.exchange communication by 1 on @gpus "seq" send(%q) receive(%slot) names ["query"] : memref<4xf32>
      %arrived = exec.record communication
      exec.await compute, %arrived
      exec.dispatch compute @attend(%slot) reads [0] writes [] : (memref<4xf32>) -> ()
      return
    }
    ```
  }];
}

#endif // RONDO_PASSES_TD
