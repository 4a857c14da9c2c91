// RUN: rondo-opt %s --rondo-choose-kernels-cuda | FileCheck %s
// RUN: rondo-opt %s --rondo-choose-kernels-cuda='kernel=attend:block-keys=176,stages=1,key-hint=none;merge:unroll=2' \
// RUN:   | FileCheck %s --check-prefix=HAND

// Lengths of run time: one kernel for many rows, which writes O itself, and one for few, with a merge.
!q = memref<1x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
!kv = memref<1x2x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
!o = memref<1x8x?x128xf32>
!l = memref<1x8x?xf32>
// CHECK-LABEL: func.func private @dynamic
// CHECK:         kernel = #rondo.kernel<attend [<input = bf16, output = f32, features = 128, value_features = 128,
// CHECK-SAME:      block_keys = 176, warpgroups = 2, stages = 2, cluster = 2, ping_pong = true, persistent = true>,
// CHECK-SAME:      <input = bf16, output = f16,
// CHECK-SAME:      block_keys = 192, warpgroups = 2, stages = 2, ping_pong = true, scaled_rows = true, dependent_launch = true,
// CHECK-SAME:      key_policy = evict_first>] merge <partial = f16, output = f32, features = 128, unroll = 12,
// CHECK-SAME:      scaled_rows = true, dependent_launch = true>>
// A form that cannot do without keys does not stay alone.
// HAND-LABEL:  func.func private @dynamic
// HAND:          attend [<{{[^>]*}}block_keys = 176, warpgroups = 2, stages = 1, cluster = 2, ping_pong = true, persistent = true
// HAND-SAME:     >, <{{[^>]*}}block_keys = 192, warpgroups = 2, stages = 2, ping_pong = true, scaled_rows = true, dependent_launch = true
func.func private @dynamic(%part: index, %parts: index, %q: !q, %k: !kv, %v: !kv, %o: !o, %l: !l)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q, !kv, !kv) outs(%o, %l : !o, !l) scale 0.1
  return
}

// Joined, the merge of the parts also takes what arrives.
// CHECK-LABEL: func.func private @joined
// CHECK:         joined, kernel = #rondo.kernel<attend [<{{[^>]*}}persistent = true>, <{{[^>]*}}scaled_rows = true, {{[^>]*}}>]
// CHECK-SAME:      merge <partial = f16, output = f32, arriving = f32, features = 128, unroll = 12,
// CHECK-SAME:      scaled_rows = true, dependent_launch = true>>
func.func private @joined(%part: index, %parts: index, %q: !q, %k: !kv, %v: !kv, %o: !o, %l: !l)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q, !kv, !kv) outs(%o, %l : !o, !l) scale 0.1 {joined}
  return
}

// Two row tiles of each of eight heads, and many keys: splits.
!q252 = memref<1x32x63x128xbf16>
!k252 = memref<1x8x76848x128xbf16>
!l252 = memref<1x32x63xf32>
// CHECK-LABEL: func.func private @few_rows
// CHECK:         attend [<input = bf16, output = f16, {{[^>]*}}block_keys = 192, warpgroups = 2, stages = 2,
// CHECK-SAME:      ping_pong = true, scaled_rows = true, dependent_launch = true, key_policy = evict_first>] merge <partial = f16, output = bf16
// HAND-LABEL:  func.func private @few_rows
// HAND:          attend [<{{[^>]*}}block_keys = 176, warpgroups = 2, stages = 1, ping_pong = true,
// HAND-SAME:       scaled_rows = true, dependent_launch = true>] merge
func.func private @few_rows(%part: index, %parts: index, %q: !q252, %k: !k252, %v: !k252, %o: !q252, %l: !l252)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q252, !k252, !k252) outs(%o, %l : !q252, !l252) scale 0.1
  return
}

// 64 rows: one warpgroup.
!q64 = memref<1x32x16x128xbf16>
!l64 = memref<1x32x16xf32>
// CHECK-LABEL: func.func private @one_fragment
// CHECK:         attend [<{{[^>]*}}block_keys = 128, warpgroups = 1, stages = 2, scaled_rows = true, dependent_launch = true,
func.func private @one_fragment(%part: index, %parts: index, %q: !q64, %k: !k252, %v: !k252, %o: !q64, %l: !l64)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q64, !k252, !k252) outs(%o, %l : !q64, !l64) scale 0.1
  return
}

// A causal square, a negative scale.
!s = memref<1x16x8192x64xf16>
!ls = memref<1x16x8192xf32>
// CHECK-LABEL: func.func private @square
// CHECK:         attend [<input = f16, output = f16, features = 64, value_features = 64, causal = true,
// CHECK-SAME:      negate_scores = true, block_keys = 192, {{[^>]*}}persistent = true, polynomials = 2>]>
func.func private @square(%part: index, %parts: index, %q: !s, %k: !s, %v: !s, %o: !s, %l: !ls, %d: index)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !s, !s, !s) outs(%o, %l : !s, !ls) scale -0.1 causal(%d, %d, %d) contiguous
  return
}

// Little work: nothing is split, and O is written at once.
!q1 = memref<1x1x1x100xbf16>
!v1 = memref<1x1x1x77xbf16>
!l1 = memref<1x1x1xf32>
// CHECK-LABEL: func.func private @little
// CHECK:         attend [<input = bf16, output = bf16, features = 100, value_features = 77, block_keys = 96,
// CHECK-SAME:      key_policy = evict_first>]>
func.func private @little(%part: index, %parts: index, %q: !q1, %k: !q1, %v: !v1, %o: !v1, %l: !l1)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !q1, !q1, !v1) outs(%o, %l : !v1, !l1) scale 0.1
  return
}

// No keys: the persistent form cannot do that.
!k0 = memref<1x16x0x64xf16>
// CHECK-LABEL: func.func private @no_keys
// CHECK-NOT:     persistent
// CHECK:         return
func.func private @no_keys(%part: index, %parts: index, %q: !s, %k: !k0, %v: !k0, %o: !s, %l: !ls)
    attributes {exec.kernel = "attend"} {
  rondo.attend ins(%q, %k, %v : !s, !k0, !k0) outs(%o, %l : !s, !ls) scale 0.1
  return
}

// CHECK-LABEL: func.func private @merge
// CHECK:         kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 128, unroll = 1>>
// HAND-LABEL:  func.func private @merge
// HAND:          features = 128, unroll = 2>>
func.func private @merge(%part: index, %parts: index, %a: !o, %la: !l, %b: !o, %lb: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
  return
}

// What has kernels keeps them.
// CHECK-LABEL: func.func private @chosen
// CHECK:         unroll = 7
// HAND-LABEL:  func.func private @chosen
// HAND:          unroll = 2
func.func private @chosen(%part: index, %parts: index, %a: !o, %la: !l, %b: !o, %lb: !l)
    attributes {exec.kernel = "merge"} {
  rondo.merge ins(%a, %la : !o, !l) outs(%b, %lb : !o, !l)
      {kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32, features = 128, unroll = 7>>}
  return
}
