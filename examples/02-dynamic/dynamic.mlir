// One program for every request: batch, text length, image length and the number of ranks are bound at run time.
rondo.grid @gpus = ["seq" = ?]

func.func @cross_attention(
    %query: tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<?x2x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<?x2x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<?x8x?x64xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
        tensor<?x8x?xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>}) {
  %output, %lse = rondo.attention %query, %key, %value
      : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> (tensor<?x8x?x64xf32>, tensor<?x8x?xf32>)
  return %output, %lse : tensor<?x8x?x64xf32>, tensor<?x8x?xf32>
}
