// attend and merge on tensors and on memrefs survive printing and parsing.
// RUN: rondo-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @tensors
func.func @tensors(%q: tensor<1x32x?x128xbf16>, %k: tensor<1x8x?x128xbf16>, %v: tensor<1x8x?x64xbf16>,
                   %o: tensor<1x32x?x64xf32>, %l: tensor<1x32x?xf32>)
    -> (tensor<1x32x?x64xf32>, tensor<1x32x?xf32>) {
  // CHECK: %[[P:.+]]:2 = rondo.attend
  // CHECK-SAME: ins(%{{.+}}, %{{.+}}, %{{.+}} : tensor<1x32x?x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x64xbf16>)
  // CHECK-SAME: outs(%{{.+}}, %{{.+}} : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>) scale 5.000000e-01
  // CHECK-SAME: -> tensor<1x32x?x64xf32>, tensor<1x32x?xf32>
  %p, %pl = rondo.attend ins(%q, %k, %v : tensor<1x32x?x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x64xbf16>)
      outs(%o, %l : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>) scale 0.5 -> tensor<1x32x?x64xf32>, tensor<1x32x?xf32>
  // CHECK: rondo.merge ins(%[[P]]#0, %[[P]]#1 : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>)
  // CHECK-SAME: outs(%{{.+}}, %{{.+}} : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>) -> tensor<1x32x?x64xf32>, tensor<1x32x?xf32>
  %m, %ml = rondo.merge ins(%p, %pl : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>)
      outs(%o, %l : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>) -> tensor<1x32x?x64xf32>, tensor<1x32x?xf32>
  return %m, %ml : tensor<1x32x?x64xf32>, tensor<1x32x?xf32>
}

// Outer strides are free: [batch, sequence, head, feature] memory is a permuted view.
// CHECK-LABEL: func.func @memrefs
func.func @memrefs(%q: memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>, %k: memref<1x4x?x8xf32>,
                   %o: memref<1x4x?x8xf32>, %l: memref<1x4x?xf32>, %po: memref<1x4x?x8xf32>, %pl: memref<1x4x?xf32>,
                   %i: index, %j: index, %d: index) {
  // CHECK: rondo.attend ins({{.*}} : memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>,
  // CHECK-SAME: scale 1.000000e+00 causal(%{{.+}}, %{{.+}}, %{{.+}}) contiguous
  rondo.attend ins(%q, %k, %k : memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>, memref<1x4x?x8xf32>,
      memref<1x4x?x8xf32>) outs(%po, %pl : memref<1x4x?x8xf32>, memref<1x4x?xf32>) scale 1.0
      causal(%i, %j, %d) contiguous
  // CHECK: rondo.merge ins(%{{[^,]+}}, %{{[^,]+}} : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
  // CHECK-SAME: outs(%{{.+}}, %{{.+}} : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
  // CHECK-NEXT: return
  rondo.merge ins(%po, %pl : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
      outs(%o, %l : memref<1x4x?x8xf32>, memref<1x4x?xf32>)
  return
}
