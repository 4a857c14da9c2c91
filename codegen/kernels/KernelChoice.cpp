//===- KernelChoice.cpp - Which kernels an op gets ------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two forms of the attention kernel compete:
//
//   persistent  one CTA for each multiprocessor, row tiles from a table. K and V are reused by many row tiles, so they
//               stay in L2. Fastest where there are enough row tiles for all multiprocessors: squares, causal masks.
//   grid        row tiles times splits of the keys. K and V stream through once, so L2 shall forget them first. Fastest
//               where few rows meet many keys; right for everything, also for no keys at all.
//
// Where all extents are known, the model of the runtime's launcher (runtime/src/cuda_schedule.c) says which one is
// faster. Otherwise the program has both, and the launcher asks the same model when it sees the extents.
//
// What is written here of block sizes and the like was measured: benchmark/README.md.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/KernelChoice.h"

#include "codegen/kernels/KernelOptions.h"
#include "runtime/src/cuda_schedule.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// The rows of a warpgroup.
static constexpr int64_t kFragmentRows = 64;

/// Predictions are for an H100 SXM.
static constexpr int32_t kMultiprocessors = 132;

/// Partial results that only this GPU sees are normalised, so that f16 holds them as well as f32 does, in half the
/// bytes; of inputs in bf16, whose range is larger, with rows scaled.
static constexpr ElementFormat kPartial = ElementFormat::F16;

//===--------------------------------------------------------------------------------------------------------------===//
// Configurations
//===--------------------------------------------------------------------------------------------------------------===//

static int64_t getLargerFeatures(const AttendFacts &facts) { return std::max(facts.features, facts.valueFeatures); }

/// What both forms share: two warpgroups that take turns, on the largest blocks that registers and shared memory hold.
static AttendConfiguration createConfiguration(const AttendFacts &facts) {
  AttendConfiguration c;
  c.input = facts.input;
  c.output = facts.output;
  c.features = facts.features;
  c.valueFeatures = facts.valueFeatures;
  c.causal = facts.causal;
  c.negateScores = facts.negateScores;
  int64_t features = getLargerFeatures(facts);
  c.blockKeys = features <= 128 ? 192 : features <= 192 ? 96 : 80;
  if (c.hasPlainLoads()) // limited by the loads
    c.blockKeys = features <= 64 ? 128 : features <= 128 ? 96 : 64;
  return c;
}

/// Rows that share a key/value head; kDynamic if not known.
static int64_t getPackedRows(const AttendFacts &facts) {
  if (llvm::any_of(ArrayRef{facts.queryHeads, facts.keyHeads, facts.queryCount}, ShapedType::isDynamic))
    return ShapedType::kDynamic;
  return facts.queryHeads / facts.keyHeads * facts.queryCount;
}

/// With few features, exponentials cost as many clocks as products: some of them are left to the multiply-add units.
static int64_t getPolynomials(const AttendFacts &facts, bool streams) {
  return getLargerFeatures(facts) > 64 || facts.features % 8 != 0 || facts.valueFeatures % 8 != 0 ? 0 : streams ? 4 : 2;
}

/// Two CTAs of neighbouring row tiles load K and V once: a gain where the loads limit. Causal tiles differ in length,
/// and the table balances them better one by one. An odd number of tiles leaves a CTA of the last cluster idle.
static bool canShareLoads(const AttendFacts &facts, const AttendConfiguration &configuration) {
  int64_t features = getLargerFeatures(facts), rows = getPackedRows(facts);
  if (facts.causal || features <= 64 || features > 128)
    return false;
  if (ShapedType::isDynamic(rows))
    return true;
  int64_t tiles = llvm::divideCeil(rows, configuration.warpgroups * kFragmentRows);
  return tiles % 2 == 0 || tiles > 16;
}

static AttendConfiguration createPersistent(const AttendFacts &facts) {
  AttendConfiguration c = createConfiguration(facts);
  c.persistent = true;
  c.keyHint = CacheHint::None;
  if (c.blockKeys == 192 && getLargerFeatures(facts) > 64) // registers for the results are left, and none to spare
    c.blockKeys = 176;
  c.cluster = canShareLoads(facts, c) ? 2 : 1;
  c.polynomials = getPolynomials(facts, /*streams=*/false);
  return c;
}

static AttendConfiguration createGrid(const AttendFacts &facts) {
  AttendConfiguration c = createConfiguration(facts);
  c.output = kPartial;
  c.scaledRows = facts.input == ElementFormat::BF16;
  c.dependentLaunch = true;
  c.keyHint = CacheHint::EvictFirst;
  c.polynomials = getPolynomials(facts, /*streams=*/true);
  int64_t rows = getPackedRows(facts);
  if (ShapedType::isDynamic(rows) || c.hasPlainLoads())
    return c;
  if (rows <= kFragmentRows) { // bound by memory: one warpgroup suffices, and more CTAs load
    c.warpgroups = 1;
    c.pingPong = false;
    c.polynomials = 0;
    int64_t features = getLargerFeatures(facts);
    c.stages = features <= 64 ? 4 : 2;
    c.blockKeys = features <= 64 ? 192 : features <= 128 ? 128 : c.blockKeys;
  }
  return c;
}

static MergeConfiguration createMerge(const AttendFacts &facts, const AttendConfiguration &attend) {
  MergeConfiguration c;
  c.partial = attend.output;
  c.scaledRows = attend.scaledRows;
  c.output = facts.output;
  if (facts.joined)
    c.arriving = facts.output;
  c.features = facts.valueFeatures;
  c.unroll = 12; // few rows have some ten splits: one round
  c.dependentLaunch = true;
  return c;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Which of the two
//===--------------------------------------------------------------------------------------------------------------===//

static bool isKnown(const AttendFacts &facts) {
  return llvm::none_of(ArrayRef{facts.batches, facts.queryHeads, facts.keyHeads, facts.queryCount, facts.keyCount},
                       ShapedType::isDynamic);
}

/// Bottom-right and top-left masks differ in the diagonal, which is a run-time value: predictions take the former.
static rondo_attend_problem getProblem(const AttendFacts &facts) {
  rondo_attend_problem problem = {};
  problem.batches = facts.batches;
  problem.heads = facts.keyHeads;
  problem.group = facts.queryHeads / facts.keyHeads;
  problem.query_count = facts.queryCount;
  problem.key_count = facts.keyCount;
  problem.features = facts.features;
  problem.value_features = facts.valueFeatures;
  problem.diagonal = facts.keyCount - facts.queryCount;
  return problem;
}

/// Whether a tile table can hold the work: its fields have 8 and 16 bits, and a tile has a block at least.
static bool fitsTileTable(const AttendFacts &facts) {
  return facts.keyCount > 0 && facts.keyHeads < 256 && facts.batches < 256 && getPackedRows(facts) < (1 << 21) &&
         facts.keyCount < (1 << 20);
}

static double predictPersistent(const AttendFacts &facts, const AttendConfiguration &configuration) {
  rondo_attend_problem problem = getProblem(facts);
  rondo_kernel_traits traits = getAttendTraits(configuration);
  rondo_tile_table table = rondo_build_tile_table(&problem, &traits, kMultiprocessors);
  double microseconds = table.words ? rondo_predict_tile_table(&problem, &traits, &table) : INFINITY;
  rondo_free_tile_table(&table);
  return microseconds;
}

static rondo_split_plan planSplits(const AttendFacts &facts, const AttendConfiguration &configuration) {
  rondo_attend_problem problem = getProblem(facts);
  rondo_kernel_traits traits = getAttendTraits(configuration);
  return rondo_plan_splits(&problem, &traits, kMultiprocessors);
}

/// The choice where nothing was asked for.
static AttendChoice chooseFreely(const AttendFacts &facts) {
  AttendConfiguration grid = createGrid(facts), persistent = createPersistent(facts);
  bool canPersist = !grid.hasPlainLoads();
  AttendChoice choice;
  if (!isKnown(facts)) {
    if (canPersist)
      choice.kernels.push_back(persistent);
    choice.kernels.push_back(grid);
    choice.merge = createMerge(facts, grid);
    return choice;
  }
  bool hasWork = facts.batches > 0 && facts.queryCount > 0 && facts.keyCount > 0;
  rondo_split_plan plan = {1, 1, INFINITY};
  if (hasWork)
    plan = planSplits(facts, grid);
  double microseconds = plan.microseconds;
  double persistentTime =
      hasWork && canPersist && fitsTileTable(facts) ? predictPersistent(facts, persistent) : INFINITY;
  if (persistentTime < microseconds) {
    choice.kernels.push_back(persistent);
    microseconds = persistentTime;
  } else if (plan.splits > 1) {
    choice.kernels.push_back(grid);
    choice.merge = createMerge(facts, grid);
  } else { // results go where they belong
    grid.output = facts.output;
    grid.scaledRows = false;
    choice.kernels.push_back(grid);
  }
  if (std::isfinite(microseconds))
    choice.microseconds = microseconds;
  return choice;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Which one was asked for
//===--------------------------------------------------------------------------------------------------------------===//

/// The configuration that `options` ask for, on the basis of what would be chosen.
static AttendConfiguration createAsked(const AttendFacts &facts, const AttendChoice &free, StringRef options,
                                       std::string &error) {
  AttendConfiguration asked = free.kernels.front(); // for the form alone
  readAttendOptions(options, asked, error);
  AttendConfiguration c = asked.persistent ? createPersistent(facts) : createGrid(facts);
  bool wasTwo = c.warpgroups == 2;
  readAttendOptions(options, c, error);
  if (wasTwo && c.warpgroups != 2 && !options.contains("ping-pong"))
    c.pingPong = false;
  c.scaledRows &= c.output == kPartial;
  if (std::string wrong = getAttendError(c); error.empty() && !wrong.empty())
    error = "attend: " + wrong;
  return c;
}

AttendChoice cuda::chooseAttend(const AttendFacts &facts, StringRef options, std::string &error) {
  AttendChoice free = chooseFreely(facts);
  if (options.empty())
    return free;
  AttendChoice choice;
  choice.kernels.push_back(createAsked(facts, free, options, error));
  if (choice.kernels.front().persistent && !isKnown(facts)) // shards without keys need the other form
    choice.kernels.push_back(createGrid(facts));
  for (const AttendConfiguration &kernel : choice.kernels)
    if (!kernel.persistent || kernel.output != facts.output)
      choice.merge = createMerge(facts, kernel);
  return choice;
}

MergeConfiguration cuda::chooseMerge(ElementFormat partial, ElementFormat output, int64_t features, StringRef options,
                                     std::string &error) {
  MergeConfiguration c;
  c.partial = partial;
  c.output = output;
  c.arriving = output;
  c.features = features;
  c.unroll = 1;
  // Overlapped with the kernel before it, a merge would read what arrives too early if that kernel writes it.
  c.dependentLaunch = false;
  readMergeOptions(options, c, error);
  if (std::string wrong = getMergeError(c); error.empty() && !wrong.empty())
    error = "merge: " + wrong;
  return c;
}

//===--------------------------------------------------------------------------------------------------------------===//
// What there is no kernel for
//===--------------------------------------------------------------------------------------------------------------===//

std::string cuda::getAttentionError(const AttendFacts &facts) { return getAttendError(createGrid(facts)); }
