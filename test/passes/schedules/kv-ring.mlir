// RUN: rondo-opt %s --rondo-partition=schedule=kv-ring --canonicalize --cse | FileCheck %s

rondo.grid @gpus = ["seq" = ?]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// The mirror image of the query ring: keys and values go round, queries and their results stay. No hop brings anything
// home. With a causal mask, the keys' place in the sequence changes with each step, the queries' does not.
//
// CHECK-LABEL: func.func @self_attention(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<?x4x?x64xf16> {rondo.sharding = {{[^%]*}}, spmd.shape = ["s0", 4, "s1", 64]}
// CHECK-SAME:    %[[K:[^:]+]]: tensor<?x4x?x64xf16> {rondo.sharding = {{[^%]*}}, spmd.shape = ["s0", 4, "s2", 64]}
// CHECK-SAME:    %[[V:[^:]+]]: tensor<?x4x?x64xf16> {rondo.sharding = {{[^%]*}}, spmd.shape = ["s0", 4, "s2", 64]}
// CHECK-SAME:    %[[OUT:[^:]+]]: tensor<?x4x?x64xf16> {rondo.sharding = {{[^%]*}}, spmd.output, spmd.shape = ["s0", 4, "s1", 64]}
// CHECK-SAME:    %[[S0:[^:]+]]: index {spmd.length = "s0"}, %[[S1:[^:]+]]: index {spmd.length = "s1"}, %[[S2:[^:]+]]: index {spmd.length = "s2"})
// CHECK-SAME:    spmd.communication_bytes = "(n - 1)*s0*ceil(s2/n)*1024", spmd.schedules = ["kv-ring"]
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
// CHECK:         %[[RANK:.+]] = spmd.axis_index @gpus "seq"
// CHECK:         %[[N:.+]] = spmd.axis_size @gpus "seq"
// CHECK:         %[[KSTAGED:.+]] = linalg.copy ins(%[[K]] :
// CHECK:         %[[VSTAGED:.+]] = linalg.copy ins(%[[V]] :
// CHECK:         %[[QSTART:.+]] = spmd.shard_offset %[[RANK]] of %[[N]], %[[S1]]
// CHECK:         %[[KSTART:.+]] = spmd.shard_offset %[[RANK]] of %[[N]], %[[S2]]
// CHECK:         %[[DIAGONAL:.+]] = arith.subi %[[S2]], %[[S1]]
// CHECK:         %[[FIRST:.+]]:2 = rondo.attend ins(%[[Q]], %[[K]], %[[V]] : {{.*}} causal(%[[QSTART]], %[[KSTART]], %[[DIAGONAL]])
// CHECK:         %[[RING:.+]]:4 = scf.for %[[T:.+]] = %[[C1]] to %[[N]] step %[[C1]]
// CHECK-SAME:      iter_args(%[[KT:.+]] = %[[KSTAGED]], %[[VT:.+]] = %[[VSTAGED]], %[[OT:.+]] = %[[FIRST]]#0, %[[LT:.+]] = %[[FIRST]]#1)
// CHECK:           %[[BLOCK:.+]] = arith.remui {{.*}}, %[[N]]
// CHECK:           %[[ROWS:.+]] = spmd.shard_size %[[BLOCK]] of %[[N]], %[[S2]]
// CHECK:           %[[KP:.+]] = spmd.shift_start %[[KT]] by 1 on @gpus "seq"(%[[S0]], %[[ROWS]]) name "key"
// CHECK-NEXT:      %[[KN:.+]] = spmd.wait %[[KP]], %[[KT]]
// CHECK-NEXT:      %[[VP:.+]] = spmd.shift_start %[[VT]] by 1 on @gpus "seq"(%[[S0]], %[[ROWS]]) name "value"
// CHECK-NEXT:      %[[VN:.+]] = spmd.wait %[[VP]], %[[VT]]
// CHECK-NOT:       spmd.shift_start
// CHECK:           %[[START:.+]] = spmd.shard_offset %[[BLOCK]] of %[[N]], %[[S2]]
// CHECK:           %[[PART:.+]]:2 = rondo.attend ins(%[[Q]], %[[KN]], %[[VN]] : {{.*}} causal(%[[QSTART]], %[[START]], %[[DIAGONAL]])
// CHECK:           %[[MERGED:.+]]:2 = rondo.merge ins(%[[PART]]#0, %[[PART]]#1 : {{.*}} outs(%[[OT]], %[[LT]] :
// CHECK:           scf.yield %[[KN]], %[[VN]], %[[MERGED]]#0, %[[MERGED]]#1
// CHECK-NOT:     tail
// CHECK:         arith.truncf %[[RING]]#2
// CHECK:         return
func.func @self_attention(%q: tensor<?x4x?x64xf16> {rondo.sharding = #sequence},
                          %k: tensor<?x4x?x64xf16> {rondo.sharding = #sequence},
                          %v: tensor<?x4x?x64xf16> {rondo.sharding = #sequence})
    -> (tensor<?x4x?x64xf16> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v causal bottom_right {rondo.shardings = [#sequence]}
      : (tensor<?x4x?x64xf16>, tensor<?x4x?x64xf16>, tensor<?x4x?x64xf16>) -> tensor<?x4x?x64xf16>
  return %o : tensor<?x4x?x64xf16>
}

// One tensor as queries, keys and values is one length.
//
// CHECK-LABEL: func.func @one_tensor(
// CHECK-SAME:    spmd.shape = ["s0", 4, "s1", 64]
// CHECK-SAME:    %{{[^:]+}}: index {spmd.length = "s0"}, %{{[^:]+}}: index {spmd.length = "s1"})
func.func @one_tensor(%x: tensor<?x4x?x64xf16> {rondo.sharding = #sequence})
    -> (tensor<?x4x?x64xf16> {rondo.sharding = #sequence}) {
  %o = rondo.attention %x, %x, %x {rondo.shardings = [#sequence]}
      : (tensor<?x4x?x64xf16>, tensor<?x4x?x64xf16>, tensor<?x4x?x64xf16>) -> tensor<?x4x?x64xf16>
  return %o : tensor<?x4x?x64xf16>
}
