// Shards of constant lengths, and axes whose size the grid gives, become constants.
// RUN: rondo-opt %s -canonicalize | FileCheck %s

rondo.grid @gpus = ["data" = 1, "seq" = 4]
rondo.grid @elastic = ["seq" = ?]

// 61 rows on 4 ranks: 16, 16, 16, 13.
// CHECK-LABEL: func.func @uneven
func.func @uneven() -> (index, index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c61 = arith.constant 61 : index
  // CHECK-DAG: %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG: %[[C13:.+]] = arith.constant 13 : index
  // CHECK-DAG: %[[C16:.+]] = arith.constant 16 : index
  // CHECK-DAG: %[[C48:.+]] = arith.constant 48 : index
  %first = spmd.shard_size %c0 of %c4, %c61
  %last = spmd.shard_size %c3 of %c4, %c61
  %first_offset = spmd.shard_offset %c0 of %c4, %c61
  %last_offset = spmd.shard_offset %c3 of %c4, %c61
  %max = spmd.shard_size_max %c4, %c61
  // CHECK: return %[[C16]], %[[C13]], %[[C0]], %[[C48]], %[[C16]]
  return %first, %last, %first_offset, %last_offset, %max : index, index, index, index, index
}

// 2 rows on 4 ranks: the last two shards are empty and begin where the sequence ends.
// CHECK-LABEL: func.func @empty
func.func @empty() -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  // CHECK-DAG: %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG: %[[C2:.+]] = arith.constant 2 : index
  %size = spmd.shard_size %c3 of %c4, %c2
  %offset = spmd.shard_offset %c3 of %c4, %c2
  %none = spmd.shard_size %c3 of %c4, %c0
  %none_max = spmd.shard_size_max %c4, %c0
  // CHECK: return %[[C0]], %[[C2]], %[[C0]], %[[C0]]
  return %size, %offset, %none, %none_max : index, index, index, index
}

// One rank holds the whole length, also one that is bound at run time.
// CHECK-LABEL: func.func @one_rank
// CHECK-SAME: %{{[^:]+}}: index, %[[LENGTH:[^:]+]]: index
func.func @one_rank(%rank: index, %length: index) -> (index, index, index) {
  %c1 = arith.constant 1 : index
  // CHECK: %[[C0:.+]] = arith.constant 0 : index
  %size = spmd.shard_size %rank of %c1, %length
  %offset = spmd.shard_offset %rank of %c1, %length
  %max = spmd.shard_size_max %c1, %length
  // CHECK-NEXT: return %[[LENGTH]], %[[C0]], %[[LENGTH]]
  return %size, %offset, %max : index, index, index
}

// The first shard begins with the sequence.
// CHECK-LABEL: func.func @first_offset
func.func @first_offset(%ranks: index, %length: index) -> index {
  %c0 = arith.constant 0 : index
  // CHECK: %[[C0:.+]] = arith.constant 0 : index
  %offset = spmd.shard_offset %c0 of %ranks, %length
  // CHECK-NEXT: return %[[C0]]
  return %offset : index
}

// Numbers out of range are left alone.
// CHECK-LABEL: func.func @out_of_range
func.func @out_of_range() -> (index, index, index, index) {
  %cm1 = arith.constant -1 : index
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  // CHECK: spmd.shard_size
  %no_rank = spmd.shard_size %c4 of %c4, %c4
  // CHECK: spmd.shard_offset
  %negative_rank = spmd.shard_offset %cm1 of %c4, %c4
  // CHECK: spmd.shard_size_max
  %no_ranks = spmd.shard_size_max %c0, %c4
  // CHECK: spmd.shard_size_max
  %negative_length = spmd.shard_size_max %c4, %cm1
  return %no_rank, %negative_rank, %no_ranks, %negative_length : index, index, index, index
}

// CHECK-LABEL: func.func @static_axis
func.func @static_axis() -> (index, index, index, index) {
  // CHECK-DAG: %[[C1:.+]] = arith.constant 1 : index
  // CHECK-DAG: %[[C4:.+]] = arith.constant 4 : index
  // CHECK-DAG: %[[C0:.+]] = arith.constant 0 : index
  // CHECK-DAG: %[[R:.+]] = spmd.axis_index @gpus "seq"
  %n = spmd.axis_size @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  %one = spmd.axis_size @gpus "data"
  %zero = spmd.axis_index @gpus "data"
  // CHECK: return %[[C4]], %[[R]], %[[C1]], %[[C0]]
  return %n, %r, %one, %zero : index, index, index, index
}

// CHECK-LABEL: func.func @dynamic_axis
func.func @dynamic_axis() -> (index, index) {
  // CHECK: %[[N:.+]] = spmd.axis_size @elastic "seq"
  // CHECK: %[[R:.+]] = spmd.axis_index @elastic "seq"
  %n = spmd.axis_size @elastic "seq"
  %r = spmd.axis_index @elastic "seq"
  // CHECK: return %[[N]], %[[R]]
  return %n, %r : index, index
}
