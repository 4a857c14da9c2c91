// Planted faults. Each differs from a correct program in one place.
// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(exec-verify-order))' -verify-diagnostics -split-input-file

// Without the await before it, an exchange sends what compute may not have produced yet.
rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}
func.func @send_before_producer(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %slots = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c192 = arith.constant 192 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c192 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  // expected-note @+1 {{this writes it; record an event after this and await it on the communication stream}}
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %last = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first) -> (memref<16xf32>) {
    %number = arith.remui %t, %slots : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    // expected-error @+1 {{'exec.exchange' op reads memory that no event orders after earlier work on the compute stream, on rank 0 of 2}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    exec.await compute, %arrived
    exec.dispatch compute @work(%slot, %slot) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    scf.yield %slot : memref<16xf32>
  }
  exec.dispatch compute @work(%last, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  return
}

// -----

// Without the await after it, a kernel reads what may not have arrived yet.
rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}
func.func @reader_before_arrival(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %slots = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c192 = arith.constant 192 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c192 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %last = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first) -> (memref<16xf32>) {
    %number = arith.remui %t, %slots : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    %ready = exec.record compute
    exec.await communication, %ready
    // expected-note @+1 {{this writes it; record an event after this and await it on the compute stream}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    // expected-error @+1 {{'exec.dispatch' op reads memory that no event orders after earlier work on the communication stream, on rank 0 of 2}}
    exec.dispatch compute @work(%slot, %slot) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    scf.yield %slot : memref<16xf32>
  }
  exec.dispatch compute @work(%last, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  return
}

// -----

// Swapped: the kernel that reads the arrival comes before the await.
rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}
func.func @await_too_late(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %slots = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c192 = arith.constant 192 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c192 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %last = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first) -> (memref<16xf32>) {
    %number = arith.remui %t, %slots : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    %ready = exec.record compute
    exec.await communication, %ready
    // expected-note @+1 {{this writes it}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    // expected-error @+1 {{'exec.dispatch' op reads memory that no event orders after earlier work on the communication stream}}
    exec.dispatch compute @work(%slot, %slot) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    exec.await compute, %arrived
    scf.yield %slot : memref<16xf32>
  }
  exec.dispatch compute @work(%last, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  return
}

// -----

// One slot is too few: the exchange receives where it sends.
rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}
func.func @too_few_slots(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %slots = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c192 = arith.constant 192 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c192 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %last = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first) -> (memref<16xf32>) {
    %number = arith.remui %t, %slots : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    %ready = exec.record compute
    exec.await communication, %ready
    // expected-error @+1 {{'exec.exchange' op receives into memory that it also sends, on rank 0 of 2}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    exec.await compute, %arrived
    exec.dispatch compute @work(%slot, %slot) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    scf.yield %slot : memref<16xf32>
  }
  exec.dispatch compute @work(%last, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  return
}

// -----

// The receive of a step overwrites what a kernel of the step before still reads: communication awaits only the compute
// that was issued before that kernel. It takes three ranks to show.
rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}
func.func @receive_before_last_reader(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c128 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %produced = exec.record compute
  %last:2 = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first, %ready = %produced)
      -> (memref<16xf32>, !exec.event) {
    %number = arith.remui %t, %c2 : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    exec.await communication, %ready
    // expected-error @+1 {{'exec.exchange' op writes memory that no event orders after earlier work on the compute stream, on rank 0 of 3}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    %early = exec.record compute
    // expected-note @+1 {{this reads it; record an event after this and await it on the communication stream}}
    exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
    exec.await compute, %arrived
    scf.yield %slot, %early : memref<16xf32>, !exec.event
  }
  return
}

// -----

// What nobody awaits is in flight when the function ends.
rondo.grid @gpus = ["seq" = 4]
func.func @in_flight() {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %arena = exec.arena %c128 : memref<?xi8>
  %source = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<16xf32>
  // expected-error @+1 {{'exec.exchange' op may still be in flight when the function ends; record an event after it and await that on the compute stream}}
  exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
  return
}

// -----

// Only one rank would communicate.
rondo.grid @gpus = ["seq" = 4]
func.func @rank_dependent_branch() {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %arena = exec.arena %c128 : memref<?xi8>
  %source = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<16xf32>
  %r = spmd.axis_index @gpus "seq"
  %is_first = arith.cmpi eq, %r, %c0 : index
  // expected-note @+1 {{decided here}}
  scf.if %is_first {
    // expected-error @+1 {{'exec.exchange' op lies under a condition that depends on the rank, so that ranks may wait for each other for ever; every rank must do the same exchanges in the same order}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.await compute, %arrived
  }
  return
}

// -----

// The size of a shard depends on the rank, also by way of a carried value and a loop's bound.
rondo.grid @gpus = ["seq" = 4]
func.func @rank_dependent_loop(%x: memref<?xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}]>, spmd.shape = [5]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %arena = exec.arena %c128 : memref<?xi8>
  %source = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<16xf32>
  %rows = memref.dim %x, %c0 : memref<?xf32>
  %bound = scf.for %t = %c0 to %c1 step %c1 iter_args(%b = %c0) -> (index) {
    %more = arith.addi %b, %rows : index
    scf.yield %more : index
  }
  // expected-note @+1 {{decided here}}
  scf.for %t = %c0 to %bound step %c1 {
    // expected-error @+1 {{'exec.exchange' op lies under a condition that depends on the rank}}
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.await compute, %arrived
  }
  return
}

// -----

// Only memory of the arena travels.
rondo.grid @gpus = ["seq" = 4]
func.func @user_memory(%x: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %arena = exec.arena %c64 : memref<?xi8>
  %slot = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  // expected-error @+1 {{'exec.exchange' op sends argument 0 of the function; only memory of the arena may travel: copy it there first}}
  exec.exchange communication by 1 on @gpus "seq" send(%x) receive(%slot) names ["query"] : memref<16xf32>
  return
}

// -----

// Sender and receiver compute sizes alike: here each rank takes its own shard's size for what arrives. It shows where
// shards differ.
rondo.grid @gpus = ["seq" = ?]
func.func @sizes(%s: index {spmd.length = "s0"}) {
  %c0 = arith.constant 0 : index
  %c4096 = arith.constant 4096 : index
  %c8192 = arith.constant 8192 : index
  %n = spmd.axis_size @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  %arena = exec.arena %c8192 : memref<?xi8>
  %rows = spmd.shard_size %r of %n, %s
  %source = memref.view %arena[%c0][%rows] : memref<?xi8> to memref<?xf32>
  %slot = memref.view %arena[%c4096][%rows] : memref<?xi8> to memref<?xf32>
  // expected-error @+1 {{'exec.exchange' op receives 124 bytes of "query", but rank 1 sends 120, on rank 0 of 2 with lengths 61}}
  exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<?xf32>
  %arrived = exec.record communication
  exec.await compute, %arrived
  return
}

// -----

// A view must fit: here for 60 rows, but not for 61.
rondo.grid @gpus = ["seq" = ?]
func.func @beyond_arena(%s: index {spmd.length = "s0"}) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %n = spmd.axis_size @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  %floor = arith.divui %s, %n : index
  %bytes = arith.muli %floor, %c4 : index
  %arena = exec.arena %bytes : memref<?xi8>
  %rows = spmd.shard_size %r of %n, %s
  // expected-error @+1 {{'memref.view' op covers bytes 0 to 124 of memory of 120 bytes, on rank 0 of 2 with lengths 61}}
  %x = memref.view %arena[%c0][%rows] : memref<?xi8> to memref<?xf32>
  return
}

// -----

// Host code is index arithmetic and work on streams.
func.func @host_op(%x: memref<4xindex>) {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{'memref.load' op does not belong in a host function: expected work on streams and index arithmetic}}
  %n = memref.load %x[%c0] : memref<4xindex>
  return
}

// -----

// What lies in a buffer has a size in bytes.
func.func @view_of_index() {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %arena = exec.arena %c64 : memref<?xi8>
  // expected-error @+1 {{'memref.view' op shows elements without a size in bytes, of type 'index'}}
  %x = memref.view %arena[%c0][] : memref<?xi8> to memref<4xindex>
  return
}
