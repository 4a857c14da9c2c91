// Causal self-attention of any length, over any number of ranks. Two query heads share one of keys and values.
rondo.grid @ranks = ["seq" = ?]

func.func @attention(
    %query: tensor<1x4x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x2x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x2x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x4x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>}) {
  %output = rondo.attention %query, %key, %value causal top_left
      : (tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x4x?x32xf32>
  return %output : tensor<1x4x?x32xf32>
}
