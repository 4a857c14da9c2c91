// Attention whose default scale is 1/4, which tests of strides run on tensors of their own.
rondo.grid @gpus = ["seq" = ?]
#tensor = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

func.func @full(%q: tensor<?x4x?x16xf16> {rondo.sharding = #tensor}, %k: tensor<?x2x?x16xf16> {rondo.sharding = #tensor},
                %v: tensor<?x2x?x16xf16> {rondo.sharding = #tensor})
    -> (tensor<?x4x?x16xf16> {rondo.sharding = #tensor},
        tensor<?x4x?xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>}) {
  %o, %lse = rondo.attention %q, %k, %v
      : (tensor<?x4x?x16xf16>, tensor<?x2x?x16xf16>, tensor<?x2x?x16xf16>) -> (tensor<?x4x?x16xf16>, tensor<?x4x?xf32>)
  return %o, %lse : tensor<?x4x?x16xf16>, tensor<?x4x?xf32>
}

func.func @causal(%q: tensor<?x4x?x16xf16> {rondo.sharding = #tensor}, %k: tensor<?x2x?x16xf16> {rondo.sharding = #tensor},
                  %v: tensor<?x2x?x16xf16> {rondo.sharding = #tensor})
    -> (tensor<?x4x?x16xf16> {rondo.sharding = #tensor},
        tensor<?x4x?xf32> {rondo.sharding = #rondo.sharding<@gpus, [{}, {}, {"seq"}]>}) {
  %o, %lse = rondo.attention %q, %k, %v causal bottom_right
      : (tensor<?x4x?x16xf16>, tensor<?x2x?x16xf16>, tensor<?x2x?x16xf16>) -> (tensor<?x4x?x16xf16>, tensor<?x4x?xf32>)
  return %o, %lse : tensor<?x4x?x16xf16>, tensor<?x4x?xf32>
}
