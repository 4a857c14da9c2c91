// A causal mask: a block's position in the sequence matters.
rondo.grid @gpus = ["seq" = 4]

func.func @attend(
    %query: tensor<1x2x12x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x2x12x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x2x12x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> tensor<1x2x12x8xf32> {
  %output = rondo.attention %query, %key, %value causal top_left
      : (tensor<1x2x12x8xf32>, tensor<1x2x12x8xf32>, tensor<1x2x12x8xf32>) -> tensor<1x2x12x8xf32>
  return %output : tensor<1x2x12x8xf32>
}
