// Ten queries and 13 keys over four ranks: uneven shards on both sides.
rondo.grid @gpus = ["seq" = 4]

func.func @attend(
    %query: tensor<1x4x10x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x2x13x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x2x13x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> tensor<1x4x10x8xf32> {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x4x10x8xf32>, tensor<1x2x13x8xf32>, tensor<1x2x13x8xf32>) -> tensor<1x4x10x8xf32>
  return %output : tensor<1x4x10x8xf32>
}
