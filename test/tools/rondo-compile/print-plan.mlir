// The plan says what auto compared, what hides each transfer, and what a rank needs; it is read off any level up to exec.
// RUN: split-file %s %t
// RUN: rondo-compile %t/static.mlir --print-plan | FileCheck %s --check-prefix=STATIC --strict-whitespace
// RUN: rondo-compile %t/static.mlir --print-plan --no-overlap | FileCheck %s --check-prefix=SERIAL
// RUN: rondo-compile %t/static.mlir --print-plan --schedule=kv-ring | FileCheck %s --check-prefix=KV
// RUN: rondo-compile %t/static.mlir --print-plan --home-parts=2 | FileCheck %s --check-prefix=HOME
// RUN: sed s/xf32/xf16/g %t/static.mlir > %t/half.mlir
// RUN: rondo-compile %t/half.mlir --print-plan --target=cuda:sm_90a | FileCheck %s --check-prefix=COST
// RUN: rondo-compile %t/dynamic.mlir --print-plan | FileCheck %s --check-prefix=DYNAMIC
// RUN: rondo-compile %t/static.mlir --emit=exec -o %t/exec.mlir
// RUN: rondo-compile %t/exec.mlir --print-plan | FileCheck %s --check-prefix=EXEC --implicit-check-not=steps

// STATIC:      {{^}}grid @gpus ["seq" = 4]; n: its size{{$}}
// STATIC-NEXT: {{^}}function cross_attention (static.mlir:3){{$}}
// STATIC-NEXT: {{^}}  attention 0 (static.mlir:7){{$}}
// STATIC-NEXT: {{^}}    schedule        query-ring{{$}}
// STATIC-NEXT: {{^}}                    auto: 1843200 <= 39346176 (kv-ring){{$}}
// STATIC-NEXT: {{^}}    steps           4{{$}}
// STATIC-NEXT: {{^}}    sent            1843200 bytes (1.84 MB) by each rank{{$}}
// STATIC-NEXT: {{^}}    transfers       query             behind attend{{$}}
// STATIC-NEXT: {{^}}                    output+lse+query  behind attend{{$}}
// STATIC-NEXT: {{^}}                    output+lse        behind attend{{$}}
// STATIC-NEXT: {{^}}                    output+lse        exposed, in the tail{{$}}
// STATIC-NEXT: {{^}}  sent              1843200 bytes (1.84 MB) by each rank{{$}}
// STATIC-NEXT: {{^}}  arena             {{[0-9]+}} bytes ({{[0-9.]+}} MB) on each rank{{$}}
// STATIC-NEXT: {{^}}  kernels           copy x2, attend{{( x2)?}}, merge{{$}}
// STATIC-NOT:  {{.}}

// Without overlap nothing hides anything.
// SERIAL:     schedule query-ring
// SERIAL:     transfers query exposed
// SERIAL-NOT: behind

// KV:      schedule kv-ring
// KV-NEXT: steps 4
// KV-NEXT: sent 39346176 bytes (39.35 MB) by each rank
// KV-NEXT: transfers key+value behind attend
// KV-NEXT: key+value behind attend, merge

// The home block in two parts hides the tail.
// HOME:      home block 2 parts: asked for
// HOME-NEXT: steps 4
// HOME:      output+lse behind attend, in the tail
// HOME-NOT:  exposed

// On a GPU, costs decide.
// COST:      home block 1 part: max(a/2, q) + 3*max(a, q + o) + max(a/2 + c, o) = {{[0-9.]+}} us >= {{[0-9.]+}} us =
// COST:      attend, joined

// Each attention has its own choice and transfers; the function's bytes are their sum.
// DYNAMIC:      grid @gpus ["seq" = ?]
// DYNAMIC-NEXT: function twice (dynamic.mlir:3)
// DYNAMIC-NEXT: lengths s0 = arg0[2], s1 = arg1[2]
// DYNAMIC-NEXT: attention 0 (dynamic.mlir:7)
// DYNAMIC-NEXT: schedule query-ring if [[QUERY:.*]] <= [[KEY:.*ceil\(s1/n\).*]], else kv-ring
// DYNAMIC-NEXT: steps n
// DYNAMIC-NEXT: sent min([[QUERY]], [[KEY]]) bytes by each rank
// DYNAMIC:      key+value behind attend
// DYNAMIC:      attention 1 (dynamic.mlir:9)
// DYNAMIC-NEXT: schedule query-ring if [[QUERY]] <= [[KEY]], else kv-ring
// DYNAMIC-NEXT: steps n
// DYNAMIC-NEXT: sent min([[QUERY]], [[KEY]]) bytes by each rank
// DYNAMIC-NEXT: transfers query behind attend
// DYNAMIC:      sent min([[QUERY]], [[KEY]]) + min([[QUERY]], [[KEY]]) bytes by each rank
// DYNAMIC-NEXT: arena {{.*}}ceil(s0/n){{.*}} bytes on each rank

// What schedules compared is not in the program any more.
// EXEC:      attention 0{{$}}
// EXEC-NEXT: schedule query-ring
// EXEC-NEXT: transfers query behind attend
// EXEC:      sent 1843200 bytes (1.84 MB) by each rank

//--- static.mlir
rondo.grid @gpus = ["seq" = 4]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
func.func @cross_attention(%query: tensor<1x32x61x128xf32> {rondo.sharding = #sequence},
                           %key: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence},
                           %value: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #sequence}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  return %output : tensor<1x32x61x128xf32>
}

//--- dynamic.mlir
rondo.grid @gpus = ["seq" = ?]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
func.func @twice(%query: tensor<1x2x?x64xf32> {rondo.sharding = #sequence},
                 %key: tensor<1x2x?x64xf32> {rondo.sharding = #sequence},
                 %value: tensor<1x2x?x64xf32> {rondo.sharding = #sequence})
    -> (tensor<1x2x?x64xf32> {rondo.sharding = #sequence}) {
  %first = rondo.attention %query, %key, %value
      : (tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32>
  %second = rondo.attention %first, %key, %value
      : (tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32>
  return %second : tensor<1x2x?x64xf32>
}
