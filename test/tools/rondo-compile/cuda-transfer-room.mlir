// How many multiprocessors an attention leaves to the transfer beside it, by the model that the runtime uses.
// RUN: rm -rf %t && mkdir -p %t
// RUN: rondo-compile %s --function=few --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --remarks --emit=exec \
// RUN:   --no-reference -o %t/few.mlir 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: rondo-compile %s --function=few --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --print-plan \
// RUN:   | FileCheck %s --check-prefix=PLAN
// RUN: rondo-compile %s --function=many --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --remarks --emit=exec \
// RUN:   --no-reference -o %t/many.mlir 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: rondo-compile %s --function=any --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --remarks --emit=exec \
// RUN:   --no-reference -o %t/any.mlir 2>&1 | FileCheck %s --check-prefix=ANY
// RUN: rondo-compile %s --function=any --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --print-plan \
// RUN:   | FileCheck %s --check-prefix=ANY-PLAN
// RUN: rondo-compile %s --function=alone --target=cuda:sm_90a --remarks --emit=exec --no-reference -o %t/alone.mlir 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ALONE
// RUN: rondo-compile %s --function=few --target=cuda:sm_90a --schedule=query-ring --home-parts=1 --no-overlap --remarks --emit=exec \
// RUN:   --no-reference -o %t/late.mlir 2>&1 | FileCheck %s --check-prefix=ALONE

rondo.grid @gpus = ["seq" = 2]

// Bytes are those of the longest shards: 63 rows, of 128 bf16 queries, and of f32 results with their LSE. NCCL's CTAs send
// them before the attention ends.
// FEW:      remark: [Passed] TransferRoom | Category:rondo-kernels | Function=few__attend_0 |
// FEW-SAME:   attend="{{[0-9.]+}} us on an H100", bytes=516096, ctas=8, margin={{[08]}}, sent="{{[0-9.]+}} us",
// FEW-SAME:   step="{{1.01 \* [0-9.]+ us < [0-9.]+ us with|[0-9.]+ us <= 1.01 \* [0-9.]+ us without}} one", transfer=query
// FEW:      bytes=1040256, ctas=16, {{.*}}transfer=output+lse
// FEW-NOT:  TransferRoom
// PLAN:      merge_f16_128_to_f32_u12_scaled_dependent
// PLAN:      {{^}}                    beside query: margin {{[08]}}, a step of {{.*}}1.01 * {{.*}} us with{{(out)?}} one{{$}}
// PLAN-NEXT: {{^}}                      516096 bytes in {{[0-9.]+}} us by 8 CTAs, attend {{[0-9.]+}} us on an H100{{$}}
// PLAN:      {{^}}                    beside output+lse: margin
func.func @few(%q: tensor<1x32x125x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
               %k: tensor<1x8x153696x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
               %v: tensor<1x8x153696x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x32x125x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %o, %lse = rondo.attention %q, %k, %v
      : (tensor<1x32x125x128xbf16>, tensor<1x8x153696x128xbf16>, tensor<1x8x153696x128xbf16>)
      -> (tensor<1x32x125x128xbf16>, tensor<1x32x125xf32>)
  return %o : tensor<1x32x125x128xbf16>
}

// Many rows and few keys: much is to be sent, by so many CTAs that room for them costs more than it brings.
// MANY: bytes=67633152, ctas=16, margin=0, {{.*}}step="1.01 * {{[0-9.]+}} us < {{[0-9.]+}} us with one", transfer=output+lse
func.func @many(%q: tensor<1x16x16384x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
                %k: tensor<1x16x16384x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
                %v: tensor<1x16x16384x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x16x16384x128xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %o, %lse = rondo.attention %q, %k, %v
      : (tensor<1x16x16384x128xbf16>, tensor<1x16x16384x128xbf16>, tensor<1x16x16384x128xbf16>)
      -> (tensor<1x16x16384x128xbf16>, tensor<1x16x16384xf32>)
  return %o : tensor<1x16x16384x128xbf16>
}

// Lengths that nobody knows yet: the rule.
// ANY: TransferRoom {{.*}}margin="its CTAs if max(attend(132 - CTAs), transfer) <= 1.01 * max(attend(132) beside it, transfer), else 0; decided when it runs", transfer=query
// ANY-PLAN: {{^}}                    beside query: margin chosen when it runs{{$}}
func.func @any(%q: tensor<1x8x?x64xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
               %k: tensor<1x8x?x64xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
               %v: tensor<1x8x?x64xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x8x?x64xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %o, %lse = rondo.attention %q, %k, %v
      : (tensor<1x8x?x64xf16>, tensor<1x8x?x64xf16>, tensor<1x8x?x64xf16>) -> (tensor<1x8x?x64xf16>, tensor<1x8x?xf32>)
  return %o : tensor<1x8x?x64xf16>
}

// Nothing is sent, or nothing happens meanwhile: no room, and no remark.
// ALONE:     ChooseKernels
// ALONE-NOT: TransferRoom
func.func @alone(%q: tensor<1x8x64x64xf16>, %k: tensor<1x8x64x64xf16>, %v: tensor<1x8x64x64xf16>)
    -> (tensor<1x8x64x64xf16>) {
  %o, %lse = rondo.attention %q, %k, %v
      : (tensor<1x8x64x64xf16>, tensor<1x8x64x64xf16>, tensor<1x8x64x64xf16>)
      -> (tensor<1x8x64x64xf16>, tensor<1x8x64xf32>)
  return %o : tensor<1x8x64x64xf16>
}
