// What the runtime's tests share: handles that destroy themselves, and tensors that own their data.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_RUNTIME_SUPPORT_H
#define RONDO_TEST_RUNTIME_SUPPORT_H

#include "rondo/rondo.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rondo_test {

struct Destroy {
  void operator()(rondo_context *context) const { rondo_context_destroy(context); }
  void operator()(rondo_program *program) const { rondo_program_destroy(program); }
  void operator()(rondo_communicator *communicator) const { rondo_communicator_destroy(communicator); }
};
template <typename T>
using Handle = std::unique_ptr<T, Destroy>;

inline Handle<rondo_context> makeContext() {
  rondo_context *context = nullptr;
  EXPECT_EQ(rondo_context_create(&context), RONDO_OK);
  return Handle<rondo_context>(context);
}

/// Path of a program that was built with rondo_add_fixture.
inline std::string fixture(const std::string &name) { return std::string(RONDO_FIXTURES) + "/" + name + ".so"; }

inline Handle<rondo_program> loadFixture(rondo_context *context, const std::string &name) {
  rondo_program *program = nullptr;
  EXPECT_EQ(rondo_program_load(context, fixture(name).c_str(), &program), RONDO_OK) << rondo_last_error(context);
  return Handle<rondo_program>(program);
}

struct Options : rondo_communicator_options {
  explicit Options(int ranks, rondo_communicator_kind kind = RONDO_COMMUNICATOR_THREADS)
      : rondo_communicator_options(RONDO_COMMUNICATOR_OPTIONS_INIT) {
    this->ranks = ranks;
    this->kind = kind;
  }
};

inline Handle<rondo_communicator> makeCommunicator(rondo_context *context, const Options &options) {
  rondo_communicator *communicator = nullptr;
  EXPECT_EQ(rondo_communicator_create(context, &options, &communicator), RONDO_OK) << rondo_last_error(context);
  return Handle<rondo_communicator>(communicator);
}

/// A contiguous tensor on the CPU. T is float, double or uint16_t (the bits of f16).
template <typename T>
struct Tensor {
  explicit Tensor(std::vector<int64_t> extents) : shape(std::move(extents)) {
    size_t count = 1;
    for (int64_t extent : shape)
      count *= static_cast<size_t>(extent);
    values.resize(count);
    dl.device = {kDLCPU, 0};
    dl.ndim = static_cast<int>(shape.size());
    dl.dtype = {kDLFloat, static_cast<uint8_t>(8 * sizeof(T)), 1};
    dl.shape = shape.data();
    dl.strides = nullptr;
    dl.byte_offset = 0;
    dl.data = values.data();
  }
  Tensor(const Tensor &) = delete;

  std::vector<int64_t> shape;
  std::vector<T> values;
  DLTensor dl;
};

} // namespace rondo_test

#endif // RONDO_TEST_RUNTIME_SUPPORT_H
