// Tests that run fixtures/cuda_attention.c: tensors on the GPU, in any layout, and attention in float64.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_RUNTIME_CUDA_ATTENTION_H
#define RONDO_TEST_RUNTIME_CUDA_ATTENTION_H

#include "support.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace rondo_test {

/// The memory of a rank's GPU, with a copy on the host. T is _Float16 or float.
template <typename T>
class DeviceTensor {
public:
  /// `order` names the dimensions from the outermost to the innermost in memory; each row begins `padding` elements
  /// after the end of the one before it, and the first one at element `offset`.
  DeviceTensor(rondo_context *context, rondo_communicator *communicator, int32_t rank, std::vector<int64_t> sizes,
               std::vector<int> order, int64_t padding = 0, int64_t offset = 0)
      : shape(std::move(sizes)), strides(shape.size()), offset(offset), context(context), communicator(communicator),
        rank(rank) {
    int64_t stride = 1;
    for (size_t i = order.size(); i-- > 0;) {
      strides[static_cast<size_t>(order[i])] = stride;
      stride = stride * shape[static_cast<size_t>(order[i])] + (i + 1 == order.size() ? padding : 0);
    }
    host.resize(static_cast<size_t>(offset + stride) + 1);
    EXPECT_EQ(rondo_device_allocate(context, communicator, rank, bytes(), &memory), RONDO_OK)
        << rondo_last_error(context);
    int32_t device = 0;
    EXPECT_EQ(rondo_communicator_device(context, communicator, rank, &device), RONDO_OK);
    dl.data = memory;
    dl.device = {kDLCUDA, device};
    dl.ndim = static_cast<int>(shape.size());
    dl.dtype = {kDLFloat, static_cast<uint8_t>(8 * sizeof(T)), 1};
    dl.shape = shape.data();
    dl.strides = strides.data();
    dl.byte_offset = static_cast<uint64_t>(offset) * sizeof(T);
  }
  ~DeviceTensor() { rondo_device_free(context, communicator, rank, memory); }
  DeviceTensor(const DeviceTensor &) = delete;

  T &at(int64_t b, int64_t h, int64_t s, int64_t d = 0) {
    int64_t index = offset + b * strides[0] + h * strides[1] + s * strides[2] + (shape.size() > 3 ? d * strides[3] : 0);
    return host[static_cast<size_t>(index)];
  }
  void upload() {
    EXPECT_EQ(rondo_device_upload(context, communicator, rank, memory, host.data(), bytes()), RONDO_OK)
        << rondo_last_error(context);
  }
  void download() {
    EXPECT_EQ(rondo_device_download(context, communicator, rank, host.data(), memory, bytes()), RONDO_OK)
        << rondo_last_error(context);
  }
  void poison() {
    std::memset(static_cast<void *>(host.data()), 0xFF, bytes());
    upload();
  }

  std::vector<int64_t> shape, strides;
  DLTensor dl = {};

private:
  size_t bytes() const { return host.size() * sizeof(T); }
  int64_t offset;
  std::vector<T> host;
  void *memory = nullptr;
  rondo_context *context;
  rondo_communicator *communicator;
  int32_t rank;
};

struct AttentionShape {
  int64_t batches, heads, keyHeads, queries, keys, features;
  bool headsInside = false; // [B, S, H, D]
  int64_t padding = 0, offset = 0;
};

/// An attention whose tensors are whole, on the GPU of rank 0.
class CudaAttention {
public:
  CudaAttention(rondo_context *context, rondo_communicator *communicator, const AttentionShape &s)
      : shape(s),
        q(context, communicator, 0, {s.batches, s.heads, s.queries, s.features}, order(s), s.padding, s.offset),
        k(context, communicator, 0, {s.batches, s.keyHeads, s.keys, s.features}, order(s), s.padding, s.offset),
        v(context, communicator, 0, {s.batches, s.keyHeads, s.keys, s.features}, order(s), s.padding, s.offset),
        o(context, communicator, 0, {s.batches, s.heads, s.queries, s.features}, order(s), s.padding, s.offset),
        lse(context, communicator, 0, {s.batches, s.heads, s.queries}, {0, 1, 2}) {
    fill(q, 1);
    fill(k, 2);
    fill(v, 3);
    o.poison();
    lse.poison();
  }

  std::vector<const DLTensor *> inputs() const { return {&q.dl, &k.dl, &v.dl}; }
  std::vector<DLTensor *> outputs() { return {&o.dl, &lse.dl}; }

  /// Compares with float64: the program's scale is 0.25.
  void expectRight(bool causal) {
    o.download();
    lse.download();
    int64_t group = shape.heads / shape.keyHeads;
    for (int64_t b = 0; b < shape.batches; ++b)
      for (int64_t h = 0; h < shape.heads; ++h)
        for (int64_t i = 0; i < shape.queries; ++i)
          expectRow(b, h, h / group, i, causal ? i + shape.keys - shape.queries + 1 : shape.keys);
  }

  AttentionShape shape;
  DeviceTensor<_Float16> q, k, v, o;
  DeviceTensor<float> lse;

private:
  static std::vector<int> order(const AttentionShape &s) {
    return s.headsInside ? std::vector<int>{0, 2, 1, 3} : std::vector<int>{0, 1, 2, 3};
  }

  static void fill(DeviceTensor<_Float16> &tensor, unsigned seed) {
    unsigned state = seed * 7919u;
    const auto &n = tensor.shape;
    for (int64_t b = 0; b < n[0]; ++b)
      for (int64_t h = 0; h < n[1]; ++h)
        for (int64_t s = 0; s < n[2]; ++s)
          for (int64_t d = 0; d < n[3]; ++d) {
            state = state * 1664525u + 1013904223u;
            tensor.at(b, h, s, d) = static_cast<_Float16>(static_cast<double>(state >> 16) / 16384.0 - 2.0);
          }
    tensor.upload();
  }

  void expectRow(int64_t b, int64_t h, int64_t keyHead, int64_t i, int64_t visible) {
    visible = std::max<int64_t>(0, std::min(visible, shape.keys));
    std::vector<double> scores(static_cast<size_t>(visible)), result(static_cast<size_t>(shape.features));
    double maximum = -INFINITY, sum = 0;
    for (int64_t j = 0; j < visible; ++j) {
      double score = 0;
      for (int64_t d = 0; d < shape.features; ++d)
        score += double(q.at(b, h, i, d)) * double(k.at(b, keyHead, j, d));
      scores[size_t(j)] = 0.25 * score;
      maximum = std::max(maximum, scores[size_t(j)]);
    }
    for (int64_t j = 0; j < visible; ++j) {
      double weight = std::exp(scores[size_t(j)] - maximum);
      sum += weight;
      for (int64_t d = 0; d < shape.features; ++d)
        result[size_t(d)] += weight * double(v.at(b, keyHead, j, d));
    }
    double expected = visible ? maximum + std::log(sum) : -INFINITY;
    float actual = lse.at(b, h, i);
    ASSERT_TRUE(actual == expected || std::fabs(actual - expected) < 1e-4)
        << "LSE of [" << b << ", " << h << ", " << i << "] is " << actual << ", expected " << expected;
    for (int64_t d = 0; d < shape.features; ++d) {
      double right = visible ? result[size_t(d)] / sum : 0;
      ASSERT_LT(std::fabs(double(o.at(b, h, i, d)) - right), visible ? 4e-3 : 1e-300)
          << "O at [" << b << ", " << h << ", " << i << ", " << d << "] is " << double(o.at(b, h, i, d))
          << ", expected " << right;
    }
  }
};

class Cuda : public testing::Test {
protected:
  Cuda() {
    for (const char *name : {"MULTIPROCESSORS", "DEVICES", "PEERS", "CAPABILITY", "MEMORY_BYTES", "HANG", "SEED"})
      unsetenv((std::string("RONDO_EMULATOR_") + name).c_str());
  }

  Handle<rondo_program> load(const std::string &name) { return loadFixture(context.get(), name); }

  rondo_status run(const rondo_program *program, rondo_communicator *communicator, CudaAttention &attention,
                   const char *function = "attend") {
    return rondo_run(context.get(), program, function, communicator, attention.inputs().data(), 3,
                     attention.outputs().data(), 2);
  }

  /// Runs on a communicator of its own, and compares.
  void expectRight(const std::string &fixture, const AttentionShape &shape, Options options = Options(1),
                   const char *function = "attend", bool causal = false) {
    Handle<rondo_program> program = load(fixture);
    Handle<rondo_communicator> communicator = makeCommunicator(context.get(), options);
    CudaAttention attention(context.get(), communicator.get(), shape);
    for (int i = 0; i < 2; ++i) { // the second run finds its plans and its memory
      attention.o.poison();
      ASSERT_EQ(run(program.get(), communicator.get(), attention, function), RONDO_OK) << error();
      attention.expectRight(causal);
    }
  }

  std::string error() const { return rondo_last_error(context.get()); }

  Handle<rondo_context> context = makeContext();
};

} // namespace rondo_test

#endif // RONDO_TEST_RUNTIME_CUDA_ATTENTION_H
