// The time that a run takes of its host: one rank of a ring in loopback, on a stream of the caller, so that the call
// returns when all is issued. Without graphs, and replayed; with the same tensors, and with others each time.
//
//   host_time PROGRAM.so RANKS QUERIES KEYS RUNS   lengths are those of a shard
//
// Prints a line of JSON for each way. Ends with 0 if replays compute the same bits as runs without graphs, else with 1.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/rondo.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace {

constexpr int64_t kHeads = 32, kKeyHeads = 8, kFeatures = 128; // of llama-query-ring
rondo_context *context = nullptr;

[[noreturn]] void die(const std::string &text) {
  std::fprintf(stderr, "error: %s\n", text.c_str());
  std::exit(2);
}

void require(rondo_status status) {
  if (status != RONDO_OK)
    die(rondo_last_error(context));
}

/// A function of the driver, which the runtime has loaded.
template <typename... Arguments>
void call(const char *name, Arguments... arguments) {
  static void *library = dlopen("libcuda.so.1", RTLD_NOW);
  auto function = library ? reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name)) : nullptr;
  int result = function ? function(arguments...) : -1;
  if (result != 0)
    die(std::string(name) + " failed: " + std::to_string(result));
}

/// A contiguous tensor on the GPU; bf16 of noise, or zeros.
class Tensor {
public:
  Tensor(rondo_communicator *ranks, std::vector<int64_t> sizes, uint8_t bits, unsigned seed)
      : shape(std::move(sizes)), ranks(ranks) {
    bytes = bits / 8;
    for (int64_t extent : shape)
      bytes *= size_t(extent);
    require(rondo_device_allocate(context, ranks, 0, bytes, &view.data));
    int32_t device = 0;
    require(rondo_communicator_device(context, ranks, 0, &device));
    view.device = {kDLCUDA, device};
    view.ndim = int(shape.size());
    view.dtype = {uint8_t(bits == 16 ? kDLBfloat : kDLFloat), bits, 1};
    view.shape = shape.data();
    std::vector<uint16_t> noise(bytes / 2);
    for (uint16_t &element : noise) { // +-[0.5, 2)
      seed = seed * 1664525u + 1013904223u;
      element = seed ? uint16_t(0x3f00 + (seed >> 24) + ((seed >> 8 & 1) << 15)) : 0;
    }
    if (bits == 16)
      require(rondo_device_upload(context, ranks, 0, view.data, noise.data(), bytes));
  }
  ~Tensor() { rondo_device_free(context, ranks, 0, view.data); }
  Tensor(const Tensor &) = delete;

  std::vector<char> download() const {
    std::vector<char> copy(bytes);
    require(rondo_device_download(context, ranks, 0, copy.data(), view.data, bytes));
    return copy;
  }

  std::vector<int64_t> shape;
  DLTensor view = {};

private:
  size_t bytes;
  rondo_communicator *ranks;
};

/// The tensors of a run.
struct Tensors {
  Tensors(rondo_communicator *ranks, int64_t queries, int64_t keys, unsigned seed)
      : query(ranks, {1, kHeads, queries, kFeatures}, 16, seed),
        key(ranks, {1, kKeyHeads, keys, kFeatures}, 16, seed + 1),
        value(ranks, {1, kKeyHeads, keys, kFeatures}, 16, seed + 2),
        output(ranks, {1, kHeads, queries, kFeatures}, 16, seed + 3), lse(ranks, {1, kHeads, queries}, 32, seed + 4) {}

  std::vector<char> results() const {
    std::vector<char> all = output.download(), more = lse.download();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Tensor query, key, value, output, lse;
};

struct Way {
  const char *name;
  bool graphs, others;
};

class Bench {
public:
  Bench(const char *path, int32_t ranks, int64_t queries, int64_t keys, int runs)
      : ranks(ranks), queries(queries), keys(keys), runs(runs) {
    require(rondo_program_load(context, path, &program));
  }
  ~Bench() { rondo_program_destroy(program); }

  /// False: other bits than the first way's.
  bool measure(const Way &way) {
    rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
    options.kind = RONDO_COMMUNICATOR_LOOPBACK;
    options.ranks = ranks;
    options.device = 0;
    options.graphs = way.graphs;
    require(rondo_communicator_create(context, &options, &communicator));
    std::vector<std::vector<char>> results;
    std::vector<double> times;
    {
      Tensors one(communicator, queries, keys, 1), other(communicator, queries, keys, 77);
      void *stream = makeStream();
      for (int i = -3; i < runs; ++i) {
        double time = run(way.others && i % 2 ? other : one, stream);
        if (i >= 0)
          times.push_back(time);
      }
      for (const Tensors *tensors : {&one, &other}) {
        run(*tensors, stream);
        results.push_back(tensors->results());
      }
      require(rondo_communicator_unset_stream(context, communicator, 0));
      call("cuStreamDestroy_v2", stream);
    }
    int64_t captured = 0, replayed = 0;
    require(rondo_communicator_graphs(context, communicator, &captured, &replayed));
    rondo_communicator_destroy(communicator);
    if (expected.empty())
      expected = results;
    bool held = results == expected && replayed == (way.graphs ? runs + 3 : 0);
    std::sort(times.begin(), times.end());
    std::printf("{\"way\": \"%s\", \"runs\": %d, \"replayed\": %lld, \"median_us\": %.2f, \"least_us\": %.2f, "
                "\"p90_us\": %.2f, \"held\": %s}\n",
                way.name, runs, (long long)replayed, times[times.size() / 2], times.front(),
                times[times.size() * 9 / 10], held ? "true" : "false");
    return held;
  }

private:
  void *makeStream() {
    void *primary = nullptr, *stream = nullptr;
    call("cuDevicePrimaryCtxRetain", &primary, 0);
    call("cuCtxSetCurrent", primary);
    call("cuStreamCreate", &stream, 1u);
    require(rondo_communicator_set_stream(context, communicator, 0, stream));
    return stream;
  }

  /// Microseconds of the call; the GPU is idle before.
  double run(const Tensors &t, void *stream) {
    const DLTensor *inputs[] = {&t.query.view, &t.key.view, &t.value.view};
    DLTensor output = t.output.view, lse = t.lse.view;
    DLTensor *outputs[] = {&output, &lse};
    auto begin = std::chrono::steady_clock::now();
    rondo_status status = rondo_run_shards(context, program, nullptr, communicator, inputs, 3, outputs, 2);
    auto end = std::chrono::steady_clock::now();
    require(status);
    call("cuStreamSynchronize", stream);
    return std::chrono::duration<double, std::micro>(end - begin).count();
  }

  int32_t ranks;
  int64_t queries, keys;
  int runs;
  rondo_program *program = nullptr;
  rondo_communicator *communicator = nullptr;
  std::vector<std::vector<char>> expected; // of both tensors
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 6 || std::atoi(argv[2]) < 1 || std::atoll(argv[3]) < 1 || std::atoll(argv[4]) < 1 ||
      std::atoi(argv[5]) < 1) {
    std::fprintf(stderr, "usage: %s PROGRAM.so RANKS QUERIES KEYS RUNS\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  require(rondo_context_create(&context));
  bool right = true;
  {
    Bench bench(argv[1], std::atoi(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]), std::atoi(argv[5]));
    for (const Way &way : {Way{"without graphs", false, false}, Way{"replayed", true, false},
                           Way{"replayed, other tensors each time", true, true}})
      right &= bench.measure(way);
  }
  rondo_context_destroy(context);
  return right ? 0 : 1;
}
