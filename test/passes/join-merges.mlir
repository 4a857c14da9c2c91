// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-join-merges))' | FileCheck %s
// RUN: rondo-opt %s --pass-pipeline='builtin.module(func.func(rondo-join-merges))' --remarks-filter='rondo-.*' \
// RUN:     -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

rondo.grid @gpus = ["seq" = 4]

!q = memref<1x8x?x64xbf16>
!k = memref<1x2x?x64xbf16>
!o = memref<1x8x?x64xf32>
!l = memref<1x8x?xf32>

// A query ring's step: what is merged into arrives while the attention runs.
//
// CHECK-LABEL: func.func @arriving
// CHECK:         rondo.attend {{.*}} {joined}
// CHECK:         rondo.merge {{.*}} {joined}
// REMARK:      [Passed] JoinMerges | Category:rondo-join-merges | Function=arriving |
// REMARK-SAME:   merges="the attention's parts and what arrives, at once"
func.func @arriving(%q: !q, %k: !k, %v: !k, %n: index, %sent: !o, %sent_lse: !l) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  %slot = memref.alloc(%n) : !o
  %slot_lse = memref.alloc(%n) : !l
  %p = spmd.shift_start %sent into %slot by 1 on @gpus "seq" name "output" : !o, !o -> !spmd.pending<1x8x?x64xf32>
  %pl = spmd.shift_start %sent_lse into %slot_lse by 1 on @gpus "seq" name "lse" : !l, !l -> !spmd.pending<1x8x?xf32>
  %arrived = spmd.wait %p, %sent : !spmd.pending<1x8x?x64xf32>, !o -> !o
  %arrived_lse = spmd.wait %pl, %sent_lse : !spmd.pending<1x8x?xf32>, !l -> !l
  rondo.merge ins(%o, %l : !o, !l) outs(%arrived, %arrived_lse : !o, !l)
  return
}

// A key/value ring: the state rests, and all steps use one memory.
//
// CHECK-LABEL: func.func @resting
// CHECK:         rondo.attend
// CHECK-NOT:     joined
// CHECK:         scf.for
// CHECK:           rondo.attend {{.*}} {joined}
// CHECK:           rondo.merge {{.*}} {joined}
// CHECK:         rondo.attend {{.*}} {joined}
// CHECK:         rondo.merge {{.*}} {joined}
// REMARK-COUNT-2: [Passed] JoinMerges | Category:rondo-join-merges | Function=resting
func.func @resting(%q: !q, %k: !k, %v: !k, %n: index, %state: !o, %state_lse: !l) {
  %c1 = arith.constant 1 : index
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%state, %state_lse : !o, !l) scale 0.125
  scf.for %t = %c1 to %n step %c1 {
    rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
    rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  }
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  return
}

// Another reader of the same memory dissolves all pairs that use it.
//
// CHECK-LABEL: func.func @other_reader
// CHECK-NOT:     joined
// CHECK:         return
// REMARK-COUNT-2: [Missed] JoinMerges | Category:rondo-join-merges | Function=other_reader | Reason="linalg.copy uses the attention's result, too"
func.func @other_reader(%q: !q, %k: !k, %v: !k, %n: index, %state: !o, %state_lse: !l, %copy: !o) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  linalg.copy ins(%o : !o) outs(%copy : !o)
  return
}

// A computation in between could overwrite the parts.
//
// CHECK-LABEL: func.func @computation_between
// CHECK-NOT:     joined
// CHECK:         return
// REMARK:      [Missed] JoinMerges | Category:rondo-join-merges | Function=computation_between |
// REMARK-SAME:   Reason="linalg.copy runs between the attention and the merge"
func.func @computation_between(%q: !q, %k: !k, %v: !k, %n: index, %state: !o, %state_lse: !l, %from: !o) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  linalg.copy ins(%from : !o) outs(%state : !o)
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  return
}

// A result is merged twice, or into itself.
//
// CHECK-LABEL: func.func @twice
// CHECK-NOT:     joined
// CHECK:         return
// REMARK:      Function=twice | Reason="rondo.merge uses the attention's result, too"
// REMARK:      Function=twice | Reason="rondo.merge runs between the attention and the merge"
func.func @twice(%q: !q, %k: !k, %v: !k, %n: index, %state: !o, %state_lse: !l) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  return
}

// CHECK-LABEL: func.func @itself
// CHECK-NOT:     joined
// CHECK:         return
// REMARK:      Function=itself | Reason="rondo.merge uses the attention's result, too"
func.func @itself(%q: !q, %k: !k, %v: !k, %n: index) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%o, %l : !o, !l)
  return
}

// Who knows what else is there: the caller may read it.
//
// CHECK-LABEL: func.func @callers_memory
// CHECK-NOT:     joined
// CHECK:         return
// REMARK:      Function=callers_memory | Reason="the attention's result is not in memory of its own"
func.func @callers_memory(%q: !q, %k: !k, %v: !k, %o: !o, %l: !l, %state: !o, %state_lse: !l) {
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  return
}

// CHECK-LABEL: func.func @other_block
// CHECK-NOT:     joined
// CHECK:         return
// REMARK:      Function=other_block | Reason="the attention is in another block"
func.func @other_block(%q: !q, %k: !k, %v: !k, %n: index, %state: !o, %state_lse: !l, %merges: i1) {
  %o = memref.alloc(%n) : !o
  %l = memref.alloc(%n) : !l
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.125
  scf.if %merges {
    rondo.merge ins(%o, %l : !o, !l) outs(%state, %state_lse : !o, !l)
  }
  return
}
