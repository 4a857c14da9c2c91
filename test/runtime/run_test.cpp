// Runs of a program whose blocks circulate, on every number of ranks and with every kind of shard.
#include "support.h"

using namespace rondo_test;

namespace {

constexpr int64_t columns = 8;

/// x[i] = small integers, so that sums are exact in every order.
void fill(Tensor<float> &x) {
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
}

std::vector<float> ringSum(const Tensor<float> &x) {
  std::vector<float> total(columns), y(x.values);
  for (size_t i = 0; i < x.values.size(); ++i)
    total[i % columns] += x.values[i];
  for (size_t i = 0; i < y.size(); ++i)
    y[i] += total[i % columns];
  return y;
}

class RingSum : public testing::Test {
protected:
  rondo_status run(rondo_communicator *communicator, Tensor<float> &x, Tensor<float> &y) {
    const DLTensor *inputs[] = {&x.dl};
    DLTensor *outputs[] = {&y.dl};
    return rondo_run(context.get(), program.get(), nullptr, communicator, inputs, 1, outputs, 1);
  }
  std::string error() const { return rondo_last_error(context.get()); }

  Handle<rondo_context> context = makeContext();
  Handle<rondo_program> program = loadFixture(context.get(), "ring_sum");
};

TEST_F(RingSum, EveryNumberOfRanksAndLength) {
  for (int ranks = 1; ranks <= 8; ++ranks) {
    auto communicator = makeCommunicator(context.get(), Options(ranks));
    for (int64_t length : {0, 1, 2, 7, 8, 61, 64}) {
      Tensor<float> x({length, columns}), y({length, columns});
      fill(x);
      ASSERT_EQ(run(communicator.get(), x, y), RONDO_OK) << error();
      ASSERT_EQ(y.values, ringSum(x)) << ranks << " ranks, length " << length;
    }
  }
}

} // namespace
