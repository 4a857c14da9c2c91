// On tensors attend and merge are pure; on memrefs they stay, and a merge reads what it accumulates into.
// RUN: rondo-opt %s -canonicalize -cse | FileCheck %s

// CHECK-LABEL: func.func @unused_on_tensors
// CHECK-NEXT: return
func.func @unused_on_tensors(%q: tensor<1x4x?x8xf32>, %o: tensor<1x4x?x8xf32>, %l: tensor<1x4x?xf32>) {
  %p, %pl = rondo.attend ins(%q, %q, %q : tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>)
      outs(%o, %l : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) scale 1.0 -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  %m, %ml = rondo.merge ins(%p, %pl : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>)
      outs(%o, %l : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  return
}

// Merging the same partial twice counts its keys twice: the second merge is not the first one over again.
// CHECK-LABEL: func.func @on_memrefs
// CHECK-COUNT-2: rondo.merge
func.func @on_memrefs(%o: memref<1x4x?x8xf32>, %l: memref<1x4x?xf32>, %po: memref<1x4x?x8xf32>,
                      %pl: memref<1x4x?xf32>) {
  rondo.merge ins(%po, %pl : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
      outs(%o, %l : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
  rondo.merge ins(%po, %pl : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
      outs(%o, %l : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
  return
}
