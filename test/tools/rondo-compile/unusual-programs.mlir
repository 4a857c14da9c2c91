// Programs that are odd, but right.
// RUN: rondo-compile %s -o %t.so
// RUN: rondo-run %t.so --ranks=2 --function=twice --check | FileCheck %s --check-prefixes=TWICE,PASSED
// RUN: rondo-run %t.so --ranks=2 --function=passed_through --check | FileCheck %s --check-prefix=PASSED
// RUN: rondo-run %t.so --ranks=2 --function=one_input --check | FileCheck %s --check-prefix=PASSED
// RUN: rondo-run %t.so --ranks=2 --function=no_keys --check | FileCheck %s --check-prefix=PASSED
// RUN: rondo-run %t.so --ranks=2 --function=no_attention --check | FileCheck %s --check-prefix=PASSED
// RUN: rondo-run %t.so --ranks=2 --function=no_result | FileCheck %s --check-prefix=NOTHING
// TWICE: check result0 relative error
// TWICE: check result1 relative error
// TWICE: check result2 relative error
// PASSED: check passed
// NOTHING: no_result: 2 ranks

// From standard input, and to standard output.
// RUN: rondo-compile --emit=spmd < %s | rondo-compile - --function=twice -o %t.piped.so
// RUN: rondo-run %t.piped.so --ranks=2 --check | FileCheck %s --check-prefix=PASSED

#seq = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
!x = tensor<1x2x5x8xf32>
rondo.grid @gpus = ["seq" = 2]

// A value is returned twice, and an argument once.
func.func @twice(%x: !x {rondo.sharding = #seq}) -> (!x, !x, !x) {
  %o = rondo.attention %x, %x, %x : (!x, !x, !x) -> !x
  return %o, %x, %o : !x, !x, !x
}

// The result of attention is not used.
func.func @passed_through(%x: !x {rondo.sharding = #seq}) -> !x {
  %o = rondo.attention %x, %x, %x : (!x, !x, !x) -> !x
  return %x : !x
}

// Queries are a constant.
func.func @one_input(%kv: !x) -> !x {
  %q = arith.constant dense<0.5> : !x
  %o = rondo.attention %q, %kv, %kv : (!x, !x, !x) -> !x
  return %o : !x
}

// There is nothing to attend to.
func.func @no_keys(%q: !x {rondo.sharding = #seq}, %kv: tensor<1x2x0x8xf32> {rondo.sharding = #seq}) -> !x {
  %o = rondo.attention %q, %kv, %kv : (!x, tensor<1x2x0x8xf32>, tensor<1x2x0x8xf32>) -> !x
  return %o : !x
}

// One of a program's functions attends: that suffices.
func.func @no_attention(%x: !x {rondo.sharding = #seq}) -> !x {
  %o = arith.addf %x, %x : !x
  return %o : !x
}

// All of it is in vain.
func.func @no_result(%x: !x {rondo.sharding = #seq}) {
  %o = rondo.attention %x, %x, %x : (!x, !x, !x) -> !x
  return
}
