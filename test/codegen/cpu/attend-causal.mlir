// A panel skips keys that none of its rows sees, and compares positions only in tiles that the diagonal crosses.
// RUN: rondo-opt %s --rondo-lower-kernels-cpu --canonicalize --cse | FileCheck %s

!t = memref<?x4x?x16xf16, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<?x4x?x16xf16>
!l = memref<?x4x?xf32>

// CHECK-LABEL: func.func private @attend
// CHECK:         %[[VISIBLE:.+]] = memref.alloca() {{.*}} : memref<{{.*}}xi32>
// First and last chunks take turns.
// CHECK:         %[[PAIR:.+]] = arith.divui %[[TURN:.+]], %c2 : index
// CHECK:         arith.subi %{{.+}}, %[[PAIR]] : index
// CHECK:         arith.remui %[[TURN]], %c2 : index
// f16 is extended by vectors.
// CHECK:         arith.extf {{.*}} : vector<8xf16> to vector<8xf32>
// CHECK:         scf.for %[[KEY_START:.+]] = {{.*}} step %c96 {
// CHECK:           scf.for %{{.+}} = {{.*}} step %c2 {
// CHECK:             %[[SOME:.+]] = arith.cmpi slt, %[[KEY_START]], %{{.+}} : index
// CHECK:             scf.if %[[SOME]] {
// CHECK:               %[[ALL:.+]] = arith.cmpi sle, %{{.+}}, %{{.+}} : index
// CHECK:               scf.if %[[ALL]] {
// CHECK-NOT:             vector.load %[[VISIBLE]]
// CHECK:               } else {
// It ends at the last key that a row sees.
// CHECK:                 %[[SEEN:.+]] = arith.subi %{{.+}}, %[[KEY_START]] : index
// CHECK:                 %[[COUNT:.+]] = arith.minsi %{{.+}}, %[[SEEN]] : index
// CHECK:                 scf.for %{{.+}} = %c0 to %[[COUNT]] step %c6 {
// CHECK:                 vector.load %[[VISIBLE]]
// CHECK:                 arith.cmpi slt, %{{.+}}, %{{.+}} : vector<8xi32>
// The sums of rows that do not see the key stay as they are.
// CHECK:                 scf.for %{{.+}} = %{{.+}} to %c12 step %c6 {
// CHECK:                   %{{.+}}:12 = scf.for
// CHECK:                     %[[SUM:.+]] = vector.fma %{{.+}}, %{{.+}}, %[[BEFORE:.+]] : vector<8xf32>
// CHECK:                     arith.select %{{.+}}, %[[SUM]], %[[BEFORE]] : vector<8xi1>, vector<8xf32>
// CHECK:         arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
func.func private @attend(%part: index, %parts: index, %q: !t, %k: !t, %v: !t, %o: !o, %l: !l, %qs: index, %ks: index,
                          %d: index) attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !t, !t, !t) outs(%o, %l : !o, !l) scale 0.25 causal(%qs, %ks, %d) contiguous
  return
}
