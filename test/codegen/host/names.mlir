// RUN: rondo-opt %s --rondo-lower-host | FileCheck %s

// Functions get names that no user and no library can have taken: `malloc` stays the C library's. Nothing is exported
// but the program's header, which tells the old names.
module attributes {rondo.manifest = "{}"} {

// A grid's name does not clash with what is made either: grids are gone afterwards.
// CHECK-NOT:   rondo.grid
rondo.grid @rondo_program_v1 = ["seq" = 2]

// CHECK:       func.func private @kernel.malloc__copy_0(%{{.*}}) attributes {llvm.linkage = #llvm.linkage<internal>}
func.func private @malloc__copy_0(%part: index, %parts: index, %a: memref<4xf32>) attributes {exec.kernel = "copy"} {
  return
}

// CHECK:       func.func private @host.malloc(
// CHECK:         llvm.mlir.addressof @kernel_entry.malloc__copy_0
func.func @malloc(%a: memref<4xf32, strided<[?], offset: ?>> {spmd.shape = [4]}) attributes {spmd.schedules = []} {
  %c16 = arith.constant 16 : index
  %c0 = arith.constant 0 : index
  %arena = exec.arena %c16 : memref<?xi8>
  %b = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
  exec.dispatch compute @malloc__copy_0(%b) reads [] writes [0] : (memref<4xf32>) -> ()
  return
}

// CHECK:       func.func private @reference.malloc__reference(
func.func private @malloc__reference(%a: memref<4xf64>) attributes {rondo.reference} {
  return
}

// A name of one kind that looks like another's.
// CHECK:       func.func private @host.host.malloc(
func.func @host.malloc() attributes {spmd.schedules = []} {
  return
}

// CHECK:       llvm.func internal @kernel_entry.malloc__copy_0(
// CHECK:         call @kernel.malloc__copy_0(
// CHECK:       llvm.func internal @host_entry.malloc(
// CHECK:         call @host.malloc(
// CHECK:       llvm.func internal @reference_entry.malloc(
// CHECK:         call @reference.malloc__reference(
// CHECK:       llvm.func internal @host_entry.host.malloc(
// CHECK:         call @host.host.malloc(
// CHECK:       llvm.mlir.global internal constant @rondo.functions() {{.*}}!llvm.array<2 x struct<(ptr, ptr, ptr)>>
// CHECK-DAG:     llvm.mlir.addressof @host_entry.malloc
// CHECK-DAG:     llvm.mlir.addressof @reference_entry.malloc
// CHECK-DAG:     llvm.mlir.addressof @host_entry.host.malloc
// CHECK:       llvm.mlir.global external constant @rondo_program_v1()
}
