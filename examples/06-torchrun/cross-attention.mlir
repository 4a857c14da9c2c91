// Cross-attention of a text with an image, both sharded over GPUs, for any lengths and any number of GPUs.
rondo.grid @gpus = ["seq" = ?]

func.func @cross_attention(
    %query: tensor<1x4x?x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x2x?x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x2x?x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x4x?x64xbf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
        tensor<1x4x?xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>}) {
  %output, %lse = rondo.attention %query, %key, %value
      : (tensor<1x4x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>)
      -> (tensor<1x4x?x64xbf16>, tensor<1x4x?xf32>)
  return %output, %lse : tensor<1x4x?x64xbf16>, tensor<1x4x?xf32>
}
