// Self-attention of MiniLM-L6: 12 heads of 32 features. Queries, keys and values are sharded on the same axis. Batch,
// length and the number of ranks are bound at run time, so that one program serves every sentence.
rondo.grid @ranks = ["seq" = ?]

func.func @self_attention(
    %query: tensor<?x12x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %key: tensor<?x12x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>},
    %value: tensor<?x12x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>})
    -> (tensor<?x12x?x32xf32> {rondo.sharding = #rondo.sharding<@ranks, [{}, {}, {"seq"}, {}]>}) {
  %output = rondo.attention %query, %key, %value
      : (tensor<?x12x?x32xf32>, tensor<?x12x?x32xf32>, tensor<?x12x?x32xf32>) -> tensor<?x12x?x32xf32>
  return %output : tensor<?x12x?x32xf32>
}
