// The constraints of rondo.attention.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// attention_c1: operands have rank 4.
func.func @attention_c1_query(%q: tensor<32x61x128xf32>, %k: tensor<1x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has rank 3; expected 4: [batch, head, sequence, feature]}}
  %o = rondo.attention %q, %k, %k : (tensor<32x61x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>)
      -> tensor<1x32x61x128xf32>
  return
}

// -----

// attention_c1: so has O.
func.func @attention_c1_output(%q: tensor<1x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op O has rank 3; expected 4: [batch, head, sequence, feature]}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>)
      -> tensor<8x64x128xf32>
  return
}

// -----

// attention_c1: LSE has rank 3.
func.func @attention_c1_lse(%q: tensor<1x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op LSE has rank 2; expected 3: [batch, head, sequence]}}
  %o, %lse = rondo.attention %q, %q, %q : (tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>)
      -> (tensor<1x8x64x128xf32>, tensor<8x64xf32>)
  return
}

// -----

// attention_c2: one element type.
func.func @attention_c2_key(%q: tensor<1x8x64x128xf32>, %k: tensor<1x8x64x128xf16>) {
  // expected-error @+1 {{'rondo.attention' op K has elements of type 'f16', but Q of type 'f32'; they must be equal}}
  %o = rondo.attention %q, %k, %q : (tensor<1x8x64x128xf32>, tensor<1x8x64x128xf16>, tensor<1x8x64x128xf32>)
      -> tensor<1x8x64x128xf32>
  return
}

// -----

func.func @attention_c2_output(%q: tensor<1x8x64x128xbf16>) {
  // expected-error @+1 {{'rondo.attention' op O has elements of type 'f32', but Q of type 'bf16'; they must be equal}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x64x128xbf16>, tensor<1x8x64x128xbf16>, tensor<1x8x64x128xbf16>)
      -> tensor<1x8x64x128xf32>
  return
}

// -----

// attention_c2: which is a float of at most 32 bits.
func.func @attention_c2_f64(%q: tensor<1x8x64x128xf64>) {
  // expected-error @+1 {{'rondo.attention' op operand #0 must be ranked tensor of f32, f16 or bf16 values, but got 'tensor<1x8x64x128xf64>'}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x64x128xf64>, tensor<1x8x64x128xf64>, tensor<1x8x64x128xf64>)
      -> tensor<1x8x64x128xf64>
  return
}

// -----

// attention_c3: batch sizes agree.
func.func @attention_c3_key(%q: tensor<2x8x64x128xf32>, %k: tensor<3x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has batch 2, but K has 3; they must be equal}}
  %o = rondo.attention %q, %k, %k : (tensor<2x8x64x128xf32>, tensor<3x8x64x128xf32>, tensor<3x8x64x128xf32>)
      -> tensor<2x8x64x128xf32>
  return
}

// -----

// attention_c3, between K and V where Q's is bound at run time.
func.func @attention_c3_value(%q: tensor<?x8x64x128xf32>, %k: tensor<3x8x64x128xf32>, %v: tensor<2x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op K has batch 3, but V has 2; they must be equal}}
  %o = rondo.attention %q, %k, %v : (tensor<?x8x64x128xf32>, tensor<3x8x64x128xf32>, tensor<2x8x64x128xf32>)
      -> tensor<?x8x64x128xf32>
  return
}

// -----

// attention_c3, between Q and V where K's is bound at run time.
func.func @attention_c3_query_value(%q: tensor<2x8x64x128xf32>, %k: tensor<?x8x64x128xf32>, %v: tensor<3x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has batch 2, but V has 3; they must be equal}}
  %o = rondo.attention %q, %k, %v : (tensor<2x8x64x128xf32>, tensor<?x8x64x128xf32>, tensor<3x8x64x128xf32>)
      -> tensor<2x8x64x128xf32>
  return
}

// -----

// attention_c4: K and V have the same heads.
func.func @attention_c4_heads(%q: tensor<1x8x64x128xf32>, %k: tensor<1x4x64x128xf32>, %v: tensor<1x2x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op K has heads 4, but V has 2; they must be equal}}
  %o = rondo.attention %q, %k, %v : (tensor<1x8x64x128xf32>, tensor<1x4x64x128xf32>, tensor<1x2x64x128xf32>)
      -> tensor<1x8x64x128xf32>
  return
}

// -----

// attention_c4: and the same length.
func.func @attention_c4_length(%q: tensor<1x8x61x128xf32>, %k: tensor<1x8x64x128xf32>, %v: tensor<1x8x65x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op K has length 64, but V has 65; they must be equal}}
  %o = rondo.attention %q, %k, %v : (tensor<1x8x61x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x65x128xf32>)
      -> tensor<1x8x61x128xf32>
  return
}

// -----

// attention_c5: heads are static.
func.func @attention_c5_dynamic(%q: tensor<1x?x61x128xf32>, %k: tensor<1x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has ? heads; expected a static number}}
  %o = rondo.attention %q, %k, %k : (tensor<1x?x61x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>)
      -> tensor<1x8x61x128xf32>
  return
}

// -----

func.func @attention_c5_dynamic_output(%q: tensor<1x8x61x128xf32>, %k: tensor<1x8x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op O has ? heads; expected a static number}}
  %o = rondo.attention %q, %k, %k : (tensor<1x8x61x128xf32>, tensor<1x8x64x128xf32>, tensor<1x8x64x128xf32>)
      -> tensor<1x?x61x128xf32>
  return
}

// -----

// attention_c5: query heads are a multiple of key/value heads.
func.func @attention_c5_group(%q: tensor<1x7x61x128xf32>, %k: tensor<1x2x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op has 7 query heads and 2 key/value heads; expected a positive multiple of the key/value heads}}
  %o = rondo.attention %q, %k, %k : (tensor<1x7x61x128xf32>, tensor<1x2x64x128xf32>, tensor<1x2x64x128xf32>)
      -> tensor<1x7x61x128xf32>
  return
}

// -----

func.func @attention_c5_none(%q: tensor<1x7x61x128xf32>, %k: tensor<1x0x64x128xf32>) {
  // expected-error @+1 {{'rondo.attention' op has 7 query heads and 0 key/value heads; expected a positive multiple of the key/value heads}}
  %o = rondo.attention %q, %k, %k : (tensor<1x7x61x128xf32>, tensor<1x0x64x128xf32>, tensor<1x0x64x128xf32>)
      -> tensor<1x7x61x128xf32>
  return
}

// -----

// attention_c6: feature sizes lie within 1..256.
func.func @attention_c6_large(%q: tensor<1x8x61x257xf32>, %v: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has feature size 257; expected a static one within 1..256}}
  %o = rondo.attention %q, %q, %v : (tensor<1x8x61x257xf32>, tensor<1x8x61x257xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  return
}

// -----

func.func @attention_c6_zero(%q: tensor<1x8x61x64xf32>, %v: tensor<1x8x61x0xf32>) {
  // expected-error @+1 {{'rondo.attention' op V has feature size 0; expected a static one within 1..256}}
  %o = rondo.attention %q, %q, %v : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x0xf32>)
      -> tensor<1x8x61x0xf32>
  return
}

// -----

// attention_c6: and are static.
func.func @attention_c6_dynamic(%q: tensor<1x8x61x64xf32>, %k: tensor<1x8x61x?xf32>) {
  // expected-error @+1 {{'rondo.attention' op K has feature size ?; expected a static one within 1..256}}
  %o = rondo.attention %q, %k, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x?xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  return
}

// -----

// attention_c6: Q's is K's.
func.func @attention_c6_key(%q: tensor<1x8x61x64xf32>, %k: tensor<1x8x61x80xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has feature size 64, but K has 80; they must be equal}}
  %o = rondo.attention %q, %k, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x80xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x61x64xf32>
  return
}

// -----

// attention_c6: O's is V's.
func.func @attention_c6_output(%q: tensor<1x8x61x64xf32>, %v: tensor<1x8x61x80xf32>) {
  // expected-error @+1 {{'rondo.attention' op V has feature size 80, but O has 64; they must be equal}}
  %o = rondo.attention %q, %q, %v : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x80xf32>)
      -> tensor<1x8x61x64xf32>
  return
}

// -----

// attention_c7: O has Q's batch, heads and length.
func.func @attention_c7_batch(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has batch 1, but O has 2; they must be equal}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<2x8x61x64xf32>
  return
}

// -----

func.func @attention_c7_heads(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has heads 8, but O has 4; they must be equal}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x4x61x64xf32>
  return
}

// -----

func.func @attention_c7_length(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op Q has length 61, but O has 60; they must be equal}}
  %o = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> tensor<1x8x60x64xf32>
  return
}

// -----

// attention_c7: LSE has those of O.
func.func @attention_c7_lse(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op O has length 61, but LSE has 64; they must be equal}}
  %o, %lse = rondo.attention %q, %q, %q : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>)
      -> (tensor<1x8x61x64xf32>, tensor<1x8x64xf32>)
  return
}

// -----

// attention_c8: `scale` is finite.
func.func @attention_c8_infinite(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op scale is INF; expected a finite number (without one it is 1 / sqrt of Q's feature size)}}
  %o = rondo.attention %q, %q, %q scale 0x7FF0000000000000
      : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32>
  return
}

// -----

func.func @attention_c8_nan(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{'rondo.attention' op scale is nan; expected a finite number (without one it is 1 / sqrt of Q's feature size)}}
  %o = rondo.attention %q, %q, %q scale 0x7FF8000000000000
      : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32>
  return
}

// -----

func.func @syntax_causal(%q: tensor<1x8x61x64xf32>) {
  // expected-error @+1 {{expected string or keyword containing one of the following enum values for attribute 'causal' [top_left, bottom_right]}}
  %o = rondo.attention %q, %q, %q causal bottom_left
      : (tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>, tensor<1x8x61x64xf32>) -> tensor<1x8x61x64xf32>
  return
}
