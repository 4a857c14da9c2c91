// The reducer knows Rondo's dialects: functions that have nothing to do with the bug go, the one that shows it stays.
// RUN: rondo-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/attends.sh' | FileCheck %s

// CHECK-NOT: func.func @lengths
// CHECK-NOT: func.func @double
// CHECK:     func.func @attend
// CHECK:       rondo.attention
// CHECK-NOT: func.func

rondo.grid @gpus = ["seq" = 4]

func.func @lengths() -> index {
  %ranks = spmd.axis_size @gpus "seq"
  return %ranks : index
}

func.func @double(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = arith.addf %x, %x : tensor<8xf32>
  return %y : tensor<8xf32>
}

func.func @attend(%q: tensor<1x2x8x16xf32>, %k: tensor<1x1x8x16xf32>, %v: tensor<1x1x8x16xf32>)
    -> tensor<1x2x8x16xf32> {
  %o = rondo.attention %q, %k, %v
      : (tensor<1x2x8x16xf32>, tensor<1x1x8x16xf32>, tensor<1x1x8x16xf32>) -> tensor<1x2x8x16xf32>
  return %o : tensor<1x2x8x16xf32>
}

func.func @double_again(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = arith.addf %x, %x : tensor<8xf32>
  return %y : tensor<8xf32>
}
