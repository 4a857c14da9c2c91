//===- Passes.td - The passes from a global program to streams ----------------------------------------------------===//
#ifndef RONDO_PASSES_TD
#define RONDO_PASSES_TD

include "mlir/Pass/PassBase.td"

//===--------------------------------------------------------------------------------------------------------------===//
// Global program
//===--------------------------------------------------------------------------------------------------------------===//

def RondoPropagateShardingPass : Pass<"rondo-propagate-sharding", "::mlir::ModuleOp"> {
  let summary = "Derive the sharding of every tensor from those of the arguments and results";
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
