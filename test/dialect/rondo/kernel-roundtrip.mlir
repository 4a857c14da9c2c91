// RUN: rondo-opt %s | rondo-opt | FileCheck %s

// What is false, 1 or none is left out.
!s = memref<1x4x?x64xf16>
!o = memref<1x4x?x64xf32>
!l = memref<1x4x?xf32>
// CHECK-LABEL: func.func @attend
// CHECK:         rondo.attend ins({{.*}}) outs({{.*}}) scale 1.250000e-01
// CHECK-SAME:      {kernel = #rondo.kernel<attend [<input = f16, output = f32, features = 64, value_features = 64,
// CHECK-SAME:        block_keys = 192, warpgroups = 2, stages = 2, ping_pong = true, persistent = true>,
// CHECK-SAME:        <input = f16, output = f16, features = 64, value_features = 64, causal = true,
// CHECK-SAME:        block_keys = 192, warpgroups = 1, stages = 4, cluster = 2, key_policy = evict_first>]
// CHECK-SAME:        merge <partial = f16, output = f32, features = 64, unroll = 8, dependent_launch = true>>}
func.func @attend(%q: !s, %k: !s, %v: !s, %o: !o, %l: !l) {
  rondo.attend ins(%q, %k, %v : !s, !s, !s) outs(%o, %l : !o, !l) scale 0.125 {kernel = #rondo.kernel<
    attend [<input = f16, output = f32, features = 64, value_features = 64, causal = false, block_keys = 192,
             warpgroups = 2, stages = 2, cluster = 1, ping_pong = true, persistent = true, key_policy = none>,
            <input = f16, output = f16, features = 64, value_features = 64, causal = true, block_keys = 192,
             warpgroups = 1, stages = 4, cluster = 2, key_policy = evict_first>]
    merge <partial = f16, output = f32, features = 64, unroll = 8, dependent_launch = true>>}
  return
}

// CHECK-LABEL: func.func @merge
// CHECK:         rondo.merge
// CHECK-SAME:      {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
func.func @merge(%a: !o, %la: !l, %b: !o, %lb: !l) {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
      {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 64, unroll = 1>>}
  return
}
