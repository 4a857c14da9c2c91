// Ten queries attend to 37 keys and values, on any number of GPUs. Each holds a part of both sequences.
rondo.grid @gpus = ["seq" = ?]

func.func @attention(
    %query: tensor<1x1x10x16xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %key: tensor<1x1x37x16xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>},
    %value: tensor<1x1x37x16xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>})
    -> (tensor<1x1x10x16xf16> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x1x10x16xf16>, tensor<1x1x37x16xf16>, tensor<1x1x37x16xf16>) -> tensor<1x1x10x16xf16>
  return %output : tensor<1x1x10x16xf16>
}
