// The constraints of spmd.shift_start and spmd.wait.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// shift_c1: on tensors there is one size for each dynamic extent.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c1_sizes(%q: tensor<1x?x8xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op result has 1 dynamic extents, but 0 sizes are given; expected one size for each}}
  %p = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<1x?x8xf32> -> !spmd.pending<1x?x8xf32>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @shift_c1_static(%q: tensor<1x4x8xf32>, %rows: index) {
  // expected-error @+1 {{'spmd.shift_start' op result has 0 dynamic extents, but 1 sizes are given; expected one size for each}}
  %p = spmd.shift_start %q by 1 on @gpus "seq" (%rows) name "query" : tensor<1x4x8xf32> -> !spmd.pending<1x4x8xf32>
  return
}

// -----

// shift_c1: and no destination.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c1_tensor_destination(%q: tensor<4xf32>, %slot: memref<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op on tensors has no destination, but got one of type 'memref<4xf32>'}}
  %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" name "query"
      : tensor<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  return
}

// -----

// shift_c1: on memrefs there is a destination.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c1_no_destination(%q: memref<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op on memrefs needs a destination: name it with 'into'}}
  %p = spmd.shift_start %q by 1 on @gpus "seq" name "query" : memref<4xf32> -> !spmd.pending<4xf32>
  return
}

// -----

// shift_c1: and no sizes.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c1_memref_sizes(%q: memref<?xf32>, %slot: memref<?xf32>, %rows: index) {
  // expected-error @+1 {{'spmd.shift_start' op on memrefs has no sizes, but got 1; the destination has them}}
  %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" (%rows) name "query"
      : memref<?xf32>, memref<?xf32> -> !spmd.pending<?xf32>
  return
}

// -----

// shift_c2: the source has the result's element type.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c2_element(%q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op source of type 'tensor<4xf32>' does not fit '!spmd.pending<4xf16>'; expected its element type and, up to ?, its shape}}
  %p = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf16>
  return
}

// -----

// shift_c2: and its shape.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c2_shape(%q: tensor<1x4x8xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op source of type 'tensor<1x4x8xf32>' does not fit '!spmd.pending<1x4x9xf32>'; expected its element type and, up to ?, its shape}}
  %p = spmd.shift_start %q by 1 on @gpus "seq" name "query" : tensor<1x4x8xf32> -> !spmd.pending<1x4x9xf32>
  return
}

// -----

// shift_c2: so does the destination.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c2_destination(%q: memref<?x8xf32>, %slot: memref<8xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op destination of type 'memref<8xf32>' does not fit '!spmd.pending<?x8xf32>'; expected its element type and, up to ?, its shape}}
  %p = spmd.shift_start %q into %slot by 1 on @gpus "seq" name "query"
      : memref<?x8xf32>, memref<8xf32> -> !spmd.pending<?x8xf32>
  return
}

// -----

// shift_c3: `distance` is at least 1.
rondo.grid @gpus = ["seq" = 4]
func.func @shift_c3_zero(%q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op shifts by 0; expected at least 1}}
  %p = spmd.shift_start %q by 0 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @shift_c3_negative(%q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op shifts by -1; expected at least 1}}
  %p = spmd.shift_start %q by -1 on @gpus "seq" name "query" : tensor<4xf32> -> !spmd.pending<4xf32>
  return
}

// -----

// wait_c1: what arrives is a tensor if the source is one.
func.func @wait_c1_kind(%p: !spmd.pending<4xf32>, %q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.wait' op mixes tensors and memrefs: the source is 'tensor<4xf32>', what arrives 'memref<4xf32>'}}
  %a = spmd.wait %p, %q : !spmd.pending<4xf32>, tensor<4xf32> -> memref<4xf32>
  return
}

// -----

// wait_c1: it has the pending value's element type.
func.func @wait_c1_element(%p: !spmd.pending<4xf32>, %q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.wait' op arrived value of type 'tensor<4xf16>' does not fit '!spmd.pending<4xf32>'; expected its element type and, up to ?, its shape}}
  %a = spmd.wait %p, %q : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf16>
  return
}

// -----

// wait_c1: and its shape.
func.func @wait_c1_shape(%p: !spmd.pending<4xf32>, %q: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.wait' op arrived value of type 'tensor<5xf32>' does not fit '!spmd.pending<4xf32>'; expected its element type and, up to ?, its shape}}
  %a = spmd.wait %p, %q : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// wait_c1: the source has them too.
func.func @wait_c1_source(%p: !spmd.pending<?xf32>, %q: tensor<?x?xf32>) {
  // expected-error @+1 {{'spmd.wait' op source of type 'tensor<?x?xf32>' does not fit '!spmd.pending<?xf32>'; expected its element type and, up to ?, its shape}}
  %a = spmd.wait %p, %q : !spmd.pending<?xf32>, tensor<?x?xf32> -> tensor<?xf32>
  return
}

// -----

// A value in flight is no tensor.
func.func @pending_use(%p: !spmd.pending<4xf32>) {
  // expected-error @+1 {{'arith.addf' op operand #0 must be floating-point-like, but got '!spmd.pending<4xf32>'}}
  %a = arith.addf %p, %p : !spmd.pending<4xf32>
  return
}
