// The constraints of #rondo.sharding, and where it stands.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// sharding_c1: an axis shards at most one dimension.
rondo.grid @gpus = ["seq" = 4]
func.func private @sharding_c1_two_dimensions(
    // expected-error @+1 {{axis "seq" shards more than one dimension; an axis can shard only one}}
    tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}, {"seq"}]>})

// -----

// sharding_c1: and once.
rondo.grid @gpus = ["seq" = 4]
func.func private @sharding_c1_twice(
    // expected-error @+1 {{axis "seq" shards more than one dimension; an axis can shard only one}}
    tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq", "seq"}, {}]>})

// -----

// sharding_c2: the grid exists.
// expected-error @+1 {{sharding of argument 0 names the grid @gpus, which does not exist; declare it, for example rondo.grid @gpus = ["seq" = 4]}}
func.func private @sharding_c2_no_grid(tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}, {}]>})

// -----

// sharding_c2: the grid has the axis. The error stands at the argument.
// expected-note @+1 {{its axes are ["seq", "data"]}}
rondo.grid @gpus = ["seq" = 4, "data" = 2]
func.func @sharding_c2_no_axis(%a: tensor<4x8xf32>,
    // expected-error @+1 {{sharding of argument 1 names the axis "sequence", which grid @gpus does not have}}
    %b: tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"sequence"}, {}]>}) {
  return
}

// -----

// sharding_c2, on a result.
// expected-note @+1 {{its axes are ["seq"]}}
rondo.grid @gpus = ["seq" = 4]
// expected-error @+1 {{sharding of result 0 names the axis "head", which grid @gpus does not have}}
func.func private @sharding_c2_result() -> (tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"head"}, {}]>})

// -----

// sharding_c3: there is one list for each dimension.
rondo.grid @gpus = ["seq" = 4]
// expected-error @+1 {{sharding of argument 0 has 1 dimensions, but its type 'tensor<4x8xf32>' has 2}}
func.func private @sharding_c3_rank(tensor<4x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}]>})

// -----

// sharding_c4: it stands on a ranked tensor.
rondo.grid @gpus = ["seq" = 4]
// expected-error @+1 {{sharding on argument 0 needs a ranked tensor, but its type is 'index'}}
func.func private @sharding_c4_scalar(index {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}]>})

// -----

rondo.grid @gpus = ["seq" = 4]
// expected-error @+1 {{sharding on result 0 needs a ranked tensor, but its type is 'tensor<*xf32>'}}
func.func private @sharding_c4_unranked() -> (tensor<*xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}]>})

// -----

// sharding_c4: it stands on arguments and results, not on ops.
rondo.grid @gpus = ["seq" = 4]
func.func @sharding_c4_op(%a: tensor<4xf32>) {
  // expected-error @+1 {{'rondo.sharding' belongs on the arguments and results of a function, not on 'arith.addf'}}
  %b = arith.addf %a, %a {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}]>} : tensor<4xf32>
  return
}

// -----

// Another attribute under its name.
// expected-error @+1 {{expected a #rondo.sharding on argument 0, but got "seq"}}
func.func private @sharding_kind(tensor<4xf32> {rondo.sharding = "seq"})

// -----

// A misspelt name is not silently ignored.
// expected-error @+1 {{unknown attribute 'rondo.shardin' on argument 0; expected 'rondo.sharding'}}
func.func private @sharding_name(tensor<4xf32> {rondo.shardin = "seq"})

// -----

// expected-error @+1 {{unknown attribute 'rondo.shard' on result 0; expected 'rondo.sharding'}}
func.func private @sharding_name_result() -> (tensor<4xf32> {rondo.shard = "seq"})

// -----

func.func @shardings_count(%a: tensor<4xf32>) {
  // expected-error @+1 {{expected 'rondo.shardings' to have one entry for each of 1 results, but got []}}
  %b = arith.addf %a, %a {rondo.shardings = []} : tensor<4xf32>
  return
}

// -----

func.func @shardings_tensor(%a: tensor<4xf32>) {
  // expected-error @+1 {{expected a #rondo.sharding on result 0, but got unit}}
  %b = arith.addf %a, %a {rondo.shardings = [unit]} : tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{'rondo.reference' belongs on a function, not on 'builtin.module'}}
module attributes {rondo.reference} {
}

// -----

// expected-error @+1 {{expected attribute value}}
func.func private @syntax_grid(tensor<4xf32> {rondo.sharding = #rondo.sharding<gpus, [{"seq"}]>})

// -----

// expected-error @+1 {{expected '{' in the axes of a dimension}}
func.func private @syntax_dimension(tensor<4xf32> {rondo.sharding = #rondo.sharding<@gpus, ["seq"]>})
