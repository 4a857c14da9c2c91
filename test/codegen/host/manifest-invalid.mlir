// RUN: not rondo-compile %s --emit=llvm 2>&1 | FileCheck %s
// A program that was not made by rondo-partition may lack what its manifest tells of it.

// CHECK: manifest-invalid.mlir:[[#@LINE+1]]:1: error: argument 0 of 'f' has neither 'spmd.shape' nor 'spmd.length'
func.func @f(%bytes: index) {
  %arena = exec.arena %bytes : memref<?xi8>
  return
}
