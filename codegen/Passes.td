//===- Passes.td - From streams to machine code -------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_PASSES_TD
#define RONDO_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def RondoEmitReferencePass : Pass<"rondo-emit-reference", "::mlir::ModuleOp"> {
  let summary = "Add to every public function a dense float64 evaluation of it";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def RondoLowerKernelsCpuPass : Pass<"rondo-lower-kernels-cpu", "::mlir::ModuleOp"> {
  let summary = "Generate the CPU code of kernels";
  let options = [Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"256",
                        "Width of the target's vector registers">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def RondoLowerHostPass : Pass<"rondo-lower-host", "::mlir::ModuleOp"> {
  let summary = "Turn work on streams into calls of the runtime";
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect"];
}

#endif // RONDO_CODEGEN_PASSES_TD
