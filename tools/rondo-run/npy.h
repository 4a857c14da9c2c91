// NumPy's .npy files, versions 1 to 3, of little-endian floating point arrays in C order.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_NPY_H
#define RONDO_RUN_NPY_H

#include "tools/rondo-run/result.h"
#include "tools/rondo-run/tensor.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::run {

struct NpyHeader {
  std::string descr; // "<f4"
  bool fortranOrder;
  std::vector<int64_t> shape;
};

/// Parses the dictionary of a header, the text behind the magic number, version and length.
Result<NpyHeader> parseNpyHeader(std::string_view dictionary);

/// An array in a file, of which the header is read and known to agree with the file's size.
class NpyFile {
public:
  static Result<NpyFile> open(const std::string &path);

  const std::string &path() const { return name; }
  ElementType type() const { return elementType; } // F16 or F32
  const std::vector<int64_t> &shape() const { return header.shape; }

  /// Reads all elements into `tensor`, which has the same shape; f32 is rounded to the tensor's type. A finite value
  /// that would become infinite is an error.
  Status read(HostTensor &tensor) const;

private:
  struct Close {
    void operator()(FILE *stream) const { std::fclose(stream); }
  };

  Status readHeader();
  Status checkFormat();

  std::string name;
  std::unique_ptr<FILE, Close> stream;
  NpyHeader header;
  ElementType elementType;
  int64_t dataOffset;
};

/// Writes f32 as <f4, f16 as <f2 and bf16, for which NumPy has no type, as <f4.
Status writeNpy(const std::string &path, const HostTensor &tensor);

} // namespace rondo::run
#endif // RONDO_RUN_NPY_H
