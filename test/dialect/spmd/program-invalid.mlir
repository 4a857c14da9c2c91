// RUN: rondo-opt %s -split-input-file -verify-diagnostics
// What the attributes of per-rank functions must be.

// program_c1
// expected-error @below {{'spmd.shape' should have 2 extents, each an i64 that is not negative or the name of a length, but is [1, 2, 3]}}
func.func @rank(%x: memref<4x4xf32> {spmd.shape = [1, 2, 3]}) {
  return
}

// -----

// program_c1
// expected-error @below {{'spmd.shape' should have 1 extents, each an i64 that is not negative or the name of a length, but is [-1]}}
func.func @negative(%x: memref<4xf32> {spmd.shape = [-1]}) {
  return
}

// -----

// program_c1
// expected-error @below {{'spmd.shape' should have 1 extents, each an i64 that is not negative or the name of a length, but is [4 : i32]}}
func.func @width(%x: memref<4xf32> {spmd.shape = [4 : i32]}) {
  return
}

// -----

// program_c1
// expected-error @below {{'spmd.shape' should have 1 extents, each an i64 that is not negative or the name of a length, but is 7 : i64}}
func.func @no_list(%x: memref<4xf32> {spmd.shape = 7}) {
  return
}

// -----

// program_c1
// expected-error @below {{'spmd.shape' is about a ranked tensor or memref, but argument 0 has type 'index'}}
func.func @not_shaped(%x: index {spmd.shape = []}) {
  return
}

// -----

// program_c2
// expected-error @below {{'spmd.shape' names the length "s1", but no argument of the function has it as its 'spmd.length'}}
func.func @no_such_length(%x: memref<?xf32> {spmd.shape = ["s1"]}, %s: index {spmd.length = "s0"}) {
  return
}

// -----

// program_c2
// expected-error @below {{'spmd.length' should be the name of an argument of type index, but is "s0" on one of type 'i64'}}
func.func @no_index(%s: i64 {spmd.length = "s0"}) {
  return
}

// -----

// program_c2
// expected-error @below {{'spmd.length' should be the name of an argument of type index, but is 5 : i64 on one of type 'index'}}
func.func @no_name(%s: index {spmd.length = 5}) {
  return
}

// -----

// program_c2
// expected-error @below {{arguments 1 and 0 are both the length "s0"; give each a name of its own}}
func.func @twice(%s: index {spmd.length = "s0"}, %t: index {spmd.length = "s0"}) {
  return
}

// -----

// program_c3
// expected-error @below {{'spmd.output' should be a unit, but is true}}
func.func @no_unit(%x: memref<4xf32> {spmd.output = true}) {
  return
}

// -----

// program_c3
// expected-error @below {{'spmd.output' is about a ranked tensor or memref, but argument 0 has type 'index'}}
func.func @scalar_output(%x: index {spmd.output}) {
  return
}

// -----

// program_c4
// expected-error @below {{'spmd.schedules' should be a list of strings, but is "local"}}
func.func @schedules() attributes {spmd.schedules = "local"} {
  return
}

// -----

// program_c4
// expected-error @below {{'spmd.workspace_bytes' should be a string, but is 64 : i64}}
func.func @bytes() attributes {spmd.workspace_bytes = 64} {
  return
}

// -----

// program_c4
// expected-error @below {{'spmd.communication_bytes' belongs on a function, not on 'builtin.module'}}
module attributes {spmd.communication_bytes = "0"} {
}
