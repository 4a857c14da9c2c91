// axis_c1, of every op about an axis: the grid exists and has the axis.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

func.func @axis_c1_size_grid() {
  // expected-error @+1 {{'spmd.axis_size' op names the grid @gpus, which does not exist; declare it, for example rondo.grid @gpus = ["seq" = 4]}}
  %n = spmd.axis_size @gpus "seq"
  return
}

// -----

// expected-note @+1 {{its axes are ["seq"]}}
rondo.grid @gpus = ["seq" = 4]
func.func @axis_c1_size_axis() {
  // expected-error @+1 {{'spmd.axis_size' op names the axis "data", which grid @gpus does not have}}
  %n = spmd.axis_size @gpus "data"
  return
}

// -----

// expected-note @+1 {{its axes are ["data", "seq"]}}
rondo.grid @gpus = ["data" = 2, "seq" = 4]
func.func @axis_c1_index_axis() {
  // expected-error @+1 {{'spmd.axis_index' op names the axis "Seq", which grid @gpus does not have}}
  %r = spmd.axis_index @gpus "Seq"
  return
}

// -----

// A symbol that is no grid.
func.func private @gpus()
func.func @axis_c1_index_grid() {
  // expected-error @+1 {{'spmd.axis_index' op names the grid @gpus, which does not exist; declare it, for example rondo.grid @gpus = ["seq" = 4]}}
  %r = spmd.axis_index @gpus "seq"
  return
}

// -----

// expected-note @+1 {{its axes are ["seq"]}}
rondo.grid @gpus = ["seq" = 4]
func.func @axis_c1_shift_axis(%q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op names the axis "data", which grid @gpus does not have}}
  %p = spmd.shift_start %q by 1 on @gpus "data" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
  return
}
