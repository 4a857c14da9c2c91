//===- Passes.td - The passes from a global program to streams ----------------------------------------------------===//
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
  let options = [Option<"schedule", "schedule", "std::string", /*default=*/"\"auto\"",
                        "Schedule of every attention: auto, query-ring, kv-ring, or one that was registered">];
  let dependentDialects = ["::mlir::rondo::RondoDialect", "::mlir::spmd::SpmdDialect", "::mlir::scf::SCFDialect",
                           "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::linalg::LinalgDialect"];
}

def RondoOverlapPass : Pass<"rondo-overlap", "::mlir::func::FuncOp"> {
  let summary = "Move shifts so that compute hides them";
  let dependentDialects = ["::mlir::spmd::SpmdDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

def SpmdVerifyPendingPass : Pass<"spmd-verify-pending", "::mlir::func::FuncOp"> {
  let summary = "Verify that every value in flight is waited for exactly once on every path";
}

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

def RondoBufferizePass : Pass<"rondo-bufferize", "::mlir::ModuleOp"> {
  let summary = "Turn tensors into memrefs";
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::linalg::LinalgDialect"];
}

def RondoPlanArenaPass : Pass<"rondo-plan-arena", "::mlir::func::FuncOp"> {
  let summary = "Give every allocation a place in one arena";
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::spmd::SpmdDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Streams
//===--------------------------------------------------------------------------------------------------------------===//

def RondoOutlineKernelsPass : Pass<"rondo-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move every computation into a kernel and dispatch it";
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::func::FuncDialect"];
}

def RondoAssignStreamsPass : Pass<"rondo-assign-streams", "::mlir::func::FuncOp"> {
  let summary = "Turn shifts into exchanges on the communication stream, ordered by events";
  let dependentDialects = ["::mlir::exec::ExecDialect"];
}

def ExecVerifyOrderPass : Pass<"exec-verify-order", "::mlir::func::FuncOp"> {
  let summary = "Verify that conflicting accesses on different streams are ordered";
}

#endif // RONDO_PASSES_TD
