// The constraints of exec.exchange.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// axis_c1: the grid exists.
func.func @axis_c1_grid(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{'exec.exchange' op names the grid @gpus, which does not exist; declare it, for example rondo.grid @gpus = ["seq" = 4]}}
  exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query"] : memref<4xf32>
  return
}

// -----

// axis_c1: and has the axis.
// expected-note @+1 {{its axes are ["seq"]}}
rondo.grid @gpus = ["seq" = 4]
func.func @axis_c1_axis(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{'exec.exchange' op names the axis "data", which grid @gpus does not have}}
  exec.exchange communication by 1 on @gpus "data" send(%a) receive(%b) names ["query"] : memref<4xf32>
  return
}

// -----

// exchange_c1: there is one name for each source.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c1_names(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{'exec.exchange' op has 1 sources, but 2 names; expected one name for each}}
  exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query", "output"] : memref<4xf32>
  return
}

// -----

// exchange_c2: a source and its destination have one type.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c2_types(%a: memref<4xf32>, %b: memref<5xf32>) {
  // expected-error @+1 {{'exec.exchange' op sends 'memref<4xf32>', but receives 'memref<5xf32>'; they must be equal}}
  "exec.exchange"(%a, %b) <{axis = "seq", distance = 1 : i64, grid = @gpus, names = ["query"], stream = 1 : i32}>
      : (memref<4xf32>, memref<5xf32>) -> ()
  return
}

// -----

// exchange_c2: of identity layout.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c2_layout(%a: memref<4x4xf32, strided<[8, 1]>>, %b: memref<4x4xf32, strided<[8, 1]>>) {
  // expected-error @+1 {{'exec.exchange' op sends 'memref<4x4xf32, strided<[8, 1]>>', which is not contiguous; expected the identity layout}}
  exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query"]
      : memref<4x4xf32, strided<[8, 1]>>
  return
}

// -----

// exchange_c3: `distance` is at least 1.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c3_negative(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{'exec.exchange' op passes on by -1; expected at least 1}}
  exec.exchange communication by -1 on @gpus "seq" send(%a) receive(%b) names ["query"] : memref<4xf32>
  return
}

// -----

// As many arrive as leave.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_counts(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{number of operands and types do not match: got 1 operands and 2 types}}
  exec.exchange communication by 1 on @gpus "seq" send(%a, %b) receive(%b) names ["x", "y"] : memref<4xf32>, memref<4xf32>
  return
}

// -----

// exchange_c4: elements have a size in bytes.
rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c4_index(%a: memref<4xindex>, %b: memref<4xindex>) {
  // expected-error @+1 {{'exec.exchange' op sends 'memref<4xindex>', whose elements have no size in bytes; expected integers or floating-point numbers of whole bytes}}
  exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query"] : memref<4xindex>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @exchange_c4_bits(%a: memref<4xi1>, %b: memref<4xi1>) {
  // expected-error @+1 {{'exec.exchange' op sends 'memref<4xi1>', whose elements have no size in bytes}}
  exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query"] : memref<4xi1>
  return
}
