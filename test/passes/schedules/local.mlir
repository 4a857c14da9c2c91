// RUN: rondo-opt %s --rondo-partition --canonicalize --cse | FileCheck %s
// RUN: rondo-opt %s --rondo-partition=schedule=local --canonicalize --cse | FileCheck %s

rondo.grid @gpus = ["seq" = 4]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>

// Every rank holds all keys: it attends them alone, and nothing moves. `auto` finds that.
//
// CHECK-LABEL: func.func @replicated_keys(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x8x?x64xf32> {{[^%]*}} %[[K:[^:]+]]: tensor<1x8x100x64xf32> {{[^%]*}} %[[V:[^:]+]]: tensor<1x8x100x64xf32>
// CHECK-SAME:    spmd.communication_bytes = "0", spmd.schedules = ["local"]
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[LENGTH:.+]] = arith.constant 61 : index
// CHECK:         %[[RANK:.+]] = spmd.axis_index @gpus "seq"
// CHECK-NOT:     spmd.shift_start
// CHECK:         %[[START:.+]] = spmd.shard_offset %[[RANK]] of %[[N]], %[[LENGTH]]
// CHECK:         rondo.attend ins(%[[Q]], %[[K]], %[[V]] : {{.*}} causal(%[[START]], %[[C0]], %[[C0]])
// CHECK-NOT:     spmd.shift_start
// CHECK:         return
func.func @replicated_keys(%q: tensor<1x8x61x64xf32> {rondo.sharding = #sequence},
                           %k: tensor<1x8x100x64xf32> {rondo.sharding = #whole},
                           %v: tensor<1x8x100x64xf32> {rondo.sharding = #whole})
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v causal top_left {rondo.shardings = [#sequence]}
      : (tensor<1x8x61x64xf32>, tensor<1x8x100x64xf32>, tensor<1x8x100x64xf32>) -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}
