// The loop nest of attention: items, tiles of keys, panels of rows, and register blocks of vector FMAs. No scalar
// arithmetic on floats anywhere.
// RUN: rondo-opt %s --rondo-lower-kernels-cpu=vector-bits=256 --canonicalize --cse \
// RUN:   | FileCheck %s --implicit-check-not="arith.mulf {{.*}} : f32" --implicit-check-not="arith.addf {{.*}} : f32" \
// RUN:       --implicit-check-not="arith.subf {{.*}} : f32" --implicit-check-not=rondo.attend
// RUN: rondo-opt %s --rondo-lower-kernels-cpu=vector-bits=512 --canonicalize --cse | FileCheck %s --check-prefix=WIDE

!q = memref<?x32x?x128xf32, strided<[?, ?, ?, 1], offset: ?>>
!k = memref<?x8x?x128xf32, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<?x32x?x128xf32>
!l = memref<?x32x?xf32>

// CHECK-LABEL: func.func private @attend
// CHECK-SAME:    %[[PART:[^:]+]]: index, %[[PARTS:[^:]+]]: index
// The vectors of a chunk: those with which the parts are done soonest.
// CHECK:         %[[CHUNK:.+]]:2 = scf.for %[[VECTORS:.+]] = %c1 to %{{.+}} step %c1 iter_args(%[[BEST:.+]] = %{{.+}}, %[[LEAST:.+]] = %{{.+}})
// CHECK:           %[[BETTER:.+]] = arith.cmpi sle, %{{.+}}, %[[LEAST]] : index
// CHECK:           arith.select %[[BETTER]], %[[VECTORS]], %[[BEST]] : index
// The parts are contiguous ranges of the items.
// CHECK:         %[[DONE:.+]] = arith.muli %[[ITEMS:.+]], %[[PART]]
// CHECK:         %[[BEGIN:.+]] = arith.divui %[[DONE]], %[[PARTS]]
// CHECK:         %[[NEXT:.+]] = arith.addi %[[PART]], %{{.+}}
// CHECK:         %[[UNTIL:.+]] = arith.muli %[[ITEMS]], %[[NEXT]]
// CHECK:         %[[END:.+]] = arith.divui %[[UNTIL]], %[[PARTS]]
// CHECK:         scf.for %{{.+}} = %[[BEGIN]] to %[[END]]
// Tiles of 96 keys, panels of two vectors of rows.
// CHECK:           scf.for %[[KEY_START:.+]] = %{{.+}} to %{{.+}} step %c96 {
// CHECK:             scf.for %[[PANEL:.+]] = %{{.+}} to %{{.+}} step %c2 {
// Scores: six keys at a time, twelve accumulators, chains of 32 features.
// CHECK:               scf.for %{{.+}} = %{{.+}} to %{{.+}} step %c6 {
// CHECK:                 scf.for %{{.+}} = %c0 to %c128 step %c32 {
// CHECK:                 %{{.+}}:12 = scf.for
// CHECK:                   vector.load {{.*}} vector<8xf32>
// CHECK:                   vector.load {{.*}} vector<8xf32>
// CHECK:                   %[[ELEMENT:.+]] = memref.load
// CHECK:                   %[[SPLAT:.+]] = vector.broadcast %[[ELEMENT]] : f32 to vector<8xf32>
// CHECK-COUNT-12:          vector.fma
// CHECK:                   scf.yield
// Meanwhile the next tile is fetched: two cache lines of each of six keys, and of their values.
// CHECK-COUNT-4:           memref.prefetch %{{.+}}, read, locality<2>, data
// Outputs: six features at a time, and the two that are left.
// CHECK:               scf.for %{{.+}} = %{{.+}} to %c126 step %c6 {
// CHECK:                 %{{.+}}:12 = scf.for
// CHECK-COUNT-12:          vector.fma
// CHECK:                   scf.yield
// CHECK:               %{{.+}}:4 = scf.for
// CHECK-COUNT-4:         vector.fma
// CHECK:                 scf.yield

// WIDE-LABEL: func.func private @attend
// WIDE:         scf.for %{{.+}} = %{{.+}} to %{{.+}} step %c12 {
// WIDE:           %{{.+}}:24 = scf.for
// WIDE-COUNT-24:    vector.fma {{.*}} : vector<16xf32>
// WIDE:             scf.yield
func.func private @attend(%part: index, %parts: index, %q: !q, %k: !k, %v: !k, %o: !o, %l: !l)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q, !k, !k) outs(%o, %l : !o, !l) scale 0.08838834764831845
  return
}
