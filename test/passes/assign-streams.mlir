// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-assign-streams))' -split-input-file | FileCheck %s
// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-assign-streams))' -split-input-file \
// RUN:   --remarks-filter=rondo-assign-streams --remark-policy=all 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

rondo.grid @gpus = ["seq" = 4]
func.func private @work(index, index, memref<4xf32>, memref<4xf32>) attributes {exec.kernel = "work"}

// Shifts with nothing but index arithmetic and views between them are one exchange: communication awaits compute, and
// what waits for any of them awaits the one event that follows it, once.
// REMARK: remark: [Passed] streams | Category:rondo-assign-streams | Function=group | exchanges=1, shifts=2
// CHECK-LABEL: func.func @group
// CHECK-SAME:    %[[A:[^:]+]]: memref<4xf32>, %[[B:[^:]+]]: memref<4xf32>, %[[ARENA:[^:]+]]: memref<?xi8>
// CHECK:       exec.step %{{.+}}{{$}}
// CHECK-NEXT:  %[[SLOT_A:.+]] = memref.view
// CHECK-NEXT:  arith.constant 16
// CHECK-NEXT:  %[[SLOT_B:.+]] = memref.view
// CHECK-NEXT:  %[[READY:.+]] = exec.record compute
// CHECK-NEXT:  exec.await communication, %[[READY]]
// CHECK-NEXT:  exec.exchange communication by 1 on @gpus "seq" send(%[[A]], %[[B]]) receive(%[[SLOT_A]], %[[SLOT_B]]) names ["output", "lse"] : memref<4xf32>, memref<4xf32>
// CHECK-NEXT:  %[[ARRIVED:.+]] = exec.record communication
// CHECK-NEXT:  exec.dispatch compute @work(%[[A]], %[[B]])
// CHECK-NEXT:  exec.await compute, %[[ARRIVED]]
// CHECK-NEXT:  exec.dispatch compute @work(%[[SLOT_A]], %[[SLOT_B]])
// CHECK-NEXT:  exec.step %{{.+}} tail
// CHECK-NEXT:  return
func.func @group(%a: memref<4xf32>, %b: memref<4xf32>, %arena: memref<?xi8>) {
  %c0 = arith.constant 0 : index
  spmd.step %c0
  %slot_a = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
  %p = spmd.shift_start %a into %slot_a by 1 on @gpus "seq" name "output"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %c16 = arith.constant 16 : index
  %slot_b = memref.view %arena[%c16][] : memref<?xi8> to memref<4xf32>
  %q = spmd.shift_start %b into %slot_b by 1 on @gpus "seq" name "lse"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  exec.dispatch compute @work(%a, %b) reads [0, 1] writes [] : (memref<4xf32>, memref<4xf32>) -> ()
  %a1 = spmd.wait %p, %a : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  %b1 = spmd.wait %q, %b : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  exec.dispatch compute @work(%a1, %b1) reads [0] writes [1] : (memref<4xf32>, memref<4xf32>) -> ()
  spmd.step %c16 tail
  return
}

// -----

rondo.grid @gpus = ["seq" = 4]
func.func private @work(index, index, memref<4xf32>, memref<4xf32>) attributes {exec.kernel = "work"}

// Work between two shifts may produce what the second sends, and another distance is another exchange.
// REMARK: Function=no_group | exchanges=3, shifts=3
// CHECK-LABEL: func.func @no_group
// CHECK:       exec.exchange communication by 1 {{.+}} names ["first"]
// CHECK:       exec.dispatch
// CHECK:       exec.exchange communication by 1 {{.+}} names ["second"]
// CHECK:       exec.exchange communication by 2 {{.+}} names ["third"]
func.func @no_group(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>, %d: memref<4xf32>) {
  %p = spmd.shift_start %a into %b by 1 on @gpus "seq" name "first"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  exec.dispatch compute @work(%a, %c) reads [0] writes [1] : (memref<4xf32>, memref<4xf32>) -> ()
  %q = spmd.shift_start %c into %d by 1 on @gpus "seq" name "second"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %r = spmd.shift_start %c into %d by 2 on @gpus "seq" name "third"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %0 = spmd.wait %p, %a : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  %1 = spmd.wait %q, %c : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  %2 = spmd.wait %r, %c : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  return
}

// -----

// Loops and branches carry the event and the destination. Two values of one flight are awaited once.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @carried
// CHECK-SAME:    %[[A:[^:]+]]: memref<4xf32>, %[[B:[^:]+]]: memref<4xf32>, %[[C:[^:]+]]: memref<4xf32>, %[[D:[^:]+]]: memref<4xf32>
// CHECK:       %[[E0:.+]] = exec.record communication
// CHECK:       %[[LAST:.+]]:4 = scf.for {{.+}} iter_args(%[[EP:.+]] = %[[E0]], %[[P:.+]] = %[[C]], %[[EQ:.+]] = %[[E0]], %[[Q:.+]] = %[[D]]) -> (!exec.event, memref<4xf32>, !exec.event, memref<4xf32>)
// CHECK-NEXT:    exec.await compute, %[[EP]]
// CHECK-NOT:     exec.await compute
// CHECK:         exec.exchange {{.+}} send(%[[P]], %[[Q]])
// CHECK:         %[[E:.+]] = exec.record communication
// CHECK:         scf.yield %[[E]], %{{.+}}, %[[E]], %{{.+}} :
// CHECK:       %[[CHOSEN:.+]]:2 = scf.if %{{.+}} -> (!exec.event, memref<4xf32>)
// CHECK-NEXT:    scf.yield %[[LAST]]#0, %[[LAST]]#1
// CHECK-NEXT:  } else {
// CHECK-NEXT:    scf.yield %[[LAST]]#2, %[[LAST]]#3
// CHECK:       exec.await compute, %[[CHOSEN]]#0
// CHECK-NOT:   unrealized_conversion_cast
func.func @carried(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>, %d: memref<4xf32>, %n: index, %even: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %p0 = spmd.shift_start %a into %c by 1 on @gpus "seq" name "key"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %q0 = spmd.shift_start %b into %d by 1 on @gpus "seq" name "value"
      : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
  %last:2 = scf.for %t = %c0 to %n step %c1 iter_args(%p = %p0, %q = %q0)
      -> (!spmd.pending<4xf32>, !spmd.pending<4xf32>) {
    %k = spmd.wait %p, %a : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
    %v = spmd.wait %q, %b : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
    %pn = spmd.shift_start %k into %a by 1 on @gpus "seq" name "key"
        : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
    %qn = spmd.shift_start %v into %b by 1 on @gpus "seq" name "value"
        : memref<4xf32>, memref<4xf32> -> !spmd.pending<4xf32>
    scf.yield %pn, %qn : !spmd.pending<4xf32>, !spmd.pending<4xf32>
  }
  %one = scf.if %even -> !spmd.pending<4xf32> {
    scf.yield %last#0 : !spmd.pending<4xf32>
  } else {
    scf.yield %last#1 : !spmd.pending<4xf32>
  }
  %r = spmd.wait %one, %a : !spmd.pending<4xf32>, memref<4xf32> -> memref<4xf32>
  return
}

// -----

// Where a size is known on one side only, both sides travel as what the shift declares.
rondo.grid @gpus = ["seq" = 1]
// CHECK-LABEL: func.func @static_source
// CHECK:       %[[CAST:.+]] = memref.cast %{{.+}} : memref<4xf32> to memref<?xf32>
// CHECK:       exec.exchange {{.+}} send(%[[CAST]]) receive(%{{.+}}) names ["query"] : memref<?xf32>
func.func @static_source(%a: memref<4xf32>, %b: memref<?xf32>) {
  %p = spmd.shift_start %a into %b by 1 on @gpus "seq" name "query"
      : memref<4xf32>, memref<?xf32> -> !spmd.pending<?xf32>
  %r = spmd.wait %p, %a : !spmd.pending<?xf32>, memref<4xf32> -> memref<?xf32>
  return
}
