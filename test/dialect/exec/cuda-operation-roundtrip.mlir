// RUN: rondo-opt %s | rondo-opt | FileCheck %s

// CHECK: @attend{{.*}}exec.cuda_operation = #exec.cuda_operation<attend kernels[0, 1] merge 2
// CHECK-SAME: operands[0, 10, 20, 30, 40, -1, -1, -1] scale 1.250000e-01 : f64 output bf16>
func.func private @attend(index, index) attributes {exec.kernel = "attend", exec.cuda_operation =
    #exec.cuda_operation<attend kernels [0, 1] merge 2 operands [0, 10, 20, 30, 40, -1, -1, -1] scale 0.125 output bf16>}

// CHECK: @copy{{.*}}exec.cuda_operation = #exec.cuda_operation<elementwise kernels[3] operands[10] dimensions 4>
func.func private @copy(index, index) attributes {exec.kernel = "copy",
    exec.cuda_operation = #exec.cuda_operation<elementwise kernels [3] operands [10] dimensions 4>}
