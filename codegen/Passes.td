//===- Passes.td - From streams to machine code -------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_PASSES_TD
#define RONDO_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def RondoEmitReferencePass : Pass<"rondo-emit-reference", "::mlir::ModuleOp"> {
  let summary = "Add to every public function a dense float64 evaluation of it";
  let description = [{
    Translates each public function `@f` of the global program into `@f__reference`, marked `rondo.reference`: a private
    function on contiguous memrefs, inputs first, then outputs, in which every float is an f64. Attention becomes its
    textbook formula; it shares no code with `rondo.attend` and `rondo.merge`, which it serves to check.

    ```mlir
    func.func @f(%q: tensor<1x8x?x64xf16>, %k: tensor<1x8x?x64xf16>, %v: tensor<1x8x?x64xf16>) -> tensor<1x8x?x64xf16> {
      ...
    }
    // becomes, beside itself
    func.func private @f__reference(%q: memref<1x8x?x64xf64>, %k: memref<1x8x?x64xf64>, %v: memref<1x8x?x64xf64>,
                                    %o: memref<1x8x?x64xf64>) attributes {rondo.reference} {
      ...
    }
    ```

    An op that is neither attention nor elementwise is an error.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def RondoLowerKernelsCpuPass : Pass<"rondo-lower-kernels-cpu", "::mlir::ModuleOp"> {
  let summary = "Generate the CPU code of kernels";
  let description = [{
    Replaces the one op in the body of each kernel (a function with the attribute `exec.kernel`) by loops over vectors of
    float32. A kernel's first arguments say which part of how many to do; parts are contiguous ranges of independent work
    (heads and blocks of rows), so the result is the same for any number of parts.

    ```mlir
    func.func private @f__attend_0(%part: index, %parts: index, %q: memref<...>, %k: memref<...>, %v: memref<...>,
        %o: memref<...>, %lse: memref<...>) attributes {exec.kernel = "attend"} {
      rondo.attend ins(%q, %k, %v : ...) outs(%o, %lse : ...) scale 0.125
      return
    }
    // becomes
    func.func private @f__attend_0(...) attributes {exec.kernel = "attend"} {
      scf.for %item = %begin to %end step %c1 {
        scf.for %tile = ... { /* scores, online softmax and weighted sums by vector.fma */ }
      }
      return
    }
    ```

    Feature sizes are static. Other ops are those of linalg on memrefs, and memref.copy.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"256",
                        "Width of the target's vector registers: 128, 256 or 512">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def RondoChooseKernelsCudaPass : Pass<"rondo-choose-kernels-cuda", "::mlir::ModuleOp"> {
  let summary = "Choose the CUDA kernels of attention and merges";
  let description = [{
    Gives each `rondo.attend` and `rondo.merge` in a kernel function (`exec.kernel`) a `#rondo.kernel`: the generated
    kernels that may compute it. With static extents one is chosen by the model that the runtime's launcher uses; otherwise
    there are two, one for many rows and one for few, and the launcher chooses. Ops that have a `kernel` keep it, unless
    the option `kernel` is given.

    ```mlir
    func.func private @f__merge_0(%part: index, %parts: index, %o: memref<1x8x?x64xf32>, %lse: memref<1x8x?xf32>,
        %o2: memref<1x8x?x64xf32>, %lse2: memref<1x8x?xf32>) attributes {exec.kernel = "merge"} {
      rondo.merge ins(%o, %lse : memref<1x8x?x64xf32>, memref<1x8x?xf32>)
          outs(%o2, %lse2 : memref<1x8x?x64xf32>, memref<1x8x?xf32>)
      return
    }
    // becomes
    func.func private @f__merge_0(...) attributes {exec.kernel = "merge"} {
      rondo.merge ins(...) outs(...)
          {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
      return
    }
    ```

    Attention of f32, or of more than 256 features, is an error.
    Remarks: `passed` with each choice, and with the predicted time where all extents are static; and for each attention
    beside a transfer, with the multiprocessors that the runtime will leave to it.
  }];
  let options = [Option<"kernel", "kernel", "std::string", /*default=*/"",
                        "Kernels by hand: attend:block-keys=176,warpgroups=2;merge:unroll=2">];
  let dependentDialects = ["::mlir::rondo::RondoDialect"];
}

def RondoLowerKernelsCudaPass : Pass<"rondo-lower-kernels-cuda", "::mlir::ModuleOp"> {
  let summary = "Collect the CUDA kernels of a program, and say what each dispatch launches";
  let description = [{
    Moves kernel functions (`exec.kernel`) into one `gpu.module`; of each only a declaration stays, with
    `#exec.cuda_operation`: the kernels to launch, by their number in the `gpu.module`, and where they find their operands
    in the dispatch's argument block. In the `gpu.module`, attention and merges are declarations with their
    configuration, equal ones there once, and all else is a function with its linalg op. From this the code of the
    kernels is generated when the program is written; its text identifies them in the cache.

    ```mlir
    func.func private @f__copy_0(%part: index, %parts: index, %a: memref<8xf32>, %b: memref<8xf32>)
        attributes {exec.kernel = "copy"} {
      linalg.copy ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
      return
    }
    // becomes
    func.func private @f__copy_0(index, index, memref<8xf32>, memref<8xf32>) attributes {exec.kernel = "copy",
        exec.cuda_operation = #exec.cuda_operation<elementwise kernels [0] operands [4, -1, ...] dimensions 1>}
    gpu.module @rondo_kernels {
      func.func @f__copy_0(%part: index, %parts: index, %a: memref<8xf32>, %b: memref<8xf32>) {
        linalg.copy ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::exec::ExecDialect", "::mlir::gpu::GPUDialect"];
}

def RondoLowerHostPass : Pass<"rondo-lower-host", "::mlir::ModuleOp"> {
  let summary = "Turn work on streams into calls of the runtime";
  let description = [{
    Replaces the `exec` and `spmd` ops of each host function by calls through the runtime's function table (`rondo/abi.h`),
    and adds what a program exports: an entry for each public function, which unpacks its tensors and lengths, and the
    header `rondo_program_v1` with the manifest. Runs on unstructured control flow, because each call's status is checked
    and the first failure leaves the function from any depth.

    ```mlir
    func.func @f(%x: memref<4xf32, strided<[1], offset: ?>>) {
      exec.dispatch compute @f__copy_0(%x, ...) reads [0] writes [1] : ...
      return
    }
    // becomes
    func.func private @f(%table: !llvm.ptr, %execution: !llvm.ptr, %x: memref<4xf32, strided<[1], offset: ?>>) -> i32 {
      %status = llvm.call %dispatch(%execution, ...) : !llvm.ptr, (!llvm.ptr, ...) -> i32
      %fine = arith.cmpi eq, %status, %ok : i32
      cf.cond_br %fine, ^next, ^unwind(%status : i32)
      ...
    }
    llvm.func internal @f__entry(%table: !llvm.ptr, %execution: !llvm.ptr, %tensors: !llvm.ptr, %lengths: !llvm.ptr) -> i32
    llvm.mlir.global external constant @rondo_program_v1() ...
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect"];
}

#endif // RONDO_CODEGEN_PASSES_TD
