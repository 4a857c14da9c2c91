// Cross-attention of Llama 3.2-Vision on four ranks: 61 text tokens attend to one image of 6404 visual tokens.
// 32 query heads share 8 key/value heads; 61 does not divide by 4: the ranks hold 16, 16, 16 and 13 queries.
rondo.grid @gpus = ["seq" = 4]

func.func @cross_attention(
    %query: tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x8x6404x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x8x6404x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  return %output : tensor<1x32x61x128xf32>
}
