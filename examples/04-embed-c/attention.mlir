// Ten queries attend to 37 keys and values. Each of four ranks holds a part of both sequences.
rondo.grid @ranks = ["seq" = 4]

func.func @attention(
    %query: tensor<1x1x10x16xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x1x37x16xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x1x37x16xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x1x10x16xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x1x10x16xf32>, tensor<1x1x37x16xf32>, tensor<1x1x37x16xf32>) -> tensor<1x1x10x16xf32>
  return %output : tensor<1x1x10x16xf32>
}
