// RUN: rondo-opt %s --rondo-lower-kernels-cuda -split-input-file -verify-diagnostics

!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @unchosen(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{has no kernel for cuda:sm_90a; run --rondo-choose-kernels-cuda}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0
  return
}

// -----

// A kernel of another program's text.
!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @other(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{cannot have the kernel attend_bf16_128_to_bf16_k128_w1_s1_unhinted: it is for other element types, feature sizes, masks or scales}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {kernel = #rondo.kernel<attend [
    <input = bf16, output = bf16, features = 128, value_features = 128, block_keys = 128, warpgroups = 1, stages = 1>]>}
  return
}

// -----

!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @impossible(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{cannot have the kernel attend_bf16_64_to_bf16_k100_w1_s1_unhinted: blocks of 100 keys; expected a multiple of 16 within 16..256}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {kernel = #rondo.kernel<attend [
    <input = bf16, output = bf16, features = 64, value_features = 64, block_keys = 100, warpgroups = 1, stages = 1>]>}
  return
}

// -----

!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @unmerged(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{has the kernel attend_bf16_64_to_f16_k128_w1_s1_unhinted, which writes partial results, but none that merges them}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {kernel = #rondo.kernel<attend [
    <input = bf16, output = f16, features = 64, value_features = 64, block_keys = 128, warpgroups = 1, stages = 1>]>}
  return
}

// -----

// A joined attention's parts are merged with what arrives, another's by themselves.
!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @joined(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{cannot have the kernel merge_f16_64_to_bf16_u8: the parts are joined with a result that arrives}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {joined, kernel = #rondo.kernel<attend [
    <input = bf16, output = f16, features = 64, value_features = 64, block_keys = 128, warpgroups = 1, stages = 1>]
    merge <partial = f16, output = bf16, features = 64, unroll = 8>>}
  return
}

// -----

!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @not_joined(%part: index, %parts: index, %q: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{cannot have the kernel merge_f16_64_to_bf16_u8_arriving_bf16: nothing arrives}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {kernel = #rondo.kernel<attend [
    <input = bf16, output = f16, features = 64, value_features = 64, block_keys = 128, warpgroups = 1, stages = 1>]
    merge <partial = f16, output = bf16, arriving = bf16, features = 64, unroll = 8>>}
  return
}

// -----

!t = memref<1x4x?x64xbf16>
!l = memref<1x4x?xf32>
func.func private @joined_others(%part: index, %parts: index, %q: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{cannot have the kernel merge_f16_64_to_bf16_u8_arriving_f32: what arrives is of another element type than the result}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0 {joined, kernel = #rondo.kernel<attend [
    <input = bf16, output = f16, features = 64, value_features = 64, block_keys = 128, warpgroups = 1, stages = 1>]
    merge <partial = f16, output = bf16, arriving = f32, features = 64, unroll = 8>>}
  return
}

// -----

!t = memref<1x4x?x64xf32>
!l = memref<1x4x?xf32>
func.func private @other_merge(%part: index, %parts: index, %a: !t, %la: !l, %b: !t, %lb: !l)
    attributes {exec.kernel = "merge"} {
  // expected-error @below {{cannot have the kernel merge_f16_64_to_f32_u1_arriving_f32: it is for other element types or feature sizes}}
  rondo.merge ins(%a, %la : !t, !l) outs(%b, %lb : !t, !l)
      {kernel = #rondo.kernel<merge <partial = f16, output = f32, arriving = f32, features = 64, unroll = 1>>}
  return
}

// -----

func.func private @none() attributes {exec.kernel = "none"} // expected-error {{kernel @none does not have the form (%part: index, %parts: index, operands...) with one operation and a return}}

// -----

func.func private @two(%part: index, %parts: index, %x: memref<4xf32>) attributes {exec.kernel = "two"} { // expected-error {{kernel @two does not have the form}}
  linalg.copy ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  linalg.copy ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  return
}

// -----

func.func private @other(%part: index, %parts: index, %x: memref<4xf32>) attributes {exec.kernel = "other"} {
  // expected-error @below {{cannot be a kernel on CUDA; expected rondo.attend, rondo.merge or an operation of linalg, on memrefs}}
  memref.dealloc %x : memref<4xf32>
  return
}
