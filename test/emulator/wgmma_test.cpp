// Products of warpgroups, and what must not happen while they are in flight.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

#include <cmath>
#include <random>

using namespace emulator_test;

namespace {

constexpr uint32_t kThreads = 128, kDepth = 16, kRows = 64;

/// A is [64][16], B [16][columns]; numbers are small, so that all sums are exact.
struct Matrices {
  explicit Matrices(uint32_t columns) : columns(columns) {
    std::minstd_rand random(columns);
    for (float &x : a)
      x = static_cast<float>(random() % 9) - 4;
    b.resize(kDepth * columns);
    for (float &x : b)
      x = static_cast<float>(random() % 9) - 4;
  }
  float product(uint32_t row, uint32_t column) const {
    float sum = 0;
    for (uint32_t k = 0; k < kDepth; ++k)
      sum += a[row * kDepth + k] * b[k * columns + column];
    return sum;
  }
  uint32_t columns;
  float a[kRows * kDepth];
  std::vector<float> b;
};

/// Shared memory is filled from `data` as it is, by ordinary stores; A lies at 0, B at 8192.
constexpr uint32_t kSharedBytes = 24576, kPlaceOfB = 8192;

struct Wgmma : testing::TestWithParam<std::tuple<uint32_t, bool>> {
  void place(uint32_t byte, float value) {
    uint32_t swizzled = byte ^ ((byte >> 7 & 7) << 4);
    uint16_t bits = isBF16 ? toBF16(value) : toF16(value);
    std::memcpy(&data[swizzled], &bits, 2);
  }
  /// K-major: rows of 128 bytes hold consecutive k.
  void placeKMajor(uint32_t begin, uint32_t rows, const std::function<float(uint32_t row, uint32_t k)> &get) {
    for (uint32_t row = 0; row < rows; ++row)
      for (uint32_t k = 0; k < kDepth; ++k)
        place(begin + row * 128 + k * 2, get(row, k));
  }
  /// Rows hold consecutive columns, 64 in a panel.
  void placeTransposed(uint32_t begin, const Matrices &m) {
    for (uint32_t k = 0; k < kDepth; ++k)
      for (uint32_t column = 0; column < m.columns; ++column)
        place(begin + column / 64 * (kDepth * 128) + k * 128 + column % 64 * 2, m.b[k * m.columns + column]);
  }

  static std::string getFill() {
    return concat(R"(mov.b32 %r10, tile;
      mov.b32 %r1, %tid;
      FILL: mul.wide.u32 %l1, %r1, 4;
      add.s64 %l1, %l1, %data;
      ld.global.b32 %r2, [%l1];
      shl.b32 %r3, %r1, 2;
      add.s32 %r3, %r3, %r10;
      st.shared.b32 [%r3], %r2;
      add.s32 %r1, %r1, 128;
      setp.lt.u32 %p1, %r1, )",
                  kSharedBytes / 4, R"(;
      @%p1 bra FILL;
      fence.proxy.async.shared::cta;
      bar.sync 0;
      shr.u32 %r4, %r10, 4;
      cvt.u64.u32 %l2, %r4;
      )");
  }
  /// A descriptor in %l`number`, for the tile at `offset`.
  static std::string getDescriptor(int number, uint32_t offset, uint32_t leading) {
    uint64_t bits = uint64_t(1) << 62 | uint64_t(1024 >> 4) << 32 | uint64_t(leading >> 4) << 16 | offset >> 4;
    return concat("add.s64 %l", number, ", %l2, ", bits, ";\n");
  }
  static std::string getAccumulators(uint32_t columns) {
    std::string list = "{";
    for (uint32_t i = 0; i < columns / 2; ++i)
      list += concat(i ? ", " : "", "%d", i);
    return list + "}";
  }
  std::string getProduct(uint32_t columns, const std::string &a, bool transposesB, const std::string &accumulates) {
    return concat("wgmma.mma_async.sync.aligned.m64n", columns, "k16.f32.", isBF16 ? "bf16.bf16 " : "f16.f16 ",
                  getAccumulators(columns), ", ", a, ", %l4, ", accumulates, ", 1, 1, ", a[0] == '{' ? "" : "0, ",
                  transposesB ? 1 : 0, ";\n");
  }
  /// Stores accumulator `i` of each thread.
  TestKernel makeKernel(const std::string &body, uint32_t accumulator) {
    TestKernel kernel(concat(".reg .b32 %d<128>;\n", getFill(), body, "mov.b32 %result, %d", accumulator, ";"),
                      kThreads);
    kernel.shape.sharedBytes = kSharedBytes;
    kernel.data = &data;
    return kernel;
  }
  void check(const std::string &body, const Matrices &m, float factor) {
    for (uint32_t r = 0; r < m.columns / 2; r += 3) {
      TestKernel kernel = makeKernel(body, r);
      kernel.shape.seed = r; // products are early and late
      std::vector<uint32_t> results = kernel.run();
      for (uint32_t thread = 0; thread < kThreads; ++thread) {
        uint32_t row = thread / 32 * 16 + thread % 32 / 4 + 8 * (r / 2 % 2),
                 column = 8 * (r / 4) + thread % 4 * 2 + r % 2;
        ASSERT_EQ(bitCast<float>(results[thread]), factor * m.product(row, column))
            << "row " << row << " col " << column;
      }
    }
  }

  std::vector<uint8_t> data = std::vector<uint8_t>(kSharedBytes);
  bool isBF16 = std::get<1>(GetParam());
};

constexpr const char *kFence = "wgmma.fence.sync.aligned;\n";
constexpr const char *kWait = "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
constexpr const char *kPredicates = "setp.ne.b32 %p1, 1, 0; setp.ne.b32 %p2, 0, 0;\n";

TEST_P(Wgmma, BothInSharedMemory) {
  Matrices m(std::get<0>(GetParam()));
  placeKMajor(0, kRows, [&](uint32_t row, uint32_t k) { return m.a[row * kDepth + k]; });
  placeKMajor(kPlaceOfB, m.columns, [&](uint32_t column, uint32_t k) { return m.b[k * m.columns + column]; });
  std::string start = kPredicates + getDescriptor(3, 0, 16) + getDescriptor(4, kPlaceOfB, 16) + kFence;
  std::string first = getProduct(m.columns, "%l3", false, "%p2"), next = getProduct(m.columns, "%l3", false, "%p1");
  check(start + first + kWait, m, 1);
  check(start + first + next + kWait, m, 2);
}

TEST_P(Wgmma, TransposedB) {
  Matrices m(std::get<0>(GetParam()));
  placeKMajor(0, kRows, [&](uint32_t row, uint32_t k) { return m.a[row * kDepth + k]; });
  placeTransposed(kPlaceOfB, m);
  check(kPredicates + getDescriptor(3, 0, 16) + getDescriptor(4, kPlaceOfB, kDepth * 128) + kFence +
            getProduct(m.columns, "%l3", true, "%p2") + kWait,
        m, 1);
}

TEST_P(Wgmma, RegistersOfA) {
  // Lane l has, in register i, row l / 4 + 8 (i % 2) and k = 2 (l % 4) + 8 (i / 2): it reads them from row-major A.
  Matrices m(std::get<0>(GetParam()));
  placeTransposed(kPlaceOfB, m);
  for (uint32_t i = 0; i < kRows * kDepth; ++i) {
    uint16_t bits = isBF16 ? toBF16(m.a[i]) : toF16(m.a[i]);
    std::memcpy(&data[2 * i], &bits, 2);
  }
  std::string load = R"(and.b32 %r5, %tid, 3;
    shr.u32 %r6, %tid, 5;
    shl.b32 %r6, %r6, 4;
    shr.u32 %r7, %tid, 2;
    and.b32 %r7, %r7, 7;
    add.s32 %r6, %r6, %r7;
    shl.b32 %r6, %r6, 5;
    shl.b32 %r5, %r5, 2;
    add.s32 %r6, %r6, %r5;
    add.s32 %r6, %r6, %r10;
    ld.shared.b32 %r20, [%r6];
    ld.shared.b32 %r21, [%r6+256];
    ld.shared.b32 %r22, [%r6+16];
    ld.shared.b32 %r23, [%r6+272];
    )";
  check(load + kPredicates + getDescriptor(4, kPlaceOfB, kDepth * 128) + kFence +
            getProduct(m.columns, "{%r20, %r21, %r22, %r23}", true, "%p2") + kWait,
        m, 1);
}

/// Shared memory that nobody wrote may be multiplied, but not used.
TEST_P(Wgmma, UnwrittenMemoryIsNaN) {
  std::string body = kPredicates + getDescriptor(3, 0, 16) + getDescriptor(4, kSharedBytes, 16) + kFence +
                     getProduct(std::get<0>(GetParam()), "%l3", false, "%p2") + kWait;
  TestKernel kernel = makeKernel(body, 0);
  kernel.shape.sharedBytes = 2 * kSharedBytes;
  for (uint32_t result : kernel.run())
    ASSERT_TRUE(std::isnan(bitCast<float>(result)));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Wgmma, testing::Combine(testing::Values(8, 64, 80, 128), testing::Bool()),
                         [](const testing::TestParamInfo<std::tuple<uint32_t, bool>> &info) {
                           return concat("n", std::get<0>(info.param), std::get<1>(info.param) ? "bf16" : "f16");
                         });

//===--------------------------------------------------------------------------------------------------------------===//
// Misuse
//===--------------------------------------------------------------------------------------------------------------===//

struct WgmmaMisuse : Wgmma {
  std::string getStart() { return kPredicates + getDescriptor(3, 0, 16) + getDescriptor(4, kPlaceOfB, 16); }
  std::string getOne() { return getProduct(8, "%l3", false, "%p2"); }
  std::string getError(const std::string &body) { return makeKernel(body, 0).getError(); }
};

TEST_P(WgmmaMisuse, TouchBeforeWait) {
  std::string commit = "wgmma.commit_group.sync.aligned;\n", wait = "wgmma.wait_group.sync.aligned 0;\n";
  std::string start = getStart() + kFence + getOne() + commit;
  EXPECT_EQ(getError(start + wait), "");
  EXPECT_CONTAINS(getError(start + "add.f32 %r1, %d2, %d2;" + wait),
                  "add.f32 %r1, %d2, %d2: reads an accumulator of a wgmma that has not been waited for");
  EXPECT_CONTAINS(getError(start + "mov.b32 %d3, 0;" + wait),
                  "writes a register of a wgmma that has not been waited for");
  EXPECT_CONTAINS(getError(start), "reads an accumulator");
  // A group behind it may stay in flight.
  EXPECT_CONTAINS(getError(start + getOne() + commit + "wgmma.wait_group.sync.aligned 1;"), "reads an accumulator");
}

TEST_P(WgmmaMisuse, WrittenRegistersNeedAFence) {
  EXPECT_CONTAINS(getError(getStart() + kFence + "mov.b32 %d1, 0;" + getOne() + kWait),
                  "uses a register that was written without wgmma.fence behind it");
}

TEST_P(WgmmaMisuse, SharedMemoryMustStay) {
  std::string start = getStart() + kFence + getOne() + "wgmma.commit_group.sync.aligned;\n";
  std::string write = "setp.eq.b32 %p5, %tid, 0; @%p5 st.shared.b32 [%r10+8192], 0;";
  EXPECT_CONTAINS(getError(start + write + "wgmma.wait_group.sync.aligned 0;"), "is being read by line");
  EXPECT_EQ(getError(start + "wgmma.wait_group.sync.aligned 0; bar.sync 0;" + write), "");
}

TEST_P(WgmmaMisuse, AllWarpsMustIssueTheSame) {
  EXPECT_CONTAINS(
      getError(getStart() + kFence + "setp.lt.u32 %p6, %tid, 32; @%p6 add.s64 %l4, %l4, 2;" + getOne() + kWait),
      "another warp of the warpgroup issued a different product");
  std::string error = getError(getStart() + kFence + "setp.lt.u32 %p6, %tid, 32; @%p6 ret;" + getOne() + kWait);
  EXPECT_CONTAINS(error, "deadlock");
  EXPECT_CONTAINS(error, "waits for the other warps of its warpgroup, which have not issued the same wgmma");
}

TEST_P(WgmmaMisuse, Descriptors) {
  EXPECT_CONTAINS(getError(getStart() + "add.s64 %l4, %l4, 4611686018427387904;" + kFence + getOne() + kWait),
                  "a matrix descriptor with swizzle 2");
  EXPECT_CONTAINS(getError(getStart() + "add.s64 %l4, %l4, 8192;" + kFence + getOne() + kWait), "which lies outside");
}

INSTANTIATE_TEST_SUITE_P(One, WgmmaMisuse, testing::Values(std::make_tuple(8u, true)));

} // namespace
