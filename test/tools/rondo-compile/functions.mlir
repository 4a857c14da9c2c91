// Several public functions are one program; --function picks one of them.

// RUN: rondo-compile %s -o %t.so
// RUN: rondo-run %t.so --describe | FileCheck %s --check-prefix=ALL
// ALL: function cross
// ALL: function self
// RUN: rondo-run %t.so --ranks=2 --function=cross --check | FileCheck %s --check-prefix=CHECKED
// RUN: rondo-run %t.so --ranks=2 --function=self --check | FileCheck %s --check-prefix=CHECKED
// CHECKED: check passed

// RUN: rondo-compile %s --function=self -o %t.one.so
// RUN: rondo-run %t.one.so --describe | FileCheck %s --check-prefix=ONE
// RUN: rondo-run %t.one.so --ranks=2 --check | FileCheck %s --check-prefix=CHECKED
// ONE-NOT: function cross
// ONE:     function self
// ONE-NOT: function cross

// A choice holds at lower levels too, and takes the evaluation along.
// RUN: rondo-compile %s --emit=spmd | rondo-compile --function=self --emit=spmd | FileCheck %s --check-prefix=SPMD
// SPMD-NOT: @cross
// SPMD:     func.func @self(
// SPMD-NOT: @cross
// SPMD:     func.func private @self__reference(
// SPMD-NOT: @cross

// RUN: not rondo-compile %s --function=attend -o %t.none.so 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not ls %t.none.so
// UNKNOWN: functions.mlir{{.*}}: error: there is no public function 'attend'; the module has 'cross', 'self'

// A private function is none of the program's.
// RUN: not rondo-compile %s --function=unused --emit=spmd 2>&1 | FileCheck %s --check-prefix=PRIVATE
// PRIVATE: error: there is no public function 'unused'; the module has 'cross', 'self'

#seq = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
!q = tensor<1x2x5x8xf32>
!kv = tensor<1x2x7x8xf32>
rondo.grid @gpus = ["seq" = 2]

func.func @cross(%q: !q {rondo.sharding = #seq}, %k: !kv {rondo.sharding = #seq}, %v: !kv {rondo.sharding = #seq}) -> !q {
  %o = rondo.attention %q, %k, %v : (!q, !kv, !kv) -> !q
  return %o : !q
}

func.func @self(%x: !kv {rondo.sharding = #seq}) -> !kv {
  %o = rondo.attention %x, %x, %x causal top_left : (!kv, !kv, !kv) -> !kv
  return %o : !kv
}

func.func private @unused(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
