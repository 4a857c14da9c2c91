// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/plan.h"

#include "tools/rondo-run/lengths.h"
#include "tools/rondo-run/output_file.h"
#include "tools/rondo-run/text.h"

#include <algorithm>
#include <cmath>
#include <unistd.h>

namespace rondo::run {

/// Of a communicator.
constexpr int64_t mostRanks = 4096;
/// No generated number is larger: the generator's radius is at most sqrt(2 log 2^53).
constexpr double largestNormal = 8.6;

template <typename T>
static std::vector<std::string> namesOf(const std::vector<T> &items) {
  std::vector<std::string> names;
  for (const T &item : items)
    names.push_back(item.name);
  return names;
}

/// The item called `name`, or null.
template <typename T>
static const T *findNamed(const std::vector<T> &items, const std::string &name) {
  auto found = std::find_if(items.begin(), items.end(), [&](const T &item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

/// An error if one of `given` is not the name of one of `known`.
template <typename T>
static Status checkNames(const std::vector<Named<T>> &given, const std::vector<TensorSpec> &known, const char *kind,
                         const std::string &function) {
  for (const Named<T> &entry : given)
    if (!findNamed(known, entry.name))
      return Error{concat("function '", function, "' has no ", kind, " '", entry.name, "'",
                          suggestion(entry.name, namesOf(known)))};
  return Success{};
}

static Result<const FunctionSpec *> selectFunction(const Options &options, const Manifest &manifest) {
  std::vector<std::string> names = namesOf(manifest.functions);
  if (options.function) {
    if (const FunctionSpec *found = findNamed(manifest.functions, *options.function))
      return found;
    return Error{concat("'", options.program, "' has no function '", *options.function, "'",
                        suggestion(*options.function, names))};
  }
  if (names.size() != 1)
    return Error{concat("'", options.program, "' has ", names.size(), " functions: ", join(names, ", "),
                        "; choose one with --function=NAME")};
  return &manifest.functions.front();
}

/// The product of the static axes, or mostRanks + 1 if it is larger.
static int64_t staticRanks(const std::vector<Axis> &axes) {
  int64_t ranks = 1;
  for (const Axis &axis : axes)
    ranks = std::min(ranks * std::min(axis.size.value_or(1), mostRanks + 1), mostRanks + 1);
  return ranks;
}

static Result<int32_t> selectRanks(const Options &options, const std::optional<Grid> &grid, const Place &place) {
  std::vector<Axis> axes = grid ? grid->axes : std::vector<Axis>();
  bool open = std::any_of(axes.begin(), axes.end(), [](const Axis &axis) { return !axis.size; });
  int64_t fixed = staticRanks(axes);
  if (fixed > mostRanks)
    return Error{concat("the program's grid @", grid->name, " has more than ", mostRanks, " ranks, the most that run")};
  bool together = joinsProcesses(options.communicator);
  int32_t ranks = options.ranks.value_or(together ? place.processes : int32_t(fixed));
  std::string given = options.ranks ? concat("--ranks=", ranks) : concat(ranks, " processes");
  if (together && ranks != place.processes)
    return Error{concat(given, ": with --communicator=", communicatorName(options.communicator),
                        " each process is a rank, and there are ", place.processes, "; leave --ranks out")};
  if (!grid && ranks != 1)
    return Error{concat(given, ": the program names no grid, so it runs on 1 rank")};
  if (!open && ranks != fixed)
    return Error{concat(given, ": the program's grid @", grid->name, " is static and has ", fixed,
                        together ? " ranks; start as many processes, or compile with another grid"
                                 : " ranks; leave --ranks out, or compile with another grid")};
  if (ranks % fixed != 0)
    return Error{concat(given, ": the static axes of the program's grid @", grid->name, " have ", fixed,
                        " ranks; expected a multiple of that")};
  if (options.inject && options.inject->rank >= ranks)
    return Error{
        concat("--inject=", options.inject->text, ": there is no rank ", options.inject->rank, " among ", ranks)};
  return ranks;
}

/// Whether a file of type `file` may serve an input of type `input`: widening is refused as surely a mistake.
static bool acceptsFile(ElementType input, ElementType file) { return file == ElementType::F32 || input == file; }

static Result<PlannedInput> planInput(const Options &options, const TensorSpec &spec, LengthBinder &lengths) {
  PlannedInput input{{&spec, {}}, std::nullopt, options.amplitude};
  const Named<double> *amplitude = findNamed(options.amplitudes, spec.name);
  const Named<std::string> *given = findNamed(options.inputs, spec.name);
  if (amplitude && given)
    return Error{
        concat("--amplitude=", spec.name, "=... has no effect on an input that is read from '", given->value, "'")};
  if (amplitude)
    input.amplitude *= amplitude->value;
  if (!given) {
    if (std::fabs(input.amplitude) * largestNormal >= overflowBound(spec.type))
      return Error{concat("--amplitude: input '", spec.name, "' with amplitude ", input.amplitude,
                          " would exceed the range of ", elementTypeName(spec.type))};
    return input;
  }
  Result<NpyFile> file = NpyFile::open(given->value);
  if (!file)
    return file.error();
  if (!acceptsFile(spec.type, file->type()))
    return Error{concat("'", given->value, "' has dtype float16; expected float32 for input '", spec.name, "' of type ",
                        elementTypeName(spec.type))};
  if (Status bound = lengths.bindFile(spec, given->value, file->shape()); !bound)
    return bound.error();
  input.file = std::move(*file);
  return input;
}

/// Every file that the run will write can be written, and no two are the same.
static Status checkPaths(const Options &options) {
  std::vector<std::string> paths;
  for (const Named<std::string> &output : options.outputs)
    paths.push_back(output.value);
  for (const std::optional<std::string> &path : {options.trace, options.timeline, options.json})
    if (path)
      paths.push_back(*path);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (std::find(paths.begin(), paths.begin() + long(i), paths[i]) != paths.begin() + long(i))
      return Error{concat("'", paths[i], "' is to be written twice; give each output a file of its own")};
    if (Status writable = checkOutputPath(paths[i]); !writable)
      return writable;
  }
  return Success{};
}

/// With `check` there is a float64 copy of everything too.
static double totalBytes(const Plan &plan, bool check) {
  double bytes = 0;
  auto add = [&](const PlannedTensor &tensor) {
    double size = double(elementSize(tensor.spec->type) + (check ? elementSize(ElementType::F64) : 0));
    for (int64_t extent : tensor.shape)
      size *= double(extent);
    bytes += size;
  };
  for (const PlannedInput &input : plan.inputs)
    add(input);
  for (const PlannedOutput &output : plan.outputs)
    add(output);
  return bytes;
}

/// Lengths with a few zeros too many are an error here, not the end of the machine.
static Status checkMemory(const Plan &plan, bool check) {
  double needed = totalBytes(plan, check);
  double present = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGESIZE));
  if (needed <= present)
    return Success{};
  return Error{concat("out of memory: inputs and outputs", check ? " with their float64 copies" : "", " take ",
                      bytesText(needed), ", this machine has ", bytesText(present), "; use shorter lengths")};
}

static Status checkGraph(const Options &options, const Manifest &manifest, int32_t ranks) {
  if (options.graph && manifest.target.rfind("cuda:", 0) != 0)
    return Error{concat("--graph: the program is for '", manifest.target, "', but graphs are those of CUDA")};
  if (options.graph && options.communicator == Communicator::Threads && ranks > 1)
    return Error{concat("--graph: ", ranks,
                        " ranks in one process wait for each other's events, which no graph of one "
                        "rank holds; use --communicator=nccl, or loopback to measure")};
  return Success{};
}

static Status planTensors(const Options &options, Plan &plan) {
  const FunctionSpec &function = *plan.function;
  LengthBinder lengths(function);
  if (Status bound = lengths.bindOptions(options.lengths); !bound)
    return bound;
  for (const TensorSpec &spec : function.inputs) {
    Result<PlannedInput> input = planInput(options, spec, lengths);
    if (!input)
      return input.error();
    plan.inputs.push_back(std::move(*input));
  }
  if (Status complete = lengths.checkComplete(); !complete)
    return complete;
  plan.lengths = lengths.lengths();
  for (PlannedInput &input : plan.inputs)
    input.shape = lengths.resolve(input.spec->shape);
  for (const TensorSpec &spec : function.outputs) {
    const Named<std::string> *path = findNamed(options.outputs, spec.name);
    plan.outputs.push_back({{&spec, lengths.resolve(spec.shape)}, path ? path->value : ""});
  }
  return checkMemory(plan, options.check);
}

std::string statementText(const Options &options, const Plan &plan) {
  std::vector<std::string> parts = {plan.function->name, concat("seed ", options.seed),
                                    concat("repeat ", options.repeat)};
  for (const auto &[name, length] : plan.lengths)
    parts.push_back(concat(name, "=", length));
  for (const PlannedInput &input : plan.inputs)
    parts.push_back(input.file ? concat(input.spec->name, " from a file")
                               : concat(input.spec->name, " of amplitude ", input.amplitude));
  if (options.check || !options.outputs.empty())
    parts.push_back("with its outputs gathered");
  return join(parts, ", ");
}

Result<Plan> planRun(const Options &options, const Manifest &manifest, const Place &place) {
  Result<const FunctionSpec *> function = selectFunction(options, manifest);
  if (!function)
    return function.error();
  Result<int32_t> ranks = selectRanks(options, manifest.grid, place);
  if (!ranks)
    return ranks.error();
  if (Status possible = checkGraph(options, manifest, *ranks); !possible)
    return possible.error();
  Plan plan;
  plan.function = *function;
  plan.ranks = *ranks;
  const FunctionSpec &spec = **function;
  for (const Status &names : {checkNames(options.inputs, spec.inputs, "input", spec.name),
                              checkNames(options.amplitudes, spec.inputs, "input", spec.name),
                              checkNames(options.outputs, spec.outputs, "output", spec.name),
                              place.leads() ? checkPaths(options) : Status(Success{})})
    if (!names)
      return names.error();
  if (Status tensors = planTensors(options, plan); !tensors)
    return tensors.error();
  return plan;
}

} // namespace rondo::run
