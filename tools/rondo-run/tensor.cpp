// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/tensor.h"

#include "tools/rondo-run/text.h"

#include <cstdlib>
#include <cstring>
#include <limits>

namespace rondo::run {

constexpr size_t alignment = 64;

std::optional<int64_t> elementCount(const std::vector<int64_t> &shape) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max() / int64_t(2 * sizeof(double));
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (count > most / extent)
      return std::nullopt;
    count *= extent;
  }
  return empty ? 0 : count;
}

void HostTensor::Free::operator()(void *memory) const { std::free(memory); }

Result<HostTensor> HostTensor::create(const std::string &name, ElementType type, std::vector<int64_t> shape) {
  std::optional<int64_t> count = elementCount(shape);
  HostTensor tensor;
  tensor.elementType = type;
  tensor.elements = count.value_or(0);
  if (count) {
    size_t rounded = (tensor.bytes() + alignment) / alignment * alignment; // never 0
    tensor.storage.reset(std::aligned_alloc(alignment, rounded));
  }
  if (!tensor.storage)
    return Error{concat("out of memory: no room for ", name, ", ", elementTypeName(type), " ", shapeText(shape))};
  tensor.extents = std::move(shape);
  return tensor;
}

void HostTensor::fillWithNaN() { std::memset(storage.get(), 0xff, bytes()); }

DLTensor HostTensor::view() {
  DLTensor view = {};
  view.data = storage.get();
  view.device = {kDLCPU, 0};
  view.ndim = int(extents.size());
  view.dtype.code = uint8_t(elementType == ElementType::BF16 ? kDLBfloat : kDLFloat);
  view.dtype.bits = uint8_t(elementSize(elementType) * 8);
  view.dtype.lanes = 1;
  view.shape = extents.data();
  return view;
}

std::string coordinatesText(const std::vector<int64_t> &shape, int64_t index) {
  std::vector<int64_t> coordinates(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    coordinates[i] = index % shape[i];
    index /= shape[i];
  }
  return shapeText(coordinates);
}

} // namespace rondo::run
