// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-assign-streams))' -verify-diagnostics \
// RUN:   -split-input-file

// What travels is contiguous.
rondo.grid @gpus = ["seq" = 4]
func.func @strided(%a: memref<4x4xf32, strided<[?, 1], offset: ?>>, %b: memref<4x4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op moves 'memref<4x4xf32, strided<[?, 1], offset: ?>>', which need not be contiguous; copy it to a tensor of its own first (linalg.copy)}}
  %p = spmd.shift_start %a into %b by 1 on @gpus "seq" name "query"
      : memref<4x4xf32, strided<[?, 1], offset: ?>>, memref<4x4xf32> -> !spmd.pending<4x4xf32>
  %r = spmd.wait %p, %a : !spmd.pending<4x4xf32>, memref<4x4xf32, strided<[?, 1], offset: ?>> -> memref<4x4xf32>
  return
}

// -----

// A value in flight can only be handed on and waited for.
rondo.grid @gpus = ["seq" = 4]
func.func @escapes(%a: memref<4xf32>, %b: memref<4xf32>) -> !spmd.pending<4xf32> {
  // expected-error @+1 {{a value in flight is used other than by spmd.wait, scf.for and scf.if}}
  %p = spmd.shift_start %a into %b by 1 on @gpus "seq" name "query"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  return %p : !spmd.pending<4xf32>
}
