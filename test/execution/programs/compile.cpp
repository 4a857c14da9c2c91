//===- compile.cpp - Compiles programs with rondo-compile, each once ------------------------------------*- C++ -*-===//
#include "run.h"
#include "session.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

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
static std::string compileToFile(const std::string &text, const std::string &options) {
  static TemporaryFolder folder;
  static int number = 0;
  std::string path = folder.path + "/" + std::to_string(number++);
  std::ofstream(path + ".mlir") << text;
  int status;
  std::string output = capture("'" RONDO_COMPILE "' '" + path + ".mlir' -o '" + path + ".so'" + options, status);
  EXPECT_EQ(status, 0) << "rondo-compile" << options << " failed:\n" << output << text;
  return status ? "" : path + ".so";
}

const rondo_program *rondo::test::compile(const std::string &text, const std::vector<std::string> &options) {
  static std::map<std::string, const rondo_program *> programs;
  std::string arguments;
  for (const std::string &option : options)
    arguments += " '" + option + "'";
  auto [place, isNew] = programs.try_emplace(arguments + "\n" + text, nullptr);
  if (!isNew)
    return place->second;
  std::string path = compileToFile(text, arguments);
  return place->second = path.empty() ? nullptr : Session::get().load(path);
}
