// The runtime's handles, owned, and its calls with their errors as values. The only part that calls the runtime.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_EXECUTOR_H
#define RONDO_RUN_EXECUTOR_H

#include "tools/rondo-run/device_shards.h"
#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/options.h"
#include "tools/rondo-run/plan.h"
#include "tools/rondo-run/tensor.h"
#include "tools/rondo-run/timeline.h"

#include "rondo/rondo.h"

#include <memory>
#include <string>
#include <vector>

namespace rondo::run {

/// What the ranks did in one run. With `loopback` there is one rank.
/// What a rank did in a run.
struct RankFigures : rondo_rank_statistics {
  int32_t smMargin, transferCtas; // rondo_rank_transfer_room
};

using RunStatistics = std::vector<RankFigures>;

/// How often a run was captured as a graph, and how often one was replayed, in this process.
struct GraphCounts {
  int64_t captured = 0, replayed = 0;
};

class Executor {
public:
  /// Loads a program.
  static Result<Executor> load(const std::string &path);

  const char *manifest() const { return rondo_program_manifest(program.get()); }

  /// Where the launcher says that this process stands.
  Result<Place> place();

  /// Starts the ranks, once. With several processes each calls it, and it waits for all.
  Status startRanks(const Options &options, int32_t ranks);

  /// Between processes: success if `mine` is on every one, and `statement`, what this process is about to do, is the
  /// same on all; else the same error on all.
  Status agree(const Status &mine, const std::string &statement);
  /// Whether this process is the one to print an error that all have.
  bool speaks();
  /// Gathers each process' tensor data on rank 0; `gathered` has room for it there, in the order of the ranks.
  Status gather(const HostTensor &mine, std::vector<HostTensor> &gathered);

  /// Tensors are whole, or with several processes the shards of this one. Statistics are those of all ranks.
  Result<RunStatistics> run(const std::string &function, std::vector<HostTensor> &inputs,
                            std::vector<HostTensor> &outputs);

  /// The GPU of each rank, after a run; empty if the program is for processors.
  const std::vector<int32_t> &devices() const { return ordinals; }

  /// Evaluates densely in float64; `inputs` and `outputs` have type f64.
  Status evaluate(const std::string &function, std::vector<HostTensor> &inputs, std::vector<HostTensor> &outputs);

  Result<GraphCounts> graphCounts();

  Status enableTrace();
  /// Between processes: brings what was recorded to rank 0. By how many seconds the times of ranks may be off.
  Result<double> gatherTrace();
  Status writeTrace(const std::string &path);
  /// What was recorded.
  Result<std::vector<TimelineEvent>> traceEvents();

private:
  template <auto destroy>
  struct Destroy {
    template <typename T>
    void operator()(T *handle) const {
      destroy(handle);
    }
  };

  Error lastError(rondo_status status) const;
  Status runOnce(const std::string &function, std::vector<HostTensor> &inputs, std::vector<HostTensor> &outputs);
  Status findDevices();
  bool spansDevices() const;
  Status runOnGpu(const std::string &function, std::vector<HostTensor> &inputs, std::vector<HostTensor> &outputs);
  Status runOnGpus(const std::string &function, std::vector<HostTensor> &inputs, std::vector<HostTensor> &outputs);
  Result<RunStatistics> gatherStatistics(RunStatistics statistics);
  rondo_status readFigures(int32_t rank, RankFigures &figures);

  // In this order: the context outlives the others.
  std::unique_ptr<rondo_context, Destroy<rondo_context_destroy>> context;
  std::unique_ptr<rondo_program, Destroy<rondo_program_destroy>> program;
  std::unique_ptr<rondo_communicator, Destroy<rondo_communicator_destroy>> communicator;
  std::unique_ptr<DeviceTensors> gpuInputs, gpuOutputs;    // of programs for CUDA on one GPU of this process
  std::unique_ptr<DeviceShards> shardInputs, shardOutputs; // on several
  std::optional<Manifest> parsed;                          // nothing if it is wrong
  std::vector<int32_t> ordinals;
  int32_t reportingRanks = 0;
  bool isForCuda = false;
  bool together = false; // ranks are processes
};

} // namespace rondo::run
#endif // RONDO_RUN_EXECUTOR_H
