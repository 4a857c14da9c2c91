// RUN: rondo-opt %s -rondo-propagate-sharding -split-input-file | FileCheck %s
// RUN: rondo-opt %s -rondo-propagate-sharding -split-input-file -remarks-filter=rondo-propagate-sharding 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Q and K are declared: V follows K, O and LSE follow Q, and so do the results.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[Q:[^:]+]]: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: %[[K:[^:]+]]: tensor<1x2x6404x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: %[[V:[^:]+]]: tensor<1x2x6404x80xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: -> (tensor<1x8x61x80xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
// CHECK-SAME:     tensor<1x8x61xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>})
// CHECK: rondo.attention %[[Q]], %[[K]], %[[V]]
// CHECK-SAME: rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>, #rondo.sharding<@gpus, [{}, {}, {"seq"}]>]
// REMARK: remark: [Passed] PropagateSharding
// REMARK-SAME: Function=forward | declared=2, derived=5
rondo.grid @gpus = ["seq" = 4]
func.func @forward(
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %k: tensor<1x2x6404x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %v: tensor<1x2x6404x80xf32>) -> (tensor<1x8x61x80xf32>, tensor<1x8x61xf32>) {
  %o, %lse = rondo.attention %q, %k, %v : (tensor<1x8x61x64xf32>, tensor<1x2x6404x64xf32>, tensor<1x2x6404x80xf32>)
      -> (tensor<1x8x61x80xf32>, tensor<1x8x61xf32>)
  return %o, %lse : tensor<1x8x61x80xf32>, tensor<1x8x61xf32>
}

// -----

// Only a result is declared: it says how Q is sharded, through an elementwise op. What nothing says is replicated.
// CHECK-LABEL: func.func @backward
// CHECK-SAME: %{{[^:]+}}: tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: %{{[^:]+}}: tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {}]>}
// CHECK-SAME: %{{[^:]+}}: tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK: rondo.attention {{.*}}rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]
// CHECK: arith.addf {{.*}}rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]
// REMARK: Function=backward | declared=1, derived=5
rondo.grid @gpus = ["seq" = ?]
func.func @backward(%q: tensor<?x8x?x64xf32>, %k: tensor<?x8x?x64xf32>, %residual: tensor<?x8x?x64xf32>)
    -> (tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %o = rondo.attention %q, %k, %k : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>)
      -> tensor<?x8x?x64xf32>
  %r = arith.addf %o, %residual : tensor<?x8x?x64xf32>
  return %r : tensor<?x8x?x64xf32>
}

// -----

// Batch and heads spread between the two sides, the sequence does not. Paired heads share their axis.
// CHECK-LABEL: func.func @batch_and_heads
// CHECK-SAME: %{{[^:]+}}: tensor<4x8x61x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{"data"}, {"head"}, {"seq"}, {}]>}
// CHECK-SAME: %{{[^:]+}}: tensor<4x2x64x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{"data"}, {"head"}, {}, {}]>}
// CHECK-SAME: %{{[^:]+}}: tensor<4x2x64x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{"data"}, {"head"}, {}, {}]>}
rondo.grid @gpus = ["data" = ?, "head" = 2, "seq" = 2]
func.func @batch_and_heads(
    %q: tensor<4x8x61x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{"data"}, {"head"}, {"seq"}, {}]>},
    %k: tensor<4x2x64x64xbf16>, %v: tensor<4x2x64x64xbf16>) -> tensor<4x8x61x64xbf16> {
  %o = rondo.attention %q, %k, %v : (tensor<4x8x61x64xbf16>, tensor<4x2x64x64xbf16>, tensor<4x2x64x64xbf16>)
      -> tensor<4x8x61x64xbf16>
  return %o : tensor<4x8x61x64xbf16>
}

// -----

// Two attentions in a row, and a sequence sharded by two axes: K of the second takes what Q of the first says.
// CHECK-LABEL: func.func @chain
// CHECK-COUNT-4: rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>
// CHECK: %[[O:.+]] = rondo.attention {{.*}}rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>]
// CHECK: rondo.attention %{{.+}}, %[[O]], %[[O]] {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>]}
rondo.grid @gpus = ["node" = 2, "gpu" = 2]
func.func @chain(
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>},
    %k: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>},
    %p: tensor<1x8x33x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"node", "gpu"}, {}]>})
    -> tensor<1x8x33x64xf32> {
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  %r = rondo.attention %p, %o, %o : (tensor<1x8x33x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x33x64xf32>
  return %r : tensor<1x8x33x64xf32>
}

// -----

// A constant and an uninitialised tensor that both sides use become one for each use, each sharded as its user.
// CHECK-LABEL: func.func @free_values
// CHECK-DAG: %[[QUERY_SCALE:.+]] = arith.constant {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]} dense<2.0
// CHECK-DAG: %[[KEY_SCALE:.+]] = arith.constant {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {}, {}]>]} dense<2.0
// CHECK-DAG: %[[INIT:.+]] = tensor.empty() {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]}
// CHECK: arith.mulf %{{.+}}, %[[QUERY_SCALE]] {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]}
// CHECK: arith.mulf %{{.+}}, %[[KEY_SCALE]] {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {}, {}]>]}
// CHECK: linalg.generic
// CHECK-SAME: outs(%[[INIT]]
// CHECK-SAME: attrs = {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]}
#identity = affine_map<(a, b, c, d) -> (a, b, c, d)>
#scalar = affine_map<(a, b, c, d) -> ()>
rondo.grid @gpus = ["seq" = 4]
func.func @free_values(
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %k: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {}]>}) -> tensor<1x8x61x64xf32> {
  %two = arith.constant dense<2.0> : tensor<1x8x61x64xf32>
  %half = arith.constant 0.5 : f32
  %init = tensor.empty() : tensor<1x8x61x64xf32>
  %q2 = arith.mulf %q, %two : tensor<1x8x61x64xf32>
  %k2 = arith.mulf %k, %two : tensor<1x8x61x64xf32>
  %o = rondo.attention %q2, %k2, %k : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  %r = linalg.generic {indexing_maps = [#identity, #scalar, #identity],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%o, %half : tensor<1x8x61x64xf32>, f32) outs(%init : tensor<1x8x61x64xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = arith.mulf %a, %b : f32
    linalg.yield %d : f32
  } -> tensor<1x8x61x64xf32>
  return %r : tensor<1x8x61x64xf32>
}

// -----

// Extents are no tensors: they carry nothing.
// CHECK-LABEL: func.func @extents
// CHECK: tensor.dim %{{.+}}, %{{.+}} : tensor<1x8x?x64xf32>
// CHECK: tensor.empty(%{{.+}}) {rondo.shardings = [#rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>]}
rondo.grid @gpus = ["seq" = 4]
func.func @extents(%q: tensor<1x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> tensor<1x8x?x64xf32> {
  %c2 = arith.constant 2 : index
  %rows = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %init = tensor.empty(%rows) : tensor<1x8x?x64xf32>
  %o = rondo.attention %q, %q, %q : (tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>)
      -> tensor<1x8x?x64xf32>
  %r = linalg.copy ins(%o : tensor<1x8x?x64xf32>) outs(%init : tensor<1x8x?x64xf32>) -> tensor<1x8x?x64xf32>
  return %r : tensor<1x8x?x64xf32>
}

// -----

// Without any declaration a function runs on one rank and is left as it is; so are references, which may hold ops that
// cannot be distributed, and private functions.
// CHECK-LABEL: func.func @undeclared
// CHECK-NOT: rondo.sharding
// CHECK-LABEL: func.func @reference
// CHECK-NOT: rondo.sharding
// CHECK-LABEL: func.func private @helper
// CHECK-NOT: rondo.sharding
func.func @undeclared(%q: tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32> {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}
func.func @reference(%q: memref<4xf32>) attributes {rondo.reference} {
  %c0 = arith.constant 0.0 : f32
  linalg.fill ins(%c0 : f32) outs(%q : memref<4xf32>)
  return
}
func.func private @helper(%q: memref<4xf32>) {
  return
}
