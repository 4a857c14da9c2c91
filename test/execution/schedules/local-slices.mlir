// Axes that shard batch and heads cut local slices; the rings turn along the sequence axis alone. 8 ranks.

// RUN: rondo-compile %s --schedule=query-ring -o %t.query.so
// RUN: rondo-compile %s --schedule=kv-ring -o %t.kv.so
// RUN: rondo-run %t.query.so --check
// RUN: rondo-run %t.kv.so --check

rondo.grid @gpus = ["data" = 2, "tensor" = 2, "seq" = 2]
#all = #rondo.sharding<@gpus, [{"data"}, {"tensor"}, {"seq"}, {}]>

func.func @slices(%q: tensor<3x4x7x8xf32> {rondo.sharding = #all}, %k: tensor<3x2x11x8xf32> {rondo.sharding = #all},
                  %v: tensor<3x2x11x12xf32> {rondo.sharding = #all}) -> tensor<3x4x7x12xf32> {
  %o = rondo.attention %q, %k, %v causal bottom_right
      : (tensor<3x4x7x8xf32>, tensor<3x2x11x8xf32>, tensor<3x2x11x12xf32>) -> tensor<3x4x7x12xf32>
  return %o : tensor<3x4x7x12xf32>
}
