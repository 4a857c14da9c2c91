//===- Auto.cpp - The choice of a schedule --------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedules/Auto.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::rondo;

//===--------------------------------------------------------------------------------------------------------------===//
// Choosing
//===--------------------------------------------------------------------------------------------------------------===//

static std::optional<int64_t> getKnownBytes(const Schedule *schedule, const PartitionContext &context) {
  return evaluateFormula(schedule->getCost(context).bytes);
}

/// The schedules that `auto` may choose. Of those whose bytes are known now, only the cheapest; of equals, the first.
static SmallVector<const Schedule *> getCandidates(const PartitionContext &context) {
  SmallVector<const Schedule *> candidates;
  const Schedule *cheapest = nullptr;
  for (const Schedule *schedule : getSchedules()) {
    if (!schedule->isAutomatic() || failed(schedule->applies(context, /*explain=*/false)))
      continue;
    std::optional<int64_t> bytes = getKnownBytes(schedule, context);
    if (!bytes)
      candidates.push_back(schedule);
    else if (!cheapest || *bytes < *getKnownBytes(cheapest, context))
      cheapest = schedule;
  }
  if (cheapest && *getKnownBytes(cheapest, context) == 0)
    return {cheapest}; // nothing can be cheaper
  if (cheapest)
    candidates.push_back(cheapest);
  return candidates;
}

static FailureOr<Choice> chooseAutomatically(const PartitionContext &context) {
  SmallVector<const Schedule *> candidates = getCandidates(context);
  if (candidates.empty())
    return context.refuse("auto", "both sequences sharded by the same single axis, or all keys on every rank",
                          "shard queries, keys and values by one axis of the grid, or replicate the keys and values");
  return Choice{candidates};
}

LogicalResult rondo::verifyScheduleName(StringRef name, Location loc) {
  if (name == "auto" || lookupSchedule(name))
    return success();
  InFlightDiagnostic diagnostic = emitError(loc) << "unknown schedule '" << name << "'; expected auto";
  for (const Schedule *known : getSchedules())
    diagnostic << ", " << known->getName();
  return diagnostic;
}

FailureOr<Choice> rondo::chooseSchedule(StringRef name, const PartitionContext &context) {
  if (name == "auto")
    return chooseAutomatically(context);
  const Schedule *schedule = lookupSchedule(name);
  // With nothing sharded every schedule comes to the same: each rank attends on its own.
  if (!context.queries.isSharded() && !context.keys.isSharded())
    schedule = lookupSchedule("local");
  if (failed(schedule->applies(context, /*explain=*/true)))
    return failure();
  return Choice{{schedule}};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Text
//===--------------------------------------------------------------------------------------------------------------===//

/// `name(a<separator>b)`, or just `a`.
static std::string printList(StringRef name, StringRef separator, ArrayRef<std::string> items) {
  std::string list = llvm::join(items, separator);
  return items.size() == 1 ? list : (name + "(" + list + ")").str();
}

std::string Choice::getName() const {
  return printList("auto", "|",
                   llvm::map_to_vector(schedules, [](const Schedule *schedule) { return schedule->getName().str(); }));
}

static std::string printBytes(const Schedule *schedule, const PartitionContext &context) {
  return printFormula(schedule->getCost(context).bytes, context.symbols);
}

std::string Choice::printBytes(const PartitionContext &context) const {
  return printList("min", ", ", llvm::map_to_vector(schedules, [&](const Schedule *schedule) {
                     return ::printBytes(schedule, context);
                   }));
}

std::string Choice::printSteps(const PartitionContext &context) const {
  SmallVector<std::string> steps;
  for (const Schedule *schedule : schedules)
    if (std::string text = printFormula(schedule->getCost(context).steps, context.symbols);
        !llvm::is_contained(steps, text))
      steps.push_back(text);
  return llvm::join(steps, " or ");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Emission
//===--------------------------------------------------------------------------------------------------------------===//

/// `bytes[0] <= bytes[i]` for all others.
static Value emitIsCheapest(PartitionContext &context, ArrayRef<Value> bytes) {
  Value condition;
  for (Value other : bytes.drop_front()) {
    Value compared =
        arith::CmpIOp::create(context.builder, context.getLoc(), arith::CmpIPredicate::ule, bytes[0], other);
    condition = condition ? arith::AndIOp::create(context.builder, context.getLoc(), condition, compared).getResult()
                          : compared;
  }
  return condition;
}

static SmallVector<Value> emitChoice(PartitionContext &context, ArrayRef<const Schedule *> schedules,
                                     ArrayRef<Value> bytes) {
  if (schedules.size() == 1)
    return schedules.front()->emit(context);
  OpBuilder &builder = context.builder;
  Location loc = context.getLoc();
  Value condition = emitIsCheapest(context, bytes);
  auto choice = scf::IfOp::create(
      builder, loc, condition,
      [&](OpBuilder &, Location) { scf::YieldOp::create(builder, loc, schedules.front()->emit(context)); },
      [&](OpBuilder &, Location) {
        scf::YieldOp::create(builder, loc, emitChoice(context, schedules.drop_front(), bytes.drop_front()));
      });
  return llvm::to_vector_of<Value>(choice.getResults());
}

SmallVector<Value> Choice::emit(PartitionContext &context) const {
  SmallVector<Value> bytes;
  if (schedules.size() > 1)
    for (const Schedule *schedule : schedules)
      bytes.push_back(
          emitFormula(context.builder, context.getLoc(), schedule->getCost(context).bytes, context.symbols));
  return emitChoice(context, schedules, bytes);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Remarks
//===--------------------------------------------------------------------------------------------------------------===//

/// `query-ring if 3*... <= 2*..., else kv-ring`
static std::string printCondition(const Choice &choice, const PartitionContext &context) {
  std::string text;
  ArrayRef<const Schedule *> rest = choice.schedules;
  for (; rest.size() > 1; rest = rest.drop_front()) {
    SmallVector<std::string> others;
    for (const Schedule *other : rest.drop_front())
      others.push_back(printBytes(other, context));
    text += rest.front()->getName().str() + " if " + printBytes(rest.front(), context) +
            " <= " + printList("min", ", ", others) + ", else ";
  }
  return text + rest.front()->getName().str();
}

/// `39346176 (kv-ring)`: the others that `auto` might have chosen, if their bytes are known too.
static std::string printAlternatives(const Choice &choice, const PartitionContext &context) {
  SmallVector<std::string> others;
  for (const Schedule *schedule : getSchedules())
    if (schedule->isAutomatic() && !llvm::is_contained(choice.schedules, schedule) &&
        succeeded(schedule->applies(context, /*explain=*/false)))
      others.push_back(printBytes(schedule, context) + " (" + schedule->getName().str() + ")");
  return llvm::join(others, ", ");
}

/// Reports schedules that provably move fewer bytes than the one that was asked for.
static void remarkCheaper(const Choice &choice, const PartitionContext &context, remark::RemarkOpts options) {
  const Schedule *chosen = choice.schedules.front();
  std::optional<int64_t> bytes = getKnownBytes(chosen, context);
  for (const Schedule *other : getCandidates(context))
    if (std::optional<int64_t> fewer = getKnownBytes(other, context); bytes && fewer && *fewer < *bytes)
      remark::missed(context.getLoc(), options) << remark::reason("{0} moves {1} bytes, {2} would move {3}",
                                                                  chosen->getName(), *bytes, other->getName(), *fewer)
                                                << remark::suggest("schedule={0}, or auto", other->getName());
}

void rondo::remarkChoice(StringRef requested, const Choice &choice, const PartitionContext &context,
                         StringRef function) {
  auto options = remark::RemarkOpts::name("Partition").category("rondo-schedule").function(function);
  {
    auto passed = remark::passed(context.getLoc(), options);
    passed << remark::metric("schedule", choice.getName()) << remark::metric("bytes", choice.printBytes(context))
           << remark::metric("steps", choice.printSteps(context));
    if (choice.schedules.size() > 1)
      passed << remark::metric("choice", printCondition(choice, context));
    else if (std::string others = printAlternatives(choice, context); requested == "auto" && !others.empty())
      passed << remark::metric("versus", others);
  }
  if (requested != "auto")
    remarkCheaper(choice, context, options);
  for (const Schedule *schedule : choice.schedules)
    schedule->emitRemarks(context, function);
}
