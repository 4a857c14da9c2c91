// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-plan-arena),canonicalize,cse)' -split-input-file \
// RUN:   | FileCheck %s
// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-plan-arena))' -split-input-file \
// RUN:   --remarks-filter=rondo-plan-arena --remark-policy=all 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Two allocations lie one behind the other. 4 * 8 * 4 bytes are two units of 64, 5 floats take one.
// REMARK: remark: [Passed] arena | Category:rondo-plan-arena | Function=constant | bytes=192, slots=2
// CHECK-LABEL: func.func @constant
// CHECK-SAME:    attributes {spmd.workspace_bytes = "192"}
// CHECK-DAG:   %[[BYTES:.+]] = arith.constant 192
// CHECK-DAG:   %[[FIRST:.+]] = arith.constant 0
// CHECK-DAG:   %[[SECOND:.+]] = arith.constant 128
// CHECK:       %[[ARENA:.+]] = exec.arena %[[BYTES]]
// CHECK-NOT:   memref.alloc
// CHECK:       memref.view %[[ARENA]][%[[FIRST]]][] : memref<?xi8> to memref<4x8xf32>
// CHECK:       memref.view %[[ARENA]][%[[SECOND]]][] : memref<?xi8> to memref<5xf32>
func.func @constant(%x: memref<4x8xf32>, %y: memref<5xf32>) {
  %a = memref.alloc() : memref<4x8xf32>
  linalg.copy ins(%x : memref<4x8xf32>) outs(%a : memref<4x8xf32>)
  %b = memref.alloc() : memref<5xf32>
  linalg.copy ins(%y : memref<5xf32>) outs(%b : memref<5xf32>)
  return
}

// -----

// A function that allocates nothing has no arena.
// CHECK-LABEL: func.func @nothing
// CHECK-SAME:    attributes {spmd.workspace_bytes = "0"}
// CHECK-NOT:   exec.arena
func.func @nothing(%x: memref<4xf32>, %y: memref<4xf32>) {
  linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  return
}

// -----

// A slot has room for the longest shard, a view is as long as the present one. The bound is computed at the start, also
// for memory that is as large as other memory.
rondo.grid @gpus = ["seq" = ?]
// CHECK-LABEL: func.func @bounds
// CHECK-SAME:    %[[S:[^:]+]]: index {spmd.length = "s0"}
// CHECK-SAME:    spmd.workspace_bytes = "ceil(s0/n)*128 + ceil(ceil(s0/n)*4/64)*64"
// CHECK:       %[[N:.+]] = spmd.axis_size
// CHECK:       %[[MAX:.+]] = spmd.shard_size_max %[[N]], %[[S]]
// CHECK:       %[[SECOND:.+]] = arith.muli %[[MAX]], %c64
// CHECK:       exec.arena
// CHECK:       %[[ROWS:.+]] = spmd.shard_size
// CHECK:       memref.view %{{.+}}[%c0][%[[ROWS]]] : memref<?xi8> to memref<?x16xf32>
// CHECK:       memref.view %{{.+}}[%[[SECOND]]][%[[ROWS]]] : memref<?xi8> to memref<?x16xf32>
// CHECK:       memref.view %{{.+}}[%{{.+}}][%[[ROWS]]] : memref<?xi8> to memref<?xf32>
func.func @bounds(%x: memref<?x16xf32>, %s: index {spmd.length = "s0"}, %out: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = spmd.axis_size @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  %rows = spmd.shard_size %r of %n, %s
  %a = memref.alloc(%rows) : memref<?x16xf32>
  %d = memref.dim %a, %c0 : memref<?x16xf32>
  %b = memref.alloc(%d) : memref<?x16xf32>
  %e = memref.dim %b, %c0 : memref<?x16xf32>
  %c = memref.alloc(%e) : memref<?xf32>
  linalg.copy ins(%x : memref<?x16xf32>) outs(%a : memref<?x16xf32>)
  linalg.copy ins(%a : memref<?x16xf32>) outs(%b : memref<?x16xf32>)
  linalg.copy ins(%c : memref<?xf32>) outs(%out : memref<?xf32>)
  return
}

// -----

// The extent of a sharded argument is bounded by its global extent: a static grid and length give constants.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @argument_extent
// CHECK-SAME:    spmd.workspace_bytes = "1024"
// CHECK:       exec.arena %c1024
// CHECK:       %[[ROWS:.+]] = memref.dim
// CHECK:       memref.view %{{.+}}[%c0][%[[ROWS]]]
func.func @argument_extent(%x: memref<?x16xf32> {rondo.sharding = #rondo.sharding<@gpus, [{"seq"}, {}]>,
                                                 spmd.shape = [61, 16]}) {
  %c0 = arith.constant 0 : index
  %rows = memref.dim %x, %c0 : memref<?x16xf32>
  %a = memref.alloc(%rows) : memref<?x16xf32>
  linalg.copy ins(%x : memref<?x16xf32>) outs(%a : memref<?x16xf32>)
  return
}

// -----

// What the next iteration still reads when this one writes needs two slots; what only this iteration uses needs one.
// REMARK: Function=two_slots | bytes=256, slots=4
// CHECK-LABEL: func.func @two_slots
// CHECK-SAME:    spmd.workspace_bytes = "256"
// CHECK:       scf.for %[[T:.+]] = %c0 to
// CHECK:         %[[SLOT:.+]] = arith.remui %[[T]], %c2
// CHECK:         %[[DISTANCE:.+]] = arith.muli %[[SLOT]], %c64
// CHECK:         %[[OFFSET:.+]] = arith.addi %[[DISTANCE]], %c64
// CHECK:         memref.view %{{.+}}[%[[OFFSET]]]
// CHECK:         memref.view %{{.+}}[%c192]
func.func @two_slots(%x: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%first : memref<16xf32>)
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %first) -> (memref<16xf32>) {
    %next = memref.alloc() : memref<16xf32>
    linalg.copy ins(%previous : memref<16xf32>) outs(%next : memref<16xf32>)
    %scratch = memref.alloc() : memref<16xf32>
    linalg.copy ins(%next : memref<16xf32>) outs(%scratch : memref<16xf32>)
    scf.yield %next : memref<16xf32>
  }
  return
}

// -----

// What the next iteration reads for the last time before it writes needs one slot, although it is carried.
// CHECK-LABEL: func.func @one_slot
// CHECK-SAME:    spmd.workspace_bytes = "128"
// CHECK:       scf.for
// CHECK-NOT:     arith.remui
// CHECK:         memref.view %{{.+}}[%c64]
func.func @one_slot(%x: memref<16xf32>, %y: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%first : memref<16xf32>)
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %first) -> (memref<16xf32>) {
    %next = memref.alloc() : memref<16xf32>
    linalg.copy ins(%previous : memref<16xf32>) outs(%y : memref<16xf32>)
    linalg.copy ins(%x : memref<16xf32>) outs(%next : memref<16xf32>)
    scf.yield %next : memref<16xf32>
  }
  return
}

// -----

// The same, but what the iteration before the last wrote is read after the loop: it must still be there.
// CHECK-LABEL: func.func @after_loop
// CHECK-SAME:    spmd.workspace_bytes = "192"
// CHECK:       scf.for %[[T:.+]] = %c0 to
// CHECK:         arith.remui %[[T]], %c2
func.func @after_loop(%x: memref<16xf32>, %y: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%first : memref<16xf32>)
  %last:2 = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %first, %older = %first)
      -> (memref<16xf32>, memref<16xf32>) {
    %next = memref.alloc() : memref<16xf32>
    linalg.copy ins(%previous : memref<16xf32>) outs(%y : memref<16xf32>)
    linalg.copy ins(%x : memref<16xf32>) outs(%next : memref<16xf32>)
    scf.yield %next, %previous : memref<16xf32>, memref<16xf32>
  }
  linalg.copy ins(%last#1 : memref<16xf32>) outs(%y : memref<16xf32>)
  return
}

// -----

// A destination lives on as the pending value, as what arrives, and as the source of the next shift until the wait that
// names it, two iterations later; that wait comes before the next shift into the slot.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @flights
// CHECK-SAME:    spmd.workspace_bytes = "256"
// CHECK:       scf.for %[[T:.+]] = %c0 to
// CHECK:         spmd.wait
// CHECK:         arith.remui %[[T]], %c2
// CHECK:         spmd.shift_start
func.func @flights(%x: memref<16xf32>, %y: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%first : memref<16xf32>)
  %slot0 = memref.alloc() : memref<16xf32>
  %p0 = spmd.shift_start %first into %slot0 by 1 on @gpus "seq" name "query"
      : memref<16xf32>, memref<16xf32> -> !spmd.pending<16xf32>
  %last:2 = scf.for %t = %c0 to %n step %c1 iter_args(%p = %p0, %source = %first)
      -> (!spmd.pending<16xf32>, memref<16xf32>) {
    %a = spmd.wait %p, %source : !spmd.pending<16xf32>, memref<16xf32> -> memref<16xf32>
    %slot = memref.alloc() : memref<16xf32>
    %next = spmd.shift_start %a into %slot by 1 on @gpus "seq" name "query"
        : memref<16xf32>, memref<16xf32> -> !spmd.pending<16xf32>
    linalg.copy ins(%a : memref<16xf32>) outs(%y : memref<16xf32>)
    scf.yield %next, %a : !spmd.pending<16xf32>, memref<16xf32>
  }
  %a = spmd.wait %last#0, %last#1 : !spmd.pending<16xf32>, memref<16xf32> -> memref<16xf32>
  return
}

// -----

// The branches of an scf.if share memory; what comes out of it is followed.
// CHECK-LABEL: func.func @branches
// CHECK-SAME:    spmd.workspace_bytes = "192"
// CHECK:       exec.arena %c192
// CHECK:       scf.if
// CHECK:         memref.view %{{.+}}[%c0]
// CHECK:       else
// CHECK:         memref.view %{{.+}}[%c0]
// CHECK:       memref.view %{{.+}}[%c128]
func.func @branches(%x: memref<32xf32>, %condition: i1, %y: memref<16xf32>) {
  %chosen = scf.if %condition -> (memref<16xf32>) {
    %a = memref.alloc() : memref<16xf32>
    linalg.copy ins(%y : memref<16xf32>) outs(%a : memref<16xf32>)
    scf.yield %a : memref<16xf32>
  } else {
    %b = memref.alloc() : memref<32xf32>
    linalg.copy ins(%x : memref<32xf32>) outs(%b : memref<32xf32>)
    scf.yield %y : memref<16xf32>
  }
  %c = memref.alloc() : memref<16xf32>
  linalg.copy ins(%chosen : memref<16xf32>) outs(%c : memref<16xf32>)
  return
}

// -----

// In a loop they do not: one iteration may hand on memory of one branch while the next takes the other.
// CHECK-LABEL: func.func @branches_in_loop
// CHECK-SAME:    spmd.workspace_bytes = "320"
func.func @branches_in_loop(%x: memref<16xf32>, %condition: i1, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = memref.alloc() : memref<16xf32>
  linalg.copy ins(%x : memref<16xf32>) outs(%first : memref<16xf32>)
  %last = scf.for %t = %c0 to %n step %c1 iter_args(%previous = %first) -> (memref<16xf32>) {
    %chosen = scf.if %condition -> (memref<16xf32>) {
      %a = memref.alloc() : memref<16xf32>
      linalg.copy ins(%previous : memref<16xf32>) outs(%a : memref<16xf32>)
      scf.yield %a : memref<16xf32>
    } else {
      %b = memref.alloc() : memref<16xf32>
      linalg.copy ins(%previous : memref<16xf32>) outs(%b : memref<16xf32>)
      scf.yield %b : memref<16xf32>
    }
    scf.yield %chosen : memref<16xf32>
  }
  return
}
