// What cannot be generated is an error at the op, when code is generated.
// RUN: split-file %s %t
// RUN: not rondo-compile %t/double.mlir --target=cuda:sm_90a --emit=ptx 2>&1 | FileCheck %s --check-prefix=DOUBLE
// RUN: not rondo-compile %t/index.mlir --target=cuda:sm_90a --emit=ptx 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not rondo-compile %t/along.mlir --target=cuda:sm_90a --emit=ptx 2>&1 | FileCheck %s --check-prefix=ALONG
// RUN: not rondo-compile %t/many.mlir --target=cuda:sm_90a --emit=ptx 2>&1 | FileCheck %s --check-prefix=MANY

// DOUBLE: double.mlir:7:10: error: 'math.sin' op on 'f64' has no code for cuda:sm_90a; compute it in f32, or compile with --target=cpu
//--- double.mlir
func.func private @double(%part: index, %parts: index, %x: memref<?xf32>, %y: memref<?xf32>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.extf %a : f32 to f64
    %1 = math.sin %0 : f64
    %2 = arith.truncf %1 : f64 to f32
    linalg.yield %2 : f32
  }
  return
}

// INDEX: index.mlir:3:3: error: 'linalg.copy' op cannot be a kernel: it has elements of type 'index'; expected integers or floats
//--- index.mlir
func.func private @places(%part: index, %parts: index, %x: memref<?xindex>, %y: memref<?xindex>)
    attributes {exec.kernel = "copy"} {
  linalg.copy ins(%x : memref<?xindex>) outs(%y : memref<?xindex>)
  return
}

// ALONG: along.mlir:3:3: error: 'linalg.generic' op cannot be a kernel: it writes along a dimension that it reduces
//--- along.mlir
func.func private @along(%part: index, %parts: index, %x: memref<?xf32>, %y: memref<?xf32>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["reduction"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  return
}

// MANY: many.mlir:5:3: error: 'linalg.copy' op cannot be a kernel: its arguments take 4160 bytes; CUDA has 4096
//--- many.mlir
!t = memref<1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1xf32>
func.func private @many(%part: index, %parts: index, %x: !t, %y: !t, %z: !t, %u: !t) attributes {exec.kernel = "copy"} {
  // Two of the arguments are not used.
  %unused = arith.constant 0 : index
  linalg.copy ins(%x : !t) outs(%y : !t)
  return
}
