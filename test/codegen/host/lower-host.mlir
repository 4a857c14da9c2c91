// RUN: rondo-opt %s --pass-pipeline='builtin.module(convert-scf-to-cf,rondo-lower-host)' | FileCheck %s

module attributes {rondo.manifest = "{}"} {
rondo.grid @gpus = ["data" = 2, "seq" = ?]

func.func private @f__copy_0(%part: index, %parts: index, %a: memref<2x?xf32>, %n: index) attributes {exec.kernel = "copy"} {
  return
}

// A host function returns a status; each call of the runtime is checked, and a failure leaves from inside the loop.
// CHECK-LABEL: func.func private @host.ring(
// CHECK-SAME:    %[[TABLE:[^:]+]]: !llvm.ptr, %[[EXECUTION:[^:]+]]: !llvm.ptr, {{.*}}) -> i32
// CHECK-NOT:     {{exec|spmd}}.
// CHECK:         %[[STATUS:.+]] = llvm.call %{{.*}}(%[[EXECUTION]], %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr) -> i32
// CHECK:         %[[FINE:.+]] = arith.cmpi eq, %[[STATUS]], %{{.*}}
// CHECK:         cf.cond_br %[[FINE]], ^{{.*}}, ^[[UNWIND:bb[0-9]+]](%[[STATUS]] : i32)
// CHECK:         ^[[UNWIND]](%[[FAILED:.+]]: i32):
// CHECK-NEXT:      return %[[FAILED]]
func.func @ring(%in: memref<2x?xf32, strided<[?, 1], offset: ?>> {spmd.shape = [2, "s0"]}, %s0: index {spmd.length = "s0"})
    attributes {spmd.schedules = []} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = spmd.axis_size @gpus "seq"
  %r = spmd.axis_index @gpus "seq"
  %rows = spmd.shard_size %r of %n, %s0
  %arena = exec.arena %s0 : memref<?xi8>
  %a = memref.view %arena[%c0][%rows] : memref<?xi8> to memref<2x?xf32>
  %b = memref.view %arena[%c1][%rows] : memref<?xi8> to memref<2x?xf32>
  %e0 = exec.record communication
  %e = scf.for %t = %c0 to %n step %c1 iter_args(%last = %e0) -> !exec.event {
    exec.step %t
    exec.await compute, %last
    exec.dispatch compute @f__copy_0(%a, %rows) reads [0] writes [] : (memref<2x?xf32>, index) -> ()
    exec.exchange communication by 1 on @gpus "seq" send(%a) receive(%b) names ["query"] : memref<2x?xf32>
    %f = exec.record communication
    scf.yield %f : !exec.event
  }
  exec.await compute, %e
  return
}

// Arguments arrive as the arrays of the ABI.
// CHECK-LABEL: llvm.func internal @host_entry.ring(
// CHECK-SAME:    !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK:         call @host.ring(

// CHECK:       llvm.mlir.global external constant @rondo_program_v1()
}
