// RUN: rondo-opt %s --rondo-bufferize -verify-diagnostics -split-input-file

// A result must have been written into an output argument.
func.func @result_in_new_memory(%x: tensor<4xf32>, %y: tensor<4xf32> {spmd.output}) -> (tensor<4xf32>, tensor<4xf32>) {
  %copied = linalg.copy ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  %sum = arith.addf %x, %x : tensor<4xf32>
  // expected-error @+1 {{result 1 of 'result_in_new_memory' is not written into an output argument; copy it with linalg.copy into an argument marked 'spmd.output'}}
  return %copied, %sum : tensor<4xf32>, tensor<4xf32>
}

// -----

// An input is no output argument.
func.func @result_is_input(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{result 0 of 'result_is_input' is not written into an output argument}}
  return %x : tensor<4xf32>
}

// -----

// What bufferisation does not know, such as an attention that nobody partitioned, is an error.
func.func @unknown(%q: tensor<1x1x4x8xf32>, %out: tensor<1x1x4x8xf32> {spmd.output}) -> tensor<1x1x4x8xf32> {
  // expected-error @+1 {{'rondo.attention' op cannot be turned into one on memrefs; expected a rank's program, as rondo-partition makes it}}
  %o = rondo.attention %q, %q, %q : (tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>)
      -> tensor<1x1x4x8xf32>
  %r = linalg.copy ins(%o : tensor<1x1x4x8xf32>) outs(%out : tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %r : tensor<1x1x4x8xf32>
}
