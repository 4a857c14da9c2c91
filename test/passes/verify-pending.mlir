// RUN: rondo-opt %s --spmd-verify-pending | FileCheck %s

rondo.grid @gpus = ["seq" = ?]

// Carried through a loop together with its source, and ended after it.
// CHECK-LABEL: func.func @carried
func.func @carried(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  %loop:2 = scf.for %t = %c0 to %n step %c1 iter_args(%source = %x, %p = %first) -> (tensor<4xf32>, !spmd.pending<4xf32>) {
    %y = spmd.wait %p, %source : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %next = spmd.shift_start %y by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %y, %next : tensor<4xf32>, !spmd.pending<4xf32>
  }
  %last = spmd.wait %loop#1, %loop#0 : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %last : tensor<4xf32>
}

// The source may be a value that the loop does not change.
// CHECK-LABEL: func.func @same_source
func.func @same_source(%x: tensor<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%p = %first) -> !spmd.pending<4xf32> {
    %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %next = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %next : !spmd.pending<4xf32>
  }
  %z = spmd.wait %last, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// Started in either branch, or ended in either.
// CHECK-LABEL: func.func @branches
func.func @branches(%x: tensor<4xf32>, %z: tensor<4xf32>, %condition: i1) {
  %p:2 = scf.if %condition -> (tensor<4xf32>, !spmd.pending<4xf32>) {
    %started = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %x, %started : tensor<4xf32>, !spmd.pending<4xf32>
  } else {
    %started = spmd.shift_start %z by 1 on @gpus "seq" name "z" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %z, %started : tensor<4xf32>, !spmd.pending<4xf32>
  }
  scf.if %condition {
    %y = spmd.wait %p#1, %p#0 : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  } else {
    %y = spmd.wait %p#1, %p#0 : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  }
  return
}
