// RUN: rondo-opt %s --rondo-outline-kernels -verify-diagnostics -split-input-file

// Host code does not touch memory itself.
func.func @store(%x: memref<4xf32>, %value: f32) {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{'memref.store' op cannot run on a stream: expected rondo.attend, rondo.merge or a linalg op on memrefs}}
  memref.store %value, %x[%c0] : memref<4xf32>
  return
}

// -----

// All memory is the arena's.
func.func @alloc() {
  // expected-error @+1 {{'memref.alloc' op cannot run on a stream}}
  %x = memref.alloc() : memref<4xf32>
  return
}
