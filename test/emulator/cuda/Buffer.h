//===- Buffer.h - The bytes behind an allocation --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_CUDA_BUFFER_H
#define RONDO_TEST_EMULATOR_CUDA_BUFFER_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rondo::emulator {

/// Memory of this process, or of a file without a name that other processes can map, too.
class Buffer {
public:
  Buffer() = default;
  Buffer(Buffer &&other) noexcept { *this = std::move(other); }
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer();

  /// All bytes are 0xFF.
  static Buffer create(size_t bytes);
  /// The same, which others can map by `getName()`. Throws std::bad_alloc if that is not possible.
  static Buffer createShared(size_t bytes);
  /// That of another process, which must still be there. Throws std::runtime_error if it is not.
  static Buffer open(const std::string &name);

  uint8_t *data() const { return begin; }
  size_t size() const { return bytes; }
  /// Empty: it cannot be shared.
  std::string getName() const;
  bool isOpened() const { return opened; }

private:
  void map(int file);

  std::vector<uint8_t> own;
  uint8_t *begin = nullptr;
  size_t bytes = 0;
  int descriptor = -1; ///< of the file; -1: none
  bool opened = false; ///< it is another process'
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_CUDA_BUFFER_H
