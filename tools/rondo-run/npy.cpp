// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/npy.h"

#include "tools/rondo-run/output_file.h"
#include "tools/rondo-run/text.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <sys/stat.h>

namespace rondo::run {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr size_t chunkElements = 1 << 16;

static Result<int64_t> sizeOfRegularFile(FILE *stream) {
  struct stat entry;
  if (fstat(fileno(stream), &entry) != 0)
    return Error{std::strerror(errno)};
  if (!S_ISREG(entry.st_mode))
    return Error{"it is not a regular file"};
  return int64_t(entry.st_size);
}

Result<NpyFile> NpyFile::open(const std::string &path) {
  NpyFile file;
  file.name = path;
  file.stream.reset(std::fopen(path.c_str(), "rb"));
  if (!file.stream)
    return Error{concat("cannot read '", path, "': ", std::strerror(errno))};
  if (Status header = file.readHeader(); !header)
    return Error{concat("cannot read '", path, "': ", header.error().text)};
  if (Status format = file.checkFormat(); !format)
    return Error{concat("cannot use '", path, "': ", format.error().text)};
  return file;
}

Status NpyFile::readHeader() {
  unsigned char prefix[12] = {};
  size_t got = std::fread(prefix, 1, 8, stream.get());
  if (got < 8 || std::memcmp(prefix, magic.data(), magic.size()) != 0)
    return Error{"it is not a .npy file (expected to begin with \\x93NUMPY)"};
  int major = prefix[6];
  if (major < 1 || major > 3 || prefix[7] != 0)
    return Error{concat("it is of .npy version ", major, ".", int(prefix[7]), "; expected 1.0, 2.0 or 3.0")};
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (std::fread(prefix + 8, 1, lengthBytes, stream.get()) != lengthBytes)
    return Error{"it is truncated: it ends inside the header"};
  uint32_t length = 0;
  for (size_t i = lengthBytes; i-- > 0;)
    length = length << 8 | prefix[8 + i];

  Result<int64_t> size = sizeOfRegularFile(stream.get());
  if (!size)
    return size.error();
  dataOffset = int64_t(8 + lengthBytes + length);
  if (dataOffset > *size)
    return Error{concat("it is truncated: its header takes ", dataOffset, " bytes, the file has ", *size)};
  std::string dictionary(length, '\0');
  if (std::fread(dictionary.data(), 1, length, stream.get()) != length)
    return Error{"its header could not be read"};
  Result<NpyHeader> parsed = parseNpyHeader(dictionary);
  if (!parsed)
    return parsed.error();
  header = *parsed;
  return Success{};
}

Status NpyFile::checkFormat() {
  if (header.descr == "<f4")
    elementType = ElementType::F32;
  else if (header.descr == "<f2")
    elementType = ElementType::F16;
  else if (header.descr == ">f4" || header.descr == ">f2")
    return Error{concat("its dtype is '", header.descr, "', big-endian; expected little-endian '<", header.descr[1],
                        header.descr[2], "'")};
  else
    return Error{concat("its dtype is '", header.descr, "'; expected '<f4' (float32) or '<f2' (float16)")};
  if (header.fortranOrder)
    return Error{"it is in Fortran order; expected C order (numpy.ascontiguousarray makes it so)"};

  std::optional<int64_t> count = elementCount(header.shape);
  if (!count)
    return Error{concat("its shape ", shapeText(header.shape), " is too large")};
  Result<int64_t> size = sizeOfRegularFile(stream.get());
  if (!size)
    return size.error();
  int64_t expected = *count * int64_t(elementSize(elementType));
  if (*size - dataOffset != expected)
    return Error{concat(*size - dataOffset < expected ? "it is truncated" : "it has excess data", ": shape ",
                        shapeText(header.shape), " of ", header.descr, " takes ", expected, " bytes of data, found ",
                        *size - dataOffset)};
  return Success{};
}

Status NpyFile::read(HostTensor &tensor) const {
  if (std::fseek(stream.get(), long(dataOffset), SEEK_SET) != 0)
    return Error{concat("cannot read '", name, "': ", std::strerror(errno))};
  std::vector<char> chunk(chunkElements * elementSize(elementType));
  double bound = overflowBound(tensor.type());
  for (int64_t begin = 0; begin < tensor.count(); begin += chunkElements) {
    size_t count = std::min<size_t>(chunkElements, size_t(tensor.count() - begin));
    if (std::fread(chunk.data(), elementSize(elementType), count, stream.get()) != count)
      return Error{concat("cannot read '", name, "': it ended early")};
    for (size_t i = 0; i < count; ++i) {
      double value = loadElement(chunk.data(), elementType, i);
      if (std::isfinite(value) && std::fabs(value) >= bound)
        return Error{concat("'", name, "': ", value, " at ", coordinatesText(tensor.shape(), begin + int64_t(i)),
                            " is beyond the range of ", elementTypeName(tensor.type()))};
      tensor.store(begin + int64_t(i), float(value));
    }
  }
  return Success{};
}

static std::string npyPreamble(const char *descr, const std::vector<int64_t> &shape) {
  std::string tuple;
  for (int64_t extent : shape)
    tuple += std::to_string(extent) + ", ";
  if (shape.size() > 1)
    tuple.resize(tuple.size() - 2);
  else if (shape.size() == 1)
    tuple.pop_back();
  std::string dictionary = concat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", tuple, "), }");
  // The data begins at a multiple of 64; the header ends in a line feed.
  size_t unpadded = magic.size() + 4 + dictionary.size() + 1;
  dictionary.append((64 - unpadded % 64) % 64, ' ');
  dictionary += '\n';
  std::string preamble(magic);
  preamble += {'\x01', '\x00', char(dictionary.size() & 0xff), char(dictionary.size() >> 8)};
  return preamble + dictionary;
}

Status writeNpy(const std::string &path, const HostTensor &tensor) {
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.error();
  bool widened = tensor.type() == ElementType::BF16;
  std::string preamble = npyPreamble(tensor.type() == ElementType::F16 ? "<f2" : "<f4", tensor.shape());
  if (Status written = file->write(preamble.data(), preamble.size()); !written)
    return written;
  if (!widened) {
    if (Status written = file->write(tensor.data(), tensor.bytes()); !written)
      return written;
    return file->commit();
  }
  std::vector<float> chunk;
  for (int64_t begin = 0; begin < tensor.count(); begin += chunkElements) {
    chunk.resize(std::min<size_t>(chunkElements, size_t(tensor.count() - begin)));
    for (size_t i = 0; i < chunk.size(); ++i)
      chunk[i] = float(tensor.load(begin + int64_t(i)));
    if (Status written = file->write(chunk.data(), chunk.size() * sizeof(float)); !written)
      return written;
  }
  return file->commit();
}

} // namespace rondo::run
