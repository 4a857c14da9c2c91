//===- Workload.h - Runs of a program at one set of lengths ----------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_SOAK_WORKLOAD_H
#define RONDO_TEST_SOAK_WORKLOAD_H

#include "tools/rondo-run/check.h"
#include "tools/rondo-run/device_tensors.h"
#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/tensor.h"

#include "rondo/rondo.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rondo::soak {

using Lengths = std::map<std::string, int64_t>;

/// Prints the error and ends the process with status 2.
[[noreturn]] void giveUp(const std::string &text);

template <typename T>
T require(run::Result<T> result) {
  if (!result)
    giveUp(result.error().text);
  return std::move(*result);
}

/// A context, a program and ranks, which are destroyed together.
class Session {
public:
  Session(const std::string &path, const rondo_communicator_options &options);
  ~Session();
  Session(const Session &) = delete;

  void require(rondo_status status) const;
  const run::FunctionSpec &function() const { return manifest.functions.front(); }
  bool isForCuda() const { return manifest.target.rfind("cuda:", 0) == 0; }

  rondo_context *context = nullptr;
  rondo_program *program = nullptr;
  rondo_communicator *communicator = nullptr;
  run::Manifest manifest;
  rondo_communicator_info info = {};
};

/// Whole tensors of one set of lengths, for any number of runs.
class Case {
public:
  Case(const Session &session, const Lengths &lengths, uint64_t seed);

  rondo_status run();
  /// Runs into outputs that are NaN, and compares what the ranks of this process hold with float64.
  bool isRight(double *largestError);

private:
  std::vector<DLTensor *> views(std::vector<run::HostTensor> &tensors, std::optional<run::DeviceTensors> &onGpu,
                                std::vector<DLTensor> &storage);
  std::vector<run::HostTensor> evaluate();
  run::Comparison compareOwn(const run::HostTensor &output, const run::HostTensor &reference,
                             const run::TensorSpec &spec) const;

  const Session &session;
  std::vector<run::HostTensor> inputs, outputs;
  std::optional<run::DeviceTensors> gpuInputs, gpuOutputs;
  std::vector<DLTensor> inputViews, outputViews;
  std::vector<DLTensor *> inputPointers, outputPointers;
};

} // namespace rondo::soak

#endif // RONDO_TEST_SOAK_WORKLOAD_H
