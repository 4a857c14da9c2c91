// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --canonicalize --cse | FileCheck %s

rondo.grid @gpus = ["seq" = 4]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#rows = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>

// Queries and their results go round, keys and values stay. Each transfer is waited for at once.
// Per rank: 3 hops of 16*32*128*4 bytes of queries, 4 of 16*32*(128*4 + 4) of results.
//
// CHECK-LABEL: func.func @static(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x32x?x128xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [1, 32, 61, 128]}
// CHECK-SAME:    %[[K:[^:]+]]: tensor<1x8x?x128xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [1, 8, 6404, 128]}
// CHECK-SAME:    %[[V:[^:]+]]: tensor<1x8x?x128xf32>
// CHECK-SAME:    %[[OUT:[^:]+]]: tensor<1x32x?x128xf32> {rondo.sharding = {{[^%]*}}, spmd.output, spmd.shape = [1, 32, 61, 128]}
// CHECK-SAME:    spmd.communication_bytes = "1843200", spmd.schedules = ["query-ring"]
// CHECK-NOT:   rondo.attention
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[LENGTH:.+]] = arith.constant 61 : index
// CHECK:         %[[RANK:.+]] = spmd.axis_index @gpus "seq"
// CHECK:         %[[OWN:.+]] = spmd.shard_size %[[RANK]] of %[[N]], %[[LENGTH]]
// CHECK:         spmd.step %[[C0]]
// CHECK:         %[[STAGED:.+]] = linalg.copy ins(%[[Q]] :
// The own queries are attended where the caller put them.
// CHECK:         %[[FIRST:.+]]:2 = rondo.attend ins(%[[Q]], %[[K]], %[[V]] :
// CHECK:         %[[RING:.+]]:3 = scf.for %[[T:.+]] = %[[C1]] to %[[N]] step %[[C1]]
// CHECK-SAME:      iter_args(%[[QT:.+]] = %[[STAGED]], %[[OT:.+]] = %[[FIRST]]#0, %[[LT:.+]] = %[[FIRST]]#1)
// CHECK:           spmd.step %[[T]]
// CHECK:           %[[BEHIND:.+]] = arith.subi %[[RANK]], %[[T]]
// CHECK:           %[[POSITIVE:.+]] = arith.addi %[[BEHIND]], %[[N]]
// CHECK:           %[[BLOCK:.+]] = arith.remui %[[POSITIVE]], %[[N]]
// CHECK:           %[[ROWS:.+]] = spmd.shard_size %[[BLOCK]] of %[[N]], %[[LENGTH]]
// CHECK:           %[[QP:.+]] = spmd.shift_start %[[QT]] by 1 on @gpus "seq"(%[[ROWS]]) name "query"
// CHECK-NEXT:      %[[QN:.+]] = spmd.wait %[[QP]], %[[QT]]
// CHECK-NEXT:      %[[OP:.+]] = spmd.shift_start %[[OT]] by 1 on @gpus "seq"(%[[ROWS]]) name "output"
// CHECK-NEXT:      %[[OB:.+]] = spmd.wait %[[OP]], %[[OT]]
// CHECK-NEXT:      %[[LP:.+]] = spmd.shift_start %[[LT]] by 1 on @gpus "seq"(%[[ROWS]]) name "lse"
// CHECK-NEXT:      %[[LB:.+]] = spmd.wait %[[LP]], %[[LT]]
// CHECK:           %[[PART:.+]]:2 = rondo.attend ins(%[[QN]], %[[K]], %[[V]] :
// CHECK:           %[[MERGED:.+]]:2 = rondo.merge ins(%[[PART]]#0, %[[PART]]#1 : {{.*}} outs(%[[OB]], %[[LB]] :
// CHECK:           scf.yield %[[QN]], %[[MERGED]]#0, %[[MERGED]]#1
// The last hop brings each block home.
// CHECK:         spmd.step %[[N]] tail
// CHECK:         %[[HP:.+]] = spmd.shift_start %[[RING]]#1 by 1 on @gpus "seq"(%[[OWN]]) name "output"
// CHECK-NEXT:    %[[HOME:.+]] = spmd.wait %[[HP]], %[[RING]]#1
// CHECK:         %[[RESULT:.+]] = linalg.copy ins(%[[HOME]] : {{.*}} outs(%[[OUT]] :
// CHECK:         return %[[RESULT]]
func.func @static(%q: tensor<1x32x61x128xf32> {rondo.sharding = #sequence},
                  %k: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence},
                  %v: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  return %o : tensor<1x32x61x128xf32>
}

// bf16 travels as bf16, partial results as f32; results are rounded when they are home. The LSE is a result of its own.
//
// CHECK-LABEL: func.func @narrow(
// CHECK:         spmd.shift_start {{.*}} name "query" : tensor<2x4x?x64xbf16> -> !spmd.pending<2x4x?x64xbf16>
// CHECK:         spmd.shift_start {{.*}} name "output" : tensor<2x4x?x80xf32> -> !spmd.pending<2x4x?x80xf32>
// CHECK:         spmd.step {{.*}} tail
// CHECK:         %[[OP:.+]] = spmd.shift_start {{.*}} name "output"
// CHECK:         %[[O:.+]] = spmd.wait %[[OP]],
// CHECK:         %[[LP:.+]] = spmd.shift_start {{.*}} name "lse"
// CHECK:         %[[L:.+]] = spmd.wait %[[LP]],
// CHECK:         %[[ROUNDED:.+]] = arith.truncf %[[O]] : tensor<2x4x?x80xf32> to tensor<2x4x?x80xbf16>
// CHECK:         linalg.copy ins(%[[ROUNDED]]
// CHECK:         linalg.copy ins(%[[L]]
func.func @narrow(%q: tensor<2x4x5x64xbf16> {rondo.sharding = #sequence},
                  %k: tensor<2x1x7x64xbf16> {rondo.sharding = #sequence},
                  %v: tensor<2x1x7x80xbf16> {rondo.sharding = #sequence})
    -> (tensor<2x4x5x80xbf16> {rondo.sharding = #sequence}, tensor<2x4x5xf32> {rondo.sharding = #rows}) {
  %o, %lse = rondo.attention %q, %k, %v {rondo.shardings = [#sequence, #rows]}
      : (tensor<2x4x5x64xbf16>, tensor<2x1x7x64xbf16>, tensor<2x1x7x80xbf16>) -> (tensor<2x4x5x80xbf16>, tensor<2x4x5xf32>)
  return %o, %lse : tensor<2x4x5x80xbf16>, tensor<2x4x5xf32>
}
