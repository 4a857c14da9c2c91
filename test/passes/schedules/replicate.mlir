// RUN: rondo-replicate-opt %s --rondo-partition=schedule=replicate --canonicalize --cse | FileCheck %s
// RUN: rondo-replicate-opt %s --rondo-partition=schedule=replicate --rondo-overlap --spmd-verify-pending --canonicalize --cse | FileCheck %s --check-prefix=OVERLAP
// RUN: not rondo-opt %s --rondo-partition=schedule=replicate 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not rondo-replicate-opt %s --rondo-partition=schedule=spiral 2>&1 | FileCheck %s --check-prefix=KNOWN

// A schedule that a library outside of Rondo registers.

// UNKNOWN: error: unknown schedule 'replicate'; expected auto, query-ring, kv-ring, local
// KNOWN:   error: unknown schedule 'spiral'; expected auto, query-ring, kv-ring, local, replicate

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// CHECK-LABEL: func.func @f(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x8x?x64xf32> {{[^%]*}} %[[K:[^:]+]]: tensor<1x2x?x64xf32> {{[^%]*}} %[[V:[^:]+]]: tensor<1x2x?x64xf32>
// CHECK-SAME:    %[[S1:[^:]+]]: index {spmd.length = "s1"})
// CHECK-SAME:    spmd.communication_bytes = "ceil(s1/4)*3072", spmd.schedules = ["replicate"]
// CHECK-NOT:   rondo.attention
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK:         %[[START:.+]] = spmd.shard_offset %{{.*}} of %[[N]], %[[S1]]
// CHECK:         tensor.insert_slice %[[K]] into %{{.*}}[0, 0, %[[START]], 0]
// CHECK:         tensor.insert_slice %[[V]] into %{{.*}}[0, 0, %[[START]], 0]
// CHECK:         %[[RING:.+]]:4 = scf.for
// CHECK:           %[[KN:.+]] = spmd.wait
// CHECK:           %[[VN:.+]] = spmd.wait
// CHECK:           tensor.insert_slice %[[KN]]
// CHECK:           tensor.insert_slice %[[VN]]
// CHECK:         rondo.attend ins(%[[Q]], %[[RING]]#2, %[[RING]]#3 : {{.*}} causal(%{{.*}}, %[[C0]], %{{.*}})
// CHECK-NOT:     rondo.merge

// The overlap pass serves it as it serves the rings: blocks travel on while others are put in place.
// OVERLAP:       spmd.shift_start {{.*}} name "key"
// OVERLAP-NEXT:  spmd.shift_start {{.*}} name "value"
// OVERLAP:       tensor.insert_slice
// OVERLAP:       scf.for
// OVERLAP:         %[[KN:.+]] = spmd.wait
// OVERLAP-NEXT:    %[[VN:.+]] = spmd.wait
// OVERLAP-NEXT:    spmd.shift_start %[[KN]]
// OVERLAP-NEXT:    spmd.shift_start %[[VN]]
// OVERLAP:         tensor.insert_slice %[[KN]]
// OVERLAP:       rondo.attend
func.func @f(%q: tensor<1x8x?x64xf32> {rondo.sharding = #sequence}, %k: tensor<1x2x?x64xf32> {rondo.sharding = #sequence},
             %v: tensor<1x2x?x64xf32> {rondo.sharding = #sequence}) -> (tensor<1x8x?x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v causal top_left {rondo.shardings = [#sequence]}
      : (tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}
