// The choice by cost: two parts where the last hop takes longer than a second launch, one where all is short, and where
// something is not known.
// RUN: rondo-opt %s --rondo-partition='schedule=query-ring device=h100' --remarks-filter='rondo-schedule' -o %t 2>&1 \
// RUN:   | FileCheck %s
// RUN: rondo-opt %s --rondo-partition='schedule=query-ring' --remarks-filter='rondo-schedule' -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNKNOWN --implicit-check-not=HomeParts
// RUN: not rondo-opt %s --rondo-partition='home-parts=3' -o %t 2>&1 | FileCheck %s --check-prefix=PARTS
// RUN: not rondo-opt %s --rondo-partition='device=abacus' -o %t 2>&1 | FileCheck %s --check-prefix=DEVICE
// UNKNOWN: schedule=query-ring
// PARTS: error: the home block cannot be attended in '3' parts; expected auto, 1 or 2
// DEVICE: error: unknown device 'abacus'; expected none or h100

rondo.grid @gpus = ["seq" = 4]
rondo.grid @any = ["seq" = ?]
rondo.grid @alone = ["seq" = 1]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
#anywhere = #rondo.sharding<@any, [{}, {}, {"seq"}, {}]>
#here = #rondo.sharding<@alone, [{}, {}, {"seq"}, {}]>

!q = tensor<1x32x4096x128xbf16>
!k = tensor<1x8x307392x128xbf16>

// a = 1024*76848*32*256 multiply-adds / 350e6, q = 20 + 8388608 / 0.35e6, o = 20 + 16908288 / 0.35e6.
// CHECK:      [Passed] HomeParts | Category:rondo-schedule | Function=long
// CHECK-SAME:   because="max(a/2, q) + 3*max(a, q + o) + max(a/2 + c, o) = 7374.4 us < 7435.7 us = max(a, q) + 3*max(a, q + o) + o,
// CHECK-SAME:   with a = 1841.9, q = 44.0, o = 68.3, c = 7.0 us on h100", parts=2
func.func @long(%q: !q {rondo.sharding = #sequence}, %k: !k {rondo.sharding = #sequence},
                %v: !k {rondo.sharding = #sequence}) -> (!q {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]} : (!q, !k, !k) -> !q
  return %o : !q
}

// CHECK:      [Passed] HomeParts | Category:rondo-schedule | Function=short
// CHECK-SAME:   us >= {{[0-9.]+}} us = {{.*}}, parts=1
func.func @short(%q: tensor<1x1x4x8xbf16> {rondo.sharding = #sequence},
                 %k: tensor<1x1x16x8xbf16> {rondo.sharding = #sequence},
                 %v: tensor<1x1x16x8xbf16> {rondo.sharding = #sequence})
    -> (tensor<1x1x4x8xbf16> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x1x4x8xbf16>, tensor<1x1x16x8xbf16>, tensor<1x1x16x8xbf16>) -> tensor<1x1x4x8xbf16>
  return %o : tensor<1x1x4x8xbf16>
}

// CHECK:      [Passed] HomeParts | Category:rondo-schedule | Function=dynamic
// CHECK-SAME:   because="lengths or ranks are bound at run time", parts=1
func.func @dynamic(%q: !q {rondo.sharding = #anywhere}, %k: !k {rondo.sharding = #anywhere},
                   %v: !k {rondo.sharding = #anywhere}) -> (!q {rondo.sharding = #anywhere}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#anywhere]} : (!q, !k, !k) -> !q
  return %o : !q
}

// CHECK:      [Passed] HomeParts | Category:rondo-schedule | Function=one_rank
// CHECK-SAME:   because="there is one rank", parts=1
func.func @one_rank(%q: !q {rondo.sharding = #here}, %k: !k {rondo.sharding = #here}, %v: !k {rondo.sharding = #here})
    -> (!q {rondo.sharding = #here}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#here]} : (!q, !k, !k) -> !q
  return %o : !q
}
