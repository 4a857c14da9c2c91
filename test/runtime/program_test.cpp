// Loading: whole programs load, and whatever is no whole program is an error that names the file.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace rondo_test;
namespace fs = std::filesystem;

namespace {

class Program : public testing::Test {
protected:
  Program() {
    std::string pattern = (fs::temp_directory_path() / "rondo-program-XXXXXX").string();
    directory = mkdtemp(pattern.data());
  }
  ~Program() override { fs::remove_all(directory); }

  rondo_status load(const std::string &path) {
    rondo_program *loaded = nullptr;
    rondo_status status = rondo_program_load(context.get(), path.c_str(), &loaded);
    EXPECT_EQ(loaded != nullptr, status == RONDO_OK);
    rondo_program_destroy(loaded);
    return status;
  }
  std::string error() const { return rondo_last_error(context.get()); }
  void expectRefused(const std::string &path, const std::string &reason) {
    EXPECT_EQ(load(path), RONDO_INVALID_PROGRAM) << error();
    EXPECT_NE(error().find("'" + path + "'"), std::string::npos) << error();
    EXPECT_NE(error().find(reason), std::string::npos) << error();
  }
  /// A new file each time: the one before may still be mapped, and cutting it short would pull its pages away.
  std::string write(const std::string &bytes) {
    std::string path = (directory / "program.so").string();
    fs::remove(path);
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  static std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Handle<rondo_context> context = makeContext();
  fs::path directory;
};

TEST_F(Program, HasItsManifest) {
  auto program = loadFixture(context.get(), "ring_sum");
  EXPECT_NE(std::string(rondo_program_manifest(program.get())).find("\"ring_sum\""), std::string::npos);
}

TEST_F(Program, IsFoundInTheWorkingDirectory) {
  fs::path former = fs::current_path();
  fs::current_path(fs::path(fixture("ring_sum")).parent_path());
  EXPECT_EQ(load("ring_sum.so"), RONDO_OK) << error();
  fs::current_path(former);
}

TEST_F(Program, EveryTruncationIsRefused) {
  const std::string whole = read(fixture("ring_sum"));
  ASSERT_GT(whole.size(), 4096u);
  ASSERT_EQ(load(write(whole)), RONDO_OK) << error();
  for (size_t bytes = 0; bytes < whole.size(); bytes += bytes < 300 ? 1 : 97)
    expectRefused(write(whole.substr(0, bytes)), bytes ? "" : "the file is empty");
  expectRefused(write(whole.substr(0, whole.size() - 1)), "is truncated");
}

/// Without section headers, which end most files, only the segments tell where the file should end.
TEST_F(Program, EveryTruncationWithoutSectionHeadersIsRefused) {
  std::string whole = read(fixture("ring_sum"));
  Elf64_Ehdr header;
  memcpy(&header, whole.data(), sizeof header);
  uint64_t end = 0;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, whole.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD)
      end = std::max<uint64_t>(end, segment.p_offset + segment.p_filesz);
  }
  header.e_shoff = 0;
  header.e_shnum = header.e_shstrndx = 0;
  memcpy(whole.data(), &header, sizeof header);
  ASSERT_EQ(load(write(whole.substr(0, end))), RONDO_OK) << error();
  for (uint64_t bytes = 1000; bytes < end; bytes += 97)
    expectRefused(write(whole.substr(0, bytes)), "is truncated: its segment ends at byte");
  expectRefused(write(whole.substr(0, end - 1)), "is truncated: its segment ends at byte");
}

TEST_F(Program, DamagedHeadersAreRefusedOrHarmless) {
  const std::string whole = read(fixture("ring_sum"));
  // The ELF header and the program headers, without the dynamic linker's own tables.
  for (size_t offset : {16, 18, 32, 40, 54, 56, 58, 60}) {
    std::string damaged = whole;
    damaged[offset] = static_cast<char>(0xff);
    damaged[offset + 1] = static_cast<char>(0xff);
    expectRefused(write(damaged), "");
  }
}

TEST_F(Program, WhatIsNoProgramIsRefused) {
  expectRefused(write("\x7f"), "is not a Rondo program");
  expectRefused(write(std::string(100000, 'x')), "it is no ELF file");
  expectRefused(write("\x7f"
                      "ELF" +
                      std::string(1000, '\0')),
                "it is not for x86-64");
  expectRefused(directory.string(), "it is a directory");
  expectRefused("/dev/null", "it is no regular file");
  expectRefused("/proc/self/exe", "cannot load");
  expectRefused(fixture("foreign"), "it does not export 'rondo_program_v1'");
}

TEST_F(Program, AMissingFileIsTheSystemsError) {
  EXPECT_EQ(load("/nowhere/program.so"), RONDO_SYSTEM_ERROR);
  EXPECT_EQ(error(), "cannot open '/nowhere/program.so': No such file or directory");
  EXPECT_EQ(load(""), RONDO_SYSTEM_ERROR);
}

TEST_F(Program, OfAnotherMakeIsRefused) {
  expectRefused(fixture("wrong_magic"), "does not begin with RONDOPRG");
  expectRefused(fixture("wrong_abi"), "is of ABI version 7, but this runtime is of version 2: compile it again");
  expectRefused(fixture("wrong_manifest"), "manifest: 'rondo' should be the version");
  expectRefused(fixture("wrong_function"), "function 'f' of its manifest has no code");
  expectRefused(fixture("wrong_count"), "its manifest lists 1 functions, but it has code of 2");
}

TEST_F(Program, OfAnotherTargetIsRefusedWhenItRuns) {
  auto program = loadFixture(context.get(), "wrong_target");
  auto communicator = makeCommunicator(context.get(), Options(1));
  EXPECT_EQ(rondo_run(context.get(), program.get(), "f", communicator.get(), nullptr, 0, nullptr, 0),
            RONDO_UNSUPPORTED);
  EXPECT_EQ(error(), "the program was compiled for target 'tpu:v9', but this runtime runs 'cpu' and 'cuda' programs");
}

} // namespace
