// RUN: rondo-opt %s --rondo-lower-host -verify-diagnostics

// Values are not returned from a program: they are written.
module attributes {rondo.manifest = "{}"} {
// expected-error @+1 {{function 'f' still has results; run --rondo-bufferize, which turns them into arguments}}
func.func @f(%a: memref<4xf32>) -> memref<4xf32> {
  return %a : memref<4xf32>
}
}
