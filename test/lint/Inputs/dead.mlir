// RUN: rondo-opt %s | FileCheck %s
// RUN: rondo-opt %s | FileCheck %s \
// RUN:   --check-prefixes=OTHER,MORE

// Each of these is a dead check.
// CHECK func.func @f
// CHCK: func.func @f
// CHECK-NEXt: func.func @f
// CHECK-LABLE: func.func @f
// CEHCK-NOT: func.func @f
// OTHER-SAM: func.func @f
// MORE func.func @f
// Check: func.func @f

// And none of these.
// CHECK: func.func @f
// CHECK-COUNT-2: func.func @f
// CHECK{LITERAL}: [[
// OTHER-NOT: func.func @f
// MORE-DAG: func.func @f
// Checks of the kind above are live. CHECK foo in a sentence is prose.
func.func private @f()
