// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-plan-arena))' -verify-diagnostics -split-input-file

// A size must be bounded where the function starts.
func.func @unbounded(%sizes: memref<4xindex>) {
  %c0 = arith.constant 0 : index
  // expected-note @+1 {{the size is computed here}}
  %size = memref.load %sizes[%c0] : memref<4xindex>
  // expected-error @+1 {{'memref.alloc' op has no known upper bound of dynamic size 0; expected arithmetic of constants, lengths, extents of arguments and spmd.shard_size}}
  %a = memref.alloc(%size) : memref<?xf32>
  return
}

// -----

// Each iteration allocates more than the one before.
func.func @growing(%x: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %x) -> (memref<?xf32>) {
    %size = memref.dim %previous, %c0 : memref<?xf32>
    // expected-note @+1 {{the size is computed here}}
    %more = arith.addi %size, %c1 : index
    // expected-error @+1 {{has no known upper bound of dynamic size 0}}
    %next = memref.alloc(%more) : memref<?xf32>
    scf.yield %next : memref<?xf32>
  }
  return
}

// -----

// The slot is found by the iteration's number, which takes a step of 1.
func.func @step(%x: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  // expected-error @+1 {{'scf.for' op needs the step 1: memory that its iterations hand on is found by the iteration's number}}
  %last = scf.for %t = %c0 to %n step %c2 iter_args(%previous = %x) -> (memref<16xf32>) {
    // expected-note @+1 {{allocated here, used 1 iterations later}}
    %next = memref.alloc() : memref<16xf32>
    linalg.copy ins(%previous : memref<16xf32>) outs(%next : memref<16xf32>)
    scf.yield %next : memref<16xf32>
  }
  return
}

// -----

// No number of slots is enough for memory that is handed on for ever.
func.func @for_ever(%x: memref<16xf32>, %condition: i1, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%best = %x) -> (memref<16xf32>) {
    // expected-error @+1 {{this memory lives for ever: the loop hands it from each iteration to the next, so that no number of slots is enough}}
    %new = memref.alloc() : memref<16xf32>
    linalg.copy ins(%x : memref<16xf32>) outs(%new : memref<16xf32>)
    %better = scf.if %condition -> (memref<16xf32>) {
      scf.yield %new : memref<16xf32>
    } else {
      scf.yield %best : memref<16xf32>
    }
    scf.yield %better : memref<16xf32>
  }
  return
}

// -----

// Memory that is handed on in other ways cannot be followed.
func.func @select(%x: memref<16xf32>, %condition: i1) {
  %a = memref.alloc() : memref<16xf32>
  // expected-error @+1 {{'arith.select' op hands memory on in a way that memory planning does not follow; use scf.for or scf.if}}
  %b = arith.select %condition, %a, %x : memref<16xf32>
  return
}

// -----

// The arena holds whole bytes.
func.func @bits() {
  // expected-error @+1 {{'memref.alloc' op cannot be placed in the arena: 'memref<16xi1>' is not a contiguous memref of elements of whole bytes}}
  %a = memref.alloc() : memref<16xi1>
  return
}
