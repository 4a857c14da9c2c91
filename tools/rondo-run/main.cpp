// rondo-run: runs a program that rondo-compile made, checks it against float64 and reports what it took.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/session.h"
#include "tools/rondo-run/text.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

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

/// An error that every process has is printed by one of them. That one goes first: mpirun ends all when the first
/// process fails.
static int failTogether(Executor &executor, const Error &error, ExitStatus status) {
  if (executor.speaks())
    return fail(error, status);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  return status;
}

/// Until the processes can talk to each other each prints its own errors.
static Error withRank(const Place &place, const Error &error) {
  bool namesRank = error.text.rfind("rank ", 0) == 0;
  return place.processes > 1 && !namesRank ? Error{concat("rank ", place.rank, ": ", error.text)} : error;
}

static int execute(Executor &executor, Session &session) {
  Result<bool> passed = session.execute();
  if (!passed)
    return failTogether(executor, passed.error(), Failed);
  return *passed ? Fine : Failed;
}

static int runProgram(const Options &options, Executor &executor, const Manifest &manifest) {
  Place place;
  if (joinsProcesses(options.communicator)) {
    Result<Place> told = executor.place();
    if (!told)
      return fail(told.error(), Misused);
    place = *told;
  }
  // What this process finds wrong it tells the others, before any of them runs.
  Result<Plan> plan = planRun(options, manifest, place);
  std::optional<Session> session;
  Status prepared = plan ? Status(Success{}) : Status(plan.error());
  if (plan)
    prepared = session.emplace(executor, options, manifest, *plan, place).prepare();
  bool together = joinsProcesses(options.communicator);
  if (!prepared && !together)
    return fail(prepared.error(), Misused);
  if (Status started = executor.startRanks(options, plan ? plan->ranks : place.processes); !started)
    return fail(withRank(place, prepared ? started.error() : prepared.error()),
                prepared && !together ? Failed : Misused);
  if (Status agreed = executor.agree(prepared, plan ? statementText(options, *plan) : ""); !agreed)
    return failTogether(executor, agreed.error(), Misused);
  return execute(executor, *session);
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
