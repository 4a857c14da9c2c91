// A dense tensor in host memory that the runtime can borrow as a DLPack tensor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_TENSOR_H
#define RONDO_RUN_TENSOR_H

#include "tools/rondo-run/dtype.h"
#include "tools/rondo-run/result.h"

#include <dlpack/dlpack.h>
#include <memory>
#include <string>
#include <vector>

namespace rondo::run {

/// Number of elements, or nothing if it (in bytes of the widest type) does not fit 63 bits.
std::optional<int64_t> elementCount(const std::vector<int64_t> &shape);

/// Contiguous in C order.
class HostTensor {
public:
  /// Allocates without initialising. `name` is for the error alone.
  static Result<HostTensor> create(const std::string &name, ElementType type, std::vector<int64_t> shape);

  ElementType type() const { return elementType; }
  const std::vector<int64_t> &shape() const { return extents; }
  int64_t count() const { return elements; }
  size_t bytes() const { return size_t(elements) * elementSize(elementType); }
  void *data() { return storage.get(); }
  const void *data() const { return storage.get(); }

  double load(int64_t index) const { return loadElement(storage.get(), elementType, size_t(index)); }
  void store(int64_t index, float value) { storeElement(storage.get(), elementType, size_t(index), value); }

  /// Makes every element NaN, so that one which is never written shows.
  void fillWithNaN();

  /// A view for the runtime; valid as long as this tensor is.
  DLTensor view();

private:
  struct Free {
    void operator()(void *memory) const;
  };

  ElementType elementType;
  std::vector<int64_t> extents;
  int64_t elements;
  std::unique_ptr<void, Free> storage;
};

/// "[0, 3, 17, 5]": the coordinates of the element at `index` in C order.
std::string coordinatesText(const std::vector<int64_t> &shape, int64_t index);

} // namespace rondo::run
#endif // RONDO_RUN_TENSOR_H
