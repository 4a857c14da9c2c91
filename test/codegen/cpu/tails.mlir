// The last vector of a row is masked: nothing past the row is touched. bf16 is converted by integer operations.
// RUN: rondo-opt %s --rondo-lower-kernels-cpu --canonicalize --cse \
// RUN:   | FileCheck %s --implicit-check-not=arith.extf --implicit-check-not=arith.truncf

!t = memref<?x1x?x11xbf16, strided<[?, ?, ?, 1], offset: ?>>
!l = memref<?x1x?xf32>

// CHECK-LABEL: func.func private @attend
// CHECK:         vector.load %{{.+}} : memref<?x1x?x11xbf16, {{.*}}>, vector<8xbf16>
// CHECK:         arith.extui %{{.+}} : vector<8xi16> to vector<8xi32>
// CHECK:         %[[READ:.+]] = vector.constant_mask [3] : vector<8xi1>
// CHECK:         vector.maskedload %{{.+}}, %[[READ]], %{{.+}} : memref<?x1x?x11xbf16, {{.*}}>
// CHECK:         vector.store %{{.+}} : memref<?x1x?x11xbf16, {{.*}}>, vector<8xbf16>
// CHECK:         %[[WRITTEN:.+]] = vector.constant_mask [3] : vector<8xi1>
// CHECK:         vector.maskedstore %{{.+}}, %[[WRITTEN]], %{{.+}} : memref<?x1x?x11xbf16, {{.*}}>
func.func private @attend(%part: index, %parts: index, %q: !t, %k: !t, %v: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !t, !t, !t) outs(%o, %l : !t, !l) scale 0.25
  return
}
