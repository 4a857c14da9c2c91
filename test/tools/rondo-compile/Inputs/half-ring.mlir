// All lengths, and the number of ranks, are bound at run time.
rondo.grid @gpus = ["seq" = ?]
#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>
func.func @attend(%query: tensor<1x4x?x64xf16> {rondo.sharding = #sequence},
                  %key: tensor<1x2x?x64xf16> {rondo.sharding = #sequence},
                  %value: tensor<1x2x?x64xf16> {rondo.sharding = #sequence})
    -> (tensor<1x4x?x64xf16> {rondo.sharding = #sequence}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x4x?x64xf16>, tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>) -> tensor<1x4x?x64xf16>
  return %output : tensor<1x4x?x64xf16>
}
