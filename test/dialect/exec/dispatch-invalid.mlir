// The constraints of exec.dispatch.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// dispatch_c1: the kernel exists.
func.func @dispatch_c1_missing(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op names the kernel @copy_0, which does not exist}}
  exec.dispatch compute @copy_0(%a) reads [0] writes [] : (memref<4xf32>) -> ()
  return
}

// -----

// dispatch_c1: it is marked as one.
// expected-note @+1 {{it is declared here}}
func.func private @copy_0(index, index, memref<4xf32>)
func.func @dispatch_c1_unmarked(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op names @copy_0, which is no kernel: it is not marked 'exec.kernel'}}
  exec.dispatch compute @copy_0(%a) reads [0] writes [] : (memref<4xf32>) -> ()
  return
}

// -----

// dispatch_c1: it takes part, parts and the operands' types.
// expected-note @+1 {{it takes ('index', 'index', 'memref<8xf32>')}}
func.func private @copy_0(index, index, memref<8xf32>) attributes {exec.kernel = "copy"}
func.func @dispatch_c1_types(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op gives the kernel arguments of types ('index', 'index', 'memref<4xf32>'), of which the first two are part and parts}}
  exec.dispatch compute @copy_0(%a) reads [0] writes [] : (memref<4xf32>) -> ()
  return
}

// -----

// expected-note @+1 {{it takes ('memref<4xf32>')}}
func.func private @copy_0(memref<4xf32>) attributes {exec.kernel = "copy"}
func.func @dispatch_c1_parts(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op gives the kernel arguments of types ('index', 'index', 'memref<4xf32>'), of which the first two are part and parts}}
  exec.dispatch compute @copy_0(%a) reads [0] writes [] : (memref<4xf32>) -> ()
  return
}

// -----

// dispatch_c2: positions are those of operands.
func.func private @copy_0(index, index, memref<4xf32>) attributes {exec.kernel = "copy"}
func.func @dispatch_c2_position(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op lists operand 1 as read or written, but has 1 operands, numbered from 0}}
  exec.dispatch compute @copy_0(%a) reads [0] writes [1] : (memref<4xf32>) -> ()
  return
}

// -----

func.func private @copy_0(index, index, memref<4xf32>) attributes {exec.kernel = "copy"}
func.func @dispatch_c2_negative(%a: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op lists operand -1 as read or written, but has 1 operands, numbered from 0}}
  exec.dispatch compute @copy_0(%a) reads [-1] writes [0] : (memref<4xf32>) -> ()
  return
}

// -----

// dispatch_c2: which are memrefs.
func.func private @scale_0(index, index, memref<4xf32>, f32) attributes {exec.kernel = "scale"}
func.func @dispatch_c2_scalar(%a: memref<4xf32>, %s: f32) {
  // expected-error @+1 {{'exec.dispatch' op lists operand 1 as read or written, but it is no memref: 'f32'}}
  exec.dispatch compute @scale_0(%a, %s) reads [1] writes [0] : (memref<4xf32>, f32) -> ()
  return
}

// -----

// dispatch_c2: each memref operand is read or written.
func.func private @copy_0(index, index, memref<4xf32>, memref<4xf32>) attributes {exec.kernel = "copy"}
func.func @dispatch_c2_silent(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @+1 {{'exec.dispatch' op does not say whether it reads or writes operand 1; list it under 'reads' or 'writes'}}
  exec.dispatch compute @copy_0(%a, %b) reads [0] writes [] : (memref<4xf32>, memref<4xf32>) -> ()
  return
}

// -----

func.func @syntax_stream() {
  // expected-error @+1 {{expected string or keyword containing one of the following enum values for attribute 'stream' [compute, communication]}}
  %e = exec.record copy
  return
}
