//===- Workload.cpp - Runs of a program at one set of lengths --------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/soak/Workload.h"

#include "tools/rondo-run/inputs.h"
#include "tools/rondo-run/shards.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace rondo::soak;
using namespace rondo::run;

/// Of logits of standard normal queries and keys.
static constexpr double kLogitBound = 8;

void rondo::soak::giveUp(const std::string &text) {
  std::fprintf(stderr, "error: %s\n", text.c_str());
  std::exit(2);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Sessions
//===--------------------------------------------------------------------------------------------------------------===//

void Session::require(rondo_status status) const {
  if (status != RONDO_OK)
    giveUp(*rondo_last_error(context) ? rondo_last_error(context) : rondo_status_name(status));
}

Session::Session(const std::string &path, const rondo_communicator_options &options) {
  if (rondo_status status = rondo_context_create(&context))
    giveUp(rondo_status_name(status));
  require(rondo_program_load(context, path.c_str(), &program));
  manifest = soak::require(parseManifest(rondo_program_manifest(program)));
  require(rondo_communicator_create(context, &options, &communicator));
  require(rondo_communicator_info_get(context, communicator, &info));
}

Session::~Session() {
  rondo_communicator_destroy(communicator);
  rondo_program_destroy(program);
  rondo_context_destroy(context);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Cases
//===--------------------------------------------------------------------------------------------------------------===//

static HostTensor makeTensor(const TensorSpec &spec, const Lengths &lengths, ElementType type) {
  std::vector<int64_t> shape;
  for (const Extent &extent : spec.shape) {
    const std::string *name = std::get_if<std::string>(&extent);
    if (name && !lengths.count(*name))
      giveUp("length '" + *name + "' of the program is not bound: give it by --most");
    shape.push_back(name ? lengths.at(*name) : std::get<int64_t>(extent));
  }
  return require(HostTensor::create(spec.name, type, shape));
}

std::vector<DLTensor *> Case::views(std::vector<HostTensor> &tensors, std::optional<DeviceTensors> &onGpu,
                                    std::vector<DLTensor> &storage) {
  if (session.isForCuda()) {
    onGpu.emplace(session.context, session.communicator, session.info.first_rank);
    soak::require(onGpu->upload(tensors));
    return std::vector<DLTensor *>(onGpu->data(), onGpu->data() + onGpu->size());
  }
  for (HostTensor &tensor : tensors)
    storage.push_back(tensor.view());
  std::vector<DLTensor *> pointers;
  for (DLTensor &view : storage)
    pointers.push_back(&view);
  return pointers;
}

/// Fills with normal numbers that repeat: lengths that come once should not cost much.
static void fill(HostTensor &tensor, uint64_t seed, uint64_t stream) {
  static constexpr int64_t kPeriod = 4099;
  HostTensor period = require(HostTensor::create("numbers", tensor.type(), {std::min(tensor.count(), kPeriod)}));
  generate(period, seed, stream, 1);
  for (size_t begin = 0; begin < tensor.bytes(); begin += period.bytes())
    std::memcpy(static_cast<char *>(tensor.data()) + begin, period.data(),
                std::min(period.bytes(), tensor.bytes() - begin));
}

Case::Case(const Session &session, const Lengths &lengths, uint64_t seed) : session(session) {
  const FunctionSpec &function = session.function();
  for (const TensorSpec &spec : function.inputs) {
    inputs.push_back(makeTensor(spec, lengths, spec.type));
    fill(inputs.back(), seed, inputs.size() - 1);
  }
  for (const TensorSpec &spec : function.outputs) {
    outputs.push_back(makeTensor(spec, lengths, spec.type));
    outputs.back().fillWithNaN();
  }
  inputPointers = views(inputs, gpuInputs, inputViews);
  outputPointers = views(outputs, gpuOutputs, outputViews);
}

rondo_status Case::run() {
  return rondo_run(session.context, session.program, session.function().name.c_str(), session.communicator,
                   inputPointers.data(), inputPointers.size(), outputPointers.data(), outputPointers.size());
}

std::vector<HostTensor> Case::evaluate() {
  auto widen = [](std::vector<HostTensor> &tensors, const std::vector<TensorSpec> &specs,
                  std::vector<DLTensor> &views) {
    std::vector<HostTensor> wide;
    for (size_t i = 0; i < tensors.size(); ++i) {
      wide.push_back(soak::require(HostTensor::create(specs[i].name, ElementType::F64, tensors[i].shape())));
      for (int64_t j = 0; j < wide[i].count(); ++j)
        wide[i].store(j, static_cast<float>(tensors[i].load(j)));
    }
    for (HostTensor &tensor : wide)
      views.push_back(tensor.view());
    return wide;
  };
  std::vector<DLTensor> in, out;
  std::vector<HostTensor> wideInputs = widen(inputs, session.function().inputs, in);
  std::vector<HostTensor> wideOutputs = widen(outputs, session.function().outputs, out);
  std::vector<const DLTensor *> given;
  std::vector<DLTensor *> taken;
  for (DLTensor &view : in)
    given.push_back(&view);
  for (DLTensor &view : out)
    taken.push_back(&view);
  session.require(rondo_run_reference(session.context, session.program, session.function().name.c_str(), given.data(),
                                      given.size(), taken.data(), taken.size()));
  return wideOutputs;
}

/// Compares what the ranks of this process hold: all, or where ranks are processes a shard.
Comparison Case::compareOwn(const HostTensor &output, const HostTensor &reference, const TensorSpec &spec) const {
  Tolerance tolerance = defaultTolerance(spec.type, spec.shape.size(), kLogitBound);
  if (session.info.local_ranks == session.info.ranks || !session.manifest.grid)
    return compare(output, reference, tolerance);
  std::vector<Axis> axes = boundAxes(*session.manifest.grid, session.info.ranks);
  auto take = [&](const HostTensor &whole) {
    HostTensor shard = soak::require(makeShard(whole, spec, axes, session.info.first_rank));
    copyFromWhole(whole, spec, axes, session.info.first_rank, shard);
    return shard;
  };
  return compare(take(output), take(reference), tolerance);
}

bool Case::isRight(double *largestError) {
  for (HostTensor &output : outputs)
    output.fillWithNaN();
  if (gpuOutputs)
    soak::require(gpuOutputs->upload(outputs));
  session.require(run());
  if (gpuOutputs)
    soak::require(gpuOutputs->download(outputs));
  std::vector<HostTensor> references = evaluate();
  bool right = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorSpec &spec = session.function().outputs[i];
    Comparison comparison = compareOwn(outputs[i], references[i], spec);
    *largestError = std::max(*largestError, comparison.error);
    right &= comparison.passed();
    if (!comparison.passed())
      std::fprintf(
          stderr, "wrong: %s with %lld rows: error %.3g, %lld elements that are not finite as they should be\n",
          spec.name.c_str(), (long long)outputs[i].shape()[2], comparison.error, (long long)comparison.mismatches);
  }
  return right;
}
