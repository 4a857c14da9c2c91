// Tests that run fixtures/ring_sum.c.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_RUNTIME_RING_SUM_H
#define RONDO_TEST_RUNTIME_RING_SUM_H

#include "support.h"

namespace rondo_test {

class RingSum : public testing::Test {
protected:
  static constexpr int64_t columns = 8;
  static constexpr int64_t rowBytes = columns * 4;

  /// Small integers, so that sums are exact in every order.
  template <typename T>
  static void fill(Tensor<T> &x) {
    for (size_t i = 0; i < x.values.size(); ++i)
      x.values[i] = static_cast<T>(static_cast<int>(i * 7 % 23) - 11);
  }

  template <typename T>
  static std::vector<T> expected(const Tensor<T> &x) {
    std::vector<T> total(columns), y(x.values);
    for (size_t i = 0; i < x.values.size(); ++i)
      total[i % columns] += x.values[i];
    for (size_t i = 0; i < y.size(); ++i)
      y[i] += total[i % columns];
    return y;
  }

  rondo_status run(rondo_communicator *communicator, Tensor<float> &x, Tensor<float> &y) {
    const DLTensor *inputs[] = {&x.dl};
    DLTensor *outputs[] = {&y.dl};
    return rondo_run(context.get(), program.get(), nullptr, communicator, inputs, 1, outputs, 1);
  }

  /// Runs on `length` rows and expects the right sums.
  void expectRightRun(rondo_communicator *communicator, int64_t length) {
    Tensor<float> x({length, columns}), y({length, columns});
    fill(x);
    ASSERT_EQ(run(communicator, x, y), RONDO_OK) << error();
    ASSERT_EQ(y.values, expected(x)) << "length " << length;
  }

  rondo_status runRows(rondo_communicator *communicator, int64_t length) {
    Tensor<float> x({length, columns}), y({length, columns});
    fill(x);
    return run(communicator, x, y);
  }

  rondo_rank_statistics statistics(const rondo_communicator *communicator, int rank) {
    rondo_rank_statistics statistics = {};
    EXPECT_EQ(rondo_rank_statistics_get(context.get(), communicator, rank, &statistics), RONDO_OK) << error();
    return statistics;
  }

  std::string error() const { return rondo_last_error(context.get()); }

  Handle<rondo_context> context = makeContext();
  Handle<rondo_program> program = loadFixture(context.get(), "ring_sum");
};

} // namespace rondo_test

#endif // RONDO_TEST_RUNTIME_RING_SUM_H
