// Kernels of element-wise operations, one for each thing that can go wrong in them. elementwise_test.cpp runs them in the
// emulator; they are numbered in this order.

// Other strides on both sides, an offset, and lengths of run time.
func.func private @copy(%part: index, %parts: index, %from: memref<2x3x?x5xbf16, strided<[?, ?, ?, 1], offset: ?>>,
                        %to: memref<2x3x?x5xbf16, strided<[?, ?, ?, ?]>>) attributes {exec.kernel = "copy"} {
  linalg.copy ins(%from : memref<2x3x?x5xbf16, strided<[?, ?, ?, 1], offset: ?>>)
      outs(%to : memref<2x3x?x5xbf16, strided<[?, ?, ?, ?]>>)
  return
}

// A number that the host passes.
func.func private @fill(%part: index, %parts: index, %value: f32, %to: memref<?x7xf32>)
    attributes {exec.kernel = "fill"} {
  linalg.fill ins(%value : f32) outs(%to : memref<?x7xf32>)
  return
}

func.func private @round(%part: index, %parts: index, %from: memref<?xf32>, %to: memref<?xbf16>, %half: memref<?xf16>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%from : memref<?xf32>) outs(%to, %half : memref<?xbf16>, memref<?xf16>) {
  ^bb0(%x: f32, %y: bf16, %z: f16):
    %0 = arith.truncf %x : f32 to bf16
    %1 = arith.truncf %x : f32 to f16
    linalg.yield %0, %1 : bf16, f16
  }
  return
}

// Arithmetic on 16-bit types, a broadcast operand, a constant, and the result is read.
func.func private @axpy(%part: index, %parts: index, %x: memref<?x6xbf16>, %scale: memref<6xbf16>, %y: memref<?x6xbf16>)
    attributes {exec.kernel = "elementwise"} {
  %two = arith.constant 2.0 : bf16
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %scale : memref<?x6xbf16>, memref<6xbf16>) outs(%y : memref<?x6xbf16>) {
  ^bb0(%a: bf16, %b: bf16, %c: bf16):
    %0 = arith.mulf %a, %b : bf16
    %1 = arith.mulf %0, %two : bf16
    %2 = arith.addf %1, %c : bf16
    linalg.yield %2 : bf16
  }
  return
}

// Sums of columns: the loop that is reduced is not the last one.
func.func private @sum(%part: index, %parts: index, %x: memref<?x?xf32>, %to: memref<?xf32>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>],
                  iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%to : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// A named operation, with a transposed operand.
func.func private @matmul(%part: index, %parts: index, %a: memref<?x?xf32>, %b: memref<?x?xf32, strided<[1, ?]>>,
                          %c: memref<?x?xf32>) attributes {exec.kernel = "matmul"} {
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32, strided<[1, ?]>>) outs(%c : memref<?x?xf32>)
  return
}

// Everything is summed into one number.
func.func private @total(%part: index, %parts: index, %x: memref<?xf32>, %to: memref<f32>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<?xf32>) outs(%to : memref<f32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// An element's place, and operands that are read at sums and multiples of places.
func.func private @window(%part: index, %parts: index, %x: memref<?xf32>, %to: memref<?xf32>)
    attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i * 2 + 1)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%to : memref<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %place = linalg.index 0 : index
    %i = arith.index_cast %place : index to i32
    %f = arith.sitofp %i : i32 to f32
    %0 = arith.addf %a, %f : f32
    linalg.yield %0 : f32
  }
  return
}

// Functions that PTX does not have, in f32 and in f16.
func.func private @functions(%part: index, %parts: index, %x: memref<?xf32>, %exp: memref<?xf32>, %log: memref<?xf32>,
                             %tanh: memref<?xf32>, %erf: memref<?xf32>, %rsqrt: memref<?xf32>, %sin: memref<?xf32>,
                             %sigmoid: memref<?xf16>) attributes {exec.kernel = "elementwise"} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>,
                                   affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>,
                                   affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>)
      outs(%exp, %log, %tanh, %erf, %rsqrt, %sin, %sigmoid : memref<?xf32>, memref<?xf32>, memref<?xf32>, memref<?xf32>,
           memref<?xf32>, memref<?xf32>, memref<?xf16>) {
  ^bb0(%a: f32, %o0: f32, %o1: f32, %o2: f32, %o3: f32, %o4: f32, %o5: f32, %o6: f16):
    %0 = math.exp %a : f32
    %magnitude = math.absf %a : f32
    %1 = math.log %magnitude : f32
    %2 = math.tanh %a : f32
    %3 = math.erf %a : f32
    %4 = math.rsqrt %magnitude : f32
    %5 = math.sin %a : f32
    %one = arith.constant 1.0 : f16
    %narrow = arith.truncf %a : f32 to f16
    %negated = arith.negf %narrow : f16
    %power = math.exp %negated : f16
    %sum = arith.addf %power, %one : f16
    %6 = arith.divf %one, %sum : f16
    linalg.yield %0, %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32, f16
  }
  return
}
