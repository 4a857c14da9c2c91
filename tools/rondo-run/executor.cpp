// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/executor.h"

#include "tools/rondo-run/text.h"

#include "rondo/abi.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace rondo::run {

namespace {

/// Borrowed views of tensors, in the form that the runtime takes.
class Views {
public:
  explicit Views(std::vector<HostTensor> &tensors) {
    for (HostTensor &tensor : tensors)
      views.push_back(tensor.view());
    for (DLTensor &view : views)
      pointers.push_back(&view);
  }

  DLTensor *const *data() { return pointers.data(); }
  size_t size() const { return pointers.size(); }

private:
  std::vector<DLTensor> views;
  std::vector<DLTensor *> pointers;
};

/// Appends an event of the runtime to the vector that `list` points to.
void appendEvent(const rondo_trace_event *event, void *list) {
  TimelineKind kind = event->kind == RONDO_TRACE_KERNEL     ? TimelineKind::Kernel
                      : event->kind == RONDO_TRACE_EXCHANGE ? TimelineKind::Transfer
                                                            : TimelineKind::Wait;
  Lane lane = event->stream == RONDO_STREAM_COMPUTE ? Lane::Compute : Lane::Communication;
  static_cast<std::vector<TimelineEvent> *>(list)->push_back(
      {kind, event->name, event->rank, lane, event->step, event->begin_ns, event->end_ns, event->bytes_sent});
}

} // namespace

Error Executor::lastError(rondo_status status) const {
  std::string text = rondo_last_error(context.get());
  return Error{text.empty() ? rondo_status_name(status) : text};
}

Result<Executor> Executor::load(const std::string &path) {
  Executor executor;
  rondo_context *context = nullptr;
  if (rondo_status status = rondo_context_create(&context))
    return Error{concat("cannot start the runtime: ", rondo_status_name(status))};
  executor.context.reset(context);
  rondo_program *program = nullptr;
  if (rondo_status status = rondo_program_load(context, path.c_str(), &program))
    return executor.lastError(status);
  executor.program.reset(program);
  if (Result<Manifest> manifest = parseManifest(executor.manifest())) // what is wrong with it, others report
    executor.parsed = std::move(*manifest);
  executor.isForCuda = executor.parsed && executor.parsed->target.rfind("cuda:", 0) == 0;
  return executor;
}

static rondo_communicator_kind kindOf(Communicator communicator) {
  switch (communicator) {
  case Communicator::Threads:
    return RONDO_COMMUNICATOR_THREADS;
  case Communicator::Loopback:
    return RONDO_COMMUNICATOR_LOOPBACK;
  case Communicator::Mpi:
    return RONDO_COMMUNICATOR_MPI;
  case Communicator::Nccl:
    break;
  }
  return RONDO_COMMUNICATOR_NCCL;
}

Status Executor::startRanks(const Options &options, int32_t ranks) {
  bool loopback = options.communicator == Communicator::Loopback;
  rondo_communicator_options settings = RONDO_COMMUNICATOR_OPTIONS_INIT;
  together = joinsProcesses(options.communicator);
  settings.kind = kindOf(options.communicator);
  settings.ranks = ranks;
  settings.threads_per_rank = options.threadsPerRank;
  settings.timeout_s = options.timeout;
  settings.device = options.device.value_or(-1);
  settings.sm_margin = options.smMargin;
  settings.link_sms = options.linkSms;
  settings.nccl_ctas = options.ncclCtas;
  settings.transfers = options.transfersByNccl ? RONDO_TRANSFERS_NCCL : RONDO_TRANSFERS_AUTO;
  settings.measure = !options.graph;
  settings.graphs = options.graph;
  if (options.link) {
    settings.link_latency_us = options.link->latencyUs;
    settings.link_gb_per_s = options.link->gigabytesPerSecond;
  }
  if (options.inject)
    settings.inject = options.inject->text.c_str();
  rondo_communicator *created = nullptr;
  if (rondo_status status = rondo_communicator_create(context.get(), &settings, &created))
    return lastError(status);
  communicator.reset(created);
  reportingRanks = loopback ? 1 : ranks;
  return Success{};
}

Result<Place> Executor::place() {
  rondo_launch launch;
  if (rondo_status status = rondo_launch_get(context.get(), &launch))
    return lastError(status);
  return Place{launch.ranks, launch.rank};
}

namespace {

/// What a process says: how it fares, and then its statement or its error.
struct Word {
  int32_t failed;
  char text[2044]; // NUL-terminated
};

} // namespace

/// The error of processes that state different things; the most frequent statement is right.
static Status compareStatements(const std::vector<Word> &words) {
  auto votes = [&](const Word &word) {
    return std::count_if(words.begin(), words.end(),
                         [&](const Word &other) { return std::string_view(other.text) == word.text; });
  };
  auto usual =
      std::max_element(words.begin(), words.end(), [&](const Word &a, const Word &b) { return votes(a) < votes(b); });
  for (const Word &word : words)
    if (std::string_view(word.text) != usual->text)
      return Error{concat("the processes were started with different arguments: rank ", &word - words.data(), " runs ",
                          word.text, ", but rank ", usual - words.begin(), " runs ", usual->text)};
  return Success{};
}

Status Executor::agree(const Status &mine, const std::string &statement) {
  if (!together)
    return mine;
  Word word = {};
  word.failed = !mine;
  (mine ? statement : mine.error().text).copy(word.text, sizeof word.text - 1);
  std::vector<Word> words(static_cast<size_t>(reportingRanks));
  if (rondo_status status =
          rondo_communicator_all_gather(context.get(), communicator.get(), &word, sizeof word, words.data()))
    return lastError(status);
  auto failed = std::find_if(words.begin(), words.end(), [](const Word &other) { return other.failed; });
  if (failed == words.end())
    return compareStatements(words);
  std::string text = failed->text;
  bool everywhere = std::all_of(words.begin(), words.end(), [&](const Word &other) { return text == other.text; });
  return Error{everywhere ? text : concat("rank ", failed - words.begin(), ": ", text)};
}

bool Executor::speaks() {
  rondo_communicator_info info;
  if (!together || !communicator || rondo_communicator_info_get(context.get(), communicator.get(), &info))
    return true;
  return info.first_rank == (info.failed_rank < 0 ? 0 : info.failed_rank);
}

Status Executor::gather(const HostTensor &mine, std::vector<HostTensor> &gathered) {
  std::vector<void *> places;
  std::vector<size_t> sizes;
  for (HostTensor &tensor : gathered) {
    places.push_back(tensor.data());
    sizes.push_back(tensor.bytes());
  }
  if (rondo_status status = rondo_communicator_gather(context.get(), communicator.get(), mine.data(), mine.bytes(),
                                                      places.data(), sizes.data()))
    return lastError(status);
  return Success{};
}

Status Executor::runOnce(const std::string &function, std::vector<HostTensor> &inputs,
                         std::vector<HostTensor> &outputs) {
  if (Status found = findDevices(); !found)
    return found;
  if (isForCuda)
    return spansDevices() ? runOnGpus(function, inputs, outputs) : runOnGpu(function, inputs, outputs);
  Views inputViews(inputs), outputViews(outputs);
  auto call = together ? rondo_run_shards : rondo_run;
  if (rondo_status status = call(context.get(), program.get(), function.c_str(), communicator.get(), inputViews.data(),
                                 inputViews.size(), outputViews.data(), outputViews.size()))
    return lastError(status);
  return Success{};
}

/// Asks for the GPUs of all ranks, once.
Status Executor::findDevices() {
  if (!isForCuda || !ordinals.empty())
    return Success{};
  rondo_communicator_info info;
  if (rondo_status status = rondo_communicator_info_get(context.get(), communicator.get(), &info))
    return lastError(status);
  std::vector<int32_t> here(static_cast<size_t>(info.local_ranks));
  for (int32_t i = 0; i < info.local_ranks; ++i)
    if (rondo_status status =
            rondo_communicator_device(context.get(), communicator.get(), info.first_rank + i, &here[size_t(i)]))
      return lastError(status);
  std::vector<int32_t> all(together ? static_cast<size_t>(reportingRanks) : here.size());
  if (rondo_status status = rondo_communicator_all_gather(context.get(), communicator.get(), here.data(),
                                                          here.size() * sizeof here[0], all.data()))
    return lastError(status);
  ordinals = std::move(all);
  return Success{};
}

/// Whether the ranks of this process have several GPUs; each then has its shards, and else views of whole tensors.
bool Executor::spansDevices() const {
  return !together && std::adjacent_find(ordinals.begin(), ordinals.end(), std::not_equal_to<>()) != ordinals.end();
}

Status Executor::runOnGpus(const std::string &name, std::vector<HostTensor> &inputs, std::vector<HostTensor> &outputs) {
  auto function = std::find_if(parsed->functions.begin(), parsed->functions.end(),
                               [&](const FunctionSpec &other) { return other.name == name; });
  if (!shardInputs) {
    int32_t ranks = reportingRanks;
    std::vector<Axis> axes = parsed->grid ? boundAxes(*parsed->grid, ranks) : std::vector<Axis>();
    shardInputs = std::make_unique<DeviceShards>(context.get(), communicator.get(), ranks, axes);
    shardOutputs = std::make_unique<DeviceShards>(context.get(), communicator.get(), ranks, axes);
    if (Status uploaded = shardInputs->upload(inputs, function->inputs); !uploaded)
      return uploaded;
  }
  if (Status uploaded = shardOutputs->upload(outputs, function->outputs); !uploaded)
    return uploaded;
  if (rondo_status status = rondo_run_shards(context.get(), program.get(), name.c_str(), communicator.get(),
                                             shardInputs->data(), inputs.size(), shardOutputs->data(), outputs.size()))
    return lastError(status);
  return shardOutputs->download(outputs, function->outputs);
}

/// Inputs are uploaded once: they stay the same.
Status Executor::runOnGpu(const std::string &function, std::vector<HostTensor> &inputs,
                          std::vector<HostTensor> &outputs) {
  if (!gpuInputs) {
    rondo_communicator_info info;
    if (rondo_status status = rondo_communicator_info_get(context.get(), communicator.get(), &info))
      return lastError(status);
    gpuInputs = std::make_unique<DeviceTensors>(context.get(), communicator.get(), info.first_rank);
    gpuOutputs = std::make_unique<DeviceTensors>(context.get(), communicator.get(), info.first_rank);
    if (Status uploaded = gpuInputs->upload(inputs); !uploaded)
      return uploaded;
  }
  if (Status uploaded = gpuOutputs->upload(outputs); !uploaded)
    return uploaded;
  auto call = together ? rondo_run_shards : rondo_run;
  if (rondo_status status = call(context.get(), program.get(), function.c_str(), communicator.get(), gpuInputs->data(),
                                 gpuInputs->size(), gpuOutputs->data(), gpuOutputs->size()))
    return lastError(status);
  return gpuOutputs->download(outputs);
}

Result<RunStatistics> Executor::run(const std::string &function, std::vector<HostTensor> &inputs,
                                    std::vector<HostTensor> &outputs) {
  if (Status ran = runOnce(function, inputs, outputs); !ran)
    return ran.error();
  RunStatistics statistics(static_cast<size_t>(reportingRanks));
  if (together)
    return gatherStatistics(std::move(statistics));
  for (int32_t rank = 0; rank < reportingRanks; ++rank)
    if (rondo_status status = readFigures(rank, statistics[size_t(rank)]))
      return lastError(status);
  return statistics;
}

rondo_status Executor::readFigures(int32_t rank, RankFigures &figures) {
  rondo_status status = rondo_rank_statistics_get(context.get(), communicator.get(), rank, &figures);
  if (status)
    return status;
  return rondo_rank_transfer_room(context.get(), communicator.get(), rank, &figures.smMargin, &figures.transferCtas);
}

Result<RunStatistics> Executor::gatherStatistics(RunStatistics statistics) {
  rondo_communicator_info info;
  RankFigures mine;
  rondo_status status = rondo_communicator_info_get(context.get(), communicator.get(), &info);
  if (!status)
    status = readFigures(info.first_rank, mine);
  if (!status)
    status = rondo_communicator_all_gather(context.get(), communicator.get(), &mine, sizeof mine, statistics.data());
  if (status)
    return lastError(status);
  return statistics;
}

Result<GraphCounts> Executor::graphCounts() {
  int64_t captured = 0, replayed = 0;
  if (rondo_status status = rondo_communicator_graphs(context.get(), communicator.get(), &captured, &replayed))
    return lastError(status);
  return GraphCounts{captured, replayed};
}

Status Executor::evaluate(const std::string &function, std::vector<HostTensor> &inputs,
                          std::vector<HostTensor> &outputs) {
  Views inputViews(inputs), outputViews(outputs);
  rondo_status status = rondo_run_reference(context.get(), program.get(), function.c_str(), inputViews.data(),
                                            inputViews.size(), outputViews.data(), outputViews.size());
  if (status == RONDO_UNSUPPORTED)
    return Error{concat("--check: function '", function,
                        "' has no float64 reference; compile the program again without --no-reference")};
  if (status)
    return lastError(status);
  return Success{};
}

Status Executor::enableTrace() {
  if (rondo_status status = rondo_trace_enable(context.get(), communicator.get(), 1))
    return lastError(status);
  return Success{};
}

Result<double> Executor::gatherTrace() {
  double uncertainty = 0;
  if (rondo_status status = rondo_trace_gather(context.get(), communicator.get(), &uncertainty))
    return lastError(status);
  return uncertainty;
}

Status Executor::writeTrace(const std::string &path) {
  if (rondo_status status = rondo_trace_write(context.get(), communicator.get(), path.c_str()))
    return lastError(status);
  return Success{};
}

Result<std::vector<TimelineEvent>> Executor::traceEvents() {
  std::vector<TimelineEvent> events;
  if (rondo_status status = rondo_trace_events(context.get(), communicator.get(), appendEvent, &events))
    return lastError(status);
  return events;
}

} // namespace rondo::run
