// Attention of a few rows to many keys on one rank, in bf16: for targets that compute on 16 bits.
func.func @attend(%query: tensor<1x32x63x128xbf16>, %key: tensor<1x8x76848x128xbf16>,
                  %value: tensor<1x8x76848x128xbf16>) -> tensor<1x32x63x128xbf16> {
  %output = rondo.attention %query, %key, %value
      : (tensor<1x32x63x128xbf16>, tensor<1x8x76848x128xbf16>, tensor<1x8x76848x128xbf16>)
      -> tensor<1x32x63x128xbf16>
  return %output : tensor<1x32x63x128xbf16>
}
