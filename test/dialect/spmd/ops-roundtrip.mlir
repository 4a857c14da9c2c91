// Every op of one rank's program, on tensors and on memrefs, survives printing and parsing.
// RUN: rondo-opt %s --verify-roundtrip | FileCheck %s

rondo.grid @gpus = ["data" = 2, "seq" = ?]

// CHECK-LABEL: func.func @shards
func.func @shards(%length: index) -> (index, index, index) {
  // CHECK: %[[N:.+]] = spmd.axis_size @gpus "seq"
  %n = spmd.axis_size @gpus "seq"
  // CHECK: %[[R:.+]] = spmd.axis_index @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  // CHECK: spmd.shard_size %[[R]] of %[[N]], %{{.+}}
  %size = spmd.shard_size %r of %n, %length
  // CHECK: spmd.shard_offset %[[R]] of %[[N]], %{{.+}}
  %offset = spmd.shard_offset %r of %n, %length
  // CHECK: spmd.shard_size_max %[[N]], %{{.+}}
  %max = spmd.shard_size_max %n, %length
  return %size, %offset, %max : index, index, index
}

// CHECK-LABEL: func.func @shift_tensor
// CHECK-SAME: %[[Q:[^:]+]]: tensor<1x32x?x128xf32>, %[[ROWS:[^:]+]]: index
func.func @shift_tensor(%q: tensor<1x32x?x128xf32>, %rows: index) -> tensor<1x32x?x128xf32> {
  // CHECK: spmd.step %[[ROWS]]{{$}}
  spmd.step %rows
  // CHECK: %[[P:.+]] = spmd.shift_start %[[Q]] by 1 on @gpus "seq"(%[[ROWS]]) name "query" :
  // CHECK-SAME: tensor<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
  %p = spmd.shift_start %q by 1 on @gpus "seq" (%rows) name "query"
      : tensor<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
  // CHECK: spmd.wait %[[P]], %[[Q]] : !spmd.pending<1x32x?x128xf32>, tensor<1x32x?x128xf32> -> tensor<1x32x?x128xf32>
  %arrived = spmd.wait %p, %q : !spmd.pending<1x32x?x128xf32>, tensor<1x32x?x128xf32> -> tensor<1x32x?x128xf32>
  return %arrived : tensor<1x32x?x128xf32>
}

// Without dynamic extents there are no sizes; a scalar can be in flight.
// CHECK-LABEL: func.func @shift_static
func.func @shift_static(%q: tensor<4xf16>, %s: tensor<f32>) {
  // CHECK: spmd.shift_start %{{.+}} by 3 on @gpus "data" name "x" : tensor<4xf16> -> !spmd.pending<4xf16>
  %p = spmd.shift_start %q by 3 on @gpus "data" name "x" : tensor<4xf16> -> !spmd.pending<4xf16>
  // CHECK: spmd.shift_start %{{.+}} by 1 on @gpus "data" name "y" : tensor<f32> -> !spmd.pending<f32>
  %t = spmd.shift_start %s by 1 on @gpus "data" name "y" : tensor<f32> -> !spmd.pending<f32>
  return
}

// CHECK-LABEL: func.func @shift_memref
// CHECK-SAME: %[[Q:[^:]+]]: memref<1x32x?x128xf32>, %[[SLOT:[^:]+]]: memref<1x32x?x128xf32>, %[[N:[^:]+]]: index
func.func @shift_memref(%q: memref<1x32x?x128xf32>, %slot: memref<1x32x?x128xf32>, %n: index) {
  // CHECK: spmd.step %[[N]] tail
  spmd.step %n tail
  // CHECK: %[[P:.+]] = spmd.shift_start %[[Q]] into %[[SLOT]] by 1 on @gpus "seq" name "query" :
  // CHECK-SAME: memref<1x32x?x128xf32>, memref<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
  %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" name "query"
      : memref<1x32x?x128xf32>, memref<1x32x?x128xf32> -> !spmd.pending<1x32x?x128xf32>
  // CHECK: spmd.wait %[[P]], %[[Q]] : !spmd.pending<1x32x?x128xf32>, memref<1x32x?x128xf32> -> memref<1x32x?x128xf32>
  %arrived = spmd.wait %p, %q : !spmd.pending<1x32x?x128xf32>, memref<1x32x?x128xf32> -> memref<1x32x?x128xf32>
  return
}
