// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(exec-verify-order))' -verify-diagnostics | FileCheck %s

rondo.grid @gpus = ["seq" = ?]
func.func private @work(index, index, memref<16xf32>, memref<16xf32>) attributes {exec.kernel = "work"}

// Two slots, and all three orders: the send after its producer, the reader after the arrival, the receive after the last
// reader of its slot. Nothing is in flight at the end.
// CHECK-LABEL: func.func @ordered
func.func @ordered(%x: memref<16xf32>, %y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %n = spmd.axis_size @gpus "seq"
  %arena = exec.arena %c128 : memref<?xi8>
  %first = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  exec.dispatch compute @work(%x, %first) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  %last = scf.for %t = %c1 to %n step %c1 iter_args(%source = %first) -> (memref<16xf32>) {
    exec.step %t
    %number = arith.remui %t, %c2 : index
    %offset = arith.muli %number, %c64 : index
    %slot = memref.view %arena[%offset][] : memref<?xi8> to memref<16xf32>
    %ready = exec.record compute
    exec.await communication, %ready
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

// Reads of the same memory need no order.
// CHECK-LABEL: func.func @reads
func.func @reads(%y: memref<16xf32> {spmd.output}) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %arena = exec.arena %c128 : memref<?xi8>
  %source = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<16xf32>
  exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
  %arrived = exec.record communication
  exec.dispatch compute @work(%source, %y) reads [0] writes [1] : (memref<16xf32>, memref<16xf32>) -> ()
  exec.await compute, %arrived
  return
}

// A branch that every rank takes alike may communicate.
// CHECK-LABEL: func.func @same_branch
func.func @same_branch(%s: index {spmd.length = "s0"}) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %arena = exec.arena %c128 : memref<?xi8>
  %source = memref.view %arena[%c0][] : memref<?xi8> to memref<16xf32>
  %slot = memref.view %arena[%c64][] : memref<?xi8> to memref<16xf32>
  %short = arith.cmpi ult, %s, %c64 : index
  scf.if %short {
    exec.exchange communication by 1 on @gpus "seq" send(%source) receive(%slot) names ["query"] : memref<16xf32>
    %arrived = exec.record communication
    exec.await compute, %arrived
  }
  return
}
