// RUN: rondo-opt %s --rondo-lower-kernels-cuda | FileCheck %s

!q = memref<1x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<1x8x?x64xf32>
!l = memref<1x8x?xf32>
!r = memref<1x8x?x64xbf16>

// Slots: Q, K and V of 10 each, O of 10, LSE of 8, three numbers.
// CHECK:      func.func private @f__attend_0(index, index, {{.*}}) attributes {exec.cuda_operation = #exec.cuda_operation<
// CHECK-SAME:   attend kernels[0, 1] merge 2 operands[0, 10, 20, 30, 40, 48, 49, 50] scale -1.250000e-01 : f64 output f32>,
// CHECK-SAME:   exec.kernel = "attend"}
func.func private @f__attend_0(%part: index, %parts: index, %q: !q, %k: !q, %v: !q, %o: !o, %l: !l, %qs: index,
                               %ks: index, %d: index) attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q, !q, !q) outs(%o, %l : !o, !l) scale -0.125 causal(%qs, %ks, %d) contiguous
      {kernel = #rondo.kernel<
        attend [<input = bf16, output = f32, features = 64, value_features = 64, causal = true, negate_scores = true,
                 block_keys = 192, warpgroups = 2, stages = 2, ping_pong = true, persistent = true>,
                <input = bf16, output = f16, features = 64, value_features = 64, causal = true, negate_scores = true,
                 block_keys = 192, warpgroups = 1, stages = 4, dependent_launch = true, key_policy = evict_first>]
        merge <partial = f16, output = f32, features = 64, unroll = 8, dependent_launch = true>>}
  return
}

// What arrives is what is merged into.
// CHECK:      func.func private @f__merge_0({{.*}}#exec.cuda_operation<
// CHECK-SAME:   merge kernels[3] operands[0, 10, 18, 28, -1, -1, -1, -1] output f32>
func.func private @f__merge_0(%part: index, %parts: index, %a: !o, %la: !l, %b: !o, %lb: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
      {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
  return
}

// A number comes first; the shape is the result's.
// CHECK:      func.func private @"no C name"({{.*}}#exec.cuda_operation<
// CHECK-SAME:   elementwise kernels[4] operands[11, -1, -1, -1, -1, -1, -1, -1] dimensions 4>
func.func private @"no C name"(%part: index, %parts: index, %factor: f32, %x: !o, %y: !r)
    attributes {exec.kernel = "my kernel"} {
  linalg.generic {indexing_maps = [affine_map<(b, h, s, d) -> (b, h, s, d)>, affine_map<(b, h, s, d) -> ()>,
                                   affine_map<(b, h, s, d) -> (b, h, s, d)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %factor : !o, f32) outs(%y : !r) {
  ^bb0(%a: f32, %f: f32, %b: bf16):
    %0 = arith.mulf %a, %f : f32
    %1 = arith.truncf %0 : f32 to bf16
    linalg.yield %1 : bf16
  }
  return
}

// The same kernel is there once: this one uses number 3 again.
// CHECK:      func.func private @f__merge_1({{.*}}#exec.cuda_operation<merge kernels[3] operands[18, 28, 0, 10,
func.func private @f__merge_1(%part: index, %parts: index, %b: !o, %lb: !l, %a: !o, %la: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
      {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
  return
}

// A joined attention leaves its parts to a joined merge, by a kernel that merges them with what arrives.
// CHECK:      func.func private @f__attend_1({{.*}}#exec.cuda_operation<
// CHECK-SAME:   attend kernels[5] merge 6 operands[0, 10, 20, 30, 40, -1, -1, -1] scale 1.250000e-01 : f64 output f32 joined true>
func.func private @f__attend_1(%part: index, %parts: index, %q: !q, %k: !q, %v: !q, %o: !o, %l: !l)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q, !q, !q) outs(%o, %l : !o, !l) scale 0.125
      {joined, kernel = #rondo.kernel<
        attend [<input = bf16, output = f16, features = 64, value_features = 64,
                 block_keys = 192, warpgroups = 1, stages = 4, dependent_launch = true, key_policy = evict_first>]
        merge <partial = f16, output = f32, arriving = f32, features = 64, unroll = 12, dependent_launch = true>>}
  return
}

// The merge's own kernel is for an attention that needs no parts.
// CHECK:      func.func private @f__merge_2({{.*}}#exec.cuda_operation<
// CHECK-SAME:   merge kernels[3] operands[0, 10, 18, 28, -1, -1, -1, -1] output f32 joined true>
func.func private @f__merge_2(%part: index, %parts: index, %a: !o, %la: !l, %b: !o, %lb: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
      {joined, kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
  return
}

// CHECK:      gpu.module @rondo_kernels {
// CHECK-NEXT:   func.func private @attend_bf16_64_to_f32_k192_w2_s2_causal_persistent_pingpong_negated_unhinted()
// CHECK-SAME:     rondo.configuration = #rondo.attend_kernel<input = bf16, output = f32,
// CHECK-NEXT:   func.func private @attend_bf16_64_to_f16_k192_w1_s4_causal_dependent_negated()
// CHECK-NEXT:   func.func private @merge_f16_64_to_f32_u8_dependent() attributes {rondo.configuration = #rondo.merge_kernel<
// CHECK-NEXT:   func.func private @merge_f32_64_to_f32_u1_arriving_f32()
// CHECK-NEXT:   func.func @my_kernel_4(%{{.*}}: index, %{{.*}}: index, %{{.*}}: f32,
// CHECK:          linalg.generic
// CHECK:        func.func private @attend_bf16_64_to_f16_k192_w1_s4_dependent()
// CHECK-NEXT:   func.func private @merge_f16_64_to_f32_u12_arriving_f32_dependent()
// CHECK-NOT:    func.func
