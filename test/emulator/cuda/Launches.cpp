//===- Launches.cpp - The emulated driver's modules, kernels and tensor maps ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Call.h"
#include "test/emulator/cuda/Graph.h"

#include <cstdlib>
#include <memory>

using namespace rondo::emulator;

/// What a launch can have without cuFuncSetAttribute.
constexpr uint32_t kDefaultSharedBytes = 48 * 1024;

struct rondo::emulator::Function {
  const Kernel &kernel;
  uint32_t maxSharedBytes;
  int device;
};

namespace {

struct LoadedModule {
  explicit LoadedModule(const char *ptx) : module(ptx), device(getCurrentDevice()) {}
  Module module;
  int device;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

/// The parameter block, from the addresses of the parameters.
std::vector<uint8_t> gather(const KernelSyntax &syntax, void *const *fields) {
  std::vector<uint8_t> block;
  for (size_t i = 0; i < syntax.parameters.size(); ++i) {
    const Parameter &parameter = syntax.parameters[i];
    block.resize(parameter.offset + parameter.bytes);
    std::memcpy(&block[parameter.offset], fields[i], parameter.bytes);
  }
  return block;
}

/// Without a seed: each launch gets its own.
LaunchShape getShape(const cuda_launch_configuration &configuration, const Function &function) {
  const KernelSyntax &syntax = function.kernel.getSyntax();
  if (configuration.block_y != 1 || configuration.block_z != 1)
    fail("CTAs of ", configuration.block_x, " x ", configuration.block_y, " x ", configuration.block_z,
         " threads; the emulator knows those along x");
  if (configuration.shared_bytes > function.maxSharedBytes)
    fail(configuration.shared_bytes, " bytes of dynamic shared memory; cuFuncSetAttribute allows ",
         function.maxSharedBytes);
  LaunchShape shape;
  for (unsigned i = 0; i < configuration.attribute_count; ++i) {
    const cuda_launch_attribute &attribute = configuration.attributes[i];
    if (attribute.id == CUDA_ATTRIBUTE_CLUSTER && (attribute.value.cluster.x != syntax.cluster ||
                                                   attribute.value.cluster.y != 1 || attribute.value.cluster.z != 1))
      fail("clusters of ", attribute.value.cluster.x, " CTAs; the kernel wants ", syntax.cluster);
    if (attribute.id == CUDA_ATTRIBUTE_PROGRAMMATIC)
      shape.overlapsPrevious = attribute.value.programmatic;
  }
  shape.grid = {configuration.grid_x, configuration.grid_y, configuration.grid_z};
  shape.threads = configuration.block_x;
  shape.sharedBytes = configuration.shared_bytes;
  return shape;
}

TensorMap makeTensorMap(int type, uint32_t rank, cuda_address address, const uint64_t *extents, const uint64_t *strides,
                        const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int fill) {
  if (type != CUDA_ELEMENT_FLOAT16 && type != CUDA_ELEMENT_BFLOAT16)
    fail("elements of type ", type, "; the emulator knows f16 and bf16");
  if (interleave != CUDA_NO_INTERLEAVE || fill != CUDA_FILL_ZEROS || (swizzle != 0 && swizzle != CUDA_SWIZZLE_128))
    fail("interleave ", interleave, ", fill ", fill, ", swizzle ", swizzle,
         "; the emulator knows tensor maps without interleave, with zeros, with the 128-byte swizzle or none");
  if (rank > TensorMap::kMaxRank)
    fail("rank ", rank, ", expected at most ", TensorMap::kMaxRank);
  TensorMap map;
  map.rank = rank;
  map.address = address;
  map.swizzle128 = swizzle == CUDA_SWIZZLE_128;
  for (uint32_t i = 0; i < rank; ++i) {
    if (steps[i] != 1)
      fail("element stride ", steps[i], "; the emulator knows 1");
    map.extents[i] = extents[i];
    map.box[i] = box[i];
    if (i > 0)
      map.strides[i] = strides[i - 1];
  }
  return map;
}

/// The parameters, from their addresses, or as a whole in `extra`: pointer (1) and size (2), then 0.
std::vector<uint8_t> getParameters(const KernelSyntax &syntax, void **fields, void **extra) {
  if (fields)
    return gather(syntax, fields);
  const uint8_t *block = nullptr;
  size_t bytes = 0;
  for (; extra && *extra; extra += 2)
    if (reinterpret_cast<uintptr_t>(*extra) == 1)
      block = static_cast<const uint8_t *>(extra[1]);
    else
      bytes = *static_cast<size_t *>(extra[1]);
  return {block, block + bytes};
}

bool isNamed(const char *variable, const Function &function) {
  const char *name = std::getenv(variable);
  return name && function.kernel.getName() == name;
}

} // namespace

Work KernelCall::makeWork() const {
  bool never = isNamed("RONDO_EMULATOR_HANG", *function);
  LaunchShape launched = shape;
  launched.seed = getDevice().nextSeed++;
  Work work;
  work.run = [launched, block = block, function = function] {
    GlobalMemory &memory = getDevice().getMemory(function->device);
    memory.beginLaunch();
    function->kernel.launch(memory, launched, block.data(), block.size());
  };
  work.isReady = [never] { return !never; };
  return work;
}

/// Captures a launch from a stream.
static void captureKernel(cuda_stream stream, KernelCall call) {
  if (isNamed("RONDO_EMULATOR_NO_CAPTURE", *call.function))
    failCapture(*getDevice().getStream(stream).capture, CaptureUnsupported, "kernel '", call.function->kernel.getName(),
                "' cannot be captured");
  Node node;
  node.kernel = std::move(call);
  addNode(getDevice().getStream(stream), std::move(node));
}

extern "C" {

//===--------------------------------------------------------------------------------------------------------------===//
// Modules
//===--------------------------------------------------------------------------------------------------------------===//

cuda_result cuModuleLoadData(LoadedModule **module, const void *image) {
  return attemptInContext(CUDA_INVALID_PTX, [&] {
    checkNotCapturing("cuModuleLoadData");
    if (std::string_view(static_cast<const char *>(image), 4) == "\x7F"
                                                                 "ELF")
      fail("the module is machine code; the emulator runs PTX");
    *module = new LoadedModule(static_cast<const char *>(image));
  });
}

cuda_result cuModuleUnload(LoadedModule *module) {
  return attemptInContext(InvalidValue, [&] { delete module; });
}

cuda_result cuModuleGetFunction(Function **function, LoadedModule *module, const char *name) {
  return attemptInContext(CUDA_NOT_FOUND, [&] {
    auto fresh =
        std::make_unique<Function>(Function{module->module.getKernel(name), kDefaultSharedBytes, module->device});
    *function = module->functions.emplace(name, std::move(fresh)).first->second.get();
  });
}

cuda_result cuFuncGetAttribute(int *value, int attribute, Function *function) {
  return attemptInContext(InvalidValue, [&] {
    if (attribute != CUDA_FUNCTION_THREADS_LIMIT)
      fail("the emulator does not know attribute ", attribute, " of a function");
    uint32_t threads = function->kernel.getSyntax().threads;
    *value = threads ? static_cast<int>(threads) : 1024;
  });
}

cuda_result cuFuncSetAttribute(Function *function, int attribute, int value) {
  return attemptInContext(InvalidValue, [&] {
    if (attribute != CUDA_FUNCTION_DYNAMIC_SHARED_BYTES)
      fail("the emulator does not know attribute ", attribute, " of a function");
    if (value < 0 || static_cast<uint32_t>(value) > kSharedLimit)
      fail(value, " bytes of dynamic shared memory; a CTA can have ", kSharedLimit);
    function->maxSharedBytes = static_cast<uint32_t>(value);
  });
}

cuda_result cuLaunchKernelEx(const cuda_launch_configuration *configuration, const Function *function, void **fields,
                             void **extra) {
  return attemptInContext(CUDA_LAUNCH_FAILED, [&] {
    const Stream &stream = getDevice().getStream(configuration->stream);
    if (int device = configuration->stream ? stream.device : getCurrentDevice(); device != function->device)
      fail("a kernel of device ", function->device, " on a stream of device ", device);
    KernelCall call{function, getShape(*configuration, *function),
                    getParameters(function->kernel.getSyntax(), fields, extra)};
    if (stream.capture)
      return captureKernel(configuration->stream, std::move(call));
    Work work = call.makeWork();
    getDevice().issue(configuration->stream, std::move(work.run), std::move(work.isReady));
  });
}

/// The shape's attributes stay as they were captured.
cuda_result cuGraphExecKernelNodeSetParams_v2(Executable *executable, Node *handle, const cuda_kernel_node *given) {
  return attemptInContext(InvalidValue, [&] {
    Node &node = executable->find(handle);
    if (!node.kernel)
      fail("the node is no kernel");
    const auto *function = reinterpret_cast<const Function *>(given->function);
    if (isNamed("RONDO_EMULATOR_NO_UPDATE", *function))
      fail("the parameters of kernel '", function->kernel.getName(), "' cannot be set");
    if (function->device != node.kernel->function->device)
      fail("a kernel of another device than the node's");
    cuda_launch_configuration configuration = {
        given->grid_x,  given->grid_y,       given->grid_z, given->block_x, given->block_y,
        given->block_z, given->shared_bytes, nullptr,       nullptr,        0};
    LaunchShape shape = getShape(configuration, *function);
    shape.overlapsPrevious = node.kernel->shape.overlapsPrevious;
    node.kernel =
        KernelCall{function, shape, getParameters(function->kernel.getSyntax(), given->parameters, given->extra)};
  });
}

cuda_result cuTensorMapEncodeTiled(rondo_tensor_map *map, int type, uint32_t rank, void *address,
                                   const uint64_t *extents, const uint64_t *strides, const uint32_t *box,
                                   const uint32_t *steps, int interleave, int swizzle, int /*promotion*/, int fill) {
  return attempt(InvalidValue, [&] {
    encodeTensorMap(makeTensorMap(type, rank, reinterpret_cast<cuda_address>(address), extents, strides, box, steps,
                                  interleave, swizzle, fill),
                    map->bytes);
  });
}

} // extern "C"
