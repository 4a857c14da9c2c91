// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/execution/ptx/cases.h"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <random>
#include <sstream>

using namespace ptx_test;
using namespace gpu;

//===--------------------------------------------------------------------------------------------------------------===//
// Shapes
//===--------------------------------------------------------------------------------------------------------------===//

std::ostream &ptx_test::operator<<(std::ostream &stream, const Shape &shape) {
  return stream << "B" << shape.batches << " H" << shape.heads * shape.group << "/" << shape.heads << " S"
                << shape.queries << "," << shape.keys << (shape.byPosition ? " BSHD" : " BHSD") << " diagonal "
                << shape.diagonal << " splits " << shape.splits << (shape.arriving ? " arriving" : "");
}

static constexpr Shape kShapes[] = {
    // B, H_kv, group, S_q, S_kv
    {1, 1, 1, 1, 1, false, 0, 1, false},       {1, 1, 4, 63, 700, false, 637, 3, true},
    {2, 1, 7, 16, 353, true, 337, 2, false},   {1, 2, 1, 129, 401, false, 0, 1, true},
    {1, 1, 1, 300, 193, true, -100, 2, false}, {1, 1, 7, 9, 577, true, 500, 9, true},
    {1, 1, 4, 64, 64, false, 10, 1, false},    {2, 2, 1, 65, 191, true, -64, 3, true},
    {1, 1, 7, 37, 385, false, 200, 2, true},   {1, 3, 1, 17, 65, false, -500, 2, true}, // causal: no row sees a key
    {1, 1, 1, 128, 0, false, 0, 2, true},
};

/// Few heads where there are many rows: float64 takes longer than the emulator.
static Shape getRandomShape(std::minstd_rand &random) {
  auto within = [&](uint32_t low, uint32_t high) { return static_cast<int64_t>(low + random() % (high - low + 1)); };
  constexpr int64_t groups[] = {1, 4, 7};
  Shape shape = {};
  shape.batches = shape.heads = 1;
  shape.group = groups[random() % 3];
  shape.queries = within(1, static_cast<uint32_t>(300 / shape.group));
  shape.keys = within(1, 700);
  shape.byPosition = random() % 2;
  shape.diagonal = within(0, 900) - 300;
  shape.splits = static_cast<int32_t>(within(1, 5));
  shape.arriving = random() % 2;
  return shape;
}

std::vector<Shape> ptx_test::getShapes(const Kernel &kernel) {
  std::vector<Shape> shapes;
  for (const Shape &shape : kShapes)
    if (shape.keys > 0 || !kernel.traits.persistent) // without keys a persistent kernel is not launched
      shapes.push_back(shape);
  constexpr int randomShapes = 10;
  std::seed_seq seed(kernel.label.begin(), kernel.label.end());
  std::minstd_rand random(seed);
  for (int i = 0; i < randomShapes; ++i)
    shapes.push_back(getRandomShape(random));
  return shapes;
}

static rondo_attend_problem getProblem(const Kernel &kernel, const Shape &shape) {
  rondo_attend_problem problem = {};
  problem.batches = shape.batches;
  problem.heads = shape.heads;
  problem.group = shape.group;
  problem.query_count = shape.queries;
  problem.key_count = shape.keys;
  problem.features = kernel.features;
  problem.value_features = kernel.valueFeatures;
  problem.by_position = shape.byPosition;
  problem.diagonal = shape.diagonal;
  return problem;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Runs
//===--------------------------------------------------------------------------------------------------------------===//

bool ptx_test::fits(const Kernel &merge, const Kernel &attend) {
  return !merge.isAttend && merge.input == attend.output && merge.features == attend.valueFeatures &&
         merge.traits.scaled_rows == attend.traits.scaled_rows;
}

const Kernel *ptx_test::findMerge(const std::vector<Kernel> &kernels, const Kernel &attend, bool arriving) {
  const Kernel *found = nullptr;
  for (const Kernel &kernel : kernels)
    if (fits(kernel, attend) && (!found || kernel.traits.arriving == arriving))
      found = &kernel;
  return found;
}

static double getScale(const Kernel &kernel) {
  return (kernel.negateScores ? -1.0 : 1.0) / std::sqrt(static_cast<double>(kernel.features));
}

/// What a GPU must reach, too. The weights are rounded to the type of the inputs.
static double getBound(Format input, Format output) {
  return input == Format::F16 && output == Format::F16 ? 5e-4 : 3e-3;
}

static std::string check(const Case &data, const Tensor &output, const Tensor &lse, const Expectation &expectation) {
  Errors errors = compare(data, output, lse, data.getRows());
  std::ostringstream text;
  if (errors.wrong)
    text << errors.wrong << " elements are not finite, or should not be, or are not empty in rows without keys; ";
  double error = expectation.everyColumn ? errors.columnRms : errors.relativeRms;
  if (error > getBound(data.queries.format, output.format))
    text << "the relative RMS error of O is " << error << "; ";
  if (errors.lse > expectation.lseBound)
    text << "the error of an LSE is " << errors.lse << "; ";
  if (!output.device->guardIsIntact() || !lse.device->guardIsIntact())
    text << "guards behind the results are broken; ";
  return text.str();
}

static rondo_split_plan getPlan(const Kernel &kernel, const Shape &shape) {
  int64_t blocks = (shape.keys + kernel.traits.block_keys - 1) / kernel.traits.block_keys;
  return {shape.splits, static_cast<int32_t>(std::max<int64_t>(1, (blocks + shape.splits - 1) / shape.splits)), 0};
}

static std::string runDirect(const Kernel &kernel, Case &data, const Expectation &expectation) {
  Tensor output(kernel.output, data.getRows() * data.problem.value_features), lse(Format::F32, data.getRows());
  AttendLaunch launch(kernel, data.problem, data.scale, data.queries.device->address, data.keys.device->address,
                      data.values.device->address, output.device->address, lse.device->address, {1, INT32_MAX, 0},
                      /*toPartials=*/false);
  launch.run(nullptr, /*programmatic=*/false);
  output.download();
  lse.download();
  return check(data, output, lse, expectation);
}

static std::string runSplit(const Kernel &kernel, const Kernel &merge, Case &data, rondo_split_plan plan,
                            const Expectation &expectation) {
  int64_t rows = data.getRows(), elements = rows * data.problem.value_features;
  Tensor output(merge.output, elements), lse(Format::F32, rows);
  Tensor partialOutput(kernel.output, elements * plan.splits), partialLse(Format::F32, rows * plan.splits),
      partialScales(Format::F32, kernel.traits.scaled_rows ? rows * plan.splits : 0);
  AttendLaunch attendLaunch(kernel, data.problem, data.scale, data.queries.device->address, data.keys.device->address,
                            data.values.device->address, partialOutput.device->address, partialLse.device->address,
                            plan, /*toPartials=*/true, partialScales.device->address);
  MergeLaunch mergeLaunch(merge, data.problem, plan.splits, partialOutput.device->address, partialLse.device->address,
                          data.arrivingOutput ? data.arrivingOutput->device->address : 0,
                          data.arrivingLse ? data.arrivingLse->device->address : 0, output.device->address,
                          lse.device->address, partialScales.device->address);
  attendLaunch.run(nullptr, /*programmatic=*/true);
  mergeLaunch.run(nullptr, /*programmatic=*/true);
  output.download();
  lse.download();
  bool guards = partialOutput.device->guardIsIntact() && partialLse.device->guardIsIntact() &&
                partialScales.device->guardIsIntact();
  return check(data, output, lse, expectation) + (guards ? "" : "guards behind the partial results are broken; ");
}

std::string ptx_test::runShape(const Kernel &attend, const Kernel *merge, const Shape &shape,
                               const Expectation &expectation) {
  Case data(getProblem(attend, shape), attend.input, attend.traits.causal, getScale(attend), /*seed=*/1);
  expectation.prepare(data);
  if (!writesPartials(attend))
    return runDirect(attend, data, expectation);
  if (!merge)
    return "there is no kernel that merges its partial results";
  if (merge->traits.arriving)
    data.addArriving(merge->arriving, /*seed=*/1);
  return runSplit(attend, *merge, data, getPlan(attend, shape), expectation);
}
