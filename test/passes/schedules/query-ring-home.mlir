// The home block in two parts: the second hides the last hop.
// RUN: rondo-opt %s --rondo-partition='schedule=query-ring home-parts=2' --rondo-overlap --spmd-verify-pending \
// RUN:   --canonicalize --cse | FileCheck %s
// RUN: rondo-opt %s --rondo-partition='schedule=query-ring home-parts=2' --rondo-overlap --remarks-filter='rondo-.*' \
// RUN:   -o %t 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: rondo-opt %s --rondo-partition='schedule=query-ring home-parts=1 device=h100' --remarks-filter='rondo-.*' \
// RUN:   -o %t 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: rondo-opt %s --rondo-partition='schedule=kv-ring home-parts=2' --remarks-filter='rondo-.*' -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=KV

rondo.grid @gpus = ["seq" = 4]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// TWO:      [Passed] HomeParts | Category:rondo-schedule | Function=causal | because="asked for", parts=2
// TWO-NOT:  [Missed]
// ONE:      [Passed] HomeParts | Category:rondo-schedule | Function=causal | because="asked for", parts=1
// KV:       [Missed] HomeParts | Category:rondo-schedule | Function=causal
// KV-SAME:    Reason="no state comes home by a last hop: one part is as good", Suggestion="leave out home-parts=2"

// Of 7 keys on 4 ranks the ranks hold 2, 2, 2 and 1: the second part has one key, or none.
//
// CHECK-LABEL: func.func @causal(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x4x?x64xf32>
// CHECK-SAME:    %[[K:[^:]+]]: tensor<1x2x?x64xf32>
// CHECK-SAME:    %[[V:[^:]+]]: tensor<1x2x?x64xf32>
// CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[KEYS:.+]] = arith.constant 7 : index
// CHECK:         %[[RANK:.+]] = spmd.axis_index @gpus "seq"
// CHECK:         %[[ROWS:.+]] = spmd.shard_size %[[RANK]] of %[[N]], %[[KEYS]]
// CHECK:         %[[LATE:.+]] = arith.divui %[[ROWS]], %[[C2]]
// CHECK:         %[[EARLY:.+]] = arith.subi %[[ROWS]], %[[LATE]]
// Step 0 attends the first part.
// CHECK:         %[[K0:.+]] = tensor.extract_slice %[[K]][0, 0, 0, 0] [1, 2, %[[EARLY]], 64] [1, 1, 1, 1]
// CHECK:         %[[V0:.+]] = tensor.extract_slice %[[V]][0, 0, 0, 0] [1, 2, %[[EARLY]], 64] [1, 1, 1, 1]
// CHECK:         %[[QS:.+]] = spmd.shard_offset %[[RANK]] of %[[N]], %{{.+}}
// CHECK:         %[[KS:.+]] = spmd.shard_offset %[[RANK]] of %[[N]], %[[KEYS]]
// CHECK:         rondo.attend ins(%[[Q]], %[[K0]], %[[V0]] : {{.*}} causal(%[[QS]], %[[KS]],
// The others attend all keys.
// CHECK:         scf.for
// CHECK:           rondo.attend ins(%{{.+}}, %[[K]], %[[V]] :
// CHECK:           rondo.merge
// CHECK:         rondo.merge
// The last hop starts, the second part is attended, what came home is waited for, and both are merged.
// CHECK:         spmd.step %[[N]] tail
// CHECK:         %[[OP:.+]] = spmd.shift_start {{.*}} name "output"
// CHECK:         %[[LP:.+]] = spmd.shift_start {{.*}} name "lse"
// CHECK:         %[[K1:.+]] = tensor.extract_slice %[[K]][0, 0, %[[EARLY]], 0] [1, 2, %[[LATE]], 64] [1, 1, 1, 1]
// CHECK:         %[[V1:.+]] = tensor.extract_slice %[[V]][0, 0, %[[EARLY]], 0] [1, 2, %[[LATE]], 64] [1, 1, 1, 1]
// CHECK:         %[[BEGIN:.+]] = arith.addi %[[KS]], %[[EARLY]]
// CHECK:         %[[PART:.+]]:2 = rondo.attend ins(%[[Q]], %[[K1]], %[[V1]] : {{.*}} causal(%[[QS]], %[[BEGIN]],
// CHECK:         %[[O:.+]] = spmd.wait %[[OP]],
// CHECK:         %[[L:.+]] = spmd.wait %[[LP]],
// CHECK:         rondo.merge ins(%[[PART]]#0, %[[PART]]#1 : {{.*}} outs(%[[O]], %[[L]] :
func.func @causal(%q: tensor<1x4x5x64xf32> {rondo.sharding = #sequence},
                  %k: tensor<1x2x7x64xf32> {rondo.sharding = #sequence},
                  %v: tensor<1x2x7x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x4x5x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v causal top_left {rondo.shardings = [#sequence]}
      : (tensor<1x4x5x64xf32>, tensor<1x2x7x64xf32>, tensor<1x2x7x64xf32>) -> tensor<1x4x5x64xf32>
  return %o : tensor<1x4x5x64xf32>
}
