// The constraints of rondo.attend.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// attend_c1: ranks are 4, 4, 4, 4, 3.
func.func @attend_c1_query(%q: tensor<8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op Q has rank 3; expected 4}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c1_output(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op O has rank 3; expected 4}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c1_lse(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?x1xf32>) {
  // expected-error @+1 {{'rondo.attend' op LSE has rank 4; expected 3}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?x1xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?x1xf32>
  return
}

// -----

// attend_c2: Q, K and V have one element type.
func.func @attend_c2_key(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf16>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op K has elements of type 'f16'; expected 'f32'}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf16>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c2_value(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xbf16>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op V has elements of type 'bf16'; expected 'f32'}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xbf16>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// attend_c2: LSE is f32.
func.func @attend_c2_lse(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf16>) {
  // expected-error @+1 {{'rondo.attend' op LSE has elements of type 'f16'; expected 'f32'}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf16>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf16>
  return
}

// -----

// attend_c3: extents that must agree, agree.
func.func @attend_c3_batch(%q: tensor<1x8x?x64xf32>, %k: tensor<2x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op Q has batch 1, but K has 2; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<2x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_key_feature(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x32xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op Q has feature size 64, but K has 32; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x32xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_value_heads(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x2x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op K has heads 4, but V has 2; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x2x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_value_length(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x64x64xf32>, %v: tensor<1x4x65x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op K has length 64, but V has 65; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x64x64xf32>, tensor<1x4x65x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_output_length(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x13x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op Q has length 16, but O has 13; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x13x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x13x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_value_feature(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x64xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op V has feature size 80, but O has 64; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x64xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x64xf32>, tensor<1x8x?xf32>
  return
}

// -----

func.func @attend_c3_lse(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x4x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op O has heads 8, but LSE has 4; they must be equal}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x4x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x4x?xf32>
  return
}

// -----

// attend_c4: query heads are a multiple of key/value heads.
func.func @attend_c4_group(%q: tensor<1x8x?x64xf32>, %k: tensor<1x3x?x64xf32>, %v: tensor<1x3x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op has 8 query heads and 3 key/value heads; expected a multiple of the key/value heads}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x3x?x64xf32>, tensor<1x3x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// attend_c5: on tensors there are two results.
func.func @attend_c5_none(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op on tensors has 2 results, but got 0}}
  rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0
  return
}

// -----

// attend_c5: of the types of `outs`.
func.func @attend_c5_type(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op result has type 'tensor<1x8x61x80xf32>', but O in outs has 'tensor<1x8x?x80xf32>'}}
  %r:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 -> tensor<1x8x61x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// attend_c5: on memrefs there are none.
func.func @attend_c5_memrefs(%q: memref<1x8x?x64xf32>, %k: memref<1x4x?x64xf32>, %v: memref<1x4x?x80xf32>,
    %o: memref<1x8x?x80xf32>, %l: memref<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op on memrefs has no results, but got 2}}
  %r:2 = rondo.attend ins(%q, %k, %v : memref<1x8x?x64xf32>, memref<1x4x?x64xf32>, memref<1x4x?x80xf32>)
      outs(%o, %l : memref<1x8x?x80xf32>, memref<1x8x?xf32>) scale 1.0 -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}

// -----

// attend_c5: all are tensors, or all are memrefs.
func.func @attend_c5_mixed(%q: tensor<1x8x?x64xf32>, %k: memref<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op mixes tensors and memrefs: K is 'memref<1x4x?x64xf32>', but O is 'tensor<1x8x?x80xf32>'}}
  rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, memref<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0
  return
}

// -----

// attend_c6: the last dimension of a memref is contiguous.
func.func @attend_c6_strided(%q: memref<1x8x?x64xf32>, %k: memref<1x4x?x64xf32, strided<[?, ?, ?, 2]>>, %v: memref<1x4x?x80xf32>,
    %o: memref<1x8x?x80xf32>, %l: memref<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op the last dimension of K is not contiguous: 'memref<1x4x?x64xf32, strided<[?, ?, ?, 2]>>'}}
  rondo.attend ins(%q, %k, %v : memref<1x8x?x64xf32>, memref<1x4x?x64xf32, strided<[?, ?, ?, 2]>>, memref<1x4x?x80xf32>)
      outs(%o, %l : memref<1x8x?x80xf32>, memref<1x8x?xf32>) scale 1.0
  return
}

// -----

// attend_c7: memrefs alone are joined.
func.func @attend_c7_tensors(%q: tensor<1x8x?x64xf32>, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x80xf32>,
    %o: tensor<1x8x?x80xf32>, %l: tensor<1x8x?xf32>) {
  // expected-error @+1 {{'rondo.attend' op is joined on tensors: O is 'tensor<1x8x?x80xf32>'; expected memrefs, after --rondo-bufferize}}
  %0:2 = rondo.attend ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x80xf32>)
      outs(%o, %l : tensor<1x8x?x80xf32>, tensor<1x8x?xf32>) scale 1.0 {joined}
      -> tensor<1x8x?x80xf32>, tensor<1x8x?xf32>
  return
}
