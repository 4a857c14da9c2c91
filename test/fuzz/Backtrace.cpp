//===- Backtrace.cpp - Where a process died, and whose code that was ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Backtrace.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <sstream>

#include <dlfcn.h>
#include <execinfo.h>
#include <unistd.h>

using namespace rondo::fuzz;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RONDO_FUZZ_SANITIZED
#endif
#endif

static constexpr const char *frameMark = "rondo-fuzz-frame ";

#ifndef RONDO_FUZZ_SANITIZED
/// The functions used here are no async-signal-safe ones; a process that hangs in them is killed by its supervisor.
static void reportFrames(int signal) {
  void *addresses[128];
  int count = backtrace(addresses, 128);
  for (int i = 1; i < count; ++i) {
    Dl_info info = {};
    if (!dladdr(addresses[i], &info) || !info.dli_fname)
      continue;
    // A return address lies behind the call.
    auto offset = static_cast<char *>(addresses[i]) - static_cast<char *>(info.dli_fbase) - 1;
    dprintf(STDERR_FILENO, "%s%s 0x%zx\n", frameMark, info.dli_fname, static_cast<size_t>(offset));
  }
  std::signal(signal, SIG_DFL);
  raise(signal);
}
#endif

void rondo::fuzz::installCrashHandler() {
#ifndef RONDO_FUZZ_SANITIZED
  static char stack[1 << 18]; // its own, for when recursion has used up the other
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  void *unused[1];
  backtrace(unused, 1); // loads what it needs now
  struct sigaction action = {};
  action.sa_handler = reportFrames;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE})
    sigaction(signal, &action, nullptr);
#endif
}

static std::string findSymbolizer() {
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::vector<std::string> candidates;
  for (std::string folder; std::getline(folders, folder, ':');)
    for (const char *name : {"/llvm-symbolizer-22", "/llvm-symbolizer"})
      candidates.push_back(folder + name);
  auto found = std::find_if(candidates.begin(), candidates.end(),
                            [](const std::string &file) { return access(file.c_str(), X_OK) == 0; });
  return found == candidates.end() ? "" : *found;
}

/// "function file:line" for each frame that the crash handler wrote, inlined functions included.
static std::vector<std::string> symbolize(const std::string &output) {
  std::string symbolizer = findSymbolizer(), addresses;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(frameMark, 0) == 0)
      addresses += line.substr(std::string(frameMark).size()) + "\\n";
  std::vector<std::string> frames;
  if (symbolizer.empty() || addresses.empty())
    return frames;
  FILE *pipe = popen(("printf '" + addresses + "' | '" + symbolizer + "' --demangle 2>/dev/null").c_str(), "r");
  char buffer[16384];
  for (std::string function; pipe && std::fgets(buffer, sizeof buffer, pipe);) {
    std::string line(buffer);
    line.resize(line.find_last_not_of("\n") + 1);
    if (line.empty())
      continue;
    if (function.empty()) {
      function = line;
      continue;
    }
    frames.push_back(function + " " + line);
    function.clear();
  }
  if (pipe)
    pclose(pipe);
  return frames;
}

/// The frames of a sanitizer's report.
static std::vector<std::string> readSanitizerFrames(const std::string &output) {
  static const std::regex frame(R"(^\s+#\d+ 0x[0-9a-f]+ (?:in )?(.*)$)");
  std::vector<std::string> frames;
  std::istringstream lines(output);
  std::smatch match;
  for (std::string line; std::getline(lines, line);)
    if (line.size() < 4096 && std::regex_match(line, match, frame))
      frames.push_back(match[1]);
    else if (!frames.empty() && line.empty())
      break; // other stacks follow: of an allocation, of a thread
  return frames;
}

/// Rondo's own code; not what only calls MLIR's parser and pass manager, as this fuzzer and the compiler's driver do.
static bool isOwn(const std::string &frame) {
  if (frame.find("/usr/") != std::string::npos)
    return false;
  for (const char *folder : {"/dialect/", "/passes/", "/codegen/", "/runtime/src/"})
    if (frame.find(folder) != std::string::npos)
      return true;
  return false;
}

/// A frame without line numbers and addresses.
static std::string nameOf(const std::string &frame) { return frame.substr(0, std::min(frame.find('('), size_t(160))); }

CrashPlace rondo::fuzz::findCrashPlace(const std::string &output) {
  CrashPlace place;
  place.frames = readSanitizerFrames(output);
  if (place.frames.empty())
    place.frames = symbolize(output);
  auto own = std::find_if(place.frames.begin(), place.frames.end(), isOwn);
  place.isUpstream = !place.frames.empty() && own == place.frames.end();
  static const std::regex boring("^(\\?\\?|raise|abort|__|gsignal|pthread_kill|killpg|llvm::report_|.*reportFrames).*");
  auto first = std::find_if(place.frames.begin(), place.frames.end(),
                            [](const std::string &frame) { return !std::regex_match(nameOf(frame), boring); });
  if (first != place.frames.end())
    place.signature = nameOf(*first);
  if (own != place.frames.end())
    place.signature += " < " + nameOf(*own);
  return place;
}
