//===- run.cpp - Runs programs on shards between inaccessible pages -------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <memory>

#include <unistd.h>

using namespace rondo::test;

namespace {
/// One rank's part of a tensor.
class PlacedShard {
public:
  PlacedShard(const Placed &tensor, Part range, Flush flush)
      : tensor(tensor), part(std::move(range)), shard(tensor.element, part.sizes, tensor.layout, flush),
        sizes(shard.sizes()), strides(shard.strides()) {
    description = {};
    description.data = shard.data();
    description.device = {kDLCPU, 0};
    description.ndim = static_cast<int32_t>(sizes.size());
    description.dtype = {static_cast<uint8_t>(tensor.element == Element::BF16 ? kDLBfloat : kDLFloat),
                         static_cast<uint8_t>(8 * byteSize(tensor.element)), 1};
    description.shape = sizes.data();
    description.strides = strides.data();
  }
  PlacedShard(const PlacedShard &) = delete;

  DLTensor *tensorDescription() { return &description; }

  void scatter() {
    shard.forEach([&](const std::vector<int64_t> &at) { shard.set(at, tensor.global->at(globalIndices(at))); });
  }
  void poison() {
    shard.fill([] { return NAN; });
  }
  /// Expects the values of the global tensor.
  void expectUnchanged() const {
    bool same = true;
    shard.forEach([&](const std::vector<int64_t> &at) {
      same &= haveSameBits(shard.get(at), tensor.global->at(globalIndices(at)));
    });
    EXPECT_TRUE(same) << "the run wrote to an input";
  }
  /// Expects what another rank holds of the same elements, if one does.
  void gather(std::vector<bool> &known) const {
    bool same = true;
    shard.forEach([&](const std::vector<int64_t> &at) {
      double &place = tensor.global->at(globalIndices(at));
      size_t number = &place - tensor.global->values().data();
      same &= !known[number] || haveSameBits(place, shard.get(at));
      place = shard.get(at);
      known[number] = true;
    });
    EXPECT_TRUE(same) << "ranks that hold the same part of an output differ";
  }

private:
  static bool haveSameBits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

  std::vector<int64_t> globalIndices(std::vector<int64_t> indices) const {
    for (size_t i = 0; i < indices.size(); ++i)
      indices[i] += part.offsets[i];
    return indices;
  }

  const Placed &tensor;
  Part part;
  Shard shard;
  std::vector<int64_t> sizes, strides;
  DLTensor description;
};

/// The shards of several tensors on some ranks, rank by rank.
class PlacedShards {
public:
  PlacedShards(const std::vector<Placed> &tensors, const Grid &grid, int64_t ranks) : tensors(tensors) {
    for (int64_t rank = 0; rank < ranks; ++rank)
      for (size_t i = 0; i < tensors.size(); ++i) {
        Flush flush = (rank + i) % 2 ? Flush::Start : Flush::End;
        Part part = partOf(tensors[i].global->sizes(), tensors[i].sharding, grid, rank);
        shards.push_back(std::make_unique<PlacedShard>(tensors[i], std::move(part), flush));
        descriptions.push_back(shards.back()->tensorDescription());
      }
  }

  void gather() const {
    for (size_t i = 0; i < tensors.size(); ++i) {
      std::vector<bool> known(tensors[i].global->values().size(), false);
      for (size_t j = i; j < shards.size(); j += tensors.size())
        shards[j]->gather(known);
      bool complete = std::find(known.begin(), known.end(), false) == known.end();
      EXPECT_TRUE(complete) << "no rank holds some part of output " << i;
    }
  }

  const std::vector<Placed> &tensors;
  std::vector<std::unique_ptr<PlacedShard>> shards;
  std::vector<DLTensor *> descriptions;
};
} // namespace

static std::string announced;

/// Says which case it was and lets the process die.
static void reportAccessOutsideShards(int signal) {
  if (write(STDERR_FILENO, announced.data(), announced.size()) < 0)
    std::_Exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void rondo::test::announce(const std::string &description) {
  announced = "access outside of all shards in: " + description + "\n";
  std::signal(SIGSEGV, reportAccessOutsideShards);
}

using RunFunction = decltype(rondo_run_shards);

/// Returns whether the run succeeded.
static bool runOn(rondo_communicator *communicator, RunFunction runFunction, const rondo_program *program,
                  const std::string &function, PlacedShards &inputs, PlacedShards &outputs) {
  EXPECT_NE(program, nullptr);
  if (!program)
    return false;
  for (auto &shard : inputs.shards)
    shard->scatter();
  for (auto &shard : outputs.shards)
    shard->poison();
  Session &session = Session::get();
  rondo_status status =
      runFunction(session.context(), program, function.c_str(), communicator, inputs.descriptions.data(),
                  inputs.tensors.size(), outputs.descriptions.data(), outputs.tensors.size());
  EXPECT_EQ(status, RONDO_OK) << rondo_status_name(status) << ": " << session.lastError();
  for (auto &shard : inputs.shards)
    shard->expectUnchanged();
  return status == RONDO_OK;
}

static int64_t countRanks(const Grid &grid) {
  int64_t ranks = 1;
  for (const Axis &axis : grid)
    ranks *= axis.size;
  return ranks;
}

void rondo::test::run(const rondo_program *program, const std::string &function, const Grid &grid,
                      const std::vector<Placed> &inputs, const std::vector<Placed> &outputs,
                      const RunOptions &options) {
  int64_t ranks = countRanks(grid);
  PlacedShards inputShards(inputs, grid, ranks), outputShards(outputs, grid, ranks);
  rondo_communicator *communicator = Session::get().communicator(ranks, RONDO_COMMUNICATOR_THREADS, options);
  if (runOn(communicator, rondo_run_shards, program, function, inputShards, outputShards))
    outputShards.gather();
}

void rondo::test::runGlobal(const rondo_program *program, const std::string &function, const Grid &grid,
                            const std::vector<Placed> &inputs, const std::vector<Placed> &outputs,
                            const RunOptions &options) {
  Grid whole = grid;
  for (Axis &axis : whole)
    axis.size = 1;
  PlacedShards inputTensors(inputs, whole, 1), outputTensors(outputs, whole, 1);
  rondo_communicator *communicator = Session::get().communicator(countRanks(grid), RONDO_COMMUNICATOR_THREADS, options);
  if (runOn(communicator, rondo_run, program, function, inputTensors, outputTensors))
    outputTensors.gather();
}

rondo_rank_statistics rondo::test::runLoopback(const rondo_program *program, const std::string &function,
                                               const Grid &grid, const std::vector<Placed> &inputs,
                                               const std::vector<Placed> &outputs) {
  rondo_rank_statistics statistics = {};
  rondo_communicator *communicator = Session::get().communicator(countRanks(grid), RONDO_COMMUNICATOR_LOOPBACK);
  PlacedShards inputShards(inputs, grid, 1), outputShards(outputs, grid, 1);
  if (runOn(communicator, rondo_run_shards, program, function, inputShards, outputShards)) {
    EXPECT_EQ(rondo_rank_statistics_get(Session::get().context(), communicator, 0, &statistics), RONDO_OK);
  }
  return statistics;
}
