// What ranks say when they are not about to do the same: which rank is odd, and in what.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/agreement.h"
#include "runtime/src/digest.h"
}

#include <set>

using namespace rondo_test;

namespace {

class Agreement : public testing::Test {
protected:
  rondo_status compare(const std::vector<std::string> &texts) {
    std::vector<const char *> pointers;
    for (const std::string &text : texts)
      pointers.push_back(text.c_str());
    return agreement_compare(context.get(), pointers.data(), static_cast<int32_t>(texts.size()));
  }
  void expectError(const std::vector<std::string> &texts, const std::string &text) {
    EXPECT_EQ(compare(texts), RONDO_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(rondo_last_error(context.get())),
              "the ranks differ: " + text + ": run the same program with the same lengths and options on every rank");
  }

  Handle<rondo_context> context = makeContext();
};

const std::string usual = "function\tf\nlength s0\t5\ntarget\tcpu\n";

TEST_F(Agreement, SameTexts) {
  EXPECT_EQ(compare({usual}), RONDO_OK);
  EXPECT_EQ(compare({usual, usual, usual}), RONDO_OK);
}

TEST_F(Agreement, TheMajorityIsRight) {
  const std::string other = "function\tf\nlength s0\t6\ntarget\tcpu\n";
  expectError({usual, usual, other, usual}, "length s0 is 6 on rank 2, but most ranks, such as 0, have 5");
  expectError({other, usual, usual, usual}, "length s0 is 6 on rank 0, but most ranks, such as 1, have 5");
  expectError({usual, other, other, other}, "length s0 is 5 on rank 0, but most ranks, such as 1, have 6");
}

TEST_F(Agreement, WithoutAMajorityTheFirstIsRight) {
  const std::string other = "function\tf\nlength s0\t6\ntarget\tcpu\n",
                    third = "function\tg\nlength s0\t5\ntarget\tcpu\n";
  expectError({usual, other}, "length s0 is 6 on rank 1, but rank 0 has 5");
  expectError({usual, third, other}, "function is g on rank 1, but most ranks, such as 0, have f");
}

TEST_F(Agreement, TheFirstDifferenceCounts) {
  expectError({usual, usual, "function\tf\nlength s0\t5\ntarget\tcpu:x86-64-v3\n"},
              "target is cpu:x86-64-v3 on rank 2, but most ranks, such as 0, have cpu");
  expectError({usual, usual, "function\tff\nlength s0\t50\ntarget\tcpu\n"},
              "function is ff on rank 2, but most ranks, such as 0, have f");
}

TEST(Digest, TellsTextsApart) {
  std::set<uint64_t> digests;
  std::string bytes(41, 'a');
  for (size_t length = 0; length <= bytes.size(); ++length)
    digests.insert(digest_bytes(bytes.data(), length));
  EXPECT_EQ(digests.size(), bytes.size() + 1);
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      digests.insert(digest_bytes(changed.data(), changed.size()));
    }
  EXPECT_EQ(digests.size(), bytes.size() * 9 + 1);
  // The same on every machine and in every version.
  EXPECT_EQ(digest_bytes("rondo", 5), 0x8de87fce70dcb4bcu);
}

TEST(Digest, OfAFile) {
  EXPECT_EQ(digest_file("/nowhere"), 0u);
  EXPECT_NE(digest_file(fixture("ring_sum").c_str()), digest_file(fixture("grid2d").c_str()));
  EXPECT_EQ(digest_file(fixture("ring_sum").c_str()), digest_file(fixture("ring_sum").c_str()));
}

} // namespace
