// RUN: rondo-opt %s --rondo-partition=schedule=auto --canonicalize --cse --remarks-filter=rondo-schedule -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

rondo.grid @gpus = ["seq" = 4]

#sequence = #rondo.sharding<@gpus, [{}, {}, {"seq"}, {}]>

// Few queries: they circulate.
// CHECK-LABEL: func.func @few_queries(
// CHECK-SAME:    spmd.schedules = ["query-ring"]
// CHECK-NOT:     scf.if
// REMARK:      [Passed] Partition | Category:rondo-schedule | Function=few_queries | bytes=1843200, schedule=query-ring, steps=4, versus="39346176 (kv-ring)"
func.func @few_queries(%q: tensor<1x32x61x128xf32> {rondo.sharding = #sequence},
                       %k: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence},
                       %v: tensor<1x8x6404x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x61x128xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x32x61x128xf32>, tensor<1x8x6404x128xf32>, tensor<1x8x6404x128xf32>) -> tensor<1x32x61x128xf32>
  return %o : tensor<1x32x61x128xf32>
}

// As many queries as keys, and four query heads to a key head: keys and values circulate.
// CHECK-LABEL: func.func @many_queries(
// CHECK-SAME:    spmd.schedules = ["kv-ring"]
// CHECK-NOT:     scf.if
// REMARK:      Function=many_queries | bytes=6291456, schedule=kv-ring, steps=4
func.func @many_queries(%q: tensor<1x32x1024x128xf32> {rondo.sharding = #sequence},
                        %k: tensor<1x8x1024x128xf32> {rondo.sharding = #sequence},
                        %v: tensor<1x8x1024x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x1024x128xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x32x1024x128xf32>, tensor<1x8x1024x128xf32>, tensor<1x8x1024x128xf32>) -> tensor<1x32x1024x128xf32>
  return %o : tensor<1x32x1024x128xf32>
}

// Lengths that are bound at run time: the program has both, and chooses by the same formula on every rank.
// CHECK-LABEL: func.func @any_length(
// CHECK-SAME:    %[[S0:[^:]+]]: index {spmd.length = "s0"}, %[[S1:[^:]+]]: index {spmd.length = "s1"})
// CHECK-SAME:    spmd.communication_bytes = "min(ceil(s0/4)*115200, ceil(s1/4)*24576)", spmd.schedules = ["auto(query-ring|kv-ring)"]
// CHECK-DAG:     %[[N:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[QBYTES:.+]] = arith.constant 115200 : index
// CHECK-DAG:     %[[KBYTES:.+]] = arith.constant 24576 : index
// CHECK:         %[[QROWS:.+]] = spmd.shard_size_max %[[N]], %[[S0]]
// CHECK:         %[[QCOST:.+]] = arith.muli %[[QROWS]], %[[QBYTES]]
// CHECK:         %[[KROWS:.+]] = spmd.shard_size_max %[[N]], %[[S1]]
// CHECK:         %[[KCOST:.+]] = arith.muli %[[KROWS]], %[[KBYTES]]
// CHECK:         %[[CHEAPER:.+]] = arith.cmpi ule, %[[QCOST]], %[[KCOST]]
// CHECK:         %[[RESULT:.+]] = scf.if %[[CHEAPER]]
// CHECK:           name "query"
// CHECK:         } else {
// CHECK:           name "key"
// CHECK:         linalg.copy ins(%[[RESULT]]
// REMARK:      Function=any_length | bytes="min(ceil(s0/4)*115200, ceil(s1/4)*24576)",
// REMARK-SAME:   choice="query-ring if ceil(s0/4)*115200 <= ceil(s1/4)*24576, else kv-ring", schedule=auto(query-ring|kv-ring), steps=4
func.func @any_length(%q: tensor<1x32x?x128xf32> {rondo.sharding = #sequence},
                      %k: tensor<1x8x?x128xf32> {rondo.sharding = #sequence},
                      %v: tensor<1x8x?x128xf32> {rondo.sharding = #sequence})
    -> (tensor<1x32x?x128xf32> {rondo.sharding = #sequence}) {
  %o = rondo.attention %q, %k, %v {rondo.shardings = [#sequence]}
      : (tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x128xf32>) -> tensor<1x32x?x128xf32>
  return %o : tensor<1x32x?x128xf32>
}
