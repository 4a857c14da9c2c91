// RUN: not rondo-opt %s --rondo-partition=schedule=spiral 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not rondo-opt %s --rondo-partition=schedule=auto 2>&1 | FileCheck %s --check-prefix=AUTO
// RUN: not rondo-opt %s --rondo-partition=schedule=local 2>&1 | FileCheck %s --check-prefix=LOCAL

// NAME:  error: unknown schedule 'spiral'; expected auto, query-ring, kv-ring, local
// AUTO:  error: 'rondo.attention' op cannot be scheduled as auto: it needs both sequences sharded by the same single axis, or all keys on every rank, but the query sequence is not sharded and the key sequence is sharded by "seq"
// AUTO:  note: shard queries, keys and values by one axis of the grid, or replicate the keys and values
// LOCAL: error: 'rondo.attention' op cannot be scheduled as local: it needs all keys on every rank, but the query sequence is not sharded and the key sequence is sharded by "seq"
// LOCAL: note: replicate the keys and values, or choose a ring

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @f(%q: tensor<1x1x4x8xf32> {rondo.sharding = #whole}, %kv: tensor<1x1x4x8xf32> {rondo.sharding = #sequence})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #whole}) {
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#whole]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}
