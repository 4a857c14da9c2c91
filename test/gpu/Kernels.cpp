//===- Kernels.cpp - Kernels from a folder, and how to launch them --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Kernels.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

using namespace gpu;

//===--------------------------------------------------------------------------------------------------------------===//
// Loading
//===--------------------------------------------------------------------------------------------------------------===//

size_t gpu::getBytes(Format format) { return format == Format::F32 ? 4 : 2; }

[[noreturn]] static void fail(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::exit(2);
}

static std::ifstream openFile(const std::string &name) {
  std::ifstream file(name, std::ios::binary);
  if (!file)
    fail("cannot read " + name);
  return file;
}

static Format parseFormat(const std::string &name) {
  return name == "f16" ? Format::F16 : name == "bf16" ? Format::BF16 : Format::F32;
}

static Kernel loadKernel(const std::string &folder, const std::string &label) {
  std::ifstream traitsFile = openFile(folder + "/" + label + ".traits");
  std::map<std::string, std::string> traits;
  for (std::string key, value; traitsFile >> key >> value;)
    traits[key] = value;
  auto number = [&](const char *key) { return static_cast<int32_t>(std::stol(traits.at(key))); };
  Kernel kernel = {};
  kernel.label = label;
  kernel.isAttend = traits.at("kernel") == "attend";
  kernel.input = parseFormat(traits.at("input"));
  kernel.output = parseFormat(traits.at("output"));
  kernel.arriving = traits.count("arriving_type") ? parseFormat(traits["arriving_type"]) : Format::F32;
  kernel.features = number("features");
  kernel.valueFeatures = number("value_features");
  kernel.negateScores = number("negate_scores");
  kernel.traits = {number("threads"),        number("shared_bytes"), number("cluster"),     number("warpgroups"),
                   number("block_keys"),     number("causal"),       number("persistent"),  number("dependent_launch"),
                   number("rows_per_block"), number("arriving"),     number("plain_loads"), number("scaled_rows")};

  std::ifstream cubin = openFile(folder + "/" + label + ".cubin");
  std::string image((std::istreambuf_iterator<char>(cubin)), std::istreambuf_iterator<char>());
  Module module = nullptr;
  driver.check(driver.moduleLoadData(&module, image.data()), "cannot load " + label + ".cubin");
  driver.check(driver.moduleGetFunction(&kernel.function, module, traits.at("name").c_str()),
               label + ".cubin has no kernel " + traits.at("name"));
  if (kernel.traits.shared_bytes)
    driver.check(driver.functionSetAttribute(kernel.function, kMaxDynamicSharedBytes, kernel.traits.shared_bytes),
                 "cannot reserve shared memory for " + label);
  return kernel;
}

std::vector<Kernel> gpu::loadKernels(const std::string &folder) {
  std::ifstream list = openFile(folder + "/kernels");
  std::vector<Kernel> kernels;
  for (std::string label; list >> label;)
    kernels.push_back(loadKernel(folder, label));
  return kernels;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Launching
//===--------------------------------------------------------------------------------------------------------------===//

Layout Layout::get(bool headsInside, int64_t heads, int64_t length, int64_t features) {
  if (headsInside)
    return {heads * length * features, features, heads * features};
  return {heads * length * features, length * features, features};
}

/// A tensor of the case's layout.
static cuda_tensor makeTensor(Address address, int64_t batches, int64_t heads, int64_t length, int64_t features,
                              bool headsInside) {
  Layout layout = Layout::get(headsInside, heads, length, features);
  return {address, {batches, heads, length, features}, {layout.batch, layout.head, layout.row, 1}};
}

static rondo_element getElement(Format format) {
  return format == Format::F16 ? RONDO_ELEMENT_F16 : format == Format::BF16 ? RONDO_ELEMENT_BF16 : RONDO_ELEMENT_F32;
}

static cuda_launcher getLauncher(const Kernel &kernel) {
  return {driver.api, reinterpret_cast<cuda_function>(kernel.function), &kernel.traits, nullptr};
}

static cuda_stream getHandle(Stream stream) { return reinterpret_cast<cuda_stream>(stream); }

AttendLaunch::AttendLaunch(const Kernel &kernel, const rondo_attend_problem &p, double scale, Address queries,
                           Address keys, Address values, Address output, Address lse, rondo_split_plan plan,
                           bool toPartials, Address scales)
    : kernel(kernel) {
  int64_t heads = p.heads * p.group;
  cuda_attention attention = {};
  attention.query = makeTensor(queries, p.batches, heads, p.query_count, p.features, p.by_position);
  attention.key = makeTensor(keys, p.batches, p.heads, p.key_count, p.features, p.by_position);
  attention.value = makeTensor(values, p.batches, p.heads, p.key_count, p.value_features, p.by_position);
  attention.output = makeTensor(output, p.batches, heads, p.query_count, p.value_features, p.by_position);
  attention.lse = makeTensor(lse, p.batches, heads, p.query_count, 1, /*headsInside=*/false);
  attention.input_type = getElement(kernel.input);
  attention.output_type = getElement(kernel.output);
  attention.diagonal = p.diagonal;
  attention.scale = scale;
  if (toPartials)
    cuda_attend_to_partials(&attention, output, lse, scales);
  if (kernel.traits.persistent) {
    table = rondo_build_tile_table(&p, &kernel.traits, driver.multiprocessors);
    size_t bytes = sizeof(uint32_t) * table.ctas * table.stride;
    driver.check(driver.allocate(&tableAddress, bytes), "cannot allocate the tile table");
    driver.check(driver.copyToDevice(tableAddress, table.words, bytes), "cuMemcpyHtoD");
  }
  rondo_attend_choice choice = {0, RONDO_FITS, p.by_position, !toPartials, plan, table};
  driver.check(cuda_attend_arguments(driver.api, &attention, &kernel.traits, &choice, tableAddress, &arguments, grid),
               "cuTensorMapEncodeTiled");
}

AttendLaunch::~AttendLaunch() {
  if (tableAddress)
    driver.free(tableAddress);
  rondo_free_tile_table(&table);
}

void AttendLaunch::run(Stream stream, bool programmatic) {
  cuda_launcher launcher = getLauncher(kernel);
  driver.check(cuda_launch_attend(&launcher, grid, &arguments, getHandle(stream), programmatic),
               "cannot launch " + kernel.label);
}

MergeLaunch::MergeLaunch(const Kernel &kernel, const rondo_attend_problem &p, int32_t parts, Address partialOutput,
                         Address partialLse, Address arrivingOutput, Address arrivingLse, Address output, Address lse,
                         Address partialScales)
    : kernel(kernel) {
  cuda_tensor to = makeTensor(output, p.batches, p.heads * p.group, p.query_count, p.value_features, p.by_position);
  arguments = cuda_merge_arguments(&to, lse, partialOutput, partialLse, partialScales, parts, /*arriving=*/true);
  arguments.arriving_output = arrivingOutput;
  arguments.arriving_lse = arrivingLse;
}

void MergeLaunch::run(Stream stream, bool programmatic) {
  cuda_launcher launcher = getLauncher(kernel);
  driver.check(cuda_launch_merge(&launcher, &arguments, getHandle(stream), programmatic),
               "cannot launch " + kernel.label);
}
