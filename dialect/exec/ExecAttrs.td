//===- ExecAttrs.td - Operations of programs for CUDA -------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef EXEC_ATTRS_TD
#define EXEC_ATTRS_TD

include "dialect/exec/ExecDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

// Numbers as in rondo/cuda_abi.h.
def Exec_CudaOperationKind : I32EnumAttr<"CudaOperationKind", "what kernels of an operation compute", [
    I32EnumAttrCase<"Attend", 1, "attend">, I32EnumAttrCase<"Merge", 2, "merge">,
    I32EnumAttrCase<"Elementwise", 3, "elementwise">]> {
  let cppNamespace = "::mlir::exec";
}

def Exec_CudaOperationAttr : AttrDef<Exec_Dialect, "CudaOperation"> {
  let mnemonic = "cuda_operation";
  let summary = "What the runtime launches for a dispatch on CUDA: `rondo_cuda_operation` of rondo/cuda_abi.h";
  let description = [{
    It stands on a kernel function that has no body any more, as `exec.cuda_operation`. `kernels` and `merge` are numbers
    of the program's CUDA kernels, `operands` slots of the dispatch's argument block (-1: absent), `dimensions` the rank of
    an elementwise operation's shape, `output` the type of O in memory. The parts of an attention that is `joined` are
    merged by the merge that comes next, which is `joined`, too.

    ```mlir
    #exec.cuda_operation<attend kernels [0, 1] merge 2 operands [0, 10, 20, 30, 40, -1, -1, -1]
                         scale 1.250000e-01 output bf16>
    ```
  }];
  let parameters = (ins EnumParameter<Exec_CudaOperationKind>:$kind, ArrayRefParameter<"int32_t">:$kernels,
                        DefaultValuedParameter<"int32_t", "-1">:$merge, ArrayRefParameter<"int32_t">:$operands,
                        DefaultValuedParameter<"int32_t", "0">:$dimensions,
                        OptionalParameter<"::mlir::FloatAttr">:$scale, OptionalParameter<"::mlir::Type">:$output,
                        DefaultValuedParameter<"bool", "false">:$joined);
  let assemblyFormat = [{
    `<` $kind `kernels` `[` $kernels `]` (`merge` $merge^)? `operands` `[` $operands `]` (`dimensions` $dimensions^)?
    (`scale` $scale^)? (`output` $output^)? (`joined` $joined^)? `>`
  }];
}

#endif // EXEC_ATTRS_TD
