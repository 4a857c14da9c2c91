// RUN: rondo-opt %s --rondo-emit-reference -split-input-file -verify-diagnostics

func.func @transposed(%a: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %empty = tensor.empty() : tensor<3x2xf32>
  // expected-error @below {{cannot be distributed}}
  // expected-note @below {{a program consists of attention, elementwise arith, math and linalg ops with identity maps}}
  %t = linalg.transpose ins(%a : tensor<2x3xf32>) outs(%empty : tensor<3x2xf32>) permutation = [1, 0]
  return %t : tensor<3x2xf32>
}

// -----

func.func @constant(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{cannot be distributed}}
  // expected-note @below {{splat constants}}
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %s = arith.addf %a, %c : tensor<2xf32>
  return %s : tensor<2xf32>
}

// -----

func.func @bits(%a: tensor<2xf32>) -> tensor<2xi32> {
  // expected-error @below {{cannot be distributed}}
  // expected-note @below {{a program consists of}}
  %b = arith.bitcast %a : tensor<2xf32> to tensor<2xi32>
  return %b : tensor<2xi32>
}

// -----

// expected-error @below {{has several blocks; a program is straight-line code}}
func.func @branches(%a: tensor<2xf32>) -> tensor<2xf32> {
  cf.br ^next
^next:
  return %a : tensor<2xf32>
}

// -----

// expected-note @+1 {{'taken' is defined here}}
func.func @taken(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{the name 'taken__reference' is reserved for the evaluation of 'taken' in float64; rename this function, or compile without a reference}}
func.func private @taken__reference(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{has an argument or result of type 'f32'; expected ranked tensors: only those are passed to a program}}
func.func @scalar(%x: tensor<4xf32>, %s: f32) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
