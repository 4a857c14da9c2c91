// RUN: rondo-opt %s --spmd-verify-pending --split-input-file --verify-diagnostics

rondo.grid @gpus = ["seq" = 4]
func.func @never(%x: tensor<4xf32>) {
  // expected-note @+2 {{add an spmd.wait for it that names its source}}
  // expected-error @+1 {{'spmd.shift_start' op starts the transfer "x", which is never waited for; expected exactly one wait on every path}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @twice(%x: tensor<4xf32>) {
  // expected-error @+1 {{'spmd.shift_start' op starts the transfer "x", which is consumed 2 times; expected exactly one wait on every path}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+1 {{consumed here}}
  %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  // expected-note @+1 {{consumed here}}
  %z = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @one_branch(%x: tensor<4xf32>, %condition: i1) {
  // expected-error @+1 {{starts the transfer "x", which is waited for on some paths only; expected exactly one wait on every path}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+1 {{it is consumed 1 times if this condition holds, and 0 times if not}}
  scf.if %condition {
    %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  }
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @in_loop(%x: tensor<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{starts the transfer "x", which is waited for in the body of scf.for, which may run any number of times; expected exactly one wait on every path}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+1 {{carry it through the loop's iter_args}}
  scf.for %t = %c0 to %n step %c1 {
    %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  }
  return
}

// -----

// The loop carries a flight and drops it.
rondo.grid @gpus = ["seq" = 4]
func.func @dropped(%x: tensor<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+2 {{add an spmd.wait for it that names its source}}
  // expected-error @+1 {{a value in flight, carried by a loop, is never waited for; expected exactly one wait on every path}}
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%p = %first) -> !spmd.pending<4xf32> {
    %next = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %next : !spmd.pending<4xf32>
  }
  %y = spmd.wait %last, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// The last flight that the loop started never ends.
rondo.grid @gpus = ["seq" = 4]
func.func @result(%x: tensor<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+2 {{add an spmd.wait for it that names its source}}
  // expected-error @+1 {{a value in flight, a result of scf.for, is never waited for; expected exactly one wait on every path}}
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%p = %first) -> !spmd.pending<4xf32> {
    scf.yield %p : !spmd.pending<4xf32>
  }
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @other_use(%x: tensor<4xf32>, %condition: i1) {
  // expected-note @+1 {{the flight starts here}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-error @+1 {{'builtin.unrealized_conversion_cast' op uses a value in flight; expected only spmd.wait, scf.for and scf.yield to}}
  %t = builtin.unrealized_conversion_cast %p : !spmd.pending<4xf32> to tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{'func.func' op has '!spmd.pending<4xf32>' in its type; expected flights to end in the function in which they start}}
func.func @argument(%p: !spmd.pending<4xf32>) {
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @other_source(%x: tensor<4xf32>, %z: tensor<4xf32>) {
  // expected-note @+1 {{this start sends another value}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-error @+1 {{'spmd.wait' op names a source that is not shown to be what the start of the transfer sends}}
  %y = spmd.wait %p, %z : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

// The first flight sends %x, the later ones what has arrived: no wait can name %x.
rondo.grid @gpus = ["seq" = 4]
func.func @other_source_later(%x: tensor<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  // expected-note @+1 {{carry what is sent together with the value in flight, and name that}}
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%p = %first) -> !spmd.pending<4xf32> {
    // expected-error @+1 {{'spmd.wait' op names a source that is not shown to be what the start of the transfer sends}}
    %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %next = spmd.shift_start %y by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    scf.yield %next : !spmd.pending<4xf32>
  }
  // expected-error @+1 {{'spmd.wait' op names a source that is not shown to be what the start of the transfer sends}}
  %z = spmd.wait %last, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func @other_block(%x: tensor<4xf32>) {
  // expected-error @+1 {{starts the transfer "x", which is used in another block; expected branches and loops of the scf dialect}}
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  cf.br ^next
^next:
  // expected-note @+1 {{used here}}
  %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}
