// The overlapped query ring, from tensors of one rank to work on streams.
// RUN: rondo-opt %s --pass-pipeline='builtin.module(rondo-bufferize,func.func(rondo-plan-arena),canonicalize,cse,\
// RUN:   rondo-outline-kernels,func.func(rondo-assign-streams,exec-verify-order),canonicalize,cse)' | FileCheck %s

// Before the loop the own queries are staged and sent, and the own block is attended meanwhile. A step sends the state
// and the queries on in one exchange, attends what has arrived meanwhile, and only then waits for the state and merges.
// CHECK-LABEL: func.func @cross_attention
// CHECK-SAME:    %[[Q:[^:]+]]: memref
// CHECK-SAME:    spmd.workspace_bytes = "24320"
// CHECK-NOT:   spmd.{{shift_start|wait|step}}
// CHECK:       exec.arena %c24320
// CHECK:       exec.step %c0
// CHECK:       exec.dispatch compute @cross_attention__copy_0(%[[Q]], %[[STAGED:.+]]) reads [0] writes [1]
// CHECK:       exec.await communication, %{{.+}}
// CHECK:       exec.exchange communication {{.+}} send(%[[STAGED]]) receive(%[[SLOT:.+]]) names ["query"]
// CHECK:       %[[EVENT:.+]] = exec.record communication
// CHECK:       exec.dispatch compute @cross_attention__attend_0(%[[Q]],
// CHECK:       %[[LAST:.+]]:4 = scf.for %[[T:.+]] = %c1 to %c3 {{.+}} iter_args(%[[E:.+]] = %[[EVENT]], %[[QT:.+]] = %[[SLOT]], %[[O:.+]] = %{{.+}}, %[[L:.+]] = %{{.+}})
// CHECK:         exec.step %[[T]]
// CHECK-NEXT:    exec.await compute, %[[E]]
// CHECK:         %[[READY:.+]] = exec.record compute
// CHECK-NEXT:    exec.await communication, %[[READY]]
// CHECK-NEXT:    exec.exchange communication {{.+}} send(%[[O]], %[[L]], %[[QT]]) receive(%[[O_NEXT:.+]], %[[L_NEXT:.+]], %[[Q_NEXT:.+]]) names ["output", "lse", "query"]
// CHECK-NEXT:    %[[ARRIVED:.+]] = exec.record communication
// CHECK:         %[[QUERIES:.+]] = memref.cast %[[QT]]
// CHECK-NEXT:    exec.dispatch compute @cross_attention__attend_0(%[[QUERIES]], {{.+}}, %[[A:.+]], %[[AL:.+]]) reads [0, 1, 2] writes [3, 4]
// CHECK-NEXT:    exec.await compute, %[[ARRIVED]]
// CHECK-NEXT:    exec.dispatch compute @cross_attention__merge_0(%[[A]], %[[AL]], %[[O_NEXT]], %[[L_NEXT]]) reads [0, 1, 2, 3] writes [2, 3]
// CHECK-NEXT:    scf.yield %[[ARRIVED]], %[[Q_NEXT]], %[[O_NEXT]], %[[L_NEXT]]
// CHECK:       exec.step %c3
// CHECK-NEXT:  exec.await compute, %[[LAST]]#0
// CHECK:       exec.exchange {{.+}} send(%[[LAST]]#2, %[[LAST]]#3) {{.+}} names ["output", "lse"]
// CHECK:       %[[QUERIES_3:.+]] = memref.cast %[[LAST]]#1
// CHECK-NEXT:  exec.dispatch compute @cross_attention__attend_0(%[[QUERIES_3]],
// CHECK-NEXT:  exec.await compute
// CHECK-NEXT:  exec.dispatch compute @cross_attention__merge_0
// CHECK:       exec.step %c4 tail
// CHECK:       exec.exchange {{.+}} names ["output", "lse"]
// CHECK:       exec.await compute
// CHECK-NEXT:  exec.dispatch compute @cross_attention__copy_1
// CHECK-NEXT:  return
rondo.grid @gpus = ["seq" = 4]
func.func @cross_attention(%q: tensor<1x4x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>, spmd.shape = [1, 4, 61, 8]},
    %k: tensor<1x2x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>, spmd.shape = [1, 2, 640, 8]}, %v: tensor<1x2x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>, spmd.shape = [1, 2, 640, 8]},
    %out: tensor<1x4x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>, spmd.shape = [1, 4, 61, 8], spmd.output}) -> tensor<1x4x?x8xf32> attributes {spmd.schedules = ["query-ring"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %s = arith.constant 61 : index
  %n = arith.constant 4 : index
  %r = spmd.axis_index @gpus "seq"
  %last = arith.subi %n, %c1 : index
  spmd.step %c0
  %own = tensor.dim %q, %c2 : tensor<1x4x?x8xf32>
  %es = tensor.empty(%own) : tensor<1x4x?x8xf32>
  %staged = linalg.copy ins(%q : tensor<1x4x?x8xf32>) outs(%es : tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %x0 = arith.addi %r, %n : index
  %y0 = arith.subi %x0, %c1 : index
  %b0 = arith.remui %y0, %n : index
  %rows0 = spmd.shard_size %b0 of %n, %s
  %p0 = spmd.shift_start %staged by 1 on @gpus "seq" (%rows0) name "query" : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
  %rows_a0 = tensor.dim %q, %c2 : tensor<1x4x?x8xf32>
  %eo0 = tensor.empty(%rows_a0) : tensor<1x4x?x8xf32>
  %el0 = tensor.empty(%rows_a0) : tensor<1x4x?xf32>
  %a0:2 = rondo.attend ins(%q, %k, %v : tensor<1x4x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) outs(%eo0, %el0 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) scale 0.35 -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  %res:4 = scf.for %t = %c1 to %last step %c1 iter_args(%qp = %p0, %qs = %staged, %o = %a0#0, %l = %a0#1) -> (!spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) {
    spmd.step %t
    %qt1 = spmd.wait %qp, %qs : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
    %x1 = arith.addi %r, %n : index
    %y1 = arith.subi %x1, %t : index
    %b1 = arith.remui %y1, %n : index
    %rows1 = spmd.shard_size %b1 of %n, %s
    %op1 = spmd.shift_start %o by 1 on @gpus "seq" (%rows1) name "output" : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
    %lp1 = spmd.shift_start %l by 1 on @gpus "seq" (%rows1) name "lse" : tensor<1x4x?xf32> -> !spmd.pending<1x4x?xf32>
    %t1 = arith.addi %t, %c1 : index
    %x1n = arith.addi %r, %n : index
    %y1n = arith.subi %x1n, %t1 : index
    %b1n = arith.remui %y1n, %n : index
    %rows1n = spmd.shard_size %b1n of %n, %s
    %qn1 = spmd.shift_start %qt1 by 1 on @gpus "seq" (%rows1n) name "query" : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
    %rows_a1 = tensor.dim %qt1, %c2 : tensor<1x4x?x8xf32>
    %eo1 = tensor.empty(%rows_a1) : tensor<1x4x?x8xf32>
    %el1 = tensor.empty(%rows_a1) : tensor<1x4x?xf32>
    %a1:2 = rondo.attend ins(%qt1, %k, %v : tensor<1x4x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) outs(%eo1, %el1 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) scale 0.35 -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
    %ob1 = spmd.wait %op1, %o : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
    %lb1 = spmd.wait %lp1, %l : !spmd.pending<1x4x?xf32>, tensor<1x4x?xf32> -> tensor<1x4x?xf32>
    %m1:2 = rondo.merge ins(%a1#0, %a1#1 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) outs(%ob1, %lb1 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
    scf.yield %qn1, %qt1, %m1#0, %m1#1 : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  }
  spmd.step %last
  %qt2 = spmd.wait %res#0, %res#1 : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
  %x2 = arith.addi %r, %n : index
  %y2 = arith.subi %x2, %last : index
  %b2 = arith.remui %y2, %n : index
  %rows2 = spmd.shard_size %b2 of %n, %s
  %op2 = spmd.shift_start %res#2 by 1 on @gpus "seq" (%rows2) name "output" : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
  %lp2 = spmd.shift_start %res#3 by 1 on @gpus "seq" (%rows2) name "lse" : tensor<1x4x?xf32> -> !spmd.pending<1x4x?xf32>
  %rows_a2 = tensor.dim %qt2, %c2 : tensor<1x4x?x8xf32>
  %eo2 = tensor.empty(%rows_a2) : tensor<1x4x?x8xf32>
  %el2 = tensor.empty(%rows_a2) : tensor<1x4x?xf32>
  %a2:2 = rondo.attend ins(%qt2, %k, %v : tensor<1x4x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) outs(%eo2, %el2 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) scale 0.35 -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  %ob2 = spmd.wait %op2, %res#2 : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
  %lb2 = spmd.wait %lp2, %res#3 : !spmd.pending<1x4x?xf32>, tensor<1x4x?xf32> -> tensor<1x4x?xf32>
  %m2:2 = rondo.merge ins(%a2#0, %a2#1 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) outs(%ob2, %lb2 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  spmd.step %n tail
  %home = spmd.shard_size %r of %n, %s
  %oph = spmd.shift_start %m2#0 by 1 on @gpus "seq" (%home) name "output" : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
  %lph = spmd.shift_start %m2#1 by 1 on @gpus "seq" (%home) name "lse" : tensor<1x4x?xf32> -> !spmd.pending<1x4x?xf32>
  %oh = spmd.wait %oph, %m2#0 : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
  %lh = spmd.wait %lph, %m2#1 : !spmd.pending<1x4x?xf32>, tensor<1x4x?xf32> -> tensor<1x4x?xf32>
  %w = linalg.copy ins(%oh : tensor<1x4x?x8xf32>) outs(%out : tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  return %w : tensor<1x4x?x8xf32>
}
