// Every length and the number of ranks are bound at run time.
rondo.grid @gpus = ["seq" = ?]

func.func @attend(
    %query: tensor<?x4x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<?x2x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<?x2x?x8xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> tensor<?x4x?x8xf32> {
  %output = rondo.attention %query, %key, %value
      : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  return %output : tensor<?x4x?x8xf32>
}
