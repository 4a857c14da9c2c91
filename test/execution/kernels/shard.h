//===- shard.h - Tensors between inaccessible pages -----------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EXECUTION_KERNELS_SHARD_H
#define RONDO_TEST_EXECUTION_KERNELS_SHARD_H

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace rondo::test {

enum class Element { F32, F16, BF16, F64, I32 };

std::string name(Element element);
int64_t byteSize(Element element);

/// The layouts of [batch, head, sequence, feature] in memory.
enum class Layout { HeadMajor, SequenceMajor };

/// At which end of the memory the inaccessible page lies directly; the other is as near as alignment allows.
enum class Flush { Start, End };

/// A tensor in memory of its own. The pages before and after are inaccessible, so that an access past either end kills
/// the process.
class Shard {
public:
  Shard(Element element, std::vector<int64_t> sizes, Layout layout = Layout::HeadMajor, Flush flush = Flush::End);
  ~Shard();
  Shard(const Shard &) = delete;
  Shard &operator=(const Shard &) = delete;

  Element element() const { return type; }
  const std::vector<int64_t> &sizes() const { return extents; }
  const std::vector<int64_t> &strides() const { return steps; }
  void *data() const { return elements; }
  int64_t count() const;

  /// Element access by indices, converted exactly (reads) or rounded to nearest even (writes).
  double get(const std::vector<int64_t> &indices) const;
  void set(const std::vector<int64_t> &indices, double value);
  /// Calls function(indices) for every element in row-major order.
  void forEach(const std::function<void(const std::vector<int64_t> &)> &function) const;
  void fill(const std::function<double()> &next);
  /// All elements in row-major order.
  std::vector<double> values() const;

private:
  char *address(const std::vector<int64_t> &indices) const;

  Element type;
  std::vector<int64_t> extents, steps;
  void *mapping;
  size_t mappingBytes;
  void *elements;
};

} // namespace rondo::test

#endif // RONDO_TEST_EXECUTION_KERNELS_SHARD_H
