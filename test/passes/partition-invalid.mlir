// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --split-input-file --verify-diagnostics

// An op that is neither attention nor elementwise.
func.func @not_distributable(%x: tensor<4x8xf32>) -> tensor<2x16xf32> {
  // expected-note @+2 {{a public function consists of attention, elementwise arith and math ops, linalg ops that are parallel with identity maps and without linalg.index, tensor.empty, tensor.dim with a constant index below the rank, splat constants, and ops on scalars; compute all else outside}}
  // expected-error @+1 {{'tensor.collapse_shape' op cannot be distributed}}
  %flat = tensor.collapse_shape %x [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %y = tensor.expand_shape %flat [[0, 1]] output_shape [2, 16] : tensor<32xf32> into tensor<2x16xf32>
  return %y : tensor<2x16xf32>
}

// -----

// A structured op that is not elementwise.
func.func @reduction(%x: tensor<4x8xf32>, %y: tensor<8x4xf32>, %z: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-note @+2 {{a public function consists of}}
  // expected-error @+1 {{'linalg.matmul' op cannot be distributed}}
  %w = linalg.matmul ins(%x, %y : tensor<4x8xf32>, tensor<8x4xf32>) outs(%z : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %w : tensor<4x4xf32>
}

// -----

// Each rank would see the index in its shard.
#identity = affine_map<(i) -> (i)>
func.func @index(%x: tensor<4xindex>) -> tensor<4xindex> {
  // expected-note @+2 {{a public function consists of}}
  // expected-error @+1 {{'linalg.generic' op cannot be distributed}}
  %y = linalg.generic {indexing_maps = [#identity], iterator_types = ["parallel"]} outs(%x : tensor<4xindex>) {
  ^bb0(%element: index):
    %i = linalg.index 0 : index
    linalg.yield %i : index
  } -> tensor<4xindex>
  return %y : tensor<4xindex>
}

// -----

// Constants that are not splats would have to be cut.
func.func @constant(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-note @+2 {{a public function consists of}}
  // expected-error @+1 {{'arith.constant' op cannot be distributed}}
  %table = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %table : tensor<2xf32>
}

// -----

// expected-error @+1 {{'func.func' op argument 1 has type 'f32'; expected a ranked tensor: only tensors are passed to a program}}
func.func @scalar_argument(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{'func.func' op has several blocks; expected straight-line code: control flow cannot be distributed}}
func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^next
^next:
  return %x : tensor<4xf32>
}

// -----

func.func private @hidden(%q: tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32> {
  // expected-error @+1 {{'rondo.attention' op stands in a private function; expected a public one: only those become programs}}
  %o = rondo.attention %q, %q, %q : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

// A ring needs both sides on one axis.
rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @replicated_keys(%q: tensor<1x1x4x8xf32> {rondo.sharding = #sequence}, %kv: tensor<1x1x4x8xf32> {rondo.sharding = #whole})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #sequence}) {
  // expected-note @+2 {{shard both by one axis of the grid, or replicate the keys and choose the schedule auto or local, which need no communication then}}
  // expected-error @+1 {{'rondo.attention' op cannot be scheduled as query-ring: it needs both sequences sharded by the same single axis, but the query sequence is sharded by "seq" and the key sequence is not sharded}}
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#sequence]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @replicated_queries(%q: tensor<1x1x4x8xf32> {rondo.sharding = #whole}, %kv: tensor<1x1x4x8xf32> {rondo.sharding = #sequence})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #whole}) {
  // expected-note @+2 {{shard both by one axis of the grid}}
  // expected-error @+1 {{the query sequence is not sharded and the key sequence is sharded by "seq"}}
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#whole]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

rondo.grid @gpus = ["a" = 2, "b" = 2]
#a = #rondo.sharding<@gpus, [{}, {}, {"a"}, {}]>
#b = #rondo.sharding<@gpus, [{}, {}, {"b"}, {}]>
func.func @two_axes(%q: tensor<1x1x4x8xf32> {rondo.sharding = #a}, %kv: tensor<1x1x4x8xf32> {rondo.sharding = #b})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #a}) {
  // expected-note @+2 {{shard both by one axis of the grid}}
  // expected-error @+1 {{the query sequence is sharded by "a" and the key sequence is sharded by "b"}}
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#a]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

rondo.grid @gpus = ["a" = 2, "b" = 2]
#both = #rondo.sharding<@gpus, [{}, {}, {"a", "b"}, {}]>
func.func @nested_axes(%q: tensor<1x1x4x8xf32> {rondo.sharding = #both}) -> (tensor<1x1x4x8xf32> {rondo.sharding = #both}) {
  // expected-note @+2 {{shard both by one axis of the grid}}
  // expected-error @+1 {{the query sequence is sharded by "a" and "b" and the key sequence is sharded by "a" and "b"}}
  %o = rondo.attention %q, %q, %q {rondo.shardings = [#both]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @keys_unlike_values(%q: tensor<1x1x4x8xf32> {rondo.sharding = #sequence}, %k: tensor<1x1x4x8xf32> {rondo.sharding = #sequence}, %v: tensor<1x1x4x8xf32> {rondo.sharding = #whole})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #sequence}) {
  // expected-note @+2 {{shard both by the same axes, or neither}}
  // expected-error @+1 {{'rondo.attention' op needs its key length sharded alike everywhere, but key is sharded by {"seq"} in dimension 2 and value by {} in dimension 2}}
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{"seq"}]>
#whole = #rondo.sharding<@gpus, [{}]>
func.func @elementwise(%x: tensor<4xf32> {rondo.sharding = #sequence}, %y: tensor<4xf32> {rondo.sharding = #whole})
    -> (tensor<4xf32> {rondo.sharding = #sequence}) {
  // expected-note @+2 {{shard both by the same axes, or neither}}
  // expected-error @+1 {{'arith.addf' op needs its dimension 0 sharded alike everywhere, but operand 0 is sharded by {"seq"} in dimension 0 and operand 1 by {} in dimension 0}}
  %z = arith.addf %x, %y {rondo.shardings = [#sequence]} : tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{"seq"}]>
#whole = #rondo.sharding<@gpus, [{}]>
func.func @result(%x: tensor<4xf32> {rondo.sharding = #sequence}) -> (tensor<4xf32> {rondo.sharding = #whole}) {
  // expected-error @+1 {{'func.return' op returns as result 0 a value sharded by {"seq"} in dimension 0, but the result is declared to be sharded by {}; declare it as the value is, or leave its sharding out}}
  return %x : tensor<4xf32>
}

// -----

rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{"seq"}]>
func.func @not_propagated(%x: tensor<4xf32> {rondo.sharding = #sequence}) -> tensor<4xf32> {
  // expected-error @+1 {{'math.exp' op has no rondo.shardings; run --rondo-propagate-sharding first}}
  %y = math.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

rondo.grid @gpus = ["tensor" = 3]
#heads = #rondo.sharding<@gpus, [{}, {"tensor"}, {}, {}]>
func.func @uneven_heads(%q: tensor<1x6x4x8xf32> {rondo.sharding = #heads}, %kv: tensor<1x2x4x8xf32> {rondo.sharding = #heads})
    -> (tensor<1x6x4x8xf32> {rondo.sharding = #heads}) {
  // expected-error @+1 {{'rondo.attention' op has 2 key/value heads over 3 ranks; expected a multiple of 3}}
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#heads]} : (tensor<1x6x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x6x4x8xf32>
  return %o : tensor<1x6x4x8xf32>
}

// -----

rondo.grid @gpus = ["tensor" = ?]
#heads = #rondo.sharding<@gpus, [{}, {"tensor"}, {}, {}]>
func.func @heads_over_any_number(%q: tensor<1x6x4x8xf32> {rondo.sharding = #heads}) -> (tensor<1x6x4x8xf32> {rondo.sharding = #heads}) {
  // expected-error @+1 {{'rondo.attention' op has its query heads sharded by axis "tensor", whose size is ?; expected a static size: give the axis one in the grid}}
  %o = rondo.attention %q, %q, %q {rondo.shardings = [#heads]} : (tensor<1x6x4x8xf32>, tensor<1x6x4x8xf32>, tensor<1x6x4x8xf32>) -> tensor<1x6x4x8xf32>
  return %o : tensor<1x6x4x8xf32>
}

// -----

rondo.grid @gpus = ["tensor" = 2]
#heads = #rondo.sharding<@gpus, [{}, {"tensor"}, {}, {}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @query_heads_only(%q: tensor<1x6x4x8xf32> {rondo.sharding = #heads}, %kv: tensor<1x2x4x8xf32> {rondo.sharding = #whole})
    -> (tensor<1x6x4x8xf32> {rondo.sharding = #heads}) {
  // expected-error @+1 {{'rondo.attention' op needs its query heads and its key/value heads sharded alike, but they are sharded by {"tensor"} and by {}; shard both by the same axes, or neither}}
  %o = rondo.attention %q, %kv, %kv {rondo.shardings = [#heads]} : (tensor<1x6x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x6x4x8xf32>
  return %o : tensor<1x6x4x8xf32>
}

// -----

rondo.grid @gpus = ["seq" = 2]
#feature = #rondo.sharding<@gpus, [{}, {}, {}, {"seq"}]>
#whole = #rondo.sharding<@gpus, [{}, {}, {}, {}]>
func.func @feature(%q: tensor<1x1x4x8xf32> {rondo.sharding = #feature}, %v: tensor<1x1x4x8xf32> {rondo.sharding = #whole})
    -> (tensor<1x1x4x8xf32> {rondo.sharding = #whole}) {
  // expected-error @+1 {{'rondo.attention' op cannot have its query/key feature size sharded, but it is by {"seq"}; shard its sequence, heads or batch instead}}
  %o = rondo.attention %q, %q, %v {rondo.shardings = [#whole]} : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %o : tensor<1x1x4x8xf32>
}

// -----

// Two lengths that must be equal through a tensor of unknown length.
func.func @lengths(%x: tensor<4xf32>, %y: tensor<?xf32>, %z: tensor<5xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %length = tensor.dim %y, %c0 : tensor<?xf32>
  %init = tensor.empty(%length) : tensor<?xf32>
  %a = linalg.add ins(%x, %y : tensor<4xf32>, tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  // expected-error @+1 {{'linalg.add' op needs one dimension 0, but it is 5 for operand 0 and 4 for operand 1}}
  %b = linalg.add ins(%z, %y : tensor<5xf32>, tensor<?xf32>) outs(%init : tensor<?xf32>) -> tensor<?xf32>
  return %b : tensor<?xf32>
}

// -----

// A length that the caller's tensors do not determine.
func.func @unbound(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c7 = arith.constant 7 : index
  // expected-error @+1 {{'tensor.empty' op has the extent ? in dimension 0 of its result, which is that of no argument or result of the function; expected one that the caller's tensors determine}}
  %scratch = tensor.empty(%c7) : tensor<?xf32>
  return %x : tensor<4xf32>
}

// -----

rondo.grid @a = ["seq" = 2]
rondo.grid @b = ["seq" = 2]
// expected-error @+2 {{is sharded over grid @b, but other tensors of function @grids over grid @a; expected one grid}}
func.func @grids(%x: tensor<4xf32> {rondo.sharding = #rondo.sharding<@a, [{"seq"}]>},
                 %y: tensor<4xf32> {rondo.sharding = #rondo.sharding<@b, [{"seq"}]>}) {
  return
}

// -----

// MLIR's verifier lets a dimension pass that the tensor does not have.
func.func @no_such_dimension(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c2 = arith.constant 2 : index
  // expected-note @+2 {{tensor.dim with a constant index below the rank}}
  // expected-error @+1 {{'tensor.dim' op cannot be distributed}}
  %rows = tensor.dim %x, %c2 : tensor<?x8xf32>
  %empty = tensor.empty(%rows) : tensor<?x8xf32>
  return %empty : tensor<?x8xf32>
}
