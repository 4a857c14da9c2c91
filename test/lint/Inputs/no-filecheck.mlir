// RUN: rondo-opt %s
// CHECK: func.func @f
// CHECK-NEXT: func.func @f
func.func private @f()
