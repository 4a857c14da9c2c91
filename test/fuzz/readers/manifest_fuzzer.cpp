// The readers of manifests, the runtime's and rondo-run's; and binding tensors to what a manifest that was accepted
// says, however large its numbers are.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/manifest.h"

extern "C" {
#include "runtime/src/bind.h"
}

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

void requireErrorText(const rondo_context *context) {
  require(rondo_last_error(context)[0] != '\0', "a failure without a text");
}

/// The tensors of a function, one for each rank or one for all. Binding does not touch their data: it is nowhere.
class Tensors {
public:
  Tensors(const manifest_function &function, const grid_shape &shape, int32_t ranks, bool placed, int64_t length) {
    uintptr_t address = 64; // each tensor has a place of its own, if there is room for all
    size_t inputCount = static_cast<size_t>(function.input_count);
    for (int32_t rank = 0; rank < (placed ? ranks : 1); ++rank)
      for (int i = 0; i < function.tensor_count; ++i) {
        const manifest_tensor &expected = function.tensors[i];
        extents.emplace_back();
        for (int d = 0; d < expected.dimension_count; ++d) {
          const manifest_dimension &dimension = expected.dimensions[d];
          int64_t global = dimension.length < 0 ? dimension.extent : length + dimension.length;
          int64_t parts = placed ? dimension_parts(&dimension, &shape) : 1;
          int64_t part = placed ? dimension_part(&dimension, &shape, rank) : 0;
          extents.back().push_back(shard_of(global, parts, part).size);
        }
        DLTensor tensor = {};
        tensor.data = reinterpret_cast<void *>(address += uintptr_t(1) << 40);
        tensor.device = {kDLCPU, 0};
        tensor.ndim = expected.dimension_count;
        tensor.dtype = {static_cast<uint8_t>(expected.type == ELEMENT_BF16 ? kDLBfloat : kDLFloat),
                        static_cast<uint8_t>(8 * element_type_bytes(expected.type)), 1};
        tensors.push_back(tensor);
      }
    for (size_t i = 0; i < tensors.size(); ++i) {
      tensors[i].shape = extents[i].data();
      bool isInput = i % static_cast<size_t>(function.tensor_count) < inputCount;
      isInput ? inputs.push_back(&tensors[i]) : outputs.push_back(&tensors[i]);
    }
    size_t given = placed ? static_cast<size_t>(ranks) : 1;
    list = {inputs.data(), inputs.size() / given, outputs.data(), outputs.size() / given, nullptr};
  }

  tensor_list list;

private:
  std::vector<std::vector<int64_t>> extents;
  std::vector<DLTensor> tensors;
  std::vector<const DLTensor *> inputs;
  std::vector<DLTensor *> outputs;
};

void bindFunction(rondo_context *context, const manifest &parsed, const manifest_function &function) {
  for (int32_t ranks : {1, 2, 6}) {
    grid_shape shape;
    if (grid_bind(context, &parsed.grid, ranks, &shape) != RONDO_OK) {
      requireErrorText(context);
      continue;
    }
    for (int64_t length : {int64_t(0), int64_t(5), int64_t(1) << 40})
      for (bool placed : {false, true}) {
        Tensors tensors(function, shape, ranks, placed, length);
        binding bound = {};
        const rank_range all = {0, ranks, nullptr};
        auto bind = placed ? bind_shards : bind_global;
        if (bind(context, &function, &shape, &all, &tensors.list, &bound) != RONDO_OK)
          requireErrorText(context);
        binding_free(&bound);
      }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rondo_context *context = nullptr;
  require(rondo_context_create(&context) == RONDO_OK, "no context");
  manifest parsed;
  rondo_status status = manifest_parse(context, reinterpret_cast<const char *>(data), size, &parsed);
  if (status != RONDO_OK) {
    require(status == RONDO_INVALID_PROGRAM || status == RONDO_OUT_OF_MEMORY, "an unexpected status");
    requireErrorText(context);
  }
  for (int i = 0; status == RONDO_OK && i < parsed.function_count; ++i)
    if (parsed.functions[i].tensor_count > 0 && parsed.functions[i].tensor_count < 32)
      bindFunction(context, parsed, parsed.functions[i]);
  manifest_free(&parsed);
  rondo_context_destroy(context);

  std::string text(reinterpret_cast<const char *>(data), size);
  if (auto manifest = rondo::run::parseManifest(text.c_str()))
    require(!rondo::run::describeManifest(*manifest).empty(), "an empty description");
  else
    require(!manifest.error().text.empty(), "a failure without a text");
  return 0;
}
