// Every form of attention, and the shardings and grids around it, survives printing and parsing.
// RUN: rondo-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rondo.grid @gpus = ["seq" = 4]
rondo.grid @gpus = ["seq" = 4]
// CHECK: rondo.grid @cluster = ["data" = 2, "seq" = ?] {note = "rented"}
rondo.grid @cluster = ["data" = 2, "seq" = ?] {note = "rented"}

// CHECK-LABEL: func.func @cross_attention
// CHECK-SAME: %[[Q:[^:]+]]: tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: %[[K:[^:]+]]: tensor<1x8x6404x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}
// CHECK-SAME: %[[V:[^:]+]]: tensor<1x8x6404x128xf32>
// CHECK-SAME: -> (tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
func.func @cross_attention(
    %q: tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %k: tensor<1x8x6404x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %v: tensor<1x8x6404x128xf32>)
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  // CHECK: %[[O:.+]] = rondo.attention %[[Q]], %[[K]], %[[V]] :
  // CHECK-SAME: (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  %o = rondo.attention %q, %k, %v : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>)
      -> tensor<1x32x61x128xf32>
  return %o : tensor<1x32x61x128xf32>
}

// All extents that may be dynamic are, values are wider than queries, and several axes shard one dimension.
// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: {rondo.sharding = #rondo.sharding<@cluster, [{}, {}, {"data", "seq"}, {}]>}
func.func @dynamic(%q: tensor<?x8x?x64xf16> {rondo.sharding = #rondo.sharding<@cluster, [{}, {}, {"data", "seq"}, {}]>},
                   %k: tensor<?x2x?x64xf16>, %v: tensor<?x2x?x80xf16>) -> (tensor<?x8x?x80xf16>, tensor<?x8x?xf32>) {
  // CHECK: %{{.+}}, %{{.+}} = rondo.attention %{{.+}}, %{{.+}}, %{{.+}} scale 1.250000e-01 causal bottom_right :
  %o, %lse = rondo.attention %q, %k, %v scale 0.125 causal bottom_right
      : (tensor<?x8x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x80xf16>) -> (tensor<?x8x?x80xf16>, tensor<?x8x?xf32>)
  return %o, %lse : tensor<?x8x?x80xf16>, tensor<?x8x?xf32>
}

// CHECK-LABEL: func.func @top_left
func.func @top_left(%q: tensor<1x1x1x1xbf16>) -> tensor<1x1x1x1xbf16> {
  // CHECK: rondo.attention %{{.+}}, %{{.+}}, %{{.+}} causal top_left {layer = 7 : i64} :
  %o = rondo.attention %q, %q, %q causal top_left {layer = 7} : (tensor<1x1x1x1xbf16>, tensor<1x1x1x1xbf16>,
      tensor<1x1x1x1xbf16>) -> tensor<1x1x1x1xbf16>
  return %o : tensor<1x1x1x1xbf16>
}
