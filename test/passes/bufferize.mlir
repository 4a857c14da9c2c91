// RUN: rondo-opt %s --rondo-bufferize -split-input-file | FileCheck %s

// A carried value costs one allocation an iteration: no copy, and the merge writes what has arrived.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @carried
// CHECK-SAME:    %[[O:[^:]+]]: memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>>
// CHECK-SAME:    %[[OUT:[^:]+]]: memref<1x4x?x8xf32, strided<[?, ?, ?, 1], offset: ?>> {spmd.output}
// CHECK-SAME:    %[[ROWS:[^:]+]]: index {spmd.length = "s0"}) {
// CHECK:       linalg.copy ins(%[[O]] : {{.+}}) outs(%[[FIRST:[^ ]+]] :
// CHECK:       %[[LOOP:.+]] = scf.for {{.+}} iter_args(%[[STATE:.+]] = %[[FIRST]])
// CHECK-NOT:     copy
// CHECK:         %[[SLOT:.+]] = memref.alloc(%[[ROWS]])
// CHECK:         %[[PENDING:.+]] = spmd.shift_start %[[STATE]] into %[[SLOT]] by 1 on @gpus "seq" name "output"
// CHECK:         %[[ARRIVED:.+]] = spmd.wait %[[PENDING]], %[[STATE]]
// CHECK:         rondo.merge ins(%{{.+}}, %{{.+}} : {{.+}}) outs(%[[ARRIVED]], %{{.+}} :
// CHECK-NOT:     copy
// CHECK:         scf.yield %[[ARRIVED]] :
// CHECK:       linalg.copy ins(%[[LOOP]] : {{.+}}) outs(%[[OUT]] :
// CHECK-NEXT:  return{{$}}
func.func @carried(%o: tensor<1x4x?x8xf32>, %l: tensor<1x4x?xf32>, %out: tensor<1x4x?x8xf32> {spmd.output},
                   %rows: index {spmd.length = "s0"}) -> tensor<1x4x?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = spmd.axis_size @gpus "seq"
  %o_empty = tensor.empty(%rows) : tensor<1x4x?x8xf32>
  %l_empty = tensor.empty(%rows) : tensor<1x4x?xf32>
  %o0 = linalg.copy ins(%o : tensor<1x4x?x8xf32>) outs(%o_empty : tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %l0 = linalg.copy ins(%l : tensor<1x4x?xf32>) outs(%l_empty : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  %state:2 = scf.for %t = %c0 to %n step %c1 iter_args(%oi = %o0, %li = %l0)
      -> (tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) {
    %p = spmd.shift_start %oi by 1 on @gpus "seq" (%rows) name "output"
        : tensor<1x4x?x8xf32> -> !spmd.pending<1x4x?x8xf32>
    %arrived = spmd.wait %p, %oi : !spmd.pending<1x4x?x8xf32>, tensor<1x4x?x8xf32> -> tensor<1x4x?x8xf32>
    %merged:2 = rondo.merge ins(%o, %l : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>)
        outs(%arrived, %li : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) -> tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
    scf.yield %merged#0, %merged#1 : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
  }
  %r = linalg.copy ins(%state#0 : tensor<1x4x?x8xf32>) outs(%out : tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  return %r : tensor<1x4x?x8xf32>
}

// -----

// A value is read until its wait: the merge between start and wait may not write it, so it writes a copy.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @in_flight
// CHECK:       spmd.shift_start %[[SOURCE:.+]] into
// CHECK:       linalg.copy ins(%[[SOURCE]] : {{.+}}) outs(%[[COPY:.+]] :
// CHECK:       rondo.merge ins({{.+}}) outs(%[[COPY]], %{{.+}} :
// CHECK:       spmd.wait %{{.+}}, %[[SOURCE]]
func.func @in_flight(%x: tensor<1x2x4x8xf32>, %l: tensor<1x2x4xf32>, %out: tensor<1x2x4x8xf32> {spmd.output},
                     %sent: tensor<1x2x4x8xf32> {spmd.output}) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) {
  %empty = tensor.empty() : tensor<1x2x4x8xf32>
  %l_empty = tensor.empty() : tensor<1x2x4xf32>
  %own = linalg.copy ins(%x : tensor<1x2x4x8xf32>) outs(%empty : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  %own_l = linalg.copy ins(%l : tensor<1x2x4xf32>) outs(%l_empty : tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %p = spmd.shift_start %own by 1 on @gpus "seq" name "output" : tensor<1x2x4x8xf32> -> !spmd.pending<1x2x4x8xf32>
  %m:2 = rondo.merge ins(%x, %l : tensor<1x2x4x8xf32>, tensor<1x2x4xf32>)
      outs(%own, %own_l : tensor<1x2x4x8xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4x8xf32>, tensor<1x2x4xf32>
  %a = spmd.wait %p, %own : !spmd.pending<1x2x4x8xf32>, tensor<1x2x4x8xf32> -> tensor<1x2x4x8xf32>
  %r0 = linalg.copy ins(%m#0 : tensor<1x2x4x8xf32>) outs(%out : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  %r1 = linalg.copy ins(%a : tensor<1x2x4x8xf32>) outs(%sent : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %r0, %r1 : tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>
}

// -----

// A flight that starts in one iteration and ends in the next is carried as it is.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @across_iterations
// CHECK:       scf.for {{.+}} iter_args(%[[PENDING:.+]] = %{{.+}}, %[[SOURCE:.+]] = %{{.+}}) -> (!spmd.pending<1x2x4x8xf32>, memref<1x2x4x8xf32>)
// CHECK-NEXT:    %[[ARRIVED:.+]] = spmd.wait %[[PENDING]], %[[SOURCE]]
// CHECK-NEXT:    %[[SLOT:.+]] = memref.alloc
// CHECK-NEXT:    %[[NEXT:.+]] = spmd.shift_start %[[ARRIVED]] into %[[SLOT]]
// CHECK-NEXT:    scf.yield %[[NEXT]], %[[ARRIVED]]
func.func @across_iterations(%x: tensor<1x2x4x8xf32>, %out: tensor<1x2x4x8xf32> {spmd.output}) -> tensor<1x2x4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = spmd.axis_size @gpus "seq"
  %empty = tensor.empty() : tensor<1x2x4x8xf32>
  %own = linalg.copy ins(%x : tensor<1x2x4x8xf32>) outs(%empty : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  %p0 = spmd.shift_start %own by 1 on @gpus "seq" name "query" : tensor<1x2x4x8xf32> -> !spmd.pending<1x2x4x8xf32>
  %last:2 = scf.for %t = %c0 to %n step %c1 iter_args(%p = %p0, %source = %own)
      -> (!spmd.pending<1x2x4x8xf32>, tensor<1x2x4x8xf32>) {
    %a = spmd.wait %p, %source : !spmd.pending<1x2x4x8xf32>, tensor<1x2x4x8xf32> -> tensor<1x2x4x8xf32>
    %next = spmd.shift_start %a by 1 on @gpus "seq" name "query" : tensor<1x2x4x8xf32> -> !spmd.pending<1x2x4x8xf32>
    scf.yield %next, %a : !spmd.pending<1x2x4x8xf32>, tensor<1x2x4x8xf32>
  }
  %a = spmd.wait %last#0, %last#1 : !spmd.pending<1x2x4x8xf32>, tensor<1x2x4x8xf32> -> tensor<1x2x4x8xf32>
  %r = linalg.copy ins(%a : tensor<1x2x4x8xf32>) outs(%out : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %r : tensor<1x2x4x8xf32>
}

// -----

// A chain of elementwise ops is one linalg.generic, which writes the output itself. Inputs are never written.
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME:    %[[X:[^:]+]]: memref<?x8xf32, strided<[?, 1], offset: ?>>
// CHECK-SAME:    %[[Y:[^:]+]]: memref<?x8xf32, strided<[?, 1], offset: ?>>
// CHECK-SAME:    %[[OUT:[^:]+]]: memref<?x8xf16, strided<[?, 1], offset: ?>> {spmd.output}
// CHECK-NOT:   alloc
// CHECK:       linalg.generic {{.+}} ins(%[[X]], %[[Y]] : {{.+}}) outs(%[[OUT]] :
// CHECK:         arith.addf
// CHECK-NEXT:    arith.mulf
// CHECK-NEXT:    arith.truncf
// CHECK-NEXT:    linalg.yield
// CHECK-NEXT:  }
// CHECK-NEXT:  return
func.func @elementwise(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %out: tensor<?x8xf16> {spmd.output})
    -> tensor<?x8xf16> {
  %sum = arith.addf %x, %y : tensor<?x8xf32>
  %square = arith.mulf %sum, %sum : tensor<?x8xf32>
  %half = arith.truncf %square : tensor<?x8xf32> to tensor<?x8xf16>
  %r = linalg.copy ins(%half : tensor<?x8xf16>) outs(%out : tensor<?x8xf16>) -> tensor<?x8xf16>
  return %r : tensor<?x8xf16>
}

// -----

// Constants need no memory of their own: they move into the op that uses them, or fill.
// CHECK-LABEL: func.func @constants
// CHECK-SAME:    %[[X:[^:]+]]: memref<4x8xf32, {{[^:]+: \?>>}}, %[[SUM:[^:]+]]: {{.+}}, %[[TWOS:[^:]+]]: memref
// CHECK-NOT:   memref.get_global
// CHECK-DAG:   linalg.fill ins(%{{.+}} : f32) outs(%[[TWOS]] :
// CHECK-DAG:   linalg.generic {{.+}} ins(%[[X]] : {{.+}}) outs(%[[SUM]] :
func.func @constants(%x: tensor<4x8xf32>, %sum: tensor<4x8xf32> {spmd.output}, %twos: tensor<4x8xf32> {spmd.output})
    -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %two = arith.constant dense<2.0> : tensor<4x8xf32>
  %plus = arith.addf %x, %two : tensor<4x8xf32>
  %r0 = linalg.copy ins(%plus : tensor<4x8xf32>) outs(%sum : tensor<4x8xf32>) -> tensor<4x8xf32>
  %r1 = linalg.copy ins(%two : tensor<4x8xf32>) outs(%twos : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r0, %r1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Attention that is only rounded writes the narrow type, and where the result belongs.
// CHECK-LABEL: func.func @narrow
// CHECK-SAME:    %[[OUT:[^:]+]]: memref<1x2x?x8xbf16, strided<[?, ?, ?, 1], offset: ?>> {spmd.output}
// CHECK:       rondo.attend ins({{.+}}) outs(%[[OUT]], %{{.+}} : memref<1x2x?x8xbf16, {{.+}}>, memref<1x2x?xf32>)
// CHECK-NOT:   linalg
// CHECK:       return
func.func @narrow(%q: tensor<1x2x?x8xbf16>, %out: tensor<1x2x?x8xbf16> {spmd.output}, %n: index)
    -> tensor<1x2x?x8xbf16> {
  %o_empty = tensor.empty(%n) : tensor<1x2x?x8xf32>
  %l_empty = tensor.empty(%n) : tensor<1x2x?xf32>
  %o:2 = rondo.attend ins(%q, %q, %q : tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>)
      outs(%o_empty, %l_empty : tensor<1x2x?x8xf32>, tensor<1x2x?xf32>) scale 1.0
      -> tensor<1x2x?x8xf32>, tensor<1x2x?xf32>
  %t = arith.truncf %o#0 : tensor<1x2x?x8xf32> to tensor<1x2x?x8xbf16>
  %r = linalg.copy ins(%t : tensor<1x2x?x8xbf16>) outs(%out : tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16>
  return %r : tensor<1x2x?x8xbf16>
}

// -----

// Its f32 result is used too: both are there.
// CHECK-LABEL: func.func @wide_and_narrow
// CHECK:       rondo.attend ins({{.+}}) outs(%{{.+}}, %{{.+}} : memref<1x2x?x8xf32{{.*}}>, memref<1x2x?xf32>)
// CHECK:       arith.truncf
// CHECK:       return
func.func @wide_and_narrow(%q: tensor<1x2x?x8xbf16>, %out: tensor<1x2x?x8xbf16> {spmd.output},
                           %wide: tensor<1x2x?x8xf32> {spmd.output}, %n: index)
    -> (tensor<1x2x?x8xbf16>, tensor<1x2x?x8xf32>) {
  %o_empty = tensor.empty(%n) : tensor<1x2x?x8xf32>
  %l_empty = tensor.empty(%n) : tensor<1x2x?xf32>
  %o:2 = rondo.attend ins(%q, %q, %q : tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>)
      outs(%o_empty, %l_empty : tensor<1x2x?x8xf32>, tensor<1x2x?xf32>) scale 1.0
      -> tensor<1x2x?x8xf32>, tensor<1x2x?xf32>
  %t = arith.truncf %o#0 : tensor<1x2x?x8xf32> to tensor<1x2x?x8xbf16>
  %r = linalg.copy ins(%t : tensor<1x2x?x8xbf16>) outs(%out : tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16>
  %w = linalg.copy ins(%o#0 : tensor<1x2x?x8xf32>) outs(%wide : tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
  return %r, %w : tensor<1x2x?x8xbf16>, tensor<1x2x?x8xf32>
}
