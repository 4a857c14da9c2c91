//===- compile.cpp - Compiles programs with rondo-compile, each once ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "run.h"
#include "session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <stdlib.h>
#include <sys/wait.h>

using namespace rondo::test;

namespace {
/// A folder that is removed at the end of the process.
class TemporaryFolder {
public:
  TemporaryFolder() : path(testing::TempDir() + "rondo-programs-XXXXXX") {
    if (!mkdtemp(path.data()))
      std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};
} // namespace

/// Runs a command and returns what it printed; `status` receives its exit status, or -1.
static std::string capture(const std::string &command, int &status) {
  std::string output;
  FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (size_t bytes = pipe ? fread(buffer, 1, sizeof buffer, pipe) : 0)
    output.append(buffer, bytes);
  int result = pipe ? pclose(pipe) : -1;
  status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  return output;
}

/// Writes the program next to its source; returns an empty path on failure.
static std::string compileToFile(const Source &source) {
  static TemporaryFolder folder;
  static std::atomic<int> number = 0;
  std::string path = folder.path + "/" + std::to_string(number++), arguments;
  for (const std::string &option : source.options)
    arguments += " '" + option + "'";
  std::ofstream(path + ".mlir") << source.text;
  int status;
  std::string output = capture("'" RONDO_COMPILE "' '" + path + ".mlir' -o '" + path + ".so'" + arguments, status);
  EXPECT_EQ(status, 0) << "rondo-compile" << arguments << " failed:\n" << output << source.text;
  return status ? "" : path + ".so";
}

/// What has been compiled: the paths of programs.
static std::map<Source, std::string> &compiled() {
  static std::map<Source, std::string> paths;
  return paths;
}

void rondo::test::compileAhead(std::vector<Source> sources) {
  std::mutex mutex;
  auto work = [&] {
    for (std::unique_lock<std::mutex> lock(mutex); !sources.empty();) {
      Source source = std::move(sources.back());
      sources.pop_back();
      if (compiled().count(source))
        continue;
      lock.unlock();
      std::string path = compileToFile(source);
      lock.lock();
      compiled()[source] = path;
    }
  };
  std::vector<std::thread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::thread &thread : threads)
    thread = std::thread(work);
  for (std::thread &thread : threads)
    thread.join();
}

const rondo_program *rondo::test::compile(const Source &source) {
  static std::map<std::string, const rondo_program *> programs;
  auto [path, isNew] = compiled().try_emplace(source);
  if (isNew)
    path->second = compileToFile(source);
  EXPECT_NE(path->second, "") << "the program did not compile";
  if (path->second.empty())
    return nullptr;
  const rondo_program *&program = programs[path->second];
  if (!program)
    program = Session::get().load(path->second);
  return program;
}
