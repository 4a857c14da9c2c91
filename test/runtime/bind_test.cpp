// Binding: lengths from tensors, views of shards, and the error of each tensor that does not fit.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/bind.h"
}

using namespace rondo_test;

namespace {

/// Three inputs and an output over lengths s0 and s1, on a grid of 2 x 2.
const std::string manifestText = R"({"rondo": 1, "target": "cpu",
  "grid": {"name": "g", "axes": [{"name": "a", "size": 2}, {"name": "b", "size": 2}]},
  "functions": [{"name": "f", "lengths": ["s0", "s1"],
    "inputs": [
      {"name": "q", "type": "f32", "shape": ["s0", 4], "sharding": [["a", "b"], []]},
      {"name": "k", "type": "f32", "shape": ["s1", 4], "sharding": [["b"], ["a"]]},
      {"name": "v", "type": "f32", "shape": ["s1", 3], "sharding": [[], []]}],
    "outputs": [{"name": "o", "type": "f32", "shape": ["s0", 3], "sharding": [["a", "b"], []]}]}]})";

class Bind : public testing::Test {
protected:
  Bind() {
    EXPECT_EQ(manifest_parse(context.get(), manifestText.data(), manifestText.size(), &parsed), RONDO_OK);
    EXPECT_EQ(grid_bind(context.get(), &parsed.grid, 4, &shape), RONDO_OK);
  }
  ~Bind() override {
    binding_free(&bound);
    manifest_free(&parsed);
  }

  tensor_list list() {
    return {inputs.data(), inputs.size() / placed, outputs.data(), outputs.size() / placed, nullptr};
  }
  rondo_status global() {
    placed = 1;
    return finish([this](const tensor_list *list) {
      rank_range all = {0, 4, nullptr};
      return bind_global(context.get(), parsed.functions, &shape, &all, list, &bound);
    });
  }
  rondo_status shards(int32_t ranks) {
    placed = static_cast<size_t>(ranks);
    return finish([this, ranks](const tensor_list *list) {
      rank_range all = {0, ranks, nullptr};
      return bind_shards(context.get(), parsed.functions, &shape, &all, list, &bound);
    });
  }
  template <typename Call>
  rondo_status finish(Call call) {
    binding_free(&bound);
    tensor_list tensors = list();
    return call(&tensors);
  }
  void expectError(rondo_status status, const std::string &text) {
    EXPECT_EQ(status, RONDO_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(rondo_last_error(context.get())), text);
  }
  const rondo_tensor &view(int rank, int tensor) const { return bound.tensors[rank * 4 + tensor]; }

  Handle<rondo_context> context = makeContext();
  manifest parsed = {};
  grid_shape shape = {};
  binding bound = {};
  Tensor<float> q{{7, 4}}, k{{5, 4}}, v{{5, 3}}, o{{7, 3}};
  std::vector<const DLTensor *> inputs = {&q.dl, &k.dl, &v.dl};
  std::vector<DLTensor *> outputs = {&o.dl};
  size_t placed = 1;
};

TEST_F(Bind, GivesEachRankItsView) {
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(bound.lengths[0], 7);
  EXPECT_EQ(bound.lengths[1], 5);
  const int64_t rows[] = {2, 2, 2, 1};
  for (int rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(view(rank, 0).data, &q.values[static_cast<size_t>(rank) * 2 * 4]);
    EXPECT_EQ(view(rank, 0).sizes[0], rows[rank]);
    EXPECT_EQ(view(rank, 0).sizes[1], 4);
    EXPECT_EQ(view(rank, 0).strides[0], 4);
    int64_t a = rank / 2, b = rank % 2;
    EXPECT_EQ(view(rank, 1).data, &k.values[static_cast<size_t>(b * 3 * 4 + a * 2)]);
    EXPECT_EQ(view(rank, 1).sizes[0], b ? 2 : 3);
    EXPECT_EQ(view(rank, 1).sizes[1], 2);
    EXPECT_EQ(view(rank, 1).strides[0], 4);
    EXPECT_EQ(view(rank, 2).data, v.values.data());
    EXPECT_EQ(view(rank, 3).data, &o.values[static_cast<size_t>(rank) * 2 * 3]);
  }
}

TEST_F(Bind, EmptyShardsStayInsideTheTensor) {
  Tensor<float> q1{{1, 4}}, o1{{1, 3}};
  inputs[0] = &q1.dl;
  outputs[0] = &o1.dl;
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(view(0, 0).sizes[0], 1);
  for (int rank = 1; rank < 4; ++rank) {
    EXPECT_EQ(view(rank, 0).sizes[0], 0);
    EXPECT_EQ(view(rank, 0).data, q1.values.data());
  }
}

TEST_F(Bind, KeepsStridesAndOffsets) {
  Tensor<float> wide{{7, 10}};
  int64_t extents[] = {7, 4}, strides[] = {10, 1};
  wide.dl.shape = extents;
  wide.dl.strides = strides;
  wide.dl.byte_offset = 8;
  inputs[0] = &wide.dl;
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(view(2, 0).data, &wide.values[4 * 10 + 2]);
  EXPECT_EQ(view(2, 0).strides[0], 10);
}

TEST_F(Bind, RefusesTensorsThatDoNotFit) {
  Tensor<float> k6{{6, 4}}, q5{{7, 5}}, flat{{7}};
  Tensor<double> wrongType{{7, 4}};
  inputs = {&q.dl, &k6.dl, &v.dl};
  expectError(global(), "input 'k' (dimension 0) is 6, but 's1' is 5 by input 'v'");
  inputs = {&q5.dl, &k.dl, &v.dl};
  expectError(global(), "input 'q' (dimension 1) is 5, but the program has 4");
  inputs = {&flat.dl, &k.dl, &v.dl};
  expectError(global(), "input 'q' has 1 dimensions, but the program has 2");
  inputs = {&wrongType.dl, &k.dl, &v.dl};
  expectError(global(), "input 'q' has DLPack type (code 2, 64 bits, 1 lanes), but f32 is (code 2, 32 bits, 1 lanes)");
  inputs = {nullptr, &k.dl, &v.dl};
  expectError(global(), "input 'q' is NULL");
  inputs = {&q.dl, &k.dl};
  expectError(global(), "function 'f' has 3 inputs, but 2 were given");
  inputs = {&q.dl, &k.dl, &v.dl};
  outputs = {&q.dl};
  expectError(global(), "output 'o' (dimension 1) is 4, but the program has 3");
  outputs = {};
  expectError(global(), "function 'f' has 1 outputs, but 0 were given");
}

TEST_F(Bind, RefusesDamagedTensors) {
  q.dl.device.device_type = kDLCUDA;
  expectError(global(), "input 'q' is on GPU 0, but must be on the CPU");
  q.dl.device.device_type = kDLCPU;
  q.dl.data = nullptr;
  expectError(global(), "input 'q' has no data (NULL), but is not empty");
  q.dl.data = q.values.data();
  q.dl.byte_offset = 2;
  expectError(global(), "input 'q' is not aligned to its elements of 4 bytes");
  q.dl.byte_offset = 0;
  int64_t strides[] = {1, 7};
  q.dl.strides = strides;
  expectError(global(),
              "input 'q' (dimension 1) has stride 7, but should have 1: the last dimension must be contiguous");
  q.dl.strides = nullptr;
  q.shape[0] = -1;
  expectError(global(), "input 'q' (dimension 0) is -1, which is no extent");
  q.shape[0] = INT64_MAX;
  expectError(global(), "input 'q' (dimension 0) is 9223372036854775807, which is no extent");
  q.shape = {int64_t(1) << 40, int64_t(1) << 40};
  q.dl.shape = q.shape.data();
  expectError(global(), "input 'q' is larger than any memory");
  q.dl.shape = nullptr;
  expectError(global(), "input 'q' has no shape (NULL)");
}

TEST_F(Bind, RefusesOtherElementTypes) {
  q.dl.dtype.code = kDLInt;
  expectError(global(), "input 'q' has DLPack type (code 0, 32 bits, 1 lanes), but f32 is (code 2, 32 bits, 1 lanes)");
  q.dl.dtype = {kDLFloat, 16, 1};
  expectError(global(), "input 'q' has DLPack type (code 2, 16 bits, 1 lanes), but f32 is (code 2, 32 bits, 1 lanes)");
  q.dl.dtype = {kDLBfloat, 32, 1};
  expectError(global(), "input 'q' has DLPack type (code 4, 32 bits, 1 lanes), but f32 is (code 2, 32 bits, 1 lanes)");
  q.dl.dtype = {kDLFloat, 32, 2};
  expectError(global(), "input 'q' has DLPack type (code 2, 32 bits, 2 lanes), but f32 is (code 2, 32 bits, 1 lanes)");
}

TEST_F(Bind, RefusesStridesThatKernelsCannotFollow) {
  int64_t strides[] = {-4, 1};
  q.dl.strides = strides;
  expectError(global(), "input 'q' (dimension 0) has stride -4, but strides should not be negative");
  strides[0] = INT64_MAX / 8;
  expectError(global(), "input 'q' is larger than any memory");
  strides[0] = 4;
  q.shape[0] = q.shape[1] = -1;
  expectError(global(), "input 'q' (dimension 0) is -1, which is no extent");
}

/// What has at most one element in a dimension does not step along it; NumPy's strides are then 0, or anything.
TEST_F(Bind, IgnoresStridesOfNoSteps) {
  Tensor<float> none{{0, 4}}, result{{0, 3}}, one{{1, 4}};
  int64_t zeros[] = {0, 0}, odd[] = {-7, 1};
  none.dl.strides = zeros;
  result.dl.strides = zeros;
  none.dl.data = nullptr;
  inputs[0] = &none.dl;
  outputs[0] = &result.dl;
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(bound.lengths[0], 0);
  one.dl.strides = odd;
  Tensor<float> row{{1, 3}};
  inputs[0] = &one.dl;
  outputs[0] = &row.dl;
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
}

TEST_F(Bind, RefusesOutputsWithoutMemoryOfTheirOwn) {
  v.values.resize(60);
  v.dl.data = v.values.data();
  o.dl.data = v.values.data() + 3;
  expectError(global(), "output 'o' shares memory with input 'v': an output needs memory of its own");
  o.dl.data = v.values.data() + 15; // just behind it
  EXPECT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  o.dl.data = o.values.data();
  int64_t broadcast[] = {0, 1};
  o.dl.strides = broadcast;
  expectError(global(),
              "output 'o' (dimension 0) has stride 0, but its rows have 3 elements: they overlap, and an output "
              "needs a place for each element");
  o.dl.strides = nullptr;
  int64_t repeated[] = {0, 1};
  q.dl.strides = repeated; // an input may repeat itself
  EXPECT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
}

/// Columns of one buffer: their ends overlap, and their elements do not.
TEST_F(Bind, TakesInterleavedViews) {
  Tensor<float> buffer{{7, 7}};
  int64_t strides[] = {7, 1};
  q.dl.data = buffer.values.data();
  o.dl.data = buffer.values.data() + 4;
  q.dl.strides = o.dl.strides = strides;
  ASSERT_EQ(global(), RONDO_OK) << rondo_last_error(context.get());
  o.dl.data = buffer.values.data();
  expectError(global(), "output 'o' shares memory with input 'q': an output needs memory of its own");
}

/// Four ranks' shards, which live as long as the list.
struct Placed {
  std::vector<std::unique_ptr<Tensor<float>>> tensors;
  DLTensor *add(int64_t rows, int64_t columns) {
    tensors.push_back(std::make_unique<Tensor<float>>(std::vector<int64_t>{rows, columns}));
    return &tensors.back()->dl;
  }
};

TEST_F(Bind, AddsUpShards) {
  Placed shards4;
  inputs.clear();
  outputs.clear();
  const int64_t rows[] = {2, 2, 2, 1};
  for (int rank = 0; rank < 4; ++rank) {
    inputs.push_back(shards4.add(rows[rank], 4));
    inputs.push_back(shards4.add(rank % 2 ? 2 : 3, 2));
    inputs.push_back(shards4.add(5, 3));
    outputs.push_back(shards4.add(rows[rank], 3));
  }
  ASSERT_EQ(shards(4), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(bound.lengths[0], 7);
  EXPECT_EQ(bound.lengths[1], 5);
  EXPECT_EQ(view(3, 0).data, shards4.tensors[12]->values.data());
  EXPECT_EQ(view(3, 1).sizes[1], 2);

  inputs[3 * 3] = shards4.add(2, 4); // rank 3: 8 rows in all, while the outputs have 7
  expectError(shards(4), "output 'o' (dimension 0) is 7, but 's0' is 8 by input 'q'");
  inputs[3 * 3] = shards4.add(1, 4);
  inputs[0] = shards4.add(1, 4); // 1, 2, 2, 1
  outputs[0] = shards4.add(1, 3);
  expectError(shards(4), "rank 0: input 'q' (dimension 0) is 1, but its part of 6 in 4 is 2");
  inputs[0] = shards4.add(2, 4);
  outputs[0] = shards4.add(2, 3);
  inputs[3 + 2] = shards4.add(6, 3);
  expectError(shards(4), "rank 1: input 'v' (dimension 0) is 6, but every rank should have 5");
  inputs[3 + 2] = nullptr;
  expectError(shards(4), "rank 1: input 'v' is NULL");
}

TEST_F(Bind, RefusesShardsThatShareMemory) {
  Placed shards4;
  inputs.clear();
  outputs.clear();
  const int64_t rows[] = {2, 2, 2, 1};
  for (int rank = 0; rank < 4; ++rank) {
    inputs.push_back(shards4.add(rows[rank], 4));
    inputs.push_back(shards4.add(rank % 2 ? 2 : 3, 2));
    inputs.push_back(rank ? inputs[2] : shards4.add(5, 3)); // whole, and read by all
    outputs.push_back(shards4.add(rows[rank], 3));
  }
  ASSERT_EQ(shards(4), RONDO_OK) << rondo_last_error(context.get());
  outputs[1] = outputs[0];
  EXPECT_EQ(shards(4), RONDO_INVALID_ARGUMENT);
  EXPECT_NE(std::string(rondo_last_error(context.get())).find("output 'o' shares memory with output 'o' of rank "),
            std::string::npos)
      << rondo_last_error(context.get());
}

/// An output that no axis shards is written alike by all ranks.
TEST(BindWholeOutput, MayBeOneForAllRanks) {
  const std::string text = R"({"rondo": 1, "target": "cpu",
    "grid": {"name": "g", "axes": [{"name": "a", "size": 2}]},
    "functions": [{"name": "f", "lengths": [], "inputs": [],
      "outputs": [{"name": "x", "type": "f32", "shape": [4], "sharding": [[]]},
                  {"name": "y", "type": "f32", "shape": [4], "sharding": [[]]}]}]})";
  auto context = makeContext();
  manifest parsed = {};
  grid_shape shape = {};
  binding bound = {};
  ASSERT_EQ(manifest_parse(context.get(), text.data(), text.size(), &parsed), RONDO_OK);
  ASSERT_EQ(grid_bind(context.get(), &parsed.grid, 2, &shape), RONDO_OK);
  Tensor<float> x{{4}}, y{{4}};
  DLTensor *outputs[] = {&x.dl, &y.dl, &x.dl, &y.dl};
  tensor_list list = {nullptr, 0, outputs, 2, nullptr};
  const rank_range both = {0, 2, nullptr};
  EXPECT_EQ(bind_shards(context.get(), parsed.functions, &shape, &both, &list, &bound), RONDO_OK)
      << rondo_last_error(context.get());
  binding_free(&bound);
  outputs[3] = &x.dl;
  EXPECT_EQ(bind_shards(context.get(), parsed.functions, &shape, &both, &list, &bound), RONDO_INVALID_ARGUMENT);
  manifest_free(&parsed);
}

TEST_F(Bind, OneRankStandsForAll) {
  Placed lone;
  inputs = {lone.add(2, 4), lone.add(3, 2), lone.add(5, 3)};
  outputs = {lone.add(2, 3)};
  ASSERT_EQ(shards(1), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(bound.lengths[0], 8); // nothing says that the last shard is shorter
  EXPECT_EQ(bound.lengths[1], 5); // v is whole
  inputs[1] = lone.add(2, 2);
  expectError(shards(1), "rank 0: input 'k' (dimension 0) is 2, but its part of 5 in 2 is 3");
}

TEST_F(Bind, TheReferenceTakesContiguousDoubles) {
  Tensor<double> q64{{7, 4}}, k64{{5, 4}}, v64{{5, 3}}, o64{{7, 3}};
  inputs = {&q64.dl, &k64.dl, &v64.dl};
  outputs = {&o64.dl};
  auto reference = [this] {
    return finish(
        [this](const tensor_list *list) { return bind_reference(context.get(), parsed.functions, list, &bound); });
  };
  ASSERT_EQ(reference(), RONDO_OK) << rondo_last_error(context.get());
  EXPECT_EQ(bound.lengths[0], 7);
  EXPECT_EQ(bound.tensors[1].sizes[1], 4);
  int64_t strides[] = {5, 1};
  q64.dl.strides = strides;
  expectError(reference(), "input 'q' (dimension 0) has stride 5, but should have 4: the reference takes contiguous "
                           "tensors");
  inputs[0] = &q.dl;
  expectError(reference(), "input 'q' has DLPack type (code 2, 32 bits, 1 lanes), but the reference's f64 is (code 2, "
                           "64 bits, 1 lanes)");
}

} // namespace
