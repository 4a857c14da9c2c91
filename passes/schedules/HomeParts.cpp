//===- HomeParts.cpp - Whether the home block is attended in two parts ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/HomeParts.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::rondo;

FailureOr<HomeParts> rondo::parseHomeParts(StringRef text, Location loc) {
  for (auto [name, parts] :
       {std::pair("auto", HomeParts::Auto), std::pair("1", HomeParts::One), std::pair("2", HomeParts::Two)})
    if (text == name)
      return parts;
  return emitError(loc) << "the home block cannot be attended in '" << text << "' parts; expected auto, 1 or 2";
}

static Side getOther(Side side) { return side == Side::Query ? Side::Key : Side::Query; }

/// Why two parts would be of no use, whatever they cost; empty if they may be.
static std::string getObstacle(const PartitionContext &context, Side moving) {
  if (context.getSide(moving).state.empty())
    return "no state comes home by a last hop";
  if (!context.getSide(getOther(moving)).state.empty())
    return "a part of the state rests";
  return "";
}

/// Compares the times of both, if they are known.
static HomePartsDecision decideByCost(const PartitionContext &context, Side moving) {
  std::optional<int64_t> ranks = evaluateFormula(context.ranksFormula), work = evaluateFormula(context.work),
                         moved = evaluateFormula(context.getOperandBytes(moving)),
                         resting = evaluateFormula(context.getOperandBytes(getOther(moving))),
                         state = evaluateFormula(context.getStateBytes(moving));
  if (!ranks || !work || !moved || !resting || !state)
    return {1, "lengths or ranks are bound at run time"};
  if (*ranks == 1)
    return {1, "there is one rank"};
  const DeviceModel &device = *context.device;
  double a = device.getWorkTime(*work, *moved + *resting), q = device.getTransferTime(*moved),
         o = device.getTransferTime(*state), c = device.launch;
  double steps = static_cast<double>(*ranks - 1) * std::max(a, q + o);
  double one = std::max(a, q) + steps + o, two = std::max(a / 2, q) + steps + std::max(a / 2 + c, o);
  std::string reason =
      llvm::formatv("max(a/2, q) + {0}*max(a, q + o) + max(a/2 + c, o) = {1:f1} us {2} {3:f1} us = max(a, q) + "
                    "{0}*max(a, q + o) + o, with a = {4:f1}, q = {5:f1}, o = {6:f1}, c = {7:f1} us on {8}",
                    *ranks - 1, two, two < one ? "<" : ">=", one, a, q, o, c, device.name);
  return {two < one ? 2 : 1, reason};
}

HomePartsDecision rondo::decideHomeParts(const PartitionContext &context, Side moving) {
  if (std::string obstacle = getObstacle(context, moving); !obstacle.empty())
    return {1, obstacle};
  if (context.homeParts != HomeParts::Auto)
    return {static_cast<int>(context.homeParts), "asked for"};
  if (!context.device)
    return {1, "nothing is known of the device"};
  return decideByCost(context, moving);
}

void rondo::remarkHomeParts(const PartitionContext &context, Side moving, StringRef function) {
  if (context.homeParts == HomeParts::Auto && (!context.device || !getObstacle(context, moving).empty()))
    return;
  HomePartsDecision decision = decideHomeParts(context, moving);
  auto options = remark::RemarkOpts::name("HomeParts").category("rondo-schedule").function(function);
  if (context.homeParts == HomeParts::Two && decision.parts == 1)
    remark::missed(context.getLoc(), options)
        << remark::reason("{0}: one part is as good", decision.reason) << remark::suggest("leave out home-parts=2");
  else
    remark::passed(context.getLoc(), options)
        << remark::metric("parts", static_cast<int64_t>(decision.parts)) << remark::metric("because", decision.reason);
}
