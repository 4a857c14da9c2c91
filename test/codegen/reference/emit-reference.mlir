// A public function gets a plain float64 function on memrefs beside it: inputs, then outputs.
// RUN: rondo-opt %s --rondo-emit-reference | FileCheck %s

// CHECK-LABEL: func.func @attention
// CHECK:         rondo.attention
// CHECK-LABEL: func.func private @attention__reference
// CHECK-SAME:    %[[Q:[^:]+]]: memref<?x8x?x64xf64>, %[[K:[^:]+]]: memref<?x2x?x64xf64>, %[[V:[^:]+]]: memref<?x2x?x80xf64>, %[[O:[^:]+]]: memref<?x8x?x80xf64>, %[[LSE:[^:]+]]: memref<?x8x?xf64>)
// CHECK-SAME:    attributes {rondo.reference}
// CHECK-NOT:     rondo.attend
// CHECK:         %[[OUTPUT:.+]] = memref.alloc(%{{.+}}, %{{.+}}) : memref<?x8x?x80xf64>
// Memory for the scores of one row.
// CHECK:         %[[SCORES:.+]] = memref.alloc(%{{.+}}) : memref<?xf64>
// CHECK:         %[[MAXIMUM:.+]] = scf.for
// CHECK:           arith.maximumf
// CHECK:         %[[EMPTY:.+]] = arith.cmpf oeq, %[[MAXIMUM]], %{{.+}} : f64
// CHECK:         scf.if %[[EMPTY]]
// CHECK:         math.exp {{.*}} : f64
// CHECK:         math.log {{.*}} : f64
// CHECK:         memref.dealloc %[[SCORES]]
// CHECK:         memref.copy %[[OUTPUT]], %[[O]]
// CHECK:         memref.dealloc %[[OUTPUT]]
// CHECK:         return
func.func @attention(%q: tensor<?x8x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x80xbf16>)
    -> (tensor<?x8x?x80xbf16>, tensor<?x8x?xf32>) {
  %o, %lse = rondo.attention %q, %k, %v causal bottom_right : (tensor<?x8x?x64xbf16>, tensor<?x2x?x64xbf16>,
      tensor<?x2x?x80xbf16>) -> (tensor<?x8x?x80xbf16>, tensor<?x8x?xf32>)
  return %o, %lse : tensor<?x8x?x80xbf16>, tensor<?x8x?xf32>
}

// Conversions vanish, constants keep the value that they have in the program.
// CHECK-LABEL: func.func private @elementwise__reference
// CHECK-SAME:    %[[A:[^:]+]]: memref<4x3xf64>, %[[B:[^:]+]]: memref<4x3xf64>
// CHECK:         arith.constant 0.10000000149011612 : f64
// CHECK-NOT:     arith.extf
// CHECK:         arith.mulf {{.*}} : f64
// CHECK-NOT:     arith.truncf
// CHECK:         memref.copy %{{.+}}, %[[B]]
func.func @elementwise(%a: tensor<4x3xf16>) -> tensor<4x3xf16> {
  %tenth = arith.constant dense<0.1> : tensor<4x3xf32>
  %wide = arith.extf %a : tensor<4x3xf16> to tensor<4x3xf32>
  %product = arith.mulf %wide, %tenth : tensor<4x3xf32>
  %narrow = arith.truncf %product : tensor<4x3xf32> to tensor<4x3xf16>
  return %narrow : tensor<4x3xf16>
}

// CHECK-LABEL: func.func private @helper
// CHECK-NOT:   @helper__reference
func.func private @helper(%a: tensor<4xf32>) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}
