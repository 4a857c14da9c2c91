//===- AttendConfiguration.cpp - Which attention kernels there are --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/Attend.h"

#include "codegen/cuda/Fragment.h"
#include "codegen/cuda/SmemTile.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

/// What a CTA of sm_90 can have.
static constexpr int64_t kSmemBytes = 232448;

/// f32 registers of a computing thread for scores and outputs, and packed weights. About 48 more are needed besides.
static int64_t getFragmentRegisters(const AttendConfiguration &configuration) {
  return Fragment::registersFor(configuration.blockKeys) + Fragment::packedRegistersFor(configuration.blockKeys) +
         Fragment::registersFor(llvm::alignTo(configuration.valueFeatures, 8));
}

std::string cuda::getAttendError(const AttendConfiguration &c) {
  auto error = [](const Twine &what) { return what.str(); };
  if (c.input == ElementFormat::F32)
    return error("elements are f32; sm_90a kernels compute on f16 and bf16");
  for (auto [name, features] : {std::pair("features", c.features), std::pair("value features", c.valueFeatures)})
    if (features < 1 || features > 256)
      return error(Twine(features) + " " + name + "; expected 1 to 256");
  if (c.warpgroups < 1 || c.warpgroups > 3)
    return error(Twine(c.warpgroups) + " warpgroups; expected 1 to 3");
  if (c.blockKeys < 16 || c.blockKeys > 256 || c.blockKeys % 16 != 0)
    return error("blocks of " + Twine(c.blockKeys) + " keys; expected a multiple of 16 within 16..256");
  if (c.stages < 1 || !llvm::isPowerOf2_64(c.stages))
    return error(Twine(c.stages) + " stages; expected a power of two");
  if (c.cluster != 1 && c.cluster != 2)
    return error("clusters of " + Twine(c.cluster) + " CTAs; expected 1 or 2");
  if (c.overlapTiles && !c.persistent)
    return error("tiles that overlap in a kernel that is not persistent; expected both or neither");
  if (c.hasPlainLoads() && (c.cluster > 1 || c.persistent))
    return error("a persistent kernel or clusters for " + Twine(c.features) + " and " + Twine(c.valueFeatures) +
                 " features; expected multiples of 8, or neither");
  if (c.scaledRows && c.output != ElementFormat::F16)
    return error("scaled rows of " + getName(c.output) + "; expected f16");
  if (c.polynomials < 0 || c.polynomials > 8)
    return error(Twine(c.polynomials) + " of 16 exponentials by polynomials; expected 0 to 8");
  if (c.earlyTurn && !c.pingPong)
    return error("a turn that passes on early without ping-pong; expected both or neither");
  if (c.earlyTurn < 0 || c.earlyTurn >= c.blockKeys / kMmaDepth)
    return error("a turn that passes on " + Twine(c.earlyTurn) + " steps early; expected fewer than the " +
                 Twine(c.blockKeys / kMmaDepth) + " steps of a block");
  if (c.pingPong && c.warpgroups != 2)
    return error("ping-pong between " + Twine(c.warpgroups) + " warpgroups; expected 2");
  int64_t registers = c.warpgroups == 3 ? 160 : 240;
  if (getFragmentRegisters(c) + 24 > registers)
    return error("blocks of " + Twine(c.blockKeys) + " keys take " + Twine(getFragmentRegisters(c)) + " of " +
                 Twine(registers) + " registers; expected smaller blocks");
  int64_t smem = getAttendTraits(c).shared_bytes;
  if (smem > kSmemBytes)
    return error(Twine(smem) + " bytes of shared memory; a CTA can have " + Twine(kSmemBytes) +
                 ": expected smaller blocks or fewer stages");
  return "";
}

std::string cuda::getAttendName(const AttendConfiguration &c) {
  std::string name = ("attend_" + getName(c.input) + "_" + Twine(c.features)).str();
  if (c.valueFeatures != c.features)
    name += "x" + std::to_string(c.valueFeatures);
  name += ("_to_" + getName(c.output) + "_k" + Twine(c.blockKeys) + "_w" + Twine(c.warpgroups) + "_s" + Twine(c.stages))
              .str();
  if (c.cluster > 1)
    name += "_c" + std::to_string(c.cluster);
  if (c.polynomials)
    name += "_p" + std::to_string(c.polynomials);
  if (c.earlyTurn)
    name += "_e" + std::to_string(c.earlyTurn);
  const std::pair<bool, StringRef> properties[] = {{c.scaledRows, "_scaled"},
                                                   {c.causal, "_causal"},
                                                   {c.persistent, "_persistent"},
                                                   {c.overlapTiles, "_overlap"},
                                                   {c.pingPong, "_pingpong"},
                                                   {c.lazyRescale, "_lazy"},
                                                   {c.dependentLaunch, "_dependent"},
                                                   {c.negateScores, "_negated"},
                                                   {c.keyHint == CacheHint::None, "_unhinted"},
                                                   {c.keyHint == CacheHint::EvictLast, "_kept"}};
  for (auto [has, suffix] : properties)
    if (has)
      name += suffix;
  return name;
}
