// RUN: rondo-opt %s --rondo-partition=schedule=kv-ring --rondo-overlap --remarks-filter='rondo-.*' -o %t 2>&1 | FileCheck %s --check-prefix=KV
// RUN: rondo-opt %s --rondo-partition=schedule=query-ring --rondo-overlap --remarks-filter='rondo-.*' -o %t 2>&1 | FileCheck %s --check-prefix=QUERY

rondo.grid @gpus = ["seq" = 4]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// A schedule chosen by hand that moves more than another is reported.
// KV:      [Passed] Partition | Category:rondo-schedule | Function=cross_attention | bytes=39346176, schedule=kv-ring, steps=4
// KV:      [Missed] Partition | Category:rondo-schedule | Function=cross_attention
// KV-SAME:   Reason="kv-ring moves 39346176 bytes, query-ring would move 1843200", Suggestion="schedule=query-ring, or auto"
// KV:      [Passed] Overlap | Category:rondo-overlap | Function=cross_attention | behind="the step it starts in", transfer=key
// KV:      [Passed] Overlap | Category:rondo-overlap | Function=cross_attention | behind="the step it starts in", transfer=value
// KV-NOT:  [Missed] Overlap

// The query ring's tail is exposed.
// QUERY-NOT:  [Missed] Partition
// QUERY:      [Passed] Overlap | Category:rondo-overlap | Function=cross_attention | behind="the step it starts in", transfer=query
// QUERY:      [Passed] Overlap | Category:rondo-overlap | Function=cross_attention | behind=rondo.attend, transfer=output
// QUERY:      [Passed] Overlap | Category:rondo-overlap | Function=cross_attention | behind=rondo.attend, transfer=lse
// QUERY:      [Missed] Overlap | Category:rondo-overlap | Function=cross_attention
// QUERY-SAME:   Reason="nothing is computed between its start and the first use of what arrives", Suggestion="compute in between what does not need it", transfer=output
func.func @cross_attention(%q: tensor<1x32x61x128xf32> {rondo.sharding = #sequence},
                           %k: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence},
                           %v: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  return %o : tensor<1x32x61x128xf32>
}
