// RUN: rondo-opt %s -rondo-propagate-sharding -verify-diagnostics -split-input-file

// Conflicting shardings that meet at an elementwise op: a residual is sharded otherwise.
rondo.grid @gpus = ["seq" = 4]
func.func @residual(
    // expected-note @+1 {{the sharding of operand 0 derives from argument 0 of @residual: #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %k: tensor<1x8x64x64xf32>,
    // expected-note @+1 {{the sharding of operand 1 derives from argument 2 of @residual: #rondo.sharding<@gpus, [{}, {"seq"}, {}, {}]>}}
    %residual: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"seq"}, {}, {}]>})
    -> tensor<1x8x61x64xf32> {
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+1 {{'arith.addf' op needs its dimension 1 sharded alike everywhere, but operand 0 is sharded by {} and operand 1 by {"seq"}; shard both by the same axes, or leave one sharding out, to be derived}}
  %r = arith.addf %o, %residual : tensor<1x8x61x64xf32>
  return %r : tensor<1x8x61x64xf32>
}

// -----

// Q and K on different grids.
rondo.grid @left = ["seq" = 4]
rondo.grid @right = ["seq" = 4]
func.func @grids(
    // expected-note @+1 {{argument 0 is declared here}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@left, [{}, {}, {"seq"}, {}]>},
    // expected-error @+1 {{argument 1 is sharded over grid @right, but argument 0 over grid @left; expected one grid: make both axes of it}}
    %k: tensor<1x8x64x64xf32> {rondo.sharding = #rondo.sharding<@right, [{}, {}, {"seq"}, {}]>}) -> tensor<1x8x61x64xf32> {
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// A feature dimension sharded, of Q.
rondo.grid @gpus = ["model" = 4]
func.func @query_feature(
    // expected-note @+1 {{the sharding of query derives from argument 0 of @query_feature: #rondo.sharding<@gpus, [{}, {}, {}, {"model"}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {"model"}]>},
    %k: tensor<1x8x64x64xf32>) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op cannot have its query/key feature size sharded, but query has it sharded by {"model"}; shard its sequence, heads or batch instead}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// And of a result.
rondo.grid @gpus = ["model" = 4]
// expected-note @+1 {{the sharding of result 0 derives from result 0 of @value_feature: #rondo.sharding<@gpus, [{}, {}, {}, {"model"}]>}}
func.func @value_feature(%q: tensor<1x8x61x64xf32>)
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {"model"}]>}) {
  // expected-error @+1 {{'rondo.attention' op cannot have its value feature size sharded, but result 0 has it sharded by {"model"}; shard its sequence, heads or batch instead}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// Four ranks would split groups of four query heads with one key/value head each.
rondo.grid @gpus = ["head" = 4]
func.func @heads_in_group(
    // expected-note @+1 {{the sharding of key derives from argument 0 of @heads_in_group: #rondo.sharding<@gpus, [{}, {"head"}, {}, {}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"head"}, {}, {}]>},
    %k: tensor<1x2x64x64xf32>) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op has 2 key/value heads, but {"head"} shards them over 4 ranks, which would split a group of heads; expected a number of ranks that divides 2}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// The number of ranks that share the heads must be known.
// expected-note @+1 {{give the axis a size here, or shard the sequence by it}}
rondo.grid @gpus = ["head" = ?]
func.func @heads_dynamic(
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"head"}, {}, {}]>},
    %k: tensor<1x2x64x64xf32>) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op has its query heads sharded by axis "head", whose size is ?; expected a static size}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// Q's heads and K's by different axes.
rondo.grid @gpus = ["a" = 2, "b" = 2]
func.func @heads_axes(
    // expected-note @+1 {{the sharding of query derives from argument 0 of @heads_axes: #rondo.sharding<@gpus, [{}, {"a"}, {}, {}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"a"}, {}, {}]>},
    // expected-note @+1 {{the sharding of key derives from argument 1 of @heads_axes: #rondo.sharding<@gpus, [{}, {"b"}, {}, {}]>}}
    %k: tensor<1x2x64x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"b"}, {}, {}]>}) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op needs its query heads and key/value heads sharded alike everywhere, but query is sharded by {"a"} and key by {"b"}; shard both by the same axes, or leave one sharding out, to be derived}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// The batch of Q by an axis, that of V by none.
rondo.grid @gpus = ["data" = 2, "seq" = 2]
func.func @batch(
    // expected-note @+1 {{the sharding of query derives from argument 0 of @batch: #rondo.sharding<@gpus, [{"data"}, {}, {"seq"}, {}]>}}
    %q: tensor<2x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"data"}, {}, {"seq"}, {}]>}, %k: tensor<2x8x64x64xf32>,
    // expected-note @+1 {{the sharding of value derives from argument 2 of @batch: #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}}
    %v: tensor<2x8x64x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) -> tensor<2x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op needs its batch sharded alike everywhere, but query is sharded by {"data"} and value by {}; shard both by the same axes, or leave one sharding out, to be derived}}
  %o = rondo.attention %q, %k, %v : (tensor<2x8x61x64xf32>, tensor<2x8x64x64xf32>, tensor<2x8x64x64xf32>)
      -> tensor<2x8x61x64xf32>
  return %o : tensor<2x8x61x64xf32>
}

// -----

// K and V sharded differently.
rondo.grid @gpus = ["seq" = 4]
func.func @key_and_value(%q: tensor<1x8x61x64xf32>,
    // expected-note @+1 {{the sharding of key derives from argument 1 of @key_and_value: #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}}
    %k: tensor<1x8x64x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    // expected-note @+1 {{the sharding of value derives from argument 2 of @key_and_value: #rondo.sharding<@gpus, [{}, {}, {}, {}]>}}
    %v: tensor<1x8x64x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {}]>}) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op needs its key length sharded alike everywhere, but key is sharded by {"seq"} and value by {}; shard both by the same axes, or leave one sharding out, to be derived}}
  %o = rondo.attention %q, %k, %v : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// A result sharding that cannot be honoured: the arguments say otherwise.
rondo.grid @gpus = ["seq" = 4]
func.func @result(
    // expected-note @+1 {{its sharding derives from argument 0 of @result: #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}, %k: tensor<1x8x64x64xf32>)
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {}, {}]>}) {
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+1 {{'func.return' op cannot return result 0 sharded as declared: it is sharded by {"seq"} in dimension 2, but declared by {}; declare it as it is, or leave its sharding out}}
  return %o : tensor<1x8x61x64xf32>
}

// -----

// Two results that contradict each other, with nothing said by arguments.
rondo.grid @gpus = ["seq" = 4]
// expected-note @+2 {{the sharding of result 0 derives from result 0 of @two_results: #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}}
// expected-note @+1 {{the sharding of result 1 derives from result 1 of @two_results: #rondo.sharding<@gpus, [{}, {"seq"}, {}]>}}
func.func @two_results(%q: tensor<1x8x61x64xf32>)
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
        tensor<1x8x61xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {"seq"}, {}]>}) {
  // expected-error @+1 {{'rondo.attention' op needs its query length sharded alike everywhere, but result 0 is sharded by {"seq"} and result 1 by {}; shard both by the same axes, or leave one sharding out, to be derived}}
  %o, %lse = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> (tensor<1x8x61x64xf32>, tensor<1x8x61xf32>)
  return %o, %lse : tensor<1x8x61x64xf32>, tensor<1x8x61xf32>
}

// -----

// Queries and keys along different axes.
rondo.grid @gpus = ["a" = 2, "b" = 2]
func.func @sequences(
    // expected-note @+1 {{the sharding of query derives from argument 0 of @sequences: #rondo.sharding<@gpus, [{}, {}, {"a"}, {}]>}}
    %q: tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"a"}, {}]>},
    // expected-note @+1 {{the sharding of key derives from argument 1 of @sequences: #rondo.sharding<@gpus, [{}, {}, {"b"}, {}]>}}
    %k: tensor<1x8x64x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"b"}, {}]>}) -> tensor<1x8x61x64xf32> {
  // expected-error @+1 {{'rondo.attention' op has its query length sharded by {"a"} and its key length by {"b"}, which no schedule supports; shard both by the same axes, or one of them by none}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x64xf32>, tensor<1x8x64x64xf32>, tensor<1x8x64x64xf32>)
      -> tensor<1x8x61x64xf32>
  return %o : tensor<1x8x61x64xf32>
}

// -----

// An op that is neither attention nor elementwise.
func.func @transpose(%q: tensor<1x8x61x64xf32>, %init: tensor<1x61x8x64xf32>) -> tensor<1x61x8x64xf32> {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+2 {{'linalg.transpose' op cannot be distributed}}
  // expected-note @+1 {{a public function consists of attention, elementwise arith and math ops, linalg ops that are parallel with identity maps and without linalg.index, tensor.empty, tensor.dim with a constant index below the rank, splat constants, and ops on scalars; compute all else outside}}
  %r = linalg.transpose ins(%o : tensor<1x8x61x64xf32>) outs(%init : tensor<1x61x8x64xf32>) permutation = [0, 2, 1, 3]
  return %r : tensor<1x61x8x64xf32>
}

// -----

// Each rank would count rows from 0.
#identity = affine_map<(a) -> (a)>
func.func @index(%q: tensor<1x8x61x64xf32>, %x: tensor<61xindex>) -> (tensor<1x8x61x64xf32>, tensor<61xindex>) {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+2 {{'linalg.generic' op cannot be distributed}}
  // expected-note @+1 {{a public function consists of attention}}
  %r = linalg.generic {indexing_maps = [#identity], iterator_types = ["parallel"]} outs(%x : tensor<61xindex>) {
  ^bb0(%a: index):
    %i = linalg.index 0 : index
    linalg.yield %i : index
  } -> tensor<61xindex>
  return %o, %r : tensor<1x8x61x64xf32>, tensor<61xindex>
}

// -----

// A constant whose elements differ: each rank would need its own part.
func.func @constant(%q: tensor<1x1x2x1xf32>) -> tensor<1x1x2x1xf32> {
  // expected-error @+2 {{'arith.constant' op cannot be distributed}}
  // expected-note @+1 {{a public function consists of attention}}
  %c = arith.constant dense<[[[[1.0], [2.0]]]]> : tensor<1x1x2x1xf32>
  %o = rondo.attention %q, %c, %c : (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>) -> tensor<1x1x2x1xf32>
  return %o : tensor<1x1x2x1xf32>
}

// -----

// A call, and control flow.
func.func private @f(tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32>
func.func @call(%q: tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32> {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+2 {{'func.call' op cannot be distributed}}
  // expected-note @+1 {{a public function consists of attention}}
  %r = call @f(%o) : (tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32>
  return %r : tensor<1x8x61x64xf32>
}

// -----

// expected-error @+1 {{'func.func' op has 2 blocks; expected one: control flow cannot be distributed}}
func.func @blocks(%q: tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32> {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  cf.br ^end
^end:
  return %o : tensor<1x8x61x64xf32>
}

// -----

// A function that does not return has no results to shard.
rondo.grid @gpus = ["seq" = 4]
func.func @unreachable(%q: tensor<1x8x61x64xf32>)
    -> (tensor<1x8x61x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  // expected-error @+2 {{'ub.unreachable' op cannot be distributed}}
  // expected-note @+1 {{a public function consists of attention}}
  ub.unreachable
}

// -----

// No program: nothing attends.
// expected-error @+1 {{no public function of this module attends (1 public functions); expected a rondo.attention in at least one}}
module {
  func.func @adds(%a: tensor<4xf32>) -> tensor<4xf32> {
    %b = arith.addf %a, %a : tensor<4xf32>
    return %b : tensor<4xf32>
  }
}

// -----

// What attends is private.
// expected-error @+1 {{no public function of this module attends (0 public functions); expected a rondo.attention in at least one}}
module {
  // expected-note @+1 {{function @attends attends, but is private; make it public}}
  func.func private @attends(%q: tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32> {
    %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
        -> tensor<1x8x61x64xf32>
    return %o : tensor<1x8x61x64xf32>
  }
}
