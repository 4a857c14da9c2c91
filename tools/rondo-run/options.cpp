// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/options.h"

#include "tools/rondo-run/text.h"

#include <cmath>
#include <getopt.h>

namespace rondo::run {

const char *communicatorName(Communicator communicator) {
  switch (communicator) {
  case Communicator::Threads:
    return "threads";
  case Communicator::Loopback:
    return "loopback";
  case Communicator::Mpi:
    return "mpi";
  case Communicator::Nccl:
    break;
  }
  return "nccl";
}

bool joinsProcesses(Communicator communicator) {
  return communicator == Communicator::Mpi || communicator == Communicator::Nccl;
}

static Error malformed(std::string_view option, std::string_view value, std::string_view expected) {
  return Error{concat("malformed --", option, "=", value, ": expected ", expected)};
}

static Result<int32_t> parseCount(std::string_view option, std::string_view value, int32_t largest) {
  std::optional<int64_t> count = parseInteger(value);
  if (!count || *count < 1 || *count > largest)
    return malformed(option, value, concat("a whole number from 1 to ", largest));
  return int32_t(*count);
}

static Result<Communicator> parseCommunicator(std::string_view value) {
  for (Communicator kind : {Communicator::Threads, Communicator::Loopback, Communicator::Mpi, Communicator::Nccl})
    if (value == communicatorName(kind))
      return kind;
  return Error{concat("unknown communicator '", value, "'", suggestion(value, {"threads", "loopback", "mpi", "nccl"}))};
}

static Result<Link> parseLink(std::string_view value) {
  constexpr std::string_view expected = "LATENCY_US,GB_PER_S, a latency of at least 0 and a bandwidth above 0 "
                                        "(leave --link out to emulate none)";
  std::vector<std::string> parts = split(value, ',');
  if (parts.size() != 2)
    return malformed("link", value, expected);
  std::optional<double> latency = parseNumber(parts[0]);
  std::optional<double> bandwidth = parseNumber(parts[1]);
  if (!latency || !bandwidth || *latency < 0 || *bandwidth <= 0)
    return malformed("link", value, expected);
  return Link{*latency, *bandwidth};
}

static Result<Injection> parseInjection(std::string_view value) {
  constexpr std::string_view expected = "fail@RANK,OP,STEP or stall@RANK,OP,STEP";
  size_t at = value.find('@');
  std::string_view kind = value.substr(0, at);
  if (at == std::string_view::npos || (kind != "fail" && kind != "stall"))
    return malformed("inject", value, expected);
  std::vector<std::string> parts = split(value.substr(at + 1), ',');
  if (parts.size() != 3 || parts[1].empty())
    return malformed("inject", value, expected);
  std::optional<int64_t> rank = parseInteger(parts[0]);
  std::optional<int64_t> step = parseInteger(parts[2]);
  if (!rank || *rank < 0 || !step || *step < 0)
    return malformed("inject", value, expected);
  return Injection{std::string(value), kind == "stall", *rank};
}

static Result<Named<std::string>> parseNamed(std::string_view option, std::string_view value,
                                             std::string_view expected) {
  size_t equals = value.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == value.size())
    return malformed(option, value, expected);
  return Named<std::string>{std::string(value.substr(0, equals)), std::string(value.substr(equals + 1))};
}

template <typename T>
static Status append(std::vector<Named<T>> &list, std::string_view option, Named<T> entry) {
  for (const Named<T> &earlier : list)
    if (earlier.name == entry.name)
      return Error{concat("--", option, " names '", entry.name, "' twice")};
  list.push_back(std::move(entry));
  return Success{};
}

static Status appendFile(std::vector<Named<std::string>> &list, std::string_view option, std::string_view value) {
  Result<Named<std::string>> entry = parseNamed(option, value, "NAME=FILE.npy");
  if (!entry)
    return entry.error();
  return append(list, option, *entry);
}

static Status appendLength(Options &options, std::string_view value) {
  Result<Named<std::string>> entry = parseNamed("length", value, "NAME=N");
  if (!entry)
    return entry.error();
  std::optional<int64_t> length = parseInteger(entry->value);
  if (!length || *length < 0)
    return malformed("length", value, "NAME=N, N a whole number of at least 0");
  return append(options.lengths, "length", Named<int64_t>{entry->name, *length});
}

static Status parseAmplitude(Options &options, std::string_view value) {
  constexpr std::string_view expected = "X or NAME=X, X a finite number";
  if (value.find('=') == std::string_view::npos) {
    std::optional<double> amplitude = parseNumber(value);
    if (!amplitude)
      return malformed("amplitude", value, expected);
    options.amplitude = *amplitude;
    return Success{};
  }
  Result<Named<std::string>> entry = parseNamed("amplitude", value, expected);
  if (!entry)
    return entry.error();
  std::optional<double> amplitude = parseNumber(entry->value);
  if (!amplitude)
    return malformed("amplitude", value, expected);
  return append(options.amplitudes, "amplitude", Named<double>{entry->name, *amplitude});
}

/// Stores what `parsed` holds in `target`.
template <typename T, typename Target>
static Status keep(const Result<T> &parsed, Target &target) {
  if (!parsed)
    return parsed.error();
  target = *parsed;
  return Success{};
}

/// A number that `accepts` finds right.
template <typename T, typename Target>
static Status keepNumber(std::string_view option, std::string_view value, std::optional<T> parsed, bool (*accepts)(T),
                         std::string_view expected, Target &target) {
  if (!parsed || !accepts(*parsed))
    return malformed(option, value, expected);
  target = *parsed;
  return Success{};
}

enum Letter : int {
  Function = 1,
  Ranks,
  ThreadsPerRank,
  Device,
  SmMargin,
  LinkSms,
  NcclCtas,
  Transfers,
  Graph,
  CommunicatorKind,
  LinkSpeed,
  Timeout,
  Inject,
  Input,
  Output,
  Length,
  Seed,
  Amplitude,
  Check,
  Tolerance,
  Repeat,
  Trace,
  TimelineFile,
  Json,
  Describe,
  Help,
  Version
};

static const option longOptions[] = {{"function", required_argument, nullptr, Function},
                                     {"ranks", required_argument, nullptr, Ranks},
                                     {"threads-per-rank", required_argument, nullptr, ThreadsPerRank},
                                     {"device", required_argument, nullptr, Device},
                                     {"sm-margin", required_argument, nullptr, SmMargin},
                                     {"link-sms", required_argument, nullptr, LinkSms},
                                     {"nccl-ctas", required_argument, nullptr, NcclCtas},
                                     {"transfers", required_argument, nullptr, Transfers},
                                     {"graph", no_argument, nullptr, Graph},
                                     {"communicator", required_argument, nullptr, CommunicatorKind},
                                     {"link", required_argument, nullptr, LinkSpeed},
                                     {"timeout", required_argument, nullptr, Timeout},
                                     {"inject", required_argument, nullptr, Inject},
                                     {"input", required_argument, nullptr, Input},
                                     {"output", required_argument, nullptr, Output},
                                     {"length", required_argument, nullptr, Length},
                                     {"seed", required_argument, nullptr, Seed},
                                     {"amplitude", required_argument, nullptr, Amplitude},
                                     {"check", no_argument, nullptr, Check},
                                     {"tolerance", required_argument, nullptr, Tolerance},
                                     {"repeat", required_argument, nullptr, Repeat},
                                     {"trace", required_argument, nullptr, Trace},
                                     {"timeline", required_argument, nullptr, TimelineFile},
                                     {"json", required_argument, nullptr, Json},
                                     {"describe", optional_argument, nullptr, Describe},
                                     {"help", no_argument, nullptr, Help},
                                     {"version", no_argument, nullptr, Version},
                                     {nullptr, 0, nullptr, 0}};

static Status applyDescribe(Options &options, const char *format) {
  if (format && std::string_view(format) != "json")
    return malformed("describe", format, "--describe or --describe=json");
  options.action = format ? Action::DescribeJson : Action::Describe;
  return Success{};
}

static Status applyTransfers(Options &options, const std::string &kind) {
  if (kind != "auto" && kind != "nccl")
    return malformed("transfers", kind.c_str(), "auto or nccl");
  options.transfersByNccl = kind == "nccl";
  return Success{};
}

static bool isSmall(int64_t number) { return number >= 0 && number <= 1024; }
static bool isFew(int64_t number) { return number >= 0 && number <= 64; }

/// Options that take numbers.
static Status applyNumber(Options &options, int letter, std::string_view value) {
  switch (letter) {
  case Ranks:
    return keep(parseCount("ranks", value, 4096), options.ranks);
  case ThreadsPerRank:
    return keep(parseCount("threads-per-rank", value, 256), options.threadsPerRank);
  case Device:
    return keepNumber<int64_t>("device", value, parseInteger(value), isSmall, "the number of a GPU", options.device);
  case SmMargin:
    return keepNumber<int64_t>("sm-margin", value, parseInteger(value), isSmall, "a whole number from 0 to 1024",
                               options.smMargin);
  case LinkSms:
    return keepNumber<int64_t>("link-sms", value, parseInteger(value), isSmall, "a whole number from 0 to 1024",
                               options.linkSms);
  case NcclCtas:
    return keepNumber<int64_t>("nccl-ctas", value, parseInteger(value), isFew, "a whole number from 0 to 64",
                               options.ncclCtas);
  case Timeout:
    return keepNumber<double>(
        "timeout", value, parseNumber(value), [](double seconds) { return seconds >= 0 && seconds <= 1e9; },
        "seconds from 0 to 1e9", options.timeout);
  case Seed:
    return keepNumber<uint64_t>(
        "seed", value, parseUnsigned(value), [](uint64_t) { return true; }, "a whole number from 0 to 2^64 - 1",
        options.seed);
  case Tolerance:
    return keepNumber<double>(
        "tolerance", value, parseNumber(value), [](double bound) { return bound >= 0; }, "a number of at least 0",
        options.tolerance);
  default:
    return keepNumber<int64_t>(
        "repeat", value, parseInteger(value), [](int64_t count) { return count >= 1 && count <= 1000000; },
        "a whole number from 1 to 1000000", options.repeat);
  }
}

static Status apply(Options &options, int letter, const char *argument) {
  std::string value = argument ? argument : "";
  switch (letter) {
  case Function:
    options.function = value;
    return Success{};
  case CommunicatorKind:
    return keep(parseCommunicator(value), options.communicator);
  case Transfers:
    return applyTransfers(options, value);
  case LinkSpeed:
    return keep(parseLink(value), options.link);
  case Inject:
    return keep(parseInjection(value), options.inject);
  case Input:
    return appendFile(options.inputs, "input", value);
  case Output:
    return appendFile(options.outputs, "output", value);
  case Length:
    return appendLength(options, value);
  case Amplitude:
    return parseAmplitude(options, value);
  case Check:
    options.check = true;
    return Success{};
  case Graph:
    options.graph = true;
    return Success{};
  case Trace:
    options.trace = value;
    return Success{};
  case TimelineFile:
    options.timeline = value;
    return Success{};
  case Json:
    options.json = value;
    return Success{};
  case Describe:
    return applyDescribe(options, argument);
  default:
    return applyNumber(options, letter, value);
  }
}

static std::vector<std::string> optionNames() {
  std::vector<std::string> names;
  for (const option *entry = longOptions; entry->name; ++entry)
    names.push_back(concat("--", entry->name));
  return names;
}

/// Why getopt_long refused the word before `optind`.
static Error refused(int letter, char **argv) {
  std::string word = argv[optind - 1];
  if (letter == ':')
    return Error{concat("option '", word, "' needs a value; see rondo-run --help")};
  std::string name = word.substr(0, word.find('='));
  for (const std::string &known : optionNames())
    if (known == name)
      return Error{concat("option '", name, "' takes no value")};
  return Error{concat("unknown or ambiguous option '", name, "'", suggestion(name, optionNames()))};
}

/// Options that contradict each other.
static Status checkCombination(const Options &options) {
  bool loopback = options.communicator == Communicator::Loopback;
  if (loopback && options.check)
    return Error{"--check cannot be used with --communicator=loopback: its one rank receives its own sends, so the "
                 "results are not the program's; use --communicator=threads"};
  if (loopback && !options.outputs.empty())
    return Error{"--output cannot be used with --communicator=loopback: its one rank receives its own sends, so the "
                 "results are not the program's; use --communicator=threads"};
  if (joinsProcesses(options.communicator) && options.link)
    return Error{concat("--link cannot be used with --communicator=", communicatorName(options.communicator),
                        ", whose links are real")};
  if (options.ncclCtas >= 0 && options.communicator != Communicator::Nccl)
    return Error{"--nccl-ctas has no effect without --communicator=nccl"};
  if (options.transfersByNccl && options.communicator != Communicator::Nccl)
    return Error{"--transfers has no effect without --communicator=nccl"};
  if (options.graph && (options.trace || options.timeline))
    return Error{concat(options.trace ? "--trace" : "--timeline",
                        " shows single operations, which a graph does not tell of; leave --graph out")};
  if (options.tolerance && !options.check)
    return Error{"--tolerance has no effect without --check"};
  if (options.inject && options.inject->stalls && options.timeout == 0)
    return Error{"--inject=stall with --timeout=0 would never end; give a time-out above 0"};
  return Success{};
}

Result<Options> parseOptions(int argc, char **argv) {
  Options options;
  opterr = 0;
  for (;;) {
    int letter = getopt_long(argc, argv, ":", longOptions, nullptr);
    if (letter == -1)
      break;
    if (letter == '?' || letter == ':')
      return refused(letter, argv);
    if (letter == Help || letter == Version) {
      options.action = letter == Help ? Action::Help : Action::Version;
      return options;
    }
    if (Status applied = apply(options, letter, optarg); !applied)
      return applied.error();
  }
  if (optind == argc)
    return Error{"no program given; usage: rondo-run [options] program.so (see rondo-run --help)"};
  if (optind + 1 < argc)
    return Error{concat("expected one program, got '", argv[optind], "' and '", argv[optind + 1], "'")};
  options.program = argv[optind];
  if (Status consistent = checkCombination(options); !consistent)
    return consistent.error();
  return options;
}

} // namespace rondo::run
