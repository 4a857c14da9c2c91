//===- Emulator.cpp - Runs PTX for sm_90a without a GPU -------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Emulator.h"

#include "test/emulator/Bind.h"
#include "test/emulator/Parser.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

using namespace rondo::emulator;

//===--------------------------------------------------------------------------------------------------------------===//
// Modules
//===--------------------------------------------------------------------------------------------------------------===//

Module::Module(std::string_view ptx) {
  for (KernelSyntax &syntax : parsePtx(ptx))
    kernels.emplace_back(bindKernel(std::move(syntax)));
}

const Kernel &Module::getKernel(const std::string &name) const {
  auto found = std::find_if(kernels.begin(), kernels.end(), [&](const Kernel &one) { return one.getName() == name; });
  if (found == kernels.end())
    fail("there is no kernel '", name, "'");
  return *found;
}

const Kernel &Module::getKernel() const {
  if (kernels.size() != 1)
    fail("the module has ", kernels.size(), " kernels, expected one");
  return kernels[0];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Launches
//===--------------------------------------------------------------------------------------------------------------===//

namespace {

/// Hands out the clusters of a grid to the threads of the host, and keeps the error of the lowest one.
class GridRunner {
public:
  GridRunner(const Launch &launch)
      : launch(launch), clustersX(launch.shape.grid.x / launch.program.syntax.cluster),
        clusters(uint64_t(clustersX) * launch.shape.grid.y * launch.shape.grid.z) {}

  void run() {
    constexpr unsigned maxThreads = 2;
    std::vector<std::thread> helpers;
    for (uint64_t i = 1; i < std::min<uint64_t>(maxThreads, clusters); ++i)
      helpers.emplace_back([&] { work(); });
    work();
    for (std::thread &helper : helpers)
      helper.join();
    if (failed < clusters)
      throw EmulationError(message);
  }

private:
  /// Clusters are begun in order: once one has failed, all lower ones have been begun, and they go on.
  void work() {
    for (uint64_t number = next++; number < std::min<uint64_t>(clusters, failed); number = next++) {
      try {
        runCluster(number);
      } catch (const EmulationError &error) {
        std::lock_guard<std::mutex> lock(mutex);
        if (number < failed) {
          failed = number;
          message = error.what();
        }
      }
    }
  }

  void runCluster(uint64_t number) {
    Extent3 first;
    first.x = static_cast<uint32_t>(number % clustersX) * launch.program.syntax.cluster;
    first.y = static_cast<uint32_t>(number / clustersX) % launch.shape.grid.y;
    first.z = static_cast<uint32_t>(number / clustersX / launch.shape.grid.y);
    Cluster(launch, first, launch.shape.seed + number).run();
  }

  const Launch &launch;
  const uint32_t clustersX;
  const uint64_t clusters;
  std::atomic<uint64_t> next{0};
  std::atomic<uint64_t> failed{~uint64_t(0)};
  std::mutex mutex;
  std::string message;
};

} // namespace

void Kernel::checkShape(const LaunchShape &shape, size_t argumentBytes) const {
  const KernelSyntax &syntax = program->syntax;
  uint32_t alignment = 1;
  for (const Parameter &parameter : syntax.parameters)
    alignment = std::max(alignment, parameter.alignment);
  // A structure ends at a multiple of its alignment.
  if ((program->parameterBytes + alignment - 1) / alignment * alignment !=
      (argumentBytes + alignment - 1) / alignment * alignment)
    fail(getName(), ": ", argumentBytes, " bytes of arguments, expected ", program->parameterBytes);
  if (shape.threads == 0 || shape.threads > 1024 || shape.threads % kWarpLanes != 0)
    fail(getName(), ": CTAs of ", shape.threads, " threads, expected a multiple of ", kWarpLanes, " up to 1024");
  if (syntax.threads && syntax.threads != shape.threads)
    fail(getName(), ": CTAs of ", shape.threads, " threads; the kernel wants ", syntax.threads);
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0 || shape.grid.x % syntax.cluster != 0)
    fail(getName(), ": a grid of ", shape.grid.x, " x ", shape.grid.y, " x ", shape.grid.z, " CTAs, in clusters of ",
         syntax.cluster);
  if (shape.grid.y > 65535 || shape.grid.z > 65535)
    fail(getName(), ": a grid of ", shape.grid.y, " x ", shape.grid.z, " CTAs along y and z, expected up to 65535");
  uint32_t shared = program->staticSharedEnd - kSharedBase + shape.sharedBytes;
  if (shared > kSharedLimit)
    fail(getName(), ": ", shared, " bytes of shared memory; a CTA can have ", kSharedLimit);
}

void Kernel::launch(const GlobalMemory &memory, const LaunchShape &shape, const void *arguments, size_t bytes) const {
  checkShape(shape, bytes);
  Launch launch = {*program, shape, memory, static_cast<const uint8_t *>(arguments)};
  GridRunner(launch).run();
}
