//===- Supervisor.cpp - Runs cases in processes that may die --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Supervisor.h"

#include "test/fuzz/Backtrace.h"
#include "test/fuzz/Build.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rondo::fuzz;

namespace {
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// What the processes share.
struct Shared {
  static constexpr int mostJobs = 256;
  struct Slot {
    std::atomic<uint64_t> seed;
    std::atomic<double> begin; ///< of the case; 0 between cases
  };
  std::atomic<uint64_t> nextSeed, accepted, refused;
  Slot slots[mostJobs];
};

struct Job {
  pid_t process = 0;
  bool isKilled = false;
  double killedAt = 0;
};

constexpr int wrongStatus = 3; // of a process whose last case is wrong

class Supervisor {
public:
  Supervisor(Kind &kind, const SupervisorOptions &options) : kind(kind), options(options) {
    void *memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      std::abort();
    shared = new (memory) Shared();
    shared->nextSeed = options.firstSeed;
    lastSeed = options.cases == UINT64_MAX ? UINT64_MAX : options.firstSeed + options.cases - 1;
    jobs.resize(std::min(options.jobs, Shared::mostJobs));
  }

  bool run();

private:
  bool isOver() const { return now() >= deadline || shared->nextSeed > lastSeed || full; }
  void start(size_t number);
  [[noreturn]] void work(size_t number);
  void watch(size_t number);
  void finish(size_t number, int status);
  void report(uint64_t seed, const std::string &what, const std::string &signature, const std::string &details);

  std::string path(size_t number, const char *what) const {
    return temporaryFolder() + "/job" + std::to_string(number) + "." + what;
  }

  Kind &kind;
  SupervisorOptions options;
  Shared *shared;
  uint64_t lastSeed;
  double deadline = 0;
  bool full = false;
  std::vector<Job> jobs;
  std::map<std::string, int> findings, upstream;
};
} // namespace

static std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// The worker
//===--------------------------------------------------------------------------------------------------------------===//

/// What a case asks for too much of is refused, and does not take the machine down.
static void limitMemory() {
#if !defined(__has_feature) || !__has_feature(address_sanitizer)
  constexpr rlim_t bytes = rlim_t(8) << 30;
  rlimit limit = {bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
#endif
  rlimit noCore = {0, 0};
  setrlimit(RLIMIT_CORE, &noCore);
}

void Supervisor::work(size_t number) {
  int output = open(path(number, "output").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  dup2(output, STDERR_FILENO);
  dup2(output, STDOUT_FILENO);
  limitMemory();
  installCrashHandler();
  Shared::Slot &slot = shared->slots[number];
  for (int i = 0; i < kind.casesPerProcess() && now() < deadline; ++i) {
    uint64_t seed = shared->nextSeed++;
    if (seed > lastSeed)
      break;
    slot.seed = seed;
    slot.begin = now();
    std::string report;
    Outcome outcome = kind.run(seed, report);
    slot.begin = 0;
    if (outcome == Outcome::Wrong) {
      std::ofstream(path(number, "report"), std::ios::binary) << report;
      _exit(wrongStatus);
    }
    ++(outcome == Outcome::Accepted ? shared->accepted : shared->refused);
  }
  _exit(0); // destructors of what processes share are their parent's
}

//===--------------------------------------------------------------------------------------------------------------===//
// The parent
//===--------------------------------------------------------------------------------------------------------------===//

void Supervisor::start(size_t number) {
  std::fflush(nullptr);
  shared->slots[number].begin = 0;
  pid_t process = fork();
  if (process == 0)
    work(number);
  if (process < 0) {
    std::perror("rondo-fuzz: fork");
    std::exit(2);
  }
  jobs[number] = {process};
}

/// Ends a process whose case takes too long: first so that it says where it is.
void Supervisor::watch(size_t number) {
  Job &job = jobs[number];
  double begin = shared->slots[number].begin;
  if (!job.isKilled && begin != 0 && now() - begin > kind.secondsPerCase()) {
    kill(job.process, SIGABRT);
    job.isKilled = true;
    job.killedAt = now();
  } else if (job.isKilled && now() - job.killedAt > 10) {
    kill(job.process, SIGKILL);
  }
}

void Supervisor::report(uint64_t seed, const std::string &what, const std::string &signature,
                        const std::string &details) {
  if (++findings[what + ": " + signature] > 1)
    return;
  std::string seedText = std::to_string(seed);
  std::string text = std::string(kind.name()) + " seed " + seedText + ": " + what + "\n" + details +
                     "\n--- to repeat: rondo-fuzz --kinds=" + kind.name() + " --seed=" + seedText + "\n" +
                     kind.reproducer(seed) + "---\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (!options.findings.empty())
    std::ofstream(options.findings + "/" + kind.name() + "-" + seedText + ".txt") << text;
  full = static_cast<int>(findings.size()) >= options.mostFindings;
}

/// The first line of a report without what varies from case to case.
static std::string signatureOf(const std::string &report) {
  std::string line = report.substr(0, std::min(report.find('\n'), size_t(120)));
  for (char &c : line)
    c = std::isdigit(static_cast<unsigned char>(c)) ? '#' : c;
  return line;
}

void Supervisor::finish(size_t number, int status) {
  Job job = jobs[number];
  jobs[number] = {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return;
  uint64_t seed = shared->slots[number].seed;
  if (WIFEXITED(status) && WEXITSTATUS(status) == wrongStatus) {
    std::string text = readFile(path(number, "report"));
    std::string last = text.substr(0, text.find_last_not_of('\n') + 1);
    bool isRun = text.rfind("runs ", 0) == 0; // what is wrong stands last there
    return report(seed, "wrong", signatureOf(isRun ? last.substr(last.rfind('\n') + 1) : text), text);
  }
  std::string output = readFile(path(number, "output"));
  CrashPlace place = findCrashPlace(output);
  std::string what = job.isKilled          ? "hang"
                     : WIFSIGNALED(status) ? std::string("crash (") + strsignal(WTERMSIG(status)) + ")"
                                           : "exit with status " + std::to_string(WEXITSTATUS(status));
  if (place.isUpstream && kind.mayCrashUpstream()) {
    if (++upstream[what + ": " + place.signature] == 1 && !options.findings.empty())
      std::ofstream(options.findings + "/upstream-" + std::to_string(seed) + ".txt") << what << '\n'
                                                                                     << output << '\n'
                                                                                     << kind.reproducer(seed);
    return;
  }
  std::string details;
  for (const std::string &frame : place.frames)
    details += "  " + frame + "\n";
  report(seed, what, place.signature, (place.frames.empty() || output.size() < 4000 ? output : "") + details);
}

bool Supervisor::run() {
  double begin = now();
  deadline = begin + options.seconds;
  for (bool isBusy = true; isBusy;) {
    isBusy = false;
    for (size_t number = 0; number < jobs.size(); ++number) {
      int status;
      if (jobs[number].process && waitpid(jobs[number].process, &status, WNOHANG) == jobs[number].process)
        finish(number, status);
      if (!jobs[number].process && !isOver())
        start(number);
      if (jobs[number].process)
        watch(number);
      isBusy |= jobs[number].process != 0;
    }
    usleep(10000);
  }
  int wrong = 0, crashes = 0;
  for (const auto &[signature, count] : findings)
    wrong += count;
  for (const auto &[signature, count] : upstream)
    crashes += count;
  for (const auto &[signature, count] : findings)
    std::printf("%s: finding, %d times: %s\n", kind.name(), count, signature.c_str());
  for (const auto &[signature, count] : upstream)
    std::printf("%s: upstream, %d times: %s\n", kind.name(), count, signature.c_str());
  uint64_t accepted = shared->accepted, refused = shared->refused;
  double seconds = now() - begin;
  uint64_t cases = accepted + refused + wrong + crashes;
  std::printf("%s: %llu cases in %.0f s (%.1f a second, %zu jobs, first seed %llu): %llu accepted, %llu refused, "
              "%d wrong (%zu kinds), %d upstream crashes (%zu kinds)\n",
              kind.name(), static_cast<unsigned long long>(cases), seconds, static_cast<double>(cases) / seconds,
              jobs.size(), static_cast<unsigned long long>(options.firstSeed),
              static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(refused), wrong,
              findings.size(), crashes, upstream.size());
  std::fflush(stdout);
  return findings.empty();
}

bool rondo::fuzz::supervise(Kind &kind, const SupervisorOptions &options) { return Supervisor(kind, options).run(); }
