// RUN: rondo-opt %s --rondo-overlap --split-input-file --verify-diagnostics

rondo.grid @gpus = ["seq" = 4]
func.func @memrefs(%x: memref<4xf32>, %slot: memref<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op sends a memref; expected a tensor: overlap transfers before bufferisation}}
  %p = spmd.shift_start %x into %slot by 1 on @gpus "seq" name "x" : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %y = spmd.wait %p, %x : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  return
}
