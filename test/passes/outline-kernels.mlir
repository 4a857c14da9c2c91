// RUN: rondo-opt %s --rondo-outline-kernels -split-input-file | FileCheck %s

// Each computation becomes a kernel that takes its operands, in order, after part and parts. Attend reads Q, K and V and
// writes O and LSE; merge reads and writes its outs; a copy of equal types is the same kernel, wherever it stands.
!io = memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>
!kv = memref<1x2x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<1x4x?x8xf32>
!l = memref<1x4x?xf32>
// CHECK-LABEL: func.func @step
// CHECK-SAME:    %[[Q:[^:]+]]: memref<{{[^%]+}}%[[K:[^:]+]]: memref<{{[^%]+}}%[[V:[^:]+]]: memref
// CHECK-SAME:    %[[START:[^:]+]]: index
// CHECK-NOT:   rondo.
// CHECK:       exec.dispatch compute @step__attend_0(%[[Q]], %[[K]], %[[V]], %[[O:.+]], %[[LSE:.+]], %[[START]], %[[START]], %{{.+}}) reads [0, 1, 2] writes [3, 4]
// CHECK:       exec.dispatch compute @step__merge_0(%[[O]], %[[LSE]], %{{.+}}, %{{.+}}) reads [0, 1, 2, 3] writes [2, 3]
// CHECK:       exec.dispatch compute @step__copy_0(%{{.+}}, %{{.+}}) reads [0] writes [1]
func.func @step(%q: !io, %k: !kv, %v: !kv, %start: index, %o: !o, %l: !l, %o2: !o, %l2: !l, %out: !io) {
  %c0 = arith.constant 0 : index
  rondo.attend ins(%q, %k, %v : !io, !kv, !kv) outs(%o, %l : !o, !l) scale 0.5 causal(%start, %start, %c0) contiguous
  rondo.merge ins(%o, %l : !o, !l) outs(%o2, %l2 : !o, !l)
  linalg.copy ins(%o2 : !o) outs(%out : !io)
  return
}

// A kernel of another function is used again.
// CHECK-LABEL: func.func @other
// CHECK:       exec.dispatch compute @step__copy_0
func.func @other(%o: !o, %out: !io) {
  linalg.copy ins(%o : !o) outs(%out : !io)
  return
}

// CHECK-LABEL: func.func private @step__attend_0
// CHECK-SAME:    (%{{[^:]+}}: index, %{{[^:]+}}: index, %[[Q:[^:]+]]: memref
// CHECK-SAME:    %[[D:[^:]+]]: index) attributes {exec.kernel = "attend"} {
// CHECK-NEXT:    rondo.attend ins(%[[Q]], {{.+}} causal(%{{.+}}, %{{.+}}, %[[D]]) contiguous
// CHECK-NEXT:    return
// CHECK-LABEL: func.func private @step__merge_0
// CHECK-SAME:    attributes {exec.kernel = "merge"}
// CHECK-LABEL: func.func private @step__copy_0
// CHECK-SAME:    attributes {exec.kernel = "copy"}
// CHECK-NOT:   func.func private

// -----

// Another attribute or another type is another kernel.
!q = memref<1x4x3x8xf32>
!l = memref<1x4x3xf32>
// CHECK-LABEL: func.func @different
// CHECK:       exec.dispatch compute @different__attend_0
// CHECK:       exec.dispatch compute @different__attend_1
// CHECK:       exec.dispatch compute @different__attend_0
// CHECK-COUNT-2: func.func private @different__attend
// CHECK-NOT:   func.func private
func.func @different(%q: !q, %o: !q, %l: !l) {
  rondo.attend ins(%q, %q, %q : !q, !q, !q) outs(%o, %l : !q, !l) scale 0.5
  rondo.attend ins(%q, %q, %q : !q, !q, !q) outs(%o, %l : !q, !l) scale 0.25
  rondo.attend ins(%q, %q, %q : !q, !q, !q) outs(%o, %l : !q, !l) scale 0.5
  return
}

// -----

// Constants move into the body that uses them; other scalars, and what a fill fills in, are passed. An op that works in
// place takes its memref once.
#id = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func.func @scalars
// CHECK-SAME:    %[[X:[^:]+]]: memref<4xf32>, %[[FACTOR:[^:]+]]: f32
// CHECK:       exec.dispatch compute @scalars__fill_0(%[[FACTOR]], %[[X]]) reads [] writes [1] : (f32, memref<4xf32>)
// CHECK:       exec.dispatch compute @scalars__elementwise_0(%[[X]], %[[FACTOR]]) reads [0] writes [0] : (memref<4xf32>, f32)
// CHECK:       func.func private @scalars__elementwise_0(%{{.+}}: index, %{{.+}}: index, %[[KX:.+]]: memref<4xf32>, %[[KF:.+]]: f32)
// CHECK:         %[[ONE:.+]] = arith.constant 1.0
// CHECK:         linalg.generic {{.+}} ins(%[[KX]] : memref<4xf32>) outs(%[[KX]] : memref<4xf32>)
// CHECK:           arith.mulf %{{.+}}, %[[KF]]
// CHECK:           arith.addf %{{.+}}, %[[ONE]]
func.func @scalars(%x: memref<4xf32>, %factor: f32) {
  %one = arith.constant 1.0 : f32
  linalg.fill ins(%factor : f32) outs(%x : memref<4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : memref<4xf32>) outs(%x : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %scaled = arith.mulf %in, %factor : f32
    %sum = arith.addf %scaled, %one : f32
    linalg.yield %sum : f32
  }
  return
}

// -----

// The reference is no host code.
// CHECK-LABEL: func.func @reference
// CHECK:       linalg.copy
func.func @reference(%x: memref<4xf32>, %y: memref<4xf32>) attributes {rondo.reference} {
  linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  return
}

// -----

// Blocks in the caller's layout and blocks that arrived share a kernel: the layout of what attend reads is forgotten.
!io = memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<1x4x?x8xf32>
!l = memref<1x4x?xf32>
// CHECK-LABEL: func.func @own_and_arrived
// CHECK-SAME:    %[[OWN:[^:]+]]: memref<{{[^%]+}}%[[ARRIVED:[^:]+]]: memref
// CHECK:       exec.dispatch compute @own_and_arrived__attend_0(%[[OWN]], %[[K:[^,]+]], %[[V:[^,]+]],
// CHECK:       %[[Q:.+]] = memref.cast %[[ARRIVED]] : memref<1x4x?x8xf32> to memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>
// CHECK-NEXT:  exec.dispatch compute @own_and_arrived__attend_0(%[[Q]], %[[K]], %[[V]],
// CHECK-NOT:   @own_and_arrived__attend_1
func.func @own_and_arrived(%own: !io, %arrived: !o, %k: !io, %v: !io, %o: !o, %l: !l) {
  rondo.attend ins(%own, %k, %v : !io, !io, !io) outs(%o, %l : !o, !l) scale 0.5
  rondo.attend ins(%arrived, %k, %v : !o, !io, !io) outs(%o, %l : !o, !l) scale 0.5
  return
}
