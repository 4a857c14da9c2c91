// Files that appear complete or not at all.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/output_file.h"

#include "test/tools/rondo-run/temporary_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace rondo::run;
using rondo::test::TemporaryFolder;

namespace {

TEST(OutputFile, HasItsNameOnlyAfterCommit) {
  TemporaryFolder folder;
  Result<OutputFile> file = OutputFile::create(folder.path("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("text", 4));
  EXPECT_FALSE(std::filesystem::exists(folder.path("a")));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(folder.files(), std::vector<std::string>{"a"});
  EXPECT_EQ(folder.read("a"), "text");
}

TEST(OutputFile, AbandonedLeavesTheEarlierFile) {
  TemporaryFolder folder;
  folder.write("a", "earlier");
  {
    Result<OutputFile> file = OutputFile::create(folder.path("a"));
    ASSERT_TRUE(file && file->write("half", 4));
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"a"});
  EXPECT_EQ(folder.read("a"), "earlier");
}

TEST(OutputFile, ThatCannotGetItsNameLeavesNothing) {
  TemporaryFolder folder;
  {
    Result<OutputFile> file = OutputFile::create(folder.path("a"));
    ASSERT_TRUE(file);
    std::filesystem::create_directory(folder.path("a")); // appears meanwhile
    Status committed = file->commit();
    ASSERT_FALSE(committed);
    EXPECT_NE(committed.error().text.find("a': "), std::string::npos);
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"a"});
}

TEST(OutputFile, IsAsPublicAsTheUmaskSays) {
  TemporaryFolder folder;
  mode_t before = umask(027);
  Result<OutputFile> file = OutputFile::create(folder.path("a"));
  umask(before);
  ASSERT_TRUE(file && file->commit());
  struct stat entry;
  ASSERT_EQ(stat(folder.path("a").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777, 0640u);
}

TEST(OutputFile, PathsAreJudgedBeforehand) {
  TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_TRUE(checkOutputPath(folder.path("new")));
  EXPECT_TRUE(checkOutputPath(folder.path("file")));
  EXPECT_TRUE(checkOutputPath("in-this-folder"));
  EXPECT_FALSE(checkOutputPath(""));
  EXPECT_FALSE(checkOutputPath(folder.path("")));
  EXPECT_FALSE(checkOutputPath(folder.path("missing/a")));
  EXPECT_FALSE(checkOutputPath(folder.path("file/a")));
}

} // namespace
