// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/executor.h"

#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/text.h"

#include "rondo/abi.h"

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
  Result<Manifest> manifest = parseManifest(executor.manifest()); // what is wrong with it, others report
  executor.isForCuda = manifest && manifest->target.rfind("cuda:", 0) == 0;
  return executor;
}

Status Executor::startRanks(const Options &options, int32_t ranks) {
  bool loopback = options.communicator == Communicator::Loopback;
  rondo_communicator_options settings = RONDO_COMMUNICATOR_OPTIONS_INIT;
  settings.kind = loopback ? RONDO_COMMUNICATOR_LOOPBACK : RONDO_COMMUNICATOR_THREADS;
  settings.ranks = ranks;
  settings.threads_per_rank = options.threadsPerRank;
  settings.timeout_s = options.timeout;
  settings.device = options.device;
  settings.sm_margin = options.smMargin;
  settings.link_sms = options.linkSms;
  settings.measure = 1;
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

Status Executor::runOnce(const std::string &function, std::vector<HostTensor> &inputs,
                         std::vector<HostTensor> &outputs) {
  if (isForCuda)
    return runOnGpu(function, inputs, outputs);
  Views inputViews(inputs), outputViews(outputs);
  if (rondo_status status = rondo_run(context.get(), program.get(), function.c_str(), communicator.get(),
                                      inputViews.data(), inputViews.size(), outputViews.data(), outputViews.size()))
    return lastError(status);
  return Success{};
}

/// Inputs are uploaded once: they stay the same.
Status Executor::runOnGpu(const std::string &function, std::vector<HostTensor> &inputs,
                          std::vector<HostTensor> &outputs) {
  if (!gpuInputs) {
    gpuInputs = std::make_unique<DeviceTensors>(context.get(), communicator.get());
    gpuOutputs = std::make_unique<DeviceTensors>(context.get(), communicator.get());
    if (Status uploaded = gpuInputs->upload(inputs); !uploaded)
      return uploaded;
  }
  if (Status uploaded = gpuOutputs->upload(outputs); !uploaded)
    return uploaded;
  if (rondo_status status = rondo_run(context.get(), program.get(), function.c_str(), communicator.get(),
                                      gpuInputs->data(), gpuInputs->size(), gpuOutputs->data(), gpuOutputs->size()))
    return lastError(status);
  return gpuOutputs->download(outputs);
}

Result<RunStatistics> Executor::run(const std::string &function, std::vector<HostTensor> &inputs,
                                    std::vector<HostTensor> &outputs) {
  if (Status ran = runOnce(function, inputs, outputs); !ran)
    return ran.error();
  RunStatistics statistics(static_cast<size_t>(reportingRanks));
  for (int32_t rank = 0; rank < reportingRanks; ++rank)
    if (rondo_status status =
            rondo_rank_statistics_get(context.get(), communicator.get(), rank, &statistics[size_t(rank)]))
      return lastError(status);
  return statistics;
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
