//===- Kernels.cpp - Kernels from a folder, and how to launch them --------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Kernels.h"

#include <algorithm>
#include <cmath>
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

/// Parameters are passed by the addresses of the fields; see cuda_abi.h.
static void launch(const Kernel &kernel, const unsigned (&grid)[3], std::vector<void *> fields, Stream stream,
                   bool programmatic) {
  LaunchAttribute attributes[2] = {};
  LaunchConfiguration configuration = {grid[0],
                                       grid[1],
                                       grid[2],
                                       static_cast<unsigned>(kernel.traits.threads),
                                       1,
                                       1,
                                       static_cast<unsigned>(kernel.traits.shared_bytes),
                                       stream,
                                       attributes,
                                       0};
  if (kernel.traits.cluster > 1) {
    LaunchAttribute &attribute = attributes[configuration.attributeCount++];
    attribute.id = LaunchAttribute::ClusterDimension;
    attribute.value.cluster = {static_cast<unsigned>(kernel.traits.cluster), 1, 1};
  }
  if (programmatic && kernel.traits.dependent_launch) {
    LaunchAttribute &attribute = attributes[configuration.attributeCount++];
    attribute.id = LaunchAttribute::ProgrammaticStreamSerialization;
    attribute.value.programmatic = 1;
  }
  driver.check(driver.launch(&configuration, kernel.function, fields.data(), nullptr), "cannot launch " + kernel.label);
}

static rondo_tensor_map encodeMap(Format format, Address address, std::vector<uint64_t> extents,
                                  std::vector<int64_t> strides, std::vector<uint32_t> box) {
  constexpr uint64_t elementBytes = 2;
  std::vector<uint64_t> byteStrides;
  // Nothing is loaded from an empty tensor, but its map must be valid.
  constexpr uint64_t strideUnit = 16;
  for (int64_t stride : strides)
    byteStrides.push_back(std::max(stride * elementBytes, strideUnit));
  for (uint64_t &extent : extents)
    extent = std::max<uint64_t>(extent, 1);
  std::vector<uint32_t> steps(extents.size(), 1);
  rondo_tensor_map map;
  driver.check(driver.encodeTiled(&map, format == Format::F16 ? kFloat16 : kBFloat16, extents.size(),
                                  reinterpret_cast<void *>(address), extents.data(), byteStrides.data(), box.data(),
                                  steps.data(), kNoInterleave, kSwizzle128, kPromote256, kFillZeros),
               "cuTensorMapEncodeTiled");
  return map;
}

/// The same tensor, to be read element by element.
static rondo_plain_tensor describePlainly(Address address, const std::vector<uint64_t> &extents,
                                          const std::vector<int64_t> &strides) {
  rondo_plain_tensor tensor = {};
  tensor.address = address;
  std::copy(extents.begin(), extents.end(), tensor.extents);
  std::copy(strides.begin(), strides.end(), tensor.strides);
  return tensor;
}

AttendLaunch::AttendLaunch(const Kernel &kernel, const rondo_attend_problem &problem, double scale, Address queries,
                           Address keys, Address values, Address output, Address lse, rondo_split_plan plan,
                           bool toPartials, Address scales)
    : kernel(kernel) {
  rondo_attend_shape shape = rondo_get_attend_shape(&problem, &kernel.traits);
  setMaps(problem, shape, queries, keys, values);
  setStrides(problem, toPartials);
  arguments.output = output;
  arguments.lse = lse;
  arguments.scales = scales;
  arguments.rows = shape.rows;
  arguments.keys_count = problem.key_count;
  arguments.heads = problem.heads;
  arguments.batches = problem.batches;
  arguments.row_inner = shape.row_inner;
  arguments.box_rows = shape.box_rows;
  arguments.blocks_per_split = plan.blocks_per_split;
  arguments.query_count = problem.query_count;
  arguments.position_divisor = shape.position_divisor;
  arguments.diagonal = problem.diagonal;
  arguments.scale_log2 = std::fabs(scale) * 1.4426950408889634;
  if (kernel.traits.persistent) {
    table = rondo_build_tile_table(&problem, &kernel.traits, driver.multiprocessors);
    size_t bytes = sizeof(uint32_t) * table.ctas * table.stride;
    driver.check(driver.allocate(&tableAddress, bytes), "cannot allocate the tile table");
    driver.check(driver.copyToDevice(tableAddress, table.words, bytes), "cuMemcpyHtoD");
    arguments.tiles = tableAddress;
    arguments.tile_stride = table.stride;
    grid[0] = table.ctas;
    grid[1] = grid[2] = 1;
    return;
  }
  unsigned cluster = kernel.traits.cluster;
  grid[0] = (shape.row_tiles + cluster - 1) / cluster * cluster;
  grid[1] = problem.heads;
  grid[2] = plan.splits * problem.batches;
}

AttendLaunch::~AttendLaunch() {
  if (tableAddress)
    driver.free(tableAddress);
  rondo_free_tile_table(&table);
}

void AttendLaunch::setMaps(const rondo_attend_problem &p, const rondo_attend_shape &shape, Address queries,
                           Address keys, Address values) {
  uint64_t heads = p.heads, batches = p.batches, length = p.key_count, rows = shape.rows;
  uint32_t inner = shape.box_inner, outer = shape.box_outer;
  uint32_t keyRows = kernel.traits.block_keys / kernel.traits.cluster;
  constexpr uint32_t columns = 64;
  Layout q = Layout::get(p.by_position, p.heads * p.group, p.query_count, p.features);
  Layout k = Layout::get(p.by_position, p.heads, p.key_count, p.features);
  Layout v = Layout::get(p.by_position, p.heads, p.key_count, p.value_features);
  uint64_t features = p.features, valueFeatures = p.value_features;
  std::vector<uint64_t> queryExtents = {features, rows, 1, heads, batches};
  std::vector<int64_t> queryStrides = {q.row, q.head * p.group, q.head * p.group, q.batch};
  if (p.by_position) {
    queryExtents = {features, static_cast<uint64_t>(p.group), static_cast<uint64_t>(p.query_count), heads, batches};
    queryStrides = {q.head, q.row, q.head * p.group, q.batch};
  }
  auto describe = [&](rondo_tensor_map &map, rondo_plain_tensor &plain, Address address, std::vector<uint64_t> extents,
                      std::vector<int64_t> strides, std::vector<uint32_t> box) {
    plain = describePlainly(address, extents, strides);
    if (!kernel.traits.plain_loads)
      map = encodeMap(kernel.input, address, extents, strides, box);
  };
  describe(arguments.queries, arguments.plain_queries, queries, queryExtents, queryStrides,
           {columns, inner, outer, 1, 1});
  describe(arguments.keys, arguments.plain_keys, keys, {features, length, heads, batches}, {k.row, k.head, k.batch},
           {columns, keyRows, 1, 1});
  describe(arguments.values, arguments.plain_values, values, {valueFeatures, length, heads, batches},
           {v.row, v.head, v.batch}, {columns, keyRows, 1, 1});
}

void AttendLaunch::setStrides(const rondo_attend_problem &p, bool toPartials) {
  int64_t heads = p.heads * p.group;
  Layout o = Layout::get(p.by_position && !toPartials, heads, p.query_count, p.value_features);
  Layout lse = Layout::get(false, heads, p.query_count, 1);
  arguments.output_split_stride = p.batches * o.batch;
  arguments.output_batch_stride = o.batch;
  arguments.output_head_stride = o.head * p.group;
  arguments.lse_split_stride = p.batches * lse.batch;
  arguments.lse_batch_stride = lse.batch;
  arguments.lse_head_stride = lse.head * p.group;
  // By head, all rows of a key/value head follow one another: their outer index is 0.
  arguments.output_outer_stride = p.by_position ? o.row : 0;
  arguments.output_inner_stride = p.by_position ? o.head : o.row;
  arguments.lse_outer_stride = p.by_position ? lse.row : 0;
  arguments.lse_inner_stride = p.by_position ? lse.head : lse.row;
}

void AttendLaunch::run(Stream stream, bool programmatic) {
  rondo_attend_arguments &a = arguments;
  launch(kernel, grid,
         {&a.queries,
          &a.keys,
          &a.values,
          &a.output,
          &a.lse,
          &a.scales,
          &a.tiles,
          &a.output_split_stride,
          &a.output_batch_stride,
          &a.output_head_stride,
          &a.output_outer_stride,
          &a.output_inner_stride,
          &a.lse_split_stride,
          &a.lse_batch_stride,
          &a.lse_head_stride,
          &a.lse_outer_stride,
          &a.lse_inner_stride,
          &a.rows,
          &a.keys_count,
          &a.heads,
          &a.batches,
          &a.row_inner,
          &a.box_rows,
          &a.blocks_per_split,
          &a.tile_stride,
          &a.query_count,
          &a.position_divisor,
          &a.diagonal,
          &a.scale_log2,
          &a.plain_queries,
          &a.plain_keys,
          &a.plain_values},
         stream, programmatic);
}

MergeLaunch::MergeLaunch(const Kernel &kernel, const rondo_attend_problem &p, int32_t parts, Address partialOutput,
                         Address partialLse, Address arrivingOutput, Address arrivingLse, Address output, Address lse,
                         Address partialScales)
    : kernel(kernel) {
  int64_t heads = p.heads * p.group;
  Layout o = Layout::get(p.by_position, heads, p.query_count, p.value_features);
  arguments = {partialOutput,
               partialLse,
               partialScales,
               arrivingOutput,
               arrivingLse,
               output,
               lse,
               o.batch,
               o.head,
               o.row,
               o.batch,
               o.head,
               o.row,
               static_cast<int32_t>(p.batches * heads * p.query_count),
               parts,
               static_cast<int32_t>(heads),
               static_cast<int32_t>(p.query_count)};
}

void MergeLaunch::run(Stream stream, bool programmatic) {
  rondo_merge_arguments &a = arguments;
  unsigned rowsPerBlock = kernel.traits.rows_per_block;
  launch(kernel, {(a.rows + rowsPerBlock - 1) / rowsPerBlock, 1, 1},
         {&a.partial_output, &a.partial_lse, &a.partial_scales, &a.arriving_output, &a.arriving_lse, &a.output, &a.lse,
          &a.output_batch_stride, &a.output_head_stride, &a.output_row_stride, &a.arriving_batch_stride,
          &a.arriving_head_stride, &a.arriving_row_stride, &a.rows, &a.parts, &a.heads, &a.query_count},
         stream, programmatic);
}
