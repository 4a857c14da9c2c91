// .npy files: what NumPy writes is read back, and everything else is refused with a reason.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/npy.h"

#include "test/tools/rondo-run/temporary_folder.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace rondo::run;
using rondo::test::TemporaryFolder;

namespace {

/// A file as NumPy writes it, of the given version.
std::string npy(const std::string &dictionary, const std::string &data, int major = 1) {
  size_t lengthBytes = major == 1 ? 2 : 4;
  std::string header = dictionary;
  header.append(64 - (8 + lengthBytes + header.size() + 1) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY", 6);
  file += char(major);
  file += '\0';
  for (size_t i = 0; i < lengthBytes; ++i)
    file += char(header.size() >> (8 * i) & 0xff);
  return file + header + data;
}

std::string dictionary(const std::string &descr, const std::string &shape, const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

std::string bytesOf(const std::vector<float> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
}

class Npy : public testing::Test {
protected:
  /// The error of opening a file with this content; empty if it opens.
  std::string errorOf(const std::string &content) {
    Result<NpyFile> file = NpyFile::open(folder.write("x.npy", content));
    return file ? "" : file.error().text;
  }

  /// The content read as `type`.
  Result<HostTensor> read(const std::string &content, ElementType type) {
    Result<NpyFile> file = NpyFile::open(folder.write("x.npy", content));
    if (!file)
      return file.error();
    Result<HostTensor> tensor = HostTensor::create("x", type, file->shape());
    if (!tensor)
      return tensor;
    if (Status status = file->read(*tensor); !status)
      return status.error();
    return tensor;
  }

  void expectError(const std::string &content, const std::string &expected) {
    std::string error = errorOf(content);
    EXPECT_NE(error.find(expected), std::string::npos) << "got: '" << error << "'";
    EXPECT_NE(error.find("x.npy"), std::string::npos) << "the file is not named: '" << error << "'";
  }

  TemporaryFolder folder;
};

TEST_F(Npy, ReadsEveryVersion) {
  for (int major : {1, 2, 3}) {
    Result<HostTensor> tensor =
        read(npy(dictionary("<f4", "(2, 3)"), bytesOf({1, 2, 3, 4, 5, 6}), major), ElementType::F32);
    ASSERT_TRUE(tensor) << tensor.error().text;
    EXPECT_EQ(tensor->shape(), (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(tensor->load(5), 6);
  }
}

TEST_F(Npy, ReadsScalarsVectorsAndEmptyArrays) {
  EXPECT_EQ(errorOf(npy(dictionary("<f4", "()"), bytesOf({1}))), "");
  EXPECT_EQ(errorOf(npy(dictionary("<f4", "(1,)"), bytesOf({1}))), "");
  EXPECT_EQ(errorOf(npy(dictionary("<f4", "(3, 0, 2)"), "")), "");
}

TEST_F(Npy, ReadsKeysInAnyOrderAndQuotes) {
  EXPECT_EQ(errorOf(npy("{\"shape\": (2,), 'descr': '<f4', 'fortran_order':False}", bytesOf({1, 2}))), "");
}

TEST_F(Npy, RoundsFloatsToNearestEven) {
  float tie = 1.0f + std::ldexp(1.0f, -11);
  Result<HostTensor> half = read(npy(dictionary("<f4", "(2,)"), bytesOf({tie, NAN})), ElementType::F16);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->load(0), 1.0);
  EXPECT_TRUE(std::isnan(half->load(1)));
  Result<HostTensor> bfloat =
      read(npy(dictionary("<f4", "(1,)"), bytesOf({1.0f + 3 * std::ldexp(1.0f, -8)})), ElementType::BF16);
  ASSERT_TRUE(bfloat);
  EXPECT_EQ(bfloat->load(0), 1.0 + std::ldexp(1.0, -6));
}

TEST_F(Npy, ReadsHalvesExactly) {
  Result<HostTensor> half = read(npy(dictionary("<f2", "(2,)"), std::string("\x00\x3c\x00\xfc", 4)), ElementType::F16);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->load(0), 1.0);
  EXPECT_EQ(half->load(1), -INFINITY);
}

TEST_F(Npy, RefusesValuesThatWouldBecomeInfinite) {
  Result<HostTensor> half = read(npy(dictionary("<f4", "(1, 2)"), bytesOf({1, 70000})), ElementType::F16);
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().text.find("70000 at [0, 1] is beyond the range of f16"), std::string::npos)
      << half.error().text;
  EXPECT_TRUE(read(npy(dictionary("<f4", "(1,)"), bytesOf({INFINITY})), ElementType::F16)); // infinite already
}

TEST_F(Npy, RefusesOtherFormats) {
  expectError("", "not a .npy file");
  expectError("\x93NUM", "not a .npy file");
  expectError(std::string(200, 'x'), "not a .npy file");
  expectError(npy(dictionary("<f4", "()"), bytesOf({1}), 4), "version 4.0; expected 1.0, 2.0 or 3.0");
  expectError(npy(dictionary("<f8", "(1,)"), "12345678"), "dtype is '<f8'; expected '<f4'");
  expectError(npy(dictionary("<i4", "(1,)"), "1234"), "dtype is '<i4'");
  expectError(npy(dictionary(">f4", "(1,)"), "1234"), "big-endian; expected little-endian '<f4'");
  expectError(npy(dictionary("<f4", "(1,)", "True"), "1234"), "Fortran order; expected C order");
  expectError(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"),
              "arrays of structures");
}

TEST_F(Npy, RefusesDataThatDisagreesWithTheShape) {
  expectError(npy(dictionary("<f4", "(2, 3)"), bytesOf({1, 2})), "truncated: shape [2, 3] of <f4 takes 24 bytes of "
                                                                 "data, found 8");
  expectError(npy(dictionary("<f4", "(1,)"), bytesOf({1, 2})), "excess data");
  expectError(npy(dictionary("<f4", "(9223372036854775807, 16)"), ""), "too large");
  expectError(npy(dictionary("<f4", "(99999999999999999999,)"), ""), "malformed value of 'shape'");
}

TEST_F(Npy, EveryTruncationIsAnError) {
  std::string whole = npy(dictionary("<f4", "(2,)"), bytesOf({1, 2}));
  ASSERT_EQ(errorOf(whole), "");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(errorOf(whole.substr(0, length)), "") << length;
}

TEST_F(Npy, RefusesMalformedHeaders) {
  for (const char *header :
       {"", "{", "{}", "[]", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}"})
    EXPECT_FALSE(parseNpyHeader(header)) << header;
}

TEST_F(Npy, NamesWhatCannotBeOpened) {
  Result<NpyFile> missing = NpyFile::open(folder.path("missing.npy"));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text.find("missing.npy': No such file"), std::string::npos) << missing.error().text;
  EXPECT_FALSE(NpyFile::open(folder.path(""))); // a folder
}

TEST_F(Npy, WritesWhatItReads) {
  for (ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16}) {
    Result<HostTensor> tensor = HostTensor::create("x", type, {2, 1, 3});
    ASSERT_TRUE(tensor);
    for (int64_t i = 0; i < 6; ++i)
      tensor->store(i, float(i) / 7);
    std::string path = folder.path("out.npy");
    ASSERT_TRUE(writeNpy(path, *tensor));
    Result<NpyFile> file = NpyFile::open(path);
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_EQ(file->shape(), tensor->shape());
    EXPECT_EQ(file->type(), type == ElementType::F16 ? ElementType::F16 : ElementType::F32);
    Result<HostTensor> back = HostTensor::create("x", type, {2, 1, 3});
    ASSERT_TRUE(back && file->read(*back));
    EXPECT_EQ(std::memcmp(back->data(), tensor->data(), tensor->bytes()), 0);
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"out.npy"}); // no temporary file is left
}

TEST_F(Npy, WritesHeadersThatNumPyAligns) {
  for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{{}, {5}, {1, 32, 61, 128}, {0}}) {
    Result<HostTensor> tensor = HostTensor::create("x", ElementType::F32, shape);
    ASSERT_TRUE(tensor);
    tensor->fillWithNaN();
    std::string path = folder.path("out.npy");
    ASSERT_TRUE(writeNpy(path, *tensor));
    std::string content = folder.read("out.npy");
    EXPECT_EQ((content.size() - tensor->bytes()) % 64, 0u);
    EXPECT_EQ(content[content.size() - tensor->bytes() - 1], '\n');
    Result<NpyFile> file = NpyFile::open(path);
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_EQ(file->shape(), shape);
  }
}

} // namespace
