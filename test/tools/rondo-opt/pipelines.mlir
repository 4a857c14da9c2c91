// The levels that rondo-compile goes through, as pipelines of rondo-opt. They take the same path.
// RUN: rondo-opt %s --rondo-global-to-spmd='schedule=query-ring' --rondo-spmd-to-exec | FileCheck %s --check-prefix=EXEC
// RUN: rondo-opt %s --rondo-global-to-spmd='schedule=query-ring' -o %t.opt.mlir
// RUN: rondo-compile %s --schedule=query-ring --emit=spmd -o %t.compile.mlir
// RUN: rondo-opt %t.opt.mlir --mlir-print-local-scope | diff - %t.compile.mlir

// RUN: rondo-opt %s --rondo-global-to-spmd='schedule=kv-ring overlap=false reference=false' | FileCheck %s --check-prefix=PLAIN
// RUN: not rondo-opt %s --rondo-global-to-spmd='schedule=star' 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// EXEC-LABEL: func.func @attend(
// EXEC:         exec.exchange communication
// EXEC:         exec.dispatch compute @attend__attend_0
// EXEC:       func.func private @attend__reference

// PLAIN-LABEL: func.func @attend(
// PLAIN-SAME:    spmd.schedules = ["kv-ring"]
// PLAIN:         %[[KEY:.+]] = spmd.shift_start {{.*}} name "key"
// PLAIN-NEXT:    spmd.wait %[[KEY]]
// PLAIN-NOT:   rondo.reference

// UNKNOWN: error: unknown schedule 'star'; expected auto, query-ring, kv-ring

#seq = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
!x = tensor<1x2x5x8xf32>
rondo.grid @gpus = ["seq" = 2]
func.func @attend(%q: !x {rondo.sharding = #seq}, %k: !x {rondo.sharding = #seq}, %v: !x {rondo.sharding = #seq}) -> !x {
  %o = rondo.attention %q, %k, %v : (!x, !x, !x) -> !x
  return %o : !x
}
