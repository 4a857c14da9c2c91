// For CUDA, the attentions of a ring leave their parts to the merges: the attention starts, what is merged into is
// awaited, one kernel merges both.
// RUN: rondo-compile %s --target=cuda:sm_90a --schedule=query-ring --no-reference --emit=exec | FileCheck %s --check-prefixes=BOTH,QUERY
// RUN: rondo-compile %s --target=cuda:sm_90a --schedule=query-ring --home-parts=2 --no-reference --emit=exec \
// RUN:   | FileCheck %s --check-prefixes=BOTH,QUERY,HOME
// RUN: rondo-compile %s --target=cuda:sm_90a --schedule=kv-ring --no-reference --emit=exec | FileCheck %s --check-prefix=BOTH
// RUN: rondo-compile %s --schedule=query-ring --no-reference --emit=exec | FileCheck %s --check-prefix=CPU --implicit-check-not=joined
// CPU: func.func private @f__attend_0

rondo.grid @gpus = ["seq" = ?]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
!t = tensor<1x2x?x64xbf16>

// Step 0 has nothing to merge.
// BOTH-LABEL: func.func @f(
// BOTH:       scf.if
// BOTH:         exec.dispatch compute @f__attend_0(
// BOTH:         scf.for
// QUERY:          exec.exchange communication {{.*}} names ["output", "lse", "query"]
// QUERY-NEXT:     %[[ARRIVAL:.+]] = exec.record communication
// BOTH:           exec.dispatch compute @f__attend_1(
// QUERY-NEXT:     exec.await compute, %[[ARRIVAL]]
// BOTH-NEXT:      exec.dispatch compute @f__merge_0(
// BOTH:         }
// BOTH:         exec.dispatch compute @f__attend_1(
// QUERY-NEXT:   exec.await compute
// BOTH-NEXT:    exec.dispatch compute @f__merge_0(
// HOME:       exec.step {{.*}} tail
// HOME:       exec.exchange communication {{.*}} names ["output", "lse"]
// HOME-NEXT:  %[[HOME:.+]] = exec.record communication
// HOME:       exec.dispatch compute @f__attend_1(
// HOME-NEXT:  exec.await compute, %[[HOME]]
// HOME-NEXT:  exec.dispatch compute @f__merge_0(
// BOTH:       func.func private @f__attend_0(
// BOTH:         kernel = #rondo.kernel<attend {{.*}} merge <partial = f16, output = f32, features = 64,
// BOTH:       func.func private @f__attend_1(
// BOTH:         joined, kernel = #rondo.kernel<attend {{.*}} merge <partial = f16, output = f32, arriving = f32, features = 64,
// BOTH-SAME:      scaled_rows = true, dependent_launch = true>>
// BOTH:       func.func private @f__merge_0(
// BOTH:         joined, kernel = #rondo.kernel<merge <partial = f32, output = f32, arriving = f32,
func.func @f(%q: !t {rondo.sharding = #sequence}, %k: !t {rondo.sharding = #sequence}, %v: !t {rondo.sharding = #sequence})
    -> (!t {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v : (!t, !t, !t) -> !t
  return %o : !t
}
