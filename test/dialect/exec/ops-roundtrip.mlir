// Every op on streams survives printing and parsing.
// RUN: rondo-opt %s --verify-roundtrip | FileCheck %s

rondo.grid @gpus = ["seq" = 4]

// CHECK: func.func private @attend_0({{.*}}) attributes {exec.kernel = "attend"}
func.func private @attend_0(index, index, memref<?xf32>, memref<?xf32>, f32) attributes {exec.kernel = "attend"}

// CHECK-LABEL: func.func @entry
// CHECK-SAME: %[[Q:[^:]+]]: memref<?xf32>, %[[O:[^:]+]]: memref<?xf32>, %[[S:[^:]+]]: f32, %[[T:[^:]+]]: index
func.func @entry(%q: memref<?xf32>, %o: memref<?xf32>, %s: f32, %t: index) -> memref<?xi8> {
  // CHECK: exec.arena %[[T]] : memref<?xi8>
  %arena = exec.arena %t : memref<?xi8>
  // CHECK: exec.step %[[T]]{{$}}
  exec.step %t
  // CHECK: exec.dispatch compute @attend_0(%[[Q]], %[[O]], %[[S]]) reads [0] writes [1] :
  // CHECK-SAME: (memref<?xf32>, memref<?xf32>, f32) -> ()
  exec.dispatch compute @attend_0(%q, %o, %s) reads [0] writes [1] : (memref<?xf32>, memref<?xf32>, f32) -> ()
  // CHECK: %[[E:.+]] = exec.record compute
  %e = exec.record compute
  // CHECK: exec.await communication, %[[E]]
  exec.await communication, %e
  // CHECK: exec.exchange communication by 1 on @gpus "seq" send(%[[Q]], %[[O]]) receive(%[[O]], %[[Q]])
  // CHECK-SAME: names ["query", "output"] : memref<?xf32>, memref<?xf32>
  exec.exchange communication by 1 on @gpus "seq" send(%q, %o) receive(%o, %q) names ["query", "output"]
      : memref<?xf32>, memref<?xf32>
  // CHECK: exec.step %[[T]] tail
  exec.step %t tail
  return %arena : memref<?xi8>
}
