// RUN: rondo-opt %s --rondo-overlap --spmd-verify-pending --split-input-file --remarks-filter=rondo-overlap -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// The pass moves any transfer behind any work: no attention here.

rondo.grid @gpus = ["seq" = 4]

// Straight-line code: the wait sinks to the first use, even one in a region.
// CHECK-LABEL: func.func @straight(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<4xf32>, %[[CONDITION:[^:]+]]: i1)
// CHECK:         %[[P:.+]] = spmd.shift_start %[[X]]
// CHECK-NEXT:    %[[EXP:.+]] = math.exp %[[X]]
// CHECK-NEXT:    %[[Y:.+]] = spmd.wait %[[P]], %[[X]]
// CHECK-NEXT:    scf.if %[[CONDITION]]
// CHECK-NEXT:      arith.addf %[[EXP]], %[[Y]]
// REMARK:      [Passed] Overlap | Category:rondo-overlap | Function=straight | behind=math.exp, transfer=x
func.func @straight(%x: tensor<4xf32>, %condition: i1) -> tensor<4xf32> {
  %p = spmd.shift_start %x by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
  %y = spmd.wait %p, %x : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %exp = math.exp %x : tensor<4xf32>
  %z = scf.if %condition -> tensor<4xf32> {
    %sum = arith.addf %exp, %y : tensor<4xf32>
    scf.yield %sum : tensor<4xf32>
  } else {
    scf.yield %exp : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

// A start rises to where its source is known, and those that rise stay together: here, over the making of the second
// source, and over work that needs neither. Its size comes along.
rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @rising(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<?xf32>, %[[N:[^:]+]]: index)
// CHECK:         %[[A:.+]] = math.sqrt %[[X]]
// CHECK-NEXT:    %[[B:.+]] = math.sin %[[X]]
// CHECK-NEXT:    %[[SIZE:.+]] = arith.muli %[[N]], %[[N]]
// CHECK-NEXT:    %[[AP:.+]] = spmd.shift_start %[[A]] by 1 on @gpus "seq"(%[[SIZE]]) name "a"
// CHECK-NEXT:    %[[BP:.+]] = spmd.shift_start %[[B]] by 1 on @gpus "seq"(%[[SIZE]]) name "b"
// CHECK-NEXT:    %[[E:.+]] = math.exp %[[X]]
// CHECK-NEXT:    %[[EP:.+]] = spmd.shift_start %[[E]]
// CHECK-NEXT:    spmd.wait %[[AP]], %[[A]]
func.func @rising(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %a = math.sqrt %x : tensor<?xf32>
  %b = math.sin %x : tensor<?xf32>
  %e = math.exp %x : tensor<?xf32>
  %size = arith.muli %n, %n : index
  %ap = spmd.shift_start %a by 1 on @gpus "seq"(%size) name "a" : tensor<?xf32> -> !spmd.pending<?xf32>
  %ay = spmd.wait %ap, %a : !spmd.pending<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %bp = spmd.shift_start %b by 1 on @gpus "seq"(%size) name "b" : tensor<?xf32> -> !spmd.pending<?xf32>
  %by = spmd.wait %bp, %b : !spmd.pending<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %ep = spmd.shift_start %e by 1 on @gpus "seq"(%size) name "e" : tensor<?xf32> -> !spmd.pending<?xf32>
  %ey = spmd.wait %ep, %e : !spmd.pending<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %sum = arith.addf %ay, %by : tensor<?xf32>
  %all = arith.addf %sum, %ey : tensor<?xf32>
  return %all : tensor<?xf32>
}

// -----

// A loop that computes with what arrives and sends it on is rotated, also inside of a branch.

rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @branch(
// CHECK:         scf.if
// CHECK:           %[[P0:.+]] = spmd.shift_start %[[X:.+]] by 1
// CHECK:           scf.for {{.*}} iter_args(%[[XT:.+]] = %[[X]], %[[SUM:.+]] = %{{.*}}, %[[P:.+]] = %[[P0]])
// CHECK:             %[[Y:.+]] = spmd.wait %[[P]], %[[XT]]
// CHECK-NEXT:        %[[PN:.+]] = spmd.shift_start %[[Y]] by 1
// CHECK-NEXT:        %[[ADDED:.+]] = arith.addf %[[SUM]], %[[Y]]
// CHECK-NEXT:        scf.yield %[[Y]], %[[ADDED]], %[[PN]]
// CHECK:           spmd.wait
// CHECK-NEXT:      arith.addf
// CHECK-NEXT:      scf.yield
// CHECK:         } else {
func.func @branch(%x: tensor<4xf32>, %condition: i1) -> tensor<4xf32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %z = scf.if %condition -> tensor<4xf32> {
    %loop:2 = scf.for %t = %c1 to %c4 step %c1 iter_args(%xt = %x, %sum = %x) -> (tensor<4xf32>, tensor<4xf32>) {
      %p = spmd.shift_start %xt by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
      %y = spmd.wait %p, %xt : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
      %added = arith.addf %sum, %y : tensor<4xf32>
      scf.yield %y, %added : tensor<4xf32>, tensor<4xf32>
    }
    scf.yield %loop#1 : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

// What is computed late in an iteration cannot leave in it: its shift stays at the begin of the next.

rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @computed(
// CHECK:         scf.for {{.*}} iter_args(%[[XT:.+]] = %{{.*}}) -> (tensor<4xf32>)
// CHECK-NEXT:      %[[P:.+]] = spmd.shift_start %[[XT]]
// CHECK-NEXT:      spmd.wait %[[P]], %[[XT]]
// REMARK:      [Missed] Overlap | Category:rondo-overlap | Function=computed | Reason="nothing is computed between its start and the first use of what arrives"
func.func @computed(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %z = scf.for %t = %c1 to %c4 step %c1 iter_args(%xt = %x) -> tensor<4xf32> {
    %p = spmd.shift_start %xt by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    %y = spmd.wait %p, %xt : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %e = math.exp %y : tensor<4xf32>
    scf.yield %e : tensor<4xf32>
  }
  return %z : tensor<4xf32>
}

// -----

// A loop in other steps than 1 is left alone, and reported.

rondo.grid @gpus = ["seq" = 4]
// CHECK-LABEL: func.func @by_two(
// CHECK:         scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<4xf32>, tensor<4xf32>)
// REMARK:      [Missed] Overlap | Category:rondo-overlap | Function=by_two | Reason="the step of the loop is not 1", Suggestion="let the loop count the steps of the schedule, one by one"
func.func @by_two(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %loop:2 = scf.for %t = %c2 to %c8 step %c2 iter_args(%xt = %x, %sum = %x) -> (tensor<4xf32>, tensor<4xf32>) {
    %p = spmd.shift_start %xt by 1 on @gpus "seq" name "x" : tensor<4xf32> -> !spmd.pending<4xf32>
    %y = spmd.wait %p, %xt : !spmd.pending<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %added = arith.addf %sum, %y : tensor<4xf32>
    scf.yield %y, %added : tensor<4xf32>, tensor<4xf32>
  }
  return %loop#1 : tensor<4xf32>
}
