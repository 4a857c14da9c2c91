// RUN: rondo-opt %s --rondo-lower-host | FileCheck %s

// A kernel that is an operation on a GPU is launched with its constant; the function goes.
module attributes {rondo.manifest = "{}"} {
func.func private @f__copy_0(index, index, memref<4xf32>, index) attributes {exec.kernel = "copy",
    exec.cuda_operation = #exec.cuda_operation<elementwise kernels [5] operands [0, -1, -1, -1, -1, -1, -1, -1] dimensions 1>}
func.func private @f__attend_0(index, index, memref<4xf32>) attributes {exec.kernel = "attend",
    exec.cuda_operation = #exec.cuda_operation<attend kernels [0, 1] merge 2 operands [0, 10, 20, 30, 40, -1, -1, -1]
                                               scale 0.125 output bf16>}

// CHECK-LABEL: func.func private @host.f(
// CHECK-DAG:     %[[COPY:.+]] = llvm.mlir.addressof @kernel_entry.f__copy_0
// The slot of `launch` in the table.
// CHECK:         llvm.getelementptr %{{.*}}[72] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK:         llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %[[COPY]], %{{.*}}, %c40_{{.*}})
// CHECK:         llvm.mlir.addressof @kernel_entry.f__attend_0
func.func @f(%x: memref<4xf32>, %n: index {spmd.length = "s0"}) attributes {spmd.schedules = []} {
  exec.dispatch compute @f__copy_0(%x, %n) reads [0] writes [] : (memref<4xf32>, index) -> ()
  exec.dispatch compute @f__attend_0(%x) reads [0] writes [] : (memref<4xf32>) -> ()
  return
}

// Kind, count, kernels, merge, dimensions, operands, scale, type of O; merge is -1 where there is none.
// CHECK-NOT:   func.func private @f__copy_0
// CHECK:       llvm.mlir.global internal constant @kernel_entry.f__copy_0()
// CHECK-SAME:    !llvm.struct<(i32, i32, ptr, i32, i32, array<8 x i32>, f64, i32, i32)>
// CHECK-DAG:     llvm.mlir.constant(3 : i32)
// CHECK-DAG:     llvm.mlir.addressof @kernel_entry.f__copy_0.kernels
// CHECK-DAG:     llvm.mlir.constant(-1 : i32)
// CHECK:       llvm.mlir.global internal constant @kernel_entry.f__attend_0.kernels() {{.*}} !llvm.array<2 x i32>
// CHECK:       llvm.mlir.global internal constant @kernel_entry.f__attend_0()
// CHECK-DAG:     llvm.mlir.constant(1.250000e-01 : f64)
// CHECK-DAG:     llvm.mlir.constant(40 : i32)

// No images were embedded: the header says so.
// CHECK:       llvm.mlir.global external constant @rondo_program_v1()
// CHECK:         llvm.mlir.zero
}
