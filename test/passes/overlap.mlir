// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --rondo-overlap --spmd-verify-pending --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=QUERY
// RUN: rondo-opt %s --rondo-partition=schedule=kv-ring --rondo-overlap --spmd-verify-pending --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=KV
// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --spmd-verify-pending --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=SYNC
// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --canonicalize --rondo-overlap --spmd-verify-pending --cse --split-input-file | FileCheck %s --check-prefix=SIMPLE

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// Queries leave before the work of the step before, results before the work of their own step.
//
// QUERY-LABEL: func.func @static(
// QUERY-SAME:    %[[Q:[^:]+]]: tensor<1x8x?x64xf32> {{[^%]*}} %[[K:[^:]+]]: tensor<1x2x?x64xf32> {{[^%]*}} %[[V:[^:]+]]: tensor<1x2x?x64xf32>
// QUERY-DAG:     %[[C1:.+]] = arith.constant 1 : index
// QUERY-DAG:     %[[C3:.+]] = arith.constant 3 : index
// QUERY-NOT:     scf.if
// QUERY:         %[[STAGED:.+]] = linalg.copy ins(%[[Q]]
// QUERY:         %[[P0:.+]] = spmd.shift_start %[[STAGED]] {{.*}} name "query"
// QUERY:         %[[A0:.+]]:2 = rondo.attend ins(%[[Q]], %[[K]], %[[V]]
// QUERY:         %[[RING:.+]]:4 = scf.for %[[T:.+]] = %[[C1]] to %[[C3]] step %[[C1]]
// QUERY-SAME:      iter_args(%[[QT:.+]] = %[[STAGED]], %[[OT:.+]] = %[[A0]]#0, %[[LT:.+]] = %[[A0]]#1, %[[PT:.+]] = %[[P0]])
// QUERY:           spmd.step %[[T]]
// QUERY:           %[[NEXT:.+]] = arith.addi %[[T]], %[[C1]]
// QUERY:           arith.subi %{{.*}}, %[[NEXT]]
// QUERY:           %[[ROWS:.+]] = spmd.shard_size
// QUERY-NEXT:      %[[QN:.+]] = spmd.wait %[[PT]], %[[QT]]
// QUERY-NEXT:      %[[OP:.+]] = spmd.shift_start %[[OT]] {{.*}} name "output"
// QUERY-NEXT:      %[[LP:.+]] = spmd.shift_start %[[LT]] {{.*}} name "lse"
// QUERY-NEXT:      %[[PN:.+]] = spmd.shift_start %[[QN]] by 1 on @gpus "seq"(%[[ROWS]]) name "query"
// QUERY:           %[[A:.+]]:2 = rondo.attend ins(%[[QN]], %[[K]], %[[V]]
// QUERY-NEXT:      %[[OB:.+]] = spmd.wait %[[OP]], %[[OT]]
// QUERY-NEXT:      %[[LB:.+]] = spmd.wait %[[LP]], %[[LT]]
// QUERY-NEXT:      %[[M:.+]]:2 = rondo.merge ins(%[[A]]#0, %[[A]]#1 {{.*}} outs(%[[OB]], %[[LB]]
// QUERY-NEXT:      scf.yield %[[QN]], %[[M]]#0, %[[M]]#1, %[[PN]]
// QUERY:         }
// The last step sends no queries on.
// QUERY:         spmd.step %[[C3]]
// QUERY:         %[[QL:.+]] = spmd.wait %[[RING]]#3, %[[RING]]#0
// QUERY-NOT:     name "query"
// QUERY:         spmd.shift_start %[[RING]]#1 {{.*}} name "output"
// QUERY:         rondo.attend ins(%[[QL]],
// QUERY:         spmd.wait %{{.*}}, %[[RING]]#1
// QUERY:         rondo.merge
// QUERY:         spmd.step %{{.*}} tail
// QUERY-NOT:     rondo.attend
// QUERY:         return

// KV-LABEL: func.func @static(
// KV-SAME:    %[[Q:[^:]+]]: tensor<1x8x?x64xf32> {{[^%]*}} %[[K:[^:]+]]: tensor<1x2x?x64xf32> {{[^%]*}} %[[V:[^:]+]]: tensor<1x2x?x64xf32>
// KV:         %[[KS:.+]] = linalg.copy ins(%[[K]]
// KV:         %[[VS:.+]] = linalg.copy ins(%[[V]]
// KV:         %[[KP0:.+]] = spmd.shift_start %[[KS]] {{.*}} name "key"
// KV-NEXT:    %[[VP0:.+]] = spmd.shift_start %[[VS]] {{.*}} name "value"
// KV:         rondo.attend ins(%[[Q]], %[[K]], %[[V]]
// KV:         scf.for {{.*}} iter_args(%[[KT:.+]] = %[[KS]], %[[VT:.+]] = %[[VS]], %[[OT:.+]] = %{{.*}}, %[[LT:.+]] = %{{.*}}, %[[KP:.+]] = %[[KP0]], %[[VP:.+]] = %[[VP0]])
// KV:           %[[KN:.+]] = spmd.wait %[[KP]], %[[KT]]
// KV-NEXT:      %[[VN:.+]] = spmd.wait %[[VP]], %[[VT]]
// KV-NEXT:      spmd.shift_start %[[KN]] {{.*}} name "key"
// KV-NEXT:      spmd.shift_start %[[VN]] {{.*}} name "value"
// KV-NOT:       spmd.{{wait|shift_start}}
// KV:           rondo.attend ins(%[[Q]], %[[KN]], %[[VN]]
// KV:           rondo.merge {{.*}} outs(%[[OT]], %[[LT]]
// KV:         }
// KV:         spmd.wait
// KV-NEXT:    spmd.wait
// KV-NOT:     spmd.shift_start
// KV:         return

// Without the pass every start is followed by its wait.
// SYNC-LABEL: func.func @static(
// SYNC-NOT:     spmd.shift_start
// SYNC:         rondo.attend
// SYNC:         scf.for
// SYNC:           %[[QP:.+]] = spmd.shift_start {{.*}} name "query"
// SYNC-NEXT:      spmd.wait %[[QP]]
// SYNC-NEXT:      %[[OP:.+]] = spmd.shift_start {{.*}} name "output"
// SYNC-NEXT:      spmd.wait %[[OP]]
// SYNC-NEXT:      %[[LP:.+]] = spmd.shift_start {{.*}} name "lse"
// SYNC-NEXT:      spmd.wait %[[LP]]
// SYNC:           rondo.attend
// SYNC-NOT:       spmd.{{wait|shift_start}}
// SYNC:           scf.yield
func.func @static(%q: tensor<1x8x61x64xf32> {rondo.sharding = #sequence},
                  %k: tensor<1x2x640x64xf32> {rondo.sharding = #sequence},
                  %v: tensor<1x2x640x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x8x61x64xf32>, tensor<1x2x640x64xf32>, tensor<1x2x640x64xf32>) -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// On any number of ranks the ring may have no steps: then nothing may be started that no step waits for.

rondo.grid @gpus = ["seq" = ?]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// QUERY-LABEL: func.func @any_ranks(
// QUERY:         %[[N:.+]] = spmd.axis_size @gpus "seq"
// QUERY:         %[[STAGED:.+]] = linalg.copy
// QUERY-NOT:     spmd.shift_start
// QUERY:         %[[RUNS:.+]] = arith.cmpi sgt, %[[N]], %{{.*}}
// QUERY:         %[[STATE:.+]]:2 = scf.if %[[RUNS]]
// QUERY:           spmd.shift_start %[[STAGED]] {{.*}} name "query"
// QUERY:           rondo.attend
// QUERY:           %[[LAST:.+]] = arith.subi %[[N]],
// QUERY:           scf.for %{{.*}} to %[[LAST]]
// QUERY:           spmd.step %[[LAST]]
// QUERY:           scf.yield
// QUERY-NEXT:    } else {
// QUERY-NOT:       spmd.shift_start
// QUERY:           rondo.attend
// QUERY-NOT:       spmd.shift_start
// QUERY:         }
// QUERY:         spmd.step %[[N]] tail
// QUERY:         spmd.shift_start %[[STATE]]#0 {{.*}} name "output"

// KV-LABEL: func.func @any_ranks(
// KV:         scf.if
// SYNC-LABEL: func.func @any_ranks(
// SYNC-NOT:   scf.if
func.func @any_ranks(%q: tensor<1x8x?x64xf32> {rondo.sharding = #sequence},
                     %k: tensor<1x2x?x64xf32> {rondo.sharding = #sequence},
                     %v: tensor<1x2x?x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x8x?x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v causal top_left {rondo.shardings = [#sequence]}
      : (tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}

// -----

// On two ranks the ring is one step, and no loop once it is simplified: the transfers start early all the same.

rondo.grid @gpus = ["seq" = 2]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// SIMPLE-LABEL: func.func @static(
// SIMPLE-LABEL: func.func @any_ranks(
// SIMPLE-LABEL: func.func @two_ranks(
// SIMPLE-NOT:     scf.for
// SIMPLE:         %[[STAGED:.+]] = linalg.copy
// SIMPLE:         %[[P:.+]] = spmd.shift_start %[[STAGED]] {{.*}} name "query"
// SIMPLE:         %[[A:.+]]:2 = rondo.attend
// SIMPLE:         spmd.shift_start %[[A]]#0 {{.*}} name "output"
// SIMPLE:         spmd.shift_start %[[A]]#1 {{.*}} name "lse"
// SIMPLE:         %[[Q:.+]] = spmd.wait %[[P]], %[[STAGED]]
// SIMPLE-NEXT:    rondo.attend ins(%[[Q]],
// SIMPLE-NEXT:    spmd.wait
// SIMPLE-NEXT:    spmd.wait
// SIMPLE-NEXT:    rondo.merge
func.func @two_ranks(%q: tensor<1x8x61x64xf32> {rondo.sharding = #sequence},
                     %k: tensor<1x2x640x64xf32> {rondo.sharding = #sequence},
                     %v: tensor<1x2x640x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x8x61x64xf32>, tensor<1x2x640x64xf32>, tensor<1x2x640x64xf32>) -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}
