//===- KvRing.cpp - Keys and values circulate, queries stay ---------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves:  the keys and values; the state of attention belongs to the queries, so none travels.
// Costs:  (n - 1) * (keys + values), in bytes of one block; n steps.
// Right for as many queries as keys: self-attention (Ring Attention). docs/schedules/kv-ring.md
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "passes/schedules/Builtin.h"
#include "passes/schedules/Ring.h"

using namespace mlir;
using namespace mlir::rondo;

namespace {
class KvRing : public Ring {
public:
  KvRing() : Ring(Side::Key) {}
  StringRef getName() const override { return "kv-ring"; }
};
} // namespace

std::unique_ptr<Schedule> rondo::createKvRing() { return std::make_unique<KvRing>(); }
