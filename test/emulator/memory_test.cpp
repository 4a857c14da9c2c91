// Loads, stores, and bulk copies by tensor maps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/support.h"

#include <numeric>

using namespace emulator_test;

namespace {

struct WithData : testing::Test {
  TestKernel makeKernel(std::string body) {
    TestKernel kernel(std::move(body));
    kernel.data = &data;
    kernel.shape.sharedBytes = 32768;
    return kernel;
  }
  std::vector<uint8_t> data = std::vector<uint8_t>(256);
};

using Memory = WithData;

TEST_F(Memory, LoadsAndStores) {
  std::iota(data.begin(), data.end(), uint8_t(0));
  EXPECT_EQ(makeKernel("ld.global.b32 %result, [%data+4];").run()[0], 0x07060504u);
  EXPECT_EQ(makeKernel("ld.global.v4.b32 {%r1, %r2, %r3, %result}, [%data+16];").run()[0], 0x1F1E1D1Cu);
  EXPECT_EQ(makeKernel("ld.global.v2.b16 {%h1, %h2}, [%data+8]; mov.b32 %result, {%h1, %h2};").run()[0], 0x0B0A0908u);
  EXPECT_EQ(makeKernel("ld.b64 %l1, [%data+8]; shr.u64 %l1, %l1, 32; cvt.u32.u64 %result, %l1;").run()[0], 0x0F0E0D0Cu);
  makeKernel("setp.eq.b32 %p1, %tid, 3; @%p1 st.global.v2.b32 [%data+8], {1, 2};").run();
  EXPECT_EQ(data[8], 1);
  EXPECT_EQ(data[12], 2);
  makeKernel("atom.global.add.u32 %r1, [%data+8], 1;").run();
  EXPECT_EQ(data[8], 33);
}

TEST_F(Memory, GlobalBounds) {
  EXPECT_CONTAINS(makeKernel("ld.global.b32 %r1, [%data+256];").getError(),
                  "line 26: ld.global.b32 %r1, [%data+256]: a read of 4 bytes at offset 256 of 'data', which has 256 "
                  "bytes");
  EXPECT_CONTAINS(makeKernel("st.global.v4.b32 [%data+248], {0, 0, 0, 0};").getError(),
                  "a write of 16 bytes at offset 248 of 'data'");
  EXPECT_CONTAINS(makeKernel("ld.global.v2.b32 {%r1, %r2}, [%data+4];").getError(), "which is not a multiple of 8");
  EXPECT_CONTAINS(makeKernel("mov.b64 %l1, 4096; ld.global.b32 %r1, [%l1];").getError(), "which is not global memory");
}

TEST_F(Memory, ConstDataCannotBeWritten) {
  GlobalMemory memory;
  const uint32_t value = 1;
  uint64_t address = memory.map("inputs", &value, sizeof(value));
  EXPECT_EQ(*memory.resolve(address, 4, Access::Read), 1);
  EXPECT_THROW(memory.resolve(address, 4, Access::Write), EmulationError);
}

/// A kernel that begins early must wait before it reads what the one before it wrote.
TEST_F(Memory, DependentLaunch) {
  TestKernel kernel = makeKernel("st.global.b32 [%data], 5;");
  Module writer(kernel.getText());
  kernel.shape.overlapsPrevious = true;
  for (bool waits : {false, true}) {
    kernel.body = std::string(waits ? "griddepcontrol.wait; " : "") + "ld.global.b32 %result, [%data];";
    std::string error = kernel.getErrorAfter(writer);
    if (waits)
      EXPECT_EQ(error, "");
    else
      EXPECT_CONTAINS(error, "reads what the kernel before this one wrote without griddepcontrol.wait before it");
  }
}

TEST_F(Memory, SharedBounds) {
  EXPECT_CONTAINS(makeKernel("mov.b32 %r1, tile; st.shared.b32 [%r1+32768], 0;").getError(),
                  "a write of 4 bytes at shared memory address 33792, which lies outside 1024..33792");
  EXPECT_CONTAINS(makeKernel("mov.b32 %r1, tile; ld.shared.b32 %r2, [%r1];").getError(),
                  "a read of 4 bytes at shared memory address 1024, which have not been written");
}

TEST_F(Memory, SharedByGenericAddress) {
  EXPECT_EQ(
      makeKernel("mov.b64 %l1, tile; cvta.shared.u64 %l2, %l1; st.b32 [%l2+8], 7; ld.shared.b32 %result, [%l1+8];")
          .run()[0],
      7u);
}

TEST_F(Memory, Matrices) {
  // Eight rows of 16 bytes: lane l stores (l / 4, 2 (l % 4)) and its neighbour, and reads them back transposed.
  std::string kernel = R"(mov.b32 %r1, tile;
    shl.b32 %r2, %tid, 4;
    and.b32 %r2, %r2, 127;
    add.s32 %r1, %r1, %r2;
    shl.b32 %r3, %tid, 17;
    or.b32 %r3, %r3, 65536;
    shl.b32 %r4, %tid, 1;
    or.b32 %r3, %r3, %r4;
    stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r1], {%r3};
    )";
  std::vector<uint32_t> straight =
      makeKernel(kernel + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%result}, [%r1];").run();
  std::vector<uint32_t> transposed =
      makeKernel(kernel + "ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%result}, [%r1];").run();
  auto element = [](uint32_t row, uint32_t column) { return row * 8 + column; };
  for (uint32_t lane = 0; lane < kWarpLanes; ++lane) {
    uint32_t row = lane / 4, column = lane % 4 * 2;
    EXPECT_EQ(straight[lane], element(row, column) | element(row, column + 1) << 16);
    EXPECT_EQ(transposed[lane], element(column, row) | element(column + 1, row) << 16);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Bulk copies
//===--------------------------------------------------------------------------------------------------------------===//

/// A tensor of 5 x 10 x 72 elements, whose values are their indices.
struct BulkCopy : WithData {
  static constexpr uint32_t kColumns = 72, kRows = 10, kPlanes = 5;
  BulkCopy() {
    data.resize(kPlanes * kRows * kColumns * 2);
    for (uint32_t i = 0; i < data.size() / 2; ++i)
      set(i, static_cast<uint16_t>(i));
    map.rank = 3;
    map.extents = {kColumns, kRows, kPlanes, 1, 1};
    map.strides = {0, kColumns * 2, kRows * kColumns * 2, 0, 0};
    map.box = {64, 8, 2, 1, 1};
  }
  void set(size_t i, uint16_t value) { std::memcpy(&data[2 * i], &value, 2); }
  uint16_t get(size_t i) const {
    uint16_t value;
    std::memcpy(&value, &data[2 * i], 2);
    return value;
  }
  TestKernel makeKernel(std::string body) {
    TestKernel kernel = WithData::makeKernel(std::move(body));
    kernel.map = &map;
    return kernel;
  }
  /// Loads the box at `coordinates`; then each thread reads the word at byte 4 (tid + first).
  std::vector<uint32_t> load(const std::string &coordinates, uint32_t firstWord) {
    return makeKernel(getLoad(coordinates) + concat("add.s32 %r1, %tid, ", firstWord,
                                                    "; shl.b32 %r1, %r1, 2; add.s32 %r1, %r1, %r10;"
                                                    "ld.shared.b32 %result, [%r1];"))
        .run();
  }
  static std::string getLoad(const std::string &coordinates, const std::string &bytes = "2048") {
    return R"(mov.b32 %r10, tile;
      setp.eq.b32 %p10, %tid, 0;
      @%p10 mbarrier.init.shared::cta.b64 [%r10+16384], 1;
      bar.sync 0;
      @%p10 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r10+16384], )" +
           bytes + R"(;
      @%p10 cp.async.bulk.tensor.3d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r10], [%map, )" +
           coordinates + R"(], [%r10+16384];
      mbarrier.try_wait.parity.shared.b64 %p1, [%r10+16384], 0;
      )";
  }
  TensorMap map;
};

TEST_F(BulkCopy, Loads) {
  // Row 1 of plane 3 of the tensor is row 9 of the box, and chunk c of its row lies at c ^ 1.
  std::vector<uint32_t> words = load("{0, 0, 2}", 9 * 32);
  for (uint32_t word = 0; word < 32; ++word) {
    uint32_t first = 3 * 720 + 72 + ((word / 4 ^ 1) * 4 + word % 4) * 2;
    EXPECT_EQ(words[word], first | (first + 1) << 16);
  }
}

TEST_F(BulkCopy, ZerosOutside) {
  // From column 64 on eight elements are left; row 0 of the box has no permutation.
  std::vector<uint32_t> words = load("{64, 0, 0}", 0);
  for (uint32_t word = 0; word < 32; ++word)
    EXPECT_EQ(words[word], word < 4 ? (64 + 2 * word) | (65 + 2 * word) << 16 : 0);
  for (const char *outside : {"{0, 10, 0}", "{0, -8, 0}", "{0, 0, 5}", "{-64, 0, 0}", "{128, 0, 0}"})
    for (uint32_t word : load(outside, 0))
      EXPECT_EQ(word, 0u) << outside;
}

TEST_F(BulkCopy, ReadBeforeArrival) {
  std::string body = getLoad("{0, 0, 0}");
  body = body.substr(0, body.find("mbarrier.try_wait")) + "ld.shared.b32 %result, [%r10];";
  EXPECT_CONTAINS(makeKernel(body).getError(),
                  "a read of shared memory 1024..1028, while 1024..3072 is being written by "
                  "line");
}

TEST_F(BulkCopy, EndBeforeArrival) {
  std::string body = getLoad("{0, 0, 0}");
  int found = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TestKernel kernel = makeKernel(body.substr(0, body.find("mbarrier.try_wait")));
    kernel.shape.seed = seed;
    found += kernel.getError().find("all threads have ended before 1 bulk loads") != std::string::npos;
  }
  EXPECT_GT(found, 5);
}

TEST_F(BulkCopy, WrongByteCount) {
  EXPECT_CONTAINS(makeKernel(getLoad("{0, 0, 0}", "2050")).getError(), "0 of 1 arrivals and 2 bytes are missing");
  EXPECT_CONTAINS(makeKernel(getLoad("{0, 0}")).getError(), "there are 2 coordinates");
  EXPECT_CONTAINS(makeKernel(getLoad("{3, 0, 0}")).getError(), "a bulk copy from element 3 of a row");
}

TEST_F(BulkCopy, MapsAreChecked) {
  map.strides[1] = 24;
  EXPECT_CONTAINS(makeKernel("").getError(), "stride 1 is 24 bytes, expected a multiple of 16");
  map.strides[1] = kColumns * 2;
  map.box[0] = 32;
  EXPECT_CONTAINS(makeKernel("").getError(), "rows of the box have 64 bytes, expected 128");
  map.box[0] = 64;
  map.address = 8;
  EXPECT_CONTAINS(makeKernel("").getError(), "is not a multiple of 16");
}

TEST_F(BulkCopy, TensorLargerThanMemory) {
  map.extents[2] = 100;
  EXPECT_CONTAINS(makeKernel(getLoad("{0, 0, 90}")).getError(), "of 'data', which has 7200 bytes");
}

/// All threads write 0x00070007; then one stores the box.
std::string getStore(const std::string &fence, const std::string &wait) {
  return R"(mov.b32 %r10, tile;
    setp.eq.b32 %p10, %tid, 0;
    shl.b32 %r1, %tid, 2;
    add.s32 %r1, %r1, %r10;
    mov.b32 %r2, 0;
    AGAIN: st.shared.b32 [%r1], 0x00070007;
    add.s32 %r1, %r1, 128;
    add.s32 %r2, %r2, 1;
    setp.lt.u32 %p1, %r2, 16;
    @%p1 bra AGAIN;
    )" + fence +
         R"(
    bar.sync 0;
    @%p10 cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%map, {64, 6, 4}], [%r10];
    @%p10 cp.async.bulk.commit_group;
    )" + wait;
}

TEST_F(BulkCopy, StoresClip) {
  makeKernel(getStore("fence.proxy.async.shared::cta;", "@%p10 cp.async.bulk.wait_group 0;")).run();
  for (uint32_t plane = 0, i = 0; plane < kPlanes; ++plane)
    for (uint32_t row = 0; row < kRows; ++row)
      for (uint32_t column = 0; column < kColumns; ++column, ++i)
        ASSERT_EQ(get(i), plane == 4 && row >= 6 && column >= 64 ? 7 : i) << plane << " " << row << " " << column;
}

TEST_F(BulkCopy, StoresNeedAFence) {
  EXPECT_CONTAINS(makeKernel(getStore("", "@%p10 cp.async.bulk.wait_group 0;")).getError(),
                  "wrote to 1024 by an ordinary store without fence.proxy.async behind it");
}

TEST_F(BulkCopy, StoresMustBeWaitedFor) {
  std::string fence = "fence.proxy.async.shared::cta;";
  EXPECT_CONTAINS(makeKernel(getStore(fence, "")).getError(),
                  "thread 0 ends before its bulk stores have been waited for");
  EXPECT_CONTAINS(
      makeKernel(getStore(fence, "@%p10 st.shared.b32 [%r10], 0; @%p10 cp.async.bulk.wait_group.read 0;")).getError(),
      "a write of shared memory 1024..1028, while 1024..3072 is being read by line");
}

TEST_F(BulkCopy, Multicast) {
  TestKernel kernel = makeKernel(R"(mov.b32 %r10, tile;
    mov.u32 %r11, %cluster_ctarank;
    setp.eq.b32 %p10, %tid, 0;
    @%p10 mbarrier.init.shared::cta.b64 [%r10+16384], 1;
    barrier.cluster.arrive;
    barrier.cluster.wait;
    @%p10 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r10+16384], 4096;
    shl.b32 %r12, %r11, 11;
    add.s32 %r12, %r12, %r10;
    mov.b16 %h1, 3;
    @%p10 cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r12], [%map, {0, 0, %r11}], [%r10+16384], %h1;
    mbarrier.try_wait.parity.shared.b64 %p1, [%r10+16384], 0;
    ld.shared.b32 %r1, [%r10];
    ld.shared.b32 %r2, [%r10+2048];
    prmt.b32 %result, %r1, %r2, 0x5410;
    barrier.cluster.arrive;
    barrier.cluster.wait;)");
  kernel.cluster = kernel.shape.grid.x = 2;
  // Each CTA loads one part for both: the first elements are 0, and 720 of plane 1.
  for (uint32_t word : kernel.run())
    EXPECT_EQ(word, 720u << 16);
}

} // namespace
