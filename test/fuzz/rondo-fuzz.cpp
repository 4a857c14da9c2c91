//===- rondo-fuzz.cpp - Looks for inputs that the compiler and its programs get wrong -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Build.h"
#include "test/fuzz/IrCase.h"
#include "test/fuzz/ProgramCase.h"
#include "test/fuzz/Supervisor.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Program.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>

#include <sys/stat.h>

using namespace rondo::fuzz;
namespace cl = llvm::cl;

static cl::OptionCategory category("rondo-fuzz options");
static cl::list<std::string> kinds("kinds", cl::desc("ir: changed MLIR text; programs: compiled, run and compared"),
                                   cl::CommaSeparated, cl::cat(category));
static cl::opt<double> seconds("seconds", cl::desc("For how long, shared by the kinds (default 60)"), cl::init(60),
                               cl::cat(category));
static cl::opt<uint64_t> cases("cases", cl::desc("The most cases of each kind"), cl::init(UINT64_MAX),
                               cl::cat(category));
static cl::opt<int> jobs("jobs", cl::desc("Processes at a time (default 1)"), cl::init(1), cl::cat(category));
static cl::opt<uint64_t> firstSeed("first-seed", cl::desc("Cases have consecutive seeds (default: by the clock)"),
                                   cl::cat(category));
static cl::opt<uint64_t> seed("seed", cl::desc("Repeat this case of one kind: print what it is, then run it"),
                              cl::cat(category));
static cl::list<std::string> corpus("corpus", cl::desc("Folders of .mlir files (default: those of the source tree)"),
                                    cl::CommaSeparated, cl::cat(category));
static cl::opt<std::string> linker("linker", cl::desc("ld.lld or a linker that takes its options"), cl::cat(category));
static cl::opt<std::string> findings("findings", cl::desc("An existing folder that receives one file for each finding"),
                                     cl::cat(category));

static int fail(const std::string &message) {
  std::fprintf(stderr, "rondo-fuzz: error: %s\n", message.c_str());
  return 2;
}

static std::string findLinker() {
  for (llvm::StringRef candidate : {llvm::StringRef(linker), llvm::StringRef("ld.lld-22"), llvm::StringRef("ld.lld")})
    if (auto found = llvm::sys::findProgramByName(candidate); !candidate.empty() && found)
      return *found;
  return "";
}

/// Runs one case in this process. Returns whether nothing is wrong.
static bool repeat(Kind &kind) {
  std::printf("%s", kind.reproducer(seed).c_str());
  std::fflush(stdout);
  std::string report;
  Outcome outcome = kind.run(seed, report);
  static constexpr const char *names[] = {"accepted", "refused", "wrong"};
  std::printf("%s\n%s", names[static_cast<int>(outcome)], report.c_str());
  return outcome != Outcome::Wrong;
}

static std::unique_ptr<Kind> createKind(const std::string &name, const std::vector<std::string> &folders) {
  if (name == "ir")
    return createIrKind(folders);
  if (name == "programs")
    return createProgramKind(findLinker());
  return nullptr;
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Looks for inputs that the compiler, its programs or their runtime get wrong\n");
  testing::InitGoogleTest(); // its expectations are used outside of tests
  std::vector<std::string> names(kinds.begin(), kinds.end());
  if (names.empty())
    names = {"ir", "programs"};
  std::vector<std::string> folders(corpus.begin(), corpus.end());
  if (folders.empty())
    folders = {RONDO_SOURCE_DIR "/test", RONDO_SOURCE_DIR "/examples"};
  if (findLinker().empty())
    return fail("no linker; install lld or name one with --linker");
  if (seed.getNumOccurrences() > 0 && names.size() != 1)
    return fail("--seed repeats a case of one kind: name it with --kinds");
  struct stat entry;
  if (!findings.empty() && (stat(findings.c_str(), &entry) != 0 || !S_ISDIR(entry.st_mode)))
    return fail("--findings=" + findings + " is no folder");

  SupervisorOptions options;
  options.seconds = seconds / static_cast<double>(names.size());
  options.cases = cases;
  options.jobs = jobs;
  options.firstSeed = firstSeed.getNumOccurrences() > 0 ? firstSeed : static_cast<uint64_t>(std::time(nullptr)) << 20;
  options.findings = findings;
  bool clean = true;
  for (const std::string &name : names) {
    std::unique_ptr<Kind> kind = createKind(name, folders);
    if (!kind)
      return fail("unknown kind '" + name + "'; expected ir or programs");
    kind->prepare();
    setenv("TMPDIR", temporaryFolder().c_str(), 1); // processes that die leave nothing behind
    clean &= seed.getNumOccurrences() > 0 ? repeat(*kind) : supervise(*kind, options);
  }
  return clean ? 0 : 1;
}
