// The constraints of rondo.merge.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// merge_c1: O has rank 4.
func.func @merge_c1_output(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op O has rank 3; expected 4}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<8x?x80xf32>, tensor<1x8x?xf32>) -> tensor<8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// merge_c1: LSE has rank 3.
func.func @merge_c1_partial_lse(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?x1xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op partial LSE has rank 4; expected 3}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?x1xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// merge_c1: LSE has O's leading extents.
func.func @merge_c1_extents(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x4x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op O has heads 8, but LSE has 4; they must be equal}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x4x?xf32>) -> tensor<1x8x?x80xf32>, tensor<1x4x?xf32>
  return
}

// -----

// merge_c2: the LSEs are f32.
func.func @merge_c2_lse(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xbf16>) {
  // expected-error @+1 {{'rondo.merge' op LSE has elements of type 'bf16'; expected 'f32'}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xbf16>) -> tensor<1x8x?x80xf32>, tensor<1x8x?xbf16>
  return
}

// -----

// merge_c3: both have one shape.
func.func @merge_c3_shape(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<1x8x?x64xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op partial O has feature size 80, but O has 64; they must be equal}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x64xf32>, tensor<1x8x?xf32>) -> tensor<1x8x?x64xf32>, tensor<1x8x?xf32>
  return
}

// -----

// merge_c4: on tensors there are two results.
func.func @merge_c4_count(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op on tensors has 2 results, but got 1}}
  %r = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) -> tensor<1x8x?x80xf32>
  return
}

// -----

// merge_c4: of the types of `outs`.
func.func @merge_c4_type(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op result has type 'tensor<1x8x13xf32>', but LSE in outs has 'tensor<1x8x?xf32>'}}
  %r:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) -> tensor<1x8x?x80xf32>, tensor<1x8x13xf32>
  return
}

// -----

// merge_c4: on memrefs there are none.
func.func @merge_c4_memrefs(%po: memref<1x8x?x80xf32>, %pl: memref<1x8x?xf32>,
    %o: memref<1x8x?x80xf32>, %l: memref<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op on memrefs has no results, but got 2}}
  %r:2 = rondo.merge ins(%po, %pl : memref<1x8x?x80xf32>, memref<1x8x?xf32>)
      outs(%o, %l : memref<1x8x?x80xf32>, memref<1x8x?xf32>) -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// merge_c4: all are tensors, or all are memrefs.
func.func @merge_c4_mixed(%po: memref<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>,
    %o: memref<1x8x?x80xf32>, %l: memref<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op mixes tensors and memrefs: partial LSE is 'tensor<1x8x?xf32>', but O is 'memref<1x8x?x80xf32>'}}
  rondo.merge ins(%po, %pl : memref<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : memref<1x8x?x80xf32>, memref<1x8x?xf32>)
  return
}

// -----

// merge_c5: the last dimension of a memref is contiguous.
func.func @merge_c5_strided(%po: memref<1x8x?x80xf32>, %pl: memref<1x8x?xf32>,
    %o: memref<1x8x?x80xf32, strided<[?, ?, ?, 2]>>, %l: memref<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op the last dimension of O is not contiguous: 'memref<1x8x?x80xf32, strided<[?, ?, ?, 2]>>'}}
  rondo.merge ins(%po, %pl : memref<1x8x?x80xf32>, memref<1x8x?xf32>)
      outs(%o, %l : memref<1x8x?x80xf32, strided<[?, ?, ?, 2]>>, memref<1x8x?xf32>)
  return
}

// -----

// merge_c6: memrefs alone are joined.
func.func @merge_c6_tensors(%po: tensor<1x8x?x80xf32>, %pl: tensor<1x8x?xf32>, %o: tensor<1x8x?x80xf32>,
    %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.merge' op is joined on tensors: O is 'tensor<1x8x?x80xf32>'; expected memrefs, after --rondo-bufferize}}
  %0:2 = rondo.merge ins(%po, %pl : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) {joined} -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}
