// The constraint of exec.arena.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// arena_c1: a function has at most one, wherever it stands.
func.func @arena_c1_two(%bytes: index, %condition: i1) {
  // expected-note @+1 {{the first one is here}}
  %first = exec.arena %bytes : memref<?xi8>
  scf.if %condition {
    // expected-error @+1 {{'exec.arena' op is the second arena of its function; expected one, which all intermediate values share}}
    %second = exec.arena %bytes : memref<?xi8>
  }
  return
}

// Each function may have its own.
func.func @arena_c1_other_function(%bytes: index) {
  %arena = exec.arena %bytes : memref<?xi8>
  return
}

// -----

%bytes = arith.constant 64 : index
// expected-error @+1 {{'exec.arena' op belongs in a function}}
%arena = exec.arena %bytes : memref<?xi8>
