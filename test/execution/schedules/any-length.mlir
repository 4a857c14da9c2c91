// Every schedule, overlapped or not, computes what the global program says, on any number of ranks and for any lengths:
// some blocks are short, some empty. Two attentions, one causal, work between them, and the log-sum-exp as a result.

// RUN: rondo-compile %s --schedule=query-ring -o %t.query.so
// RUN: rondo-compile %s --schedule=query-ring --no-overlap -o %t.query-sync.so
// RUN: rondo-compile %s --schedule=query-ring --home-parts=2 -o %t.query-home.so
// RUN: rondo-compile %s --schedule=query-ring --home-parts=2 --no-overlap -o %t.query-home-sync.so
// RUN: rondo-compile %s --schedule=kv-ring -o %t.kv.so
// RUN: rondo-compile %s --schedule=kv-ring --no-overlap -o %t.kv-sync.so
// RUN: rondo-compile %s --schedule=auto -o %t.auto.so

// A schedule from outside of Rondo goes the same way.
// RUN: rondo-replicate-opt %s --rondo-emit-reference --rondo-propagate-sharding --rondo-partition=schedule=replicate --rondo-overlap --spmd-verify-pending -o %t.replicate.mlir
// RUN: rondo-compile %t.replicate.mlir -o %t.replicate.so

// RUN: for program in query query-sync query-home query-home-sync kv kv-sync auto replicate; do \
// RUN:   for ranks in 1 2 3 7; do \
// RUN:     rondo-run %t.$program.so --ranks=$ranks --check --length s0=2 --length s1=13 --length s2=21 || exit 1; \
// RUN:     rondo-run %t.$program.so --ranks=$ranks --check --length s0=1 --length s1=1 --length s2=2 || exit 1; \
// RUN:     rondo-run %t.$program.so --ranks=$ranks --check --length s0=1 --length s1=30 --length s2=3 || exit 1; \
// RUN:   done; \
// RUN: done

rondo.grid @gpus = ["seq" = ?]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

func.func @two(%q: tensor<?x4x?x8xf32> {rondo.sharding = #sequence}, %k: tensor<?x2x?x8xf32> {rondo.sharding = #sequence},
               %v: tensor<?x2x?x8xf32> {rondo.sharding = #sequence}) -> (tensor<?x4x?x8xf32>, tensor<?x4x?xf32>) {
  %a = rondo.attention %q, %k, %v causal top_left
      : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  %b = arith.addf %a, %q : tensor<?x4x?x8xf32>
  %c, %lse = rondo.attention %b, %k, %v
      : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> (tensor<?x4x?x8xf32>, tensor<?x4x?xf32>)
  return %c, %lse : tensor<?x4x?x8xf32>, tensor<?x4x?xf32>
}
