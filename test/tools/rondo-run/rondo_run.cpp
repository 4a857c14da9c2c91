// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/tools/rondo-run/rondo_run.h"

#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rondo::test {

const char *const sampleProgram = RONDO_SAMPLE_PROGRAM;
const char *const staticSampleProgram = RONDO_STATIC_SAMPLE_PROGRAM;
const char *const ringProgram = RONDO_RING_PROGRAM;

/// In the child: never returns.
static void execute(const TemporaryFolder &streams, const TemporaryFolder &folder, char **arguments) {
  constexpr int mode = O_CREAT | O_WRONLY | O_TRUNC;
  dup2(open(streams.path("output").c_str(), mode, 0600), STDOUT_FILENO);
  dup2(open(streams.path("errors").c_str(), mode, 0600), STDERR_FILENO);
  alarm(60); // survives exec: a hang ends in SIGALRM
  if (chdir(folder.path("").c_str()) == 0)
    execv(arguments[0], arguments);
  _exit(127);
}

Outcome rondoRun(const TemporaryFolder &folder, const std::vector<std::string> &arguments) {
  TemporaryFolder streams;
  std::vector<std::string> words = {RONDO_RUN_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = fork();
  if (child == 0)
    execute(streams, folder, pointers.data());
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), streams.read("output"),
          streams.read("errors")};
}

std::string npyOfFloats(const std::vector<int64_t> &shape, const std::vector<float> &values) {
  std::string tuple;
  for (int64_t extent : shape)
    tuple += std::to_string(extent) + ",";
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + tuple + "), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  std::string data(values.size() * sizeof(float), '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + data;
}

std::string RondoRun::expectSuccess(const std::vector<std::string> &arguments) {
  Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.errors << outcome.output;
  EXPECT_EQ(outcome.errors, "");
  return outcome.output;
}

void RondoRun::expectError(int status, const std::vector<std::string> &arguments,
                           const std::vector<std::string> &phrases) {
  std::vector<std::string> before = folder.files();
  Outcome outcome = run(arguments);
  std::string command;
  for (const std::string &argument : arguments)
    command += argument + " ";
  SCOPED_TRACE("rondo-run " + command + "\nprinted: " + outcome.errors);
  EXPECT_EQ(outcome.status, status);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.errors.rfind("rondo-run: error: ", 0), 0u);
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1);
  for (const std::string &phrase : phrases)
    EXPECT_NE(outcome.errors.find(phrase), std::string::npos) << "lacks: " << phrase;
  EXPECT_EQ(folder.files(), before);
}

} // namespace rondo::test
