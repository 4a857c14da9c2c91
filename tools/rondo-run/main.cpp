// rondo-run: runs a program that rondo-compile made, checks it against float64 and reports what it took.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/session.h"
#include "tools/rondo-run/text.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

using namespace rondo::run;

enum ExitStatus { Fine = 0, Failed = 1, Misused = 2 };

static int fail(const Error &error, ExitStatus status) {
  std::fprintf(stderr, "rondo-run: error: %s\n", error.text.c_str());
  return status;
}

static std::string versionText() {
  int runtime = rondo_version();
  return concat("rondo-run ", RONDO_VERSION_MAJOR, ".", RONDO_VERSION_MINOR, ", runtime ", runtime / 1000, ".",
                runtime % 1000, "\n");
}

static int runProgram(const Options &options, Executor &executor, const Manifest &manifest) {
  Result<Plan> plan = planRun(options, manifest);
  if (!plan)
    return fail(plan.error(), Misused);
  Session session(executor, options, manifest, *plan);
  if (Status prepared = session.prepare(); !prepared)
    return fail(prepared.error(), Misused);
  Result<bool> passed = session.execute();
  if (!passed)
    return fail(passed.error(), Failed);
  return *passed ? Fine : Failed;
}

static int perform(const Options &options) {
  if (options.action == Action::Help || options.action == Action::Version) {
    std::fputs(options.action == Action::Help ? helpText() : versionText().c_str(), stdout);
    return Fine;
  }
  Result<Executor> executor = Executor::load(options.program);
  if (!executor)
    return fail(executor.error(), Misused);
  if (options.action == Action::DescribeJson) {
    std::printf("%s\n", executor->manifest());
    return Fine;
  }
  Result<Manifest> manifest = parseManifest(executor->manifest());
  if (!manifest)
    return fail(manifest.error(), Misused);
  if (options.action == Action::Run)
    return runProgram(options, *executor, *manifest);
  std::fputs(describeManifest(*manifest).c_str(), stdout);
  return Fine;
}

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of writing, reported below
  Result<Options> options = parseOptions(argc, argv);
  if (!options)
    return fail(options.error(), Misused);
  int status = perform(*options);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return fail(Error{concat("cannot write to standard output: ", std::strerror(errno))}, Failed);
  return status;
}
