// Element-wise kernels: rows are dealt out to the parts, whole vectors come first, single elements after them.
// RUN: rondo-opt %s --rondo-lower-kernels-cpu --canonicalize --cse | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func.func private @copy
// CHECK-SAME:    %[[PART:[^:]+]]: index, %[[PARTS:[^:]+]]: index, %[[FROM:[^:]+]]: {{.*}}, %[[TO:[^:]+]]: memref
// CHECK-NOT:     linalg
// CHECK:         scf.for
// CHECK:           scf.for %{{.+}} = %{{.+}} to %{{.+}} step %c8 {
// CHECK:             %[[VECTOR:.+]] = vector.load %[[FROM]]
// CHECK:             vector.store %[[VECTOR]], %[[TO]]
// CHECK:           scf.for %{{.+}} = %{{.+}} to %{{.+}} step %c1 {
// CHECK:             %[[ELEMENT:.+]] = memref.load %[[FROM]]
// CHECK:             memref.store %[[ELEMENT]], %[[TO]]
func.func private @copy(%part: index, %parts: index, %a: memref<?x?xf32, strided<[?, 1], offset: ?>>,
                        %b: memref<?x?xf32>) attributes {exec.kernel = "copy"} {
  linalg.copy ins(%a : memref<?x?xf32, strided<[?, 1], offset: ?>>) outs(%b : memref<?x?xf32>)
  return
}

// Where rows are not contiguous there are no vectors.
// CHECK-LABEL: func.func private @strided
// CHECK-NOT:     vector
// CHECK:         memref.load
func.func private @strided(%part: index, %parts: index, %a: memref<?x?xf32, strided<[1, ?]>>, %b: memref<?x?xf32>)
    attributes {exec.kernel = "copy"} {
  linalg.copy ins(%a : memref<?x?xf32, strided<[1, ?]>>) outs(%b : memref<?x?xf32>)
  return
}

// CHECK-LABEL: func.func private @generic
// CHECK:         arith.addf {{.*}} : vector<8xf32>
// CHECK:         arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
// CHECK:         arith.addf {{.*}} : f32
func.func private @generic(%part: index, %parts: index, %a: memref<?x?xf32>, %b: memref<?x?xf16>)
    attributes {exec.kernel = "elementwise"} {
  %one = arith.constant 1.0 : f32
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a : memref<?x?xf32>) outs(%b : memref<?x?xf16>) {
    ^bb0(%x: f32, %old: f16):
      %y = arith.addf %x, %one : f32
      %z = arith.truncf %y : f32 to f16
      linalg.yield %z : f16
  }
  return
}

// Part 0 does what cannot be divided.
// CHECK-LABEL: func.func private @reduction
// CHECK-SAME:    %[[PART:[^:]+]]: index
// CHECK:         %[[FIRST:.+]] = arith.cmpi eq, %[[PART]], %c0
// CHECK:         scf.if %[[FIRST]] {
// CHECK:           linalg.generic
func.func private @reduction(%part: index, %parts: index, %a: memref<?xf32>, %b: memref<f32>)
    attributes {exec.kernel = "sum"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%a : memref<?xf32>) outs(%b : memref<f32>) {
    ^bb0(%x: f32, %sum: f32):
      %s = arith.addf %x, %sum : f32
      linalg.yield %s : f32
  }
  return
}
