//===- margin_sweep.cpp - Steps of a ring under several margins ------------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   margin_sweep PROGRAM QUERIES KEYS nccl|copies|loopback:RANKS RUNS MARGIN,CTAS,SMS...
//
// Runs the query ring of Llama 3.2-Vision's heads (32 and 8, of 128 bf16 features) on QUERIES rows of queries and KEYS
// of keys of this rank, under each setting: sm_margin, nccl_ctas (-1: chosen; loopback ignores it) and, of loopback,
// the link's multiprocessors (-1: no link). With nccl and copies, which differ in how transfers are made, it is one of
// several processes, and torchrun's variables say which. For each setting a line of JSON: medians of RUNS runs, in
// microseconds, by the events of the GPU. Ends with 0, or with 2 if it cannot run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "rondo/rondo.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int64_t kHeads = 32, kKeyHeads = 8, kFeatures = 128;
/// Of loopback: programs.py measures overlap with the same.
constexpr double kLatency = 5, kBandwidth = 20;

rondo_context *context;

void require(rondo_status status) {
  if (status == RONDO_OK)
    return;
  std::fprintf(stderr, "error: %s\n", context ? rondo_last_error(context) : rondo_status_name(status));
  std::exit(2);
}

double getMedian(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Setting {
  int margin, ctas, sms;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Tensors
//===--------------------------------------------------------------------------------------------------------------===//

/// bf16 numbers in -1..1, from a generator that costs nothing beside their upload.
std::vector<uint16_t> makeNumbers(size_t count) {
  std::vector<uint16_t> numbers(count);
  uint32_t state = 1;
  for (uint16_t &number : numbers) {
    state = state * 1664525 + 1013904223;
    float value = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    number = static_cast<uint16_t>(bits >> 16);
  }
  return numbers;
}

/// A shard on the GPU of this process' rank.
class Tensor {
public:
  Tensor(rondo_communicator *ranks, int32_t rank, std::vector<int64_t> sizes, uint8_t code, uint8_t bits)
      : ranks(ranks), rank(rank), shape(std::move(sizes)), bytes(bits / 8) {
    for (int64_t size : shape)
      bytes *= static_cast<size_t>(size);
    require(rondo_device_allocate(context, ranks, rank, bytes, &memory));
    int32_t device = 0;
    require(rondo_communicator_device(context, ranks, rank, &device));
    view = {memory, {kDLCUDA, device}, static_cast<int32_t>(shape.size()), {code, bits, 1}, shape.data(), nullptr, 0};
  }
  Tensor(rondo_communicator *ranks, int32_t rank, int64_t heads, int64_t rows, const std::vector<uint16_t> *numbers)
      : Tensor(ranks, rank, {1, heads, rows, kFeatures}, kDLBfloat, 16) {
    if (numbers)
      require(rondo_device_upload(context, ranks, rank, memory, numbers->data(), bytes));
  }
  ~Tensor() { rondo_device_free(context, ranks, rank, memory); }
  Tensor(const Tensor &) = delete;

  DLTensor view;

private:
  rondo_communicator *ranks;
  int32_t rank;
  std::vector<int64_t> shape;
  size_t bytes;
  void *memory = nullptr;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Runs
//===--------------------------------------------------------------------------------------------------------------===//

/// What the events of a run say.
struct Times {
  std::vector<double> attends, merges, transfers, starts;
  double first = 1e300, last = 0;

  static void add(const rondo_trace_event *event, void *data) {
    auto &times = *static_cast<Times *>(data);
    double begin = static_cast<double>(event->begin_ns) * 1e-3, end = static_cast<double>(event->end_ns) * 1e-3;
    std::string name = event->name;
    if (event->kind == RONDO_TRACE_EXCHANGE)
      times.transfers.push_back(end - begin);
    if (event->kind != RONDO_TRACE_KERNEL || (name != "attend" && name != "merge"))
      return;
    (name == "attend" ? times.attends : times.merges).push_back(end - begin);
    if (name == "attend")
      times.starts.push_back(begin);
    times.first = std::min(times.first, begin);
    times.last = std::max(times.last, end);
  }
};

class Sweep {
public:
  Sweep(const char *path, int64_t queries, int64_t keys, std::string kind, int loopback, int runs)
      : queries(queries), keys(keys), kind(std::move(kind)), loopback(loopback), runs(runs),
        numbers(makeNumbers(static_cast<size_t>(std::max(kKeyHeads * keys, kHeads * queries) * kFeatures))) {
    require(rondo_program_load(context, path, &program));
  }
  ~Sweep() { rondo_program_destroy(program); }

  void measure(const Setting &setting) {
    rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
    options.kind = loopback ? RONDO_COMMUNICATOR_LOOPBACK : RONDO_COMMUNICATOR_NCCL;
    options.ranks = loopback;
    options.sm_margin = setting.margin;
    if (!loopback)
      options.nccl_ctas = setting.ctas;
    if (kind == "nccl")
      options.transfers = RONDO_TRANSFERS_NCCL;
    if (loopback && setting.sms >= 0) {
      options.link_sms = setting.sms;
      options.link_latency_us = kLatency;
      options.link_gb_per_s = kBandwidth;
    }
    rondo_communicator *ranks = nullptr;
    require(rondo_communicator_create(context, &options, &ranks));
    rondo_communicator_info info;
    require(rondo_communicator_info_get(context, ranks, &info));
    {
      int32_t rank = info.first_rank;
      Tensor query(ranks, rank, kHeads, queries, &numbers), key(ranks, rank, kKeyHeads, keys, &numbers);
      Tensor value(ranks, rank, kKeyHeads, keys, &numbers), output(ranks, rank, kHeads, queries, nullptr);
      Tensor lse(ranks, rank, {1, kHeads, queries}, kDLFloat, 32);
      const DLTensor *inputs[] = {&query.view, &key.view, &value.view};
      DLTensor *outputs[] = {&output.view, &lse.view};
      report(setting, ranks, rank, inputs, outputs);
    }
    rondo_communicator_destroy(ranks);
  }

private:
  void run(rondo_communicator *ranks, const DLTensor *const *inputs, DLTensor *const *outputs) {
    require(rondo_run_shards(context, program, nullptr, ranks, inputs, 3, outputs, 2));
  }

  void report(const Setting &setting, rondo_communicator *ranks, int32_t rank, const DLTensor *const *inputs,
              DLTensor *const *outputs) {
    std::vector<double> rings, steps, attends, merges, transfers, totals;
    rondo_rank_statistics statistics = {};
    for (int i = 0; i < std::min(3, runs); ++i) // plans, connections, clocks
      run(ranks, inputs, outputs);
    for (int i = 0; i < runs; ++i) {
      run(ranks, inputs, outputs);
      require(rondo_rank_statistics_get(context, ranks, rank, &statistics));
      totals.push_back(statistics.total * 1e6);
    }
    for (int i = 0; i < runs; ++i) {
      Times times;
      require(rondo_trace_enable(context, ranks, 1));
      run(ranks, inputs, outputs);
      require(rondo_trace_enable(context, ranks, 0));
      require(rondo_trace_events(context, ranks, Times::add, &times));
      rings.push_back(times.last - times.first);
      attends.push_back(getMedian(times.attends));
      merges.push_back(getMedian(times.merges));
      transfers.push_back(times.transfers.empty() ? 0
                                                  : *std::max_element(times.transfers.begin(), times.transfers.end()));
      std::sort(times.starts.begin(), times.starts.end());
      for (size_t step = 1; step < times.starts.size(); ++step)
        steps.push_back(times.starts[step] - times.starts[step - 1]);
    }
    int32_t margin = 0, taken = 0;
    require(rondo_rank_transfer_room(context, ranks, rank, &margin, &taken));
    std::printf("{\"kind\": \"%s\", \"rank\": %d, \"margin\": %d, \"ctas\": %d, \"sms\": %d, \"used_margin\": %d, "
                "\"used_ctas\": %d, \"ring_us\": %.2f, \"step_us\": %.2f, \"attend_us\": %.2f, \"merge_us\": %.2f, "
                "\"transfer_us\": %.2f, \"total_us\": %.2f}\n",
                loopback ? "loopback" : kind.c_str(), rank, setting.margin, setting.ctas, setting.sms, margin, taken,
                getMedian(rings), getMedian(steps), getMedian(attends), getMedian(merges), getMedian(transfers),
                getMedian(totals));
  }

  int64_t queries, keys;
  std::string kind;
  int loopback, runs;
  std::vector<uint16_t> numbers;
  rondo_program *program = nullptr;
};

} // namespace

int main(int argc, char **argv) {
  int64_t queries = argc > 3 ? std::atoll(argv[2]) : 0, keys = argc > 3 ? std::atoll(argv[3]) : 0;
  std::string kind = argc > 4 ? argv[4] : "";
  int loopback = kind.rfind("loopback:", 0) == 0 ? std::atoi(kind.c_str() + 9) : 0;
  int runs = argc > 5 ? std::atoi(argv[5]) : 0;
  std::vector<Setting> settings;
  for (int i = 6; i < argc; ++i) {
    Setting setting;
    if (std::sscanf(argv[i], "%d,%d,%d", &setting.margin, &setting.ctas, &setting.sms) == 3)
      settings.push_back(setting);
  }
  if (queries < 1 || keys < 1 || (loopback < 1 && kind != "nccl" && kind != "copies") || runs < 1 || settings.empty() ||
      settings.size() != static_cast<size_t>(argc - 6)) {
    std::fprintf(stderr, "usage: %s PROGRAM QUERIES KEYS nccl|copies|loopback:RANKS RUNS MARGIN,CTAS,SMS...\n",
                 argv[0]);
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  require(rondo_context_create(&context));
  {
    Sweep sweep(argv[1], queries, keys, kind, loopback, runs);
    for (const Setting &setting : settings)
      sweep.measure(setting);
  }
  rondo_context_destroy(context);
  return 0;
}
