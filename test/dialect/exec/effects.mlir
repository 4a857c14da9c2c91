// Work on streams is neither merged nor dropped, and keeps its order.
// RUN: rondo-opt %s -canonicalize -cse | FileCheck %s

// CHECK-LABEL: func.func @twice
// CHECK-NEXT: exec.record compute
// CHECK-NEXT: exec.dispatch compute @copy_0
// CHECK-NEXT: exec.dispatch compute @copy_0
// CHECK-NEXT: exec.record compute
// CHECK-NEXT: exec.await communication
func.func private @copy_0(index, index, memref<4xf32>) attributes {exec.kernel = "copy"}
func.func @twice(%a: memref<4xf32>) {
  %first = exec.record compute
  exec.dispatch compute @copy_0(%a) reads [0] writes [0] : (memref<4xf32>) -> ()
  exec.dispatch compute @copy_0(%a) reads [0] writes [0] : (memref<4xf32>) -> ()
  %second = exec.record compute
  exec.await communication, %second
  return
}
