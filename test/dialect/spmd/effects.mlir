// Communication is neither merged, dropped nor hoisted: every rank must do it in the same order.
// RUN: rondo-opt %s -canonicalize -cse -loop-invariant-code-motion | FileCheck %s

rondo.grid @gpus = ["seq" = ?]

// CHECK-LABEL: func.func @twice
// CHECK-COUNT-2: spmd.shift_start
// CHECK-COUNT-2: spmd.wait
// CHECK: spmd.step
func.func @twice(%q: tensor<4xf32>, %t: index) {
  %a = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
  %b = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
  %c = spmd.wait %a, %q : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %d = spmd.wait %b, %q : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  spmd.step %t
  return
}

// CHECK-LABEL: func.func @in_loop
// CHECK: scf.for
// CHECK: spmd.shift_start
// CHECK: spmd.wait
func.func @in_loop(%q: tensor<4xf32>, %from: index, %to: index, %by: index) {
  scf.for %t = %from to %to step %by {
    %a = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
    %c = spmd.wait %a, %q : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  }
  return
}
