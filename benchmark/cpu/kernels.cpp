//===- kernels.cpp - A program's kernels, alone ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include "rondo/abi.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>

using namespace rondo::bench;

// The smallest runtime: rank 0 of its axes, which does everything in the order of the calls and receives what it sends.
struct rondo_execution {
  int64_t ranks;
  std::string kernel; ///< what is measured
  Times times;
  std::unique_ptr<void, void (*)(void *)> arena{nullptr, std::free};
  int64_t arenaBytes = 0;
};

static int64_t axisIndex(rondo_execution *, int32_t) { return 0; }
static int64_t axisSize(rondo_execution *execution, int32_t) { return execution->ranks; }

static int32_t arena(rondo_execution *execution, int64_t bytes, void **memory) {
  if (bytes > execution->arenaBytes) {
    constexpr int64_t page = 4096;
    execution->arenaBytes = (bytes + page - 1) / page * page;
    execution->arena.reset(std::aligned_alloc(page, static_cast<size_t>(execution->arenaBytes)));
    if (!execution->arena)
      return 1;
    std::memset(execution->arena.get(), 0, static_cast<size_t>(execution->arenaBytes));
  }
  *memory = execution->arena.get();
  return 0;
}

static int32_t step(rondo_execution *, int64_t, int32_t) { return 0; }

static int32_t dispatch(rondo_execution *execution, int32_t, const char *name, rondo_kernel kernel,
                        const void *arguments, int64_t) {
  double cpu = threadSeconds(), wall = wallSeconds();
  kernel(0, 1, arguments);
  if (execution->kernel == name) {
    execution->times.cpu += threadSeconds() - cpu;
    execution->times.wall += wallSeconds() - wall;
  }
  return 0;
}

static int32_t exchange(rondo_execution *, int32_t, int32_t, int64_t, const rondo_transfer *transfers, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::memmove(transfers[i].destination, transfers[i].source,
                 static_cast<size_t>(std::min(transfers[i].source_bytes, transfers[i].destination_bytes)));
  return 0;
}

static int32_t record(rondo_execution *, int32_t, rondo_event *event) { return *event = 0, 0; }
static int32_t await(rondo_execution *, int32_t, rondo_event) { return 0; }
static int32_t launch(rondo_execution *, int32_t, const char *, const rondo_cuda_operation *, const void *, int64_t) {
  return 1;
}

static const rondo_runtime_table kTable = {RONDO_ABI_VERSION,
                                           sizeof(rondo_runtime_table),
                                           axisIndex,
                                           axisSize,
                                           arena,
                                           step,
                                           dispatch,
                                           exchange,
                                           record,
                                           await,
                                           launch};

namespace {
struct Tensor {
  Tensor(Element element, std::vector<int64_t> extents, unsigned seed) : sizes(std::move(extents)) {
    strides = {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
    data = makeTensor(element, sizes[0] * strides[0], seed);
  }
  rondo_tensor view() const { return {data.get(), sizes.data(), strides.data()}; }

  std::vector<int64_t> sizes, strides;
  std::shared_ptr<void> data;
};
} // namespace

static rondo_entry loadEntry(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(dlerror());
  auto *header = static_cast<const rondo_program_header *>(dlsym(library, RONDO_PROGRAM_SYMBOL));
  if (!header || header->abi_version != RONDO_ABI_VERSION || header->function_count == 0)
    throw std::runtime_error(path + " is no Rondo program of ABI version " + std::to_string(RONDO_ABI_VERSION));
  return header->functions[0].entry;
}

Measurement rondo::bench::measureKernels(const std::string &program, const Shape &shape, int64_t ranks,
                                         const std::string &kernel) {
  rondo_entry entry = loadEntry(program);
  std::vector<int64_t> rows = {shape.batch, shape.queryHeads, shape.queries, shape.features};
  std::vector<int64_t> columns = {shape.batch, shape.keyHeads, shape.keys, shape.features};
  std::vector<Tensor> tensors = {
      {shape.element, rows, 1}, {shape.element, columns, 2}, {shape.element, columns, 3}, {shape.element, rows, 4}};
  auto execution = std::make_shared<rondo_execution>();
  execution->ranks = ranks;
  execution->kernel = kernel;
  return [=] {
    std::vector<rondo_tensor> views;
    for (const Tensor &tensor : tensors)
      views.push_back(tensor.view());
    execution->times = {};
    if (entry(&kTable, execution.get(), views.data(), nullptr) != 0)
      throw std::runtime_error("the program " + program + " failed");
    if (execution->times.wall == 0)
      throw std::runtime_error("the program " + program + " ran no kernel '" + kernel + "'");
    return execution->times;
  };
}
