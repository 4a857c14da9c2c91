// RUN: rondo-opt %s --rondo-partition=schedule=kv-ring --split-input-file --canonicalize | FileCheck %s

// Elementwise ops run on local shards, uninitialised tensors have local extents, splat constants are filled in where
// the local extent is known at run time only, and tensor.dim means the global length.

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#identity = affine_map<(b, h, s, d) -> (b, h, s, d)>

// CHECK-LABEL: func.func @elementwise(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x4x?x64xf32> {{[^%]*}} %[[OUT:[^:]+]]: tensor<1x4x?x64xf32> {{[^%]*}} %[[S0:[^:]+]]: index {spmd.length = "s0"})
// CHECK-NOT:   rondo.shardings
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[HALF:.+]] = arith.constant 5.000000e-01 : f32
// CHECK:         %[[RANK:.+]] = spmd.axis_index @gpus "seq"
// CHECK:         %[[ROWS:.+]] = spmd.shard_size %[[RANK]] of %[[N]], %[[S0]]
// CHECK:         %[[SPACE:.+]] = tensor.empty(%[[ROWS]]) : tensor<1x4x?x64xf32>
// CHECK:         %[[HALVES:.+]] = linalg.fill ins(%[[HALF]] : f32) outs(%[[SPACE]] :
// CHECK:         %[[SCALED:.+]] = arith.mulf %[[X]], %[[HALVES]] : tensor<1x4x?x64xf32>
// CHECK:         %[[EXP:.+]] = math.exp %[[SCALED]] : tensor<1x4x?x64xf32>
// The divisor is the global length, on every rank.
// CHECK:         %[[INT:.+]] = arith.index_cast %[[S0]] : index to i32
// CHECK:         %[[LENGTH:.+]] = arith.sitofp %[[INT]] : i32 to f32
// CHECK:         %[[INIT:.+]] = tensor.empty(%[[ROWS]]) : tensor<1x4x?x64xf32>
// CHECK:         %[[MEAN:.+]] = linalg.generic {{.*}} ins(%[[EXP]], %[[LENGTH]] : tensor<1x4x?x64xf32>, f32) outs(%[[INIT]] :
// CHECK:         %[[RESULT:.+]] = linalg.copy ins(%[[MEAN]] : {{.*}} outs(%[[OUT]] :
// CHECK:         return %[[RESULT]]
func.func @elementwise(%x: tensor<1x4x?x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x4x?x64xf32> {rondo.sharding = #sequence}) {
  %c2 = arith.constant 2 : index
  %length = tensor.dim %x, %c2 : tensor<1x4x?x64xf32>
  %half = arith.constant 0.5 : f32
  %space = tensor.empty(%length) {rondo.shardings = [#sequence]} : tensor<1x4x?x64xf32>
  %halves = linalg.fill {rondo.shardings = [#sequence]} ins(%half : f32) outs(%space : tensor<1x4x?x64xf32>) -> tensor<1x4x?x64xf32>
  %scaled = arith.mulf %x, %halves {rondo.shardings = [#sequence]} : tensor<1x4x?x64xf32>
  %exp = math.exp %scaled {rondo.shardings = [#sequence]} : tensor<1x4x?x64xf32>
  %int = arith.index_cast %length : index to i32
  %divisor = arith.sitofp %int : i32 to f32
  %init = tensor.empty(%length) {rondo.shardings = [#sequence]} : tensor<1x4x?x64xf32>
  %mean = linalg.generic {indexing_maps = [#identity, affine_map<(b, h, s, d) -> ()>, #identity],
                          iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%exp, %divisor : tensor<1x4x?x64xf32>, f32) outs(%init : tensor<1x4x?x64xf32>)
      attrs = {rondo.shardings = [#sequence]} {
  ^bb0(%element: f32, %by: f32, %out: f32):
    %quotient = arith.divf %element, %by : f32
    linalg.yield %quotient : f32
  } -> tensor<1x4x?x64xf32>
  return %mean : tensor<1x4x?x64xf32>
}

// -----

// A splat of sharded rows is filled in; a replicated one stays a constant.

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>

// CHECK-LABEL: func.func @splats(
// CHECK-DAG:     %[[TWO:.+]] = arith.constant dense<2.000000e+00> : tensor<1x4x8x64xf32>
// CHECK-DAG:     %[[ONE:.+]] = arith.constant 1.000000e+00 : f32
// CHECK:         %[[ONES:.+]] = linalg.fill ins(%[[ONE]] : f32) outs(%{{.*}} : tensor<1x4x?x64xf32>)
// CHECK:         arith.addf %{{.*}}, %[[ONES]] : tensor<1x4x?x64xf32>
// CHECK:         arith.addf %{{.*}}, %[[TWO]] : tensor<1x4x8x64xf32>
func.func @splats(%x: tensor<1x4x9x64xf32> {rondo.sharding = #sequence}, %y: tensor<1x4x8x64xf32> {rondo.sharding = #whole})
    -> (tensor<1x4x9x64xf32> {rondo.sharding = #sequence}, tensor<1x4x8x64xf32> {rondo.sharding = #whole}) {
  %ones = arith.constant {rondo.shardings = [#sequence]} dense<1.0> : tensor<1x4x9x64xf32>
  %twos = arith.constant {rondo.shardings = [#whole]} dense<2.0> : tensor<1x4x8x64xf32>
  %a = arith.addf %x, %ones {rondo.shardings = [#sequence]} : tensor<1x4x9x64xf32>
  %b = arith.addf %y, %twos {rondo.shardings = [#whole]} : tensor<1x4x8x64xf32>
  return %a, %b : tensor<1x4x9x64xf32>, tensor<1x4x8x64xf32>
}

// -----

// Axes that shard batch or heads: local slices. Heads have a static local extent, batch the rows of the rank.

rondo.grid @gpus = ["data" = 2, "tensor" = 2, "seq" = ?]
#all = #rondo.sharding<@gpus, [{"data"}, {"tensor"}, {"seq"}, {}]>

// CHECK-LABEL: func.func @three_axes(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<?x4x?x64xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [6, 8, "s0", 64]}
// CHECK-SAME:    %[[K:[^:]+]]: tensor<?x1x?x64xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [6, 2, "s1", 64]}
// CHECK-SAME:    spmd.communication_bytes = "(n - 1)*ceil(s1/n)*1536"
// CHECK-DAG:     %[[TWO:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[SIX:.+]] = arith.constant 6 : index
// CHECK-DAG:     %[[DATA:.+]] = spmd.axis_index @gpus "data"
// CHECK-DAG:     %[[BATCH:.+]] = spmd.shard_size %[[DATA]] of %[[TWO]], %[[SIX]]
// CHECK:         spmd.shift_start %{{.*}} by 1 on @gpus "seq"(%[[BATCH]], %{{.*}}) name "key" : tensor<?x1x?x64xf32> -> !spmd.pending<?x1x?x64xf32>
func.func @three_axes(%q: tensor<6x8x?x64xf32> {rondo.sharding = #all}, %k: tensor<6x2x?x64xf32> {rondo.sharding = #all},
                      %v: tensor<6x2x?x64xf32> {rondo.sharding = #all}) -> (tensor<6x8x?x64xf32> {rondo.sharding = #all}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#all]}
      : (tensor<6x8x?x64xf32>, tensor<6x2x?x64xf32>, tensor<6x2x?x64xf32>) -> tensor<6x8x?x64xf32>
  return %o : tensor<6x8x?x64xf32>
}

// -----

// The results of one attention can be the queries of the next; both are scheduled.

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// CHECK-LABEL: func.func @two(
// CHECK-SAME:    spmd.communication_bytes = "768 + 768", spmd.schedules = ["kv-ring", "kv-ring"]
// CHECK:         %[[FIRST:.+]]:4 = scf.for
// CHECK:         %[[DOUBLED:.+]] = arith.addf %[[FIRST]]#2, %[[FIRST]]#2 : tensor<1x1x?x8xf32>
// CHECK:         rondo.attend ins(%[[DOUBLED]],
// CHECK:         scf.for
func.func @two(%q: tensor<1x1x5x8xf32> {rondo.sharding = #sequence}, %kv: tensor<1x1x16x8xf32> {rondo.sharding = #sequence})
    -> (tensor<1x1x5x8xf32> {rondo.sharding = #sequence}) {
  %a = rondo.attention %q, %kv, %kv {rondo.shardings = [#sequence]}
      : (tensor<1x1x5x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>) -> tensor<1x1x5x8xf32>
  %b = arith.addf %a, %a {rondo.shardings = [#sequence]} : tensor<1x1x5x8xf32>
  %c = rondo.attention %b, %kv, %kv {rondo.shardings = [#sequence]}
      : (tensor<1x1x5x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>) -> tensor<1x1x5x8xf32>
  return %c : tensor<1x1x5x8xf32>
}

// -----

// A length that is static anywhere is static everywhere that it must be equal.

rondo.grid @gpus = ["seq" = 2]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>

// CHECK-LABEL: func.func @static_somewhere(
// CHECK-SAME:    %{{[^:]+}}: tensor<3x1x?x8xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [3, 1, 16, 8]}
// CHECK-SAME:    %{{[^:]+}}: tensor<3x1x?x8xf32> {rondo.sharding = {{[^%]*}}, spmd.shape = [3, 1, "s0", 8]}
// CHECK-SAME:    %{{[^:]+}}: tensor<3x1x?x8xf32> {rondo.sharding = {{[^%]*}}, spmd.output, spmd.shape = [3, 1, 16, 8]}
// CHECK-SAME:    %{{[^:]+}}: index {spmd.length = "s0"}) ->
func.func @static_somewhere(%q: tensor<?x1x16x8xf32> {rondo.sharding = #sequence},
                            %kv: tensor<3x1x?x8xf32> {rondo.sharding = #sequence})
    -> (tensor<?x1x?x8xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#sequence]}
      : (tensor<?x1x16x8xf32>, tensor<3x1x?x8xf32>, tensor<3x1x?x8xf32>) -> tensor<?x1x?x8xf32>
  return %o : tensor<?x1x?x8xf32>
}

// -----

// Without a grid the program runs on one rank, whatever the schedule. Reference functions stay as they are.

// CHECK:       rondo.grid @rondo_single = ["seq" = 1]
// CHECK-LABEL: func.func @single(
// CHECK-SAME:    rondo.sharding = #rondo.sharding<@rondo_single, [{}, {}, {}, {}]>, spmd.shape = [1, 2, "s0", 8]
// CHECK-SAME:    spmd.communication_bytes = "0", spmd.schedules = ["local"]
// CHECK:         rondo.attend
// CHECK-NOT:     spmd.shift_start
// CHECK:         return
func.func @single(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x?x8xf32> {
  %o = rondo.attention %q, %k, %v : (tensor<1x2x?x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x?x8xf32>
  return %o : tensor<1x2x?x8xf32>
}
// CHECK-LABEL: func.func @reference(
// CHECK-SAME:    %{{[^:]+}}: tensor<4xf32>) -> tensor<4xf32> attributes {rondo.reference}
// CHECK-NEXT:    math.exp
func.func @reference(%x: tensor<4xf32>) -> tensor<4xf32> attributes {rondo.reference} {
  %y = math.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// A private function is no part of a program: nothing can call it.
// CHECK-LABEL: func.func @caller
// CHECK-NOT:   private
func.func @caller(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @never_called(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @declared(tensor<4xf32>)
