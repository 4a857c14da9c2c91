// Weights for a vector of rows at once, then each row's features; an empty row counts nothing, whatever it holds.
// RUN: rondo-opt %s --rondo-lower-kernels-cpu --canonicalize --cse \
// RUN:   | FileCheck %s --implicit-check-not="arith.mulf {{.*}} : f32" --implicit-check-not=rondo.merge

!o = memref<?x4x?x16xf32>
!l = memref<?x4x?xf32>

// CHECK-LABEL: func.func private @merge
// CHECK-SAME:    %{{[^:]+}}: index, %{{[^:]+}}: index, %[[PARTIAL:[^:]+]]: {{[^,]+}}, %[[PARTIAL_LSE:[^:]+]]: {{[^,]+}}, %[[OUTPUT:[^:]+]]: {{[^,]+}}, %[[LSE:[^:]+]]:
// CHECK:         vector.maskedload %[[PARTIAL_LSE]]
// CHECK:         vector.maskedload %[[LSE]]
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             vector.load %[[PARTIAL]]
// CHECK:             arith.mulf {{.*}} : vector<8xf32>
// CHECK:             arith.cmpf oeq, {{.*}} : vector<8xf32>
// CHECK:             arith.select
// CHECK:             vector.load %[[OUTPUT]]
// CHECK:             arith.addf {{.*}} : vector<8xf32>
// CHECK:             vector.store %{{.+}}, %[[OUTPUT]]
// CHECK:         vector.maskedstore %[[LSE]]
func.func private @merge(%part: index, %parts: index, %a: !o, %la: !l, %o: !o, %l: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%o, %l : !o, !l)
  return
}
