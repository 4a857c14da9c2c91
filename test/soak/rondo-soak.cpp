//===- rondo-soak.cpp - Many runs in one process ---------------------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rondo-soak PROGRAM --most=NAME=LENGTH,... [OPTIONS]
//
// Runs the program's function many times through the C API, at lengths from 1 to the given ones: every second time one
// of a few sets that come again, on tensors that stay; otherwise a set of its own, on tensors of its own. Then it
// creates and destroys context, program and communicator many times, and lets every second of these fail in a run. In
// both, after a tenth to warm up, the memory of host and GPU, open files and threads must not grow by more than the
// slack that is stated for each: the most that is held in the second half over the most in the first, since an
// allocator gives memory back when it likes. Results are compared with float64 before and at the end. It prints JSON.
//
//   --runs=N --cycles=N         how many; a hundredth of the runs as cycles by default
//   --ranks=N                   by default 2; of other communicators than threads as the launcher says
//   --communicator=KIND         threads, mpi, nccl
//   --seed=N
//   --slack=HEAP,RESIDENT,DEVICE   in bytes; of files and threads there is none
//   --leak=heap|device|file|thread   grows on purpose in every run, to see that it is found
//
// Ends with 0 if nothing grew and all was right, 1 if not, 2 if it cannot run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/soak/Usage.h"
#include "test/soak/Workload.h"

#include "tools/rondo-run/text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <jansson.h>
#include <pthread.h>
#include <random>
#include <unistd.h>

using namespace rondo::soak;
using rondo::run::concat;
using rondo::run::split;

namespace {

struct Settings {
  std::string program, leak;
  Lengths most;
  int64_t runs = 300, cycles = -1;
  uint64_t seed = 1;
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  Usage slack = {1 << 20, 4 << 20, 4 << 20, 0, 0};
};

//===--------------------------------------------------------------------------------------------------------------===//
// The command line
//===--------------------------------------------------------------------------------------------------------------===//

int64_t parseNumber(const std::string &option, const std::string &text, int64_t least) {
  std::optional<int64_t> number = rondo::run::parseInteger(text);
  if (!number || *number < least)
    giveUp(concat("--", option, "=", text, ": expected whole numbers, at least ", least));
  return *number;
}

void parseCommunicator(const std::string &text, rondo_communicator_options &options) {
  if (text != "threads" && text != "mpi" && text != "nccl")
    giveUp(concat("--communicator=", text, ": expected threads, mpi or nccl"));
  options.kind = text == "threads" ? RONDO_COMMUNICATOR_THREADS
                 : text == "mpi"   ? RONDO_COMMUNICATOR_MPI
                                   : RONDO_COMMUNICATOR_NCCL;
  if (options.kind != RONDO_COMMUNICATOR_THREADS)
    options.ranks = 0;
}

void parseOption(const std::string &name, const std::string &value, Settings &settings) {
  if (name == "runs") {
    settings.runs = parseNumber(name, value, 20);
  } else if (name == "cycles") {
    settings.cycles = parseNumber(name, value, 0);
  } else if (name == "ranks") {
    settings.options.ranks = static_cast<int32_t>(parseNumber(name, value, 1));
  } else if (name == "communicator") {
    parseCommunicator(value, settings.options);
  } else if (name == "seed") {
    settings.seed = static_cast<uint64_t>(parseNumber(name, value, 0));
  } else if (name == "leak") {
    settings.leak = value;
    if (value != "heap" && value != "device" && value != "file" && value != "thread")
      giveUp(concat("--leak=", value, ": expected heap, device, file or thread"));
  } else if (name == "slack") {
    std::vector<std::string> parts = split(value, ',');
    if (parts.size() != 3)
      giveUp(concat("--slack=", value, ": expected three numbers of bytes"));
    for (size_t i = 0; i < parts.size(); ++i)
      settings.slack[i] = parseNumber(name, parts[i], 0);
  } else if (name == "most") {
    for (const std::string &part : split(value, ',')) {
      size_t equals = part.find('=');
      if (equals == std::string::npos)
        giveUp(concat("--most=", value, ": expected NAME=LENGTH,..."));
      settings.most[part.substr(0, equals)] = parseNumber(name, part.substr(equals + 1), 1);
    }
  } else {
    giveUp(concat("unknown option --", name));
  }
}

Settings parse(int argc, char **argv) {
  Settings settings;
  settings.options.ranks = 2;
  settings.options.timeout_s = 60;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    size_t equals = word.find('=');
    if (word.rfind("--", 0) != 0)
      settings.program = word;
    else if (equals == std::string::npos)
      giveUp(concat(word, ": expected ", word, "=VALUE"));
    else
      parseOption(word.substr(2, equals - 2), word.substr(equals + 1), settings);
  }
  if (settings.program.empty() || settings.most.empty())
    giveUp("usage: rondo-soak PROGRAM --most=NAME=LENGTH,... [OPTIONS]; the file's head tells all");
  if (settings.cycles < 0)
    settings.cycles = settings.runs / 100;
  // The tensors of all ranks of this process are on one GPU.
  if (settings.options.kind == RONDO_COMMUNICATOR_THREADS)
    settings.options.device = 0;
  return settings;
}

//===--------------------------------------------------------------------------------------------------------------===//
// What is measured
//===--------------------------------------------------------------------------------------------------------------===//

/// Samples of one phase, the first after its warm-up.
struct Phase {
  const char *name;
  int64_t count, warmUp;
  std::vector<Usage> samples = {};
  double seconds = 0;

  /// The most of the second half of the samples over the most of the first.
  int64_t growth(int resource) const {
    auto less = [&](const Usage &a, const Usage &b) { return a[resource] < b[resource]; };
    auto middle = samples.begin() + std::ptrdiff_t(samples.size() / 2);
    return (*std::max_element(middle, samples.end(), less))[resource] -
           (*std::max_element(samples.begin(), middle, less))[resource];
  }
  bool held(const Usage &slack) const {
    for (int i = 0; i < ResourceCount; ++i)
      if (growth(i) > slack[i])
        return false;
    return true;
  }
};

/// Calls step(i) `count` times, and takes some 20 samples from the end of the warm-up on.
Phase runPhase(const char *name, int64_t count, const DeviceMemory &memory, const std::function<void(int64_t)> &step) {
  Phase phase{name, count, std::max<int64_t>(count / 10, 2)};
  int64_t stride = std::max<int64_t>((count - phase.warmUp) / 20, 1);
  phase.samples.reserve(64);
  auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) {
    if (i >= phase.warmUp && (i - phase.warmUp) % stride == 0)
      phase.samples.push_back(measureUsage(memory));
    step(i);
  }
  phase.samples.push_back(measureUsage(memory));
  phase.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return phase;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Growth on purpose
//===--------------------------------------------------------------------------------------------------------------===//

void *sleepForEver(void *) {
  for (;;)
    pause();
}

void leak(const std::string &what, const Session &session) {
  static std::vector<void *> kept; // LeakSanitizer has nothing to say
  if (what == "heap") {
    kept.push_back(std::memset(std::malloc(4096), 1, 4096));
  } else if (what == "file") {
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
      giveUp("cannot open /dev/null");
  } else if (what == "thread") {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, sleepForEver, nullptr))
      giveUp("cannot start a thread");
  } else if (what == "device") {
    void *data = nullptr;
    session.require(
        rondo_device_allocate(session.context, session.communicator, session.info.first_rank, 1 << 16, &data));
    kept.push_back(data);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The phases
//===--------------------------------------------------------------------------------------------------------------===//

class Soak {
public:
  explicit Soak(const Settings &settings) : settings(settings), random(settings.seed) {}

  /// Prints what came of it; returns the status of the process.
  int execute() {
    std::vector<Phase> phases;
    {
      Session session(settings.program, settings.options);
      leads = session.info.first_rank == 0;
      ranks = session.info.ranks;
      // The first call of the runtime for the GPU loads the driver, and says why if it cannot.
      int32_t ordinal = -1;
      if (session.isForCuda())
        session.require(
            rondo_communicator_device(session.context, session.communicator, session.info.first_rank, &ordinal));
      memory = std::make_unique<DeviceMemory>(ordinal);
      if (session.isForCuda() && !memory->isCounted())
        giveUp("the memory of the GPU cannot be measured");
      phases.push_back(makeRuns(session));
    }
    if (settings.cycles > 0)
      phases.push_back(makeCycles());
    bool held = right;
    for (const Phase &phase : phases)
      held &= phase.held(settings.slack);
    if (leads)
      print(phases, held);
    for (const Phase &phase : phases)
      explain(phase);
    return held ? 0 : 1;
  }

private:
  Lengths draw() {
    Lengths lengths;
    for (const auto &[name, most] : settings.most)
      lengths[name] = std::uniform_int_distribution<int64_t>(1, most)(random);
    return lengths;
  }

  void check(Case &one) {
    ++checks;
    right &= one.isRight(&error);
  }

  /// A call that must be refused: its texts are freed, too.
  static void misuse(const Session &session) {
    if (rondo_run(session.context, session.program, nullptr, session.communicator, nullptr, 0, nullptr, 0) !=
        RONDO_INVALID_ARGUMENT)
      giveUp("a run without tensors was not refused");
  }

  Phase makeRuns(const Session &session) {
    // The longest first, so that the arena has its size early; then one of each.
    std::vector<Lengths> sets = {settings.most, settings.most};
    for (auto &[name, length] : sets[1])
      length = 1;
    while (sets.size() < 8)
      sets.push_back(draw());
    std::vector<std::unique_ptr<Case>> kept;
    for (const Lengths &lengths : sets)
      kept.push_back(std::make_unique<Case>(session, lengths, settings.seed));
    for (int i : {0, 1, 2})
      check(*kept[size_t(i)]);
    Phase phase = runPhase("runs", settings.runs, *memory, [&](int64_t i) {
      if (i % 2 == 0 || i < 8) {
        session.require(kept[size_t(i < 8 ? i : int64_t(random() % kept.size()))]->run());
      } else {
        Case fresh(session, draw(), uint64_t(i));
        session.require(fresh.run());
      }
      if (i % 16 == 15)
        misuse(session);
      if (!settings.leak.empty())
        leak(settings.leak, session);
    });
    for (int i : {2, 1})
      check(*kept[size_t(i)]);
    Case fresh(session, draw(), settings.seed);
    check(fresh);
    return phase;
  }

  /// Every second session meets a failure that is injected, but not the last one. Threads serve on after it; processes
  /// meet again in the next session. MPI cannot take back what is under way then, so there all is well.
  Phase makeCycles() {
    // Of processes that may share a GPU, others are not as far as this one: their memory comes and goes.
    DeviceMemory none(-1);
    const DeviceMemory &counted = settings.options.kind == RONDO_COMMUNICATOR_THREADS ? *memory : none;
    return runPhase("cycles", settings.cycles, counted, [&](int64_t i) {
      rondo_communicator_options options = settings.options;
      bool last = i + 1 == settings.cycles;
      bool fails = (settings.cycles - i) % 2 == 0 && options.kind != RONDO_COMMUNICATOR_MPI;
      if (fails)
        options.inject = "fail@0,attend,0";
      Session session(settings.program, options);
      Case one(session, settings.most, settings.seed);
      if (fails && one.run() != RONDO_RANK_FAILED)
        giveUp("a run in which a rank fails did not fail");
      if (!fails || options.kind == RONDO_COMMUNICATOR_THREADS)
        session.require(one.run());
      if (last)
        check(one);
    });
  }

  json_t *describe(const Phase &phase) const {
    json_t *node = json_object(), *samples = json_array(), *growth = json_object();
    for (const Usage &usage : phase.samples) {
      json_t *sample = json_object();
      for (int i = 0; i < ResourceCount; ++i)
        json_object_set_new(sample, resourceName(Resource(i)), json_integer(usage[i]));
      json_array_append_new(samples, sample);
    }
    for (int i = 0; i < ResourceCount; ++i) {
      json_t *entry = json_object();
      json_object_set_new(entry, "grew", json_integer(phase.growth(i)));
      json_object_set_new(entry, "slack", json_integer(settings.slack[i]));
      json_object_set_new(entry, "held", json_boolean(phase.growth(i) <= settings.slack[i]));
      json_object_set_new(growth, resourceName(Resource(i)), entry);
    }
    json_object_set_new(node, "name", json_string(phase.name));
    json_object_set_new(node, "count", json_integer(phase.count));
    json_object_set_new(node, "warm_up", json_integer(phase.warmUp));
    json_object_set_new(node, "seconds", json_real(phase.seconds));
    json_object_set_new(node, "growth", growth);
    json_object_set_new(node, "samples", samples);
    return node;
  }

  /// Of every process, also of those that print no JSON.
  void explain(const Phase &phase) const {
    for (int i = 0; i < ResourceCount; ++i)
      if (phase.growth(i) > settings.slack[i])
        std::fprintf(stderr, "grew: %s by %lld in the second half of %lld %s, at most %lld are allowed\n",
                     resourceName(Resource(i)), (long long)phase.growth(i), (long long)phase.count, phase.name,
                     (long long)settings.slack[i]);
  }

  void print(const std::vector<Phase> &phases, bool held) const {
    static constexpr const char *kKinds[] = {"threads", "loopback", "mpi", "nccl"};
    json_t *root = json_object(), *list = json_array();
    json_object_set_new(root, "program", json_string(settings.program.c_str()));
    json_object_set_new(root, "communicator", json_string(kKinds[settings.options.kind]));
    json_object_set_new(root, "ranks", json_integer(ranks));
    json_object_set_new(root, "seed", json_integer(json_int_t(settings.seed)));
    json_object_set_new(root, "checks", json_integer(checks));
    json_object_set_new(root, "error", json_real(error));
    json_object_set_new(root, "right", json_boolean(right));
    json_object_set_new(root, "held", json_boolean(held));
    for (const Phase &phase : phases)
      json_array_append_new(list, describe(phase));
    json_object_set_new(root, "phases", list);
    json_dumpf(root, stdout, JSON_INDENT(1));
    std::puts("");
    json_decref(root);
  }

  const Settings &settings;
  std::mt19937_64 random;
  std::unique_ptr<DeviceMemory> memory;
  bool leads = true, right = true;
  int32_t ranks = 0;
  int64_t checks = 0;
  double error = 0;
};

} // namespace

int main(int argc, char **argv) {
  Settings settings = parse(argc, argv);
  return Soak(settings).execute();
}
