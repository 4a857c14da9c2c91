// A rank of a job that NCCL joins, as an application is: its own place, identifier, communicator and stream. Started by
// test/execution/nccl/ranks.py; every rank makes the same tests, and each must pass.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "cuda_attention.h"

extern "C" {
#include "runtime/src/nccl_library.h"
}

#include <dlfcn.h>
#include <unistd.h>

using namespace rondo_test;

namespace {

int32_t numberIn(const char *variable) { return std::atoi(std::getenv(variable)); }

constexpr int64_t features = 5;

double valueOf(unsigned seed, int64_t row, int64_t d) {
  unsigned state = seed * 7919U + static_cast<unsigned>(row * features + d) * 2654435761U;
  state ^= state >> 15;
  return static_cast<double>(static_cast<_Float16>(static_cast<double>(state % 4096) / 1024.0 - 2.0));
}

class NcclJob : public Cuda {
protected:
  NcclJob() : launched(numberIn("RANK")), ranks(numberIn("WORLD_SIZE")) {}

  Options options() const {
    Options result(0);
    result.kind = RONDO_COMMUNICATOR_NCCL;
    result.timeout_s = 20;
    return result;
  }

  Handle<rondo_communicator> create(const Options &options) {
    rondo_communicator *created = nullptr;
    EXPECT_EQ(rondo_communicator_create(context.get(), &options, &created), RONDO_OK) << error();
    return Handle<rondo_communicator>(created);
  }

  std::string creationError(const Options &options, rondo_status expected = RONDO_INVALID_ARGUMENT) {
    rondo_communicator *created = nullptr;
    EXPECT_EQ(rondo_communicator_create(context.get(), &options, &created), expected);
    rondo_communicator_destroy(created);
    return error();
  }

  /// As often as is said.
  void expectRight(rondo_communicator *communicator, int64_t queries = 7, int64_t keys = 23, int runs = 1) {
    EXPECT_EQ(runShards(communicator, queries, keys, runs), RONDO_OK) << failure;
  }

  /// Runs an attention on the shards of this process; if that succeeds, compares with float64.
  rondo_status runShards(rondo_communicator *communicator, int64_t queries = 7, int64_t keys = 23, int runs = 1) {
    Handle<rondo_program> program = load("cuda_d5");
    rondo_communicator_info info;
    EXPECT_EQ(rondo_communicator_info_get(context.get(), communicator, &info), RONDO_OK);
    EXPECT_EQ(info.ranks, ranks);
    int64_t queryBegin = begin(queries, info.first_rank), keyBegin = begin(keys, info.first_rank);
    int64_t ownQueries = begin(queries, info.first_rank + 1) - queryBegin;
    int64_t ownKeys = begin(keys, info.first_rank + 1) - keyBegin;
    auto make = [&](int64_t rows) {
      return std::make_unique<DeviceTensor<_Float16>>(context.get(), communicator, info.first_rank,
                                                      std::vector<int64_t>{1, 1, rows, features},
                                                      std::vector<int>{0, 1, 2, 3});
    };
    auto q = make(ownQueries), k = make(ownKeys), v = make(ownKeys), o = make(ownQueries);
    DeviceTensor<float> lse(context.get(), communicator, info.first_rank, {1, 1, ownQueries}, {0, 1, 2});
    fill(*q, 1, queryBegin);
    fill(*k, 2, keyBegin);
    fill(*v, 3, keyBegin);
    const DLTensor *inputs[] = {&q->dl, &k->dl, &v->dl};
    DLTensor *outputs[] = {&o->dl, &lse.dl};
    for (int run = 0; run < runs; ++run) {
      o->poison();
      lse.poison();
      rondo_status status =
          rondo_run_shards(context.get(), program.get(), "kv_ring", communicator, inputs, 3, outputs, 2);
      if (status != RONDO_OK) {
        failure = error(); // which freeing the tensors would clear
        return status;
      }
      o->download();
      for (int64_t i = 0; i < ownQueries; ++i)
        expectRow(*o, i, queryBegin + i, keys);
    }
    return RONDO_OK;
  }

  void expectCounts(rondo_communicator *communicator, int64_t captured, int64_t replayed) {
    int64_t captures = -1, replays = -1;
    ASSERT_EQ(rondo_communicator_graphs(context.get(), communicator, &captures, &replays), RONDO_OK) << error();
    EXPECT_EQ(captures, captured);
    EXPECT_EQ(replays, replayed);
  }

  int32_t launched, ranks; // by the launcher
  std::string failure;     // of the last run that failed

  int64_t begin(int64_t length, int32_t rank) const { return std::min(length, (length + ranks - 1) / ranks * rank); }

  static void fill(DeviceTensor<_Float16> &tensor, unsigned seed, int64_t first) {
    for (int64_t row = 0; row < tensor.shape[2]; ++row)
      for (int64_t d = 0; d < features; ++d)
        tensor.at(0, 0, row, d) = static_cast<_Float16>(valueOf(seed, first + row, d));
    tensor.upload();
  }

  static void expectRow(DeviceTensor<_Float16> &o, int64_t local, int64_t row, int64_t keys) {
    double sum = 0, result[features] = {};
    for (int64_t j = 0; j < keys; ++j) {
      double score = 0;
      for (int64_t d = 0; d < features; ++d)
        score += valueOf(1, row, d) * valueOf(2, j, d);
      double weight = std::exp(0.25 * score);
      sum += weight;
      for (int64_t d = 0; d < features; ++d)
        result[d] += weight * valueOf(3, j, d);
    }
    for (int64_t d = 0; d < features; ++d)
      ASSERT_NEAR(static_cast<double>(o.at(0, 0, local, d)), result[d] / sum, 4e-3) << "row " << row;
  }
};

/// The application's own NCCL: the same copy as the runtime's.
struct Nccl {
  template <typename Function>
  Function *get(const char *name) {
    return reinterpret_cast<Function *>(dlsym(library, name));
  }

  nccl_communicator connect(nccl_unique_id id, int32_t ranks, int32_t rank) {
    nccl_config config = {};
    config.size = sizeof config;
    config.magic = 0xcafebeef;
    config.version = 22700;
    nccl_communicator made = nullptr;
    nccl_result result = get<nccl_result(nccl_communicator *, int, nccl_unique_id, int, nccl_config *)>(
        "ncclCommInitRankConfig")(&made, ranks, id, rank, &config);
    while (result == NCCL_IN_PROGRESS) {
      usleep(100);
      get<nccl_result(nccl_communicator, nccl_result *)>("ncclCommGetAsyncError")(made, &result);
    }
    EXPECT_EQ(result, NCCL_SUCCESS);
    return made;
  }

  void *library = dlopen(std::getenv("RONDO_NCCL"), RTLD_NOW | RTLD_LOCAL);
};

/// An identifier that rank 0 has made.
nccl_unique_id shareId(Nccl &nccl, rondo_context *context, rondo_communicator *communicator, int32_t rank,
                       int32_t ranks) {
  nccl_unique_id mine = {};
  if (rank == 0)
    EXPECT_EQ(nccl.get<nccl_result(nccl_unique_id *)>("ncclGetUniqueId")(&mine), NCCL_SUCCESS);
  std::vector<nccl_unique_id> all(static_cast<size_t>(ranks));
  EXPECT_EQ(rondo_communicator_all_gather(context, communicator, &mine, sizeof mine, all.data()), RONDO_OK);
  return all[0];
}

TEST_F(NcclJob, RunsAsLaunched) {
  Handle<rondo_communicator> communicator = create(options());
  for (int i = 0; i < 2; ++i)
    expectRight(communicator.get());
  // Several at a time, and each again.
  Handle<rondo_communicator> another = create(options());
  expectRight(another.get());
  expectRight(communicator.get());
}

TEST_F(NcclJob, TransfersByCopyEngines) {
  Options given = options();
  Handle<rondo_communicator> copying = create(given);
  given.transfers = RONDO_TRANSFERS_NCCL;
  Handle<rondo_communicator> sending = create(given);
  int32_t count = -1;
  ASSERT_EQ(rondo_communicator_copied_ranks(context.get(), copying.get(), &count), RONDO_OK);
  EXPECT_EQ(count, ranks - 1);
  ASSERT_EQ(rondo_communicator_copied_ranks(context.get(), sending.get(), &count), RONDO_OK);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(rondo_communicator_copied_ranks(context.get(), sending.get(), nullptr), RONDO_INVALID_ARGUMENT);
  expectRight(sending.get());
  // Where one rank does not take part, the others copy among themselves.
  given.transfers = launched == 0 ? RONDO_TRANSFERS_NCCL : RONDO_TRANSFERS_AUTO;
  Handle<rondo_communicator> mixed = create(given);
  ASSERT_EQ(rondo_communicator_copied_ranks(context.get(), mixed.get(), &count), RONDO_OK);
  EXPECT_EQ(count, launched == 0 ? 0 : ranks - 2);
  expectRight(mixed.get());
}

TEST_F(NcclJob, LengthsThatGrow) {
  // Arenas that peers have mapped, or NCCL has registered, are replaced; the first ranks hold all keys of the shorter
  // ones.
  for (rondo_transfers transfers : {RONDO_TRANSFERS_AUTO, RONDO_TRANSFERS_NCCL}) {
    Options given = options();
    given.transfers = transfers;
    Handle<rondo_communicator> communicator = create(given);
    for (int64_t keys : {1, 23, 2000, 23, 9000, 2001})
      expectRight(communicator.get(), 3, keys);
  }
}

TEST_F(NcclJob, RanksAndRendezvousOfTheApplication) {
  Options given = options();
  std::string rendezvous = "localhost:" + std::to_string(numberIn("MASTER_PORT") + 1);
  given.ranks = ranks;
  given.rank = ranks - 1 - launched;
  given.rendezvous = rendezvous.c_str();
  Handle<rondo_communicator> communicator = create(given);
  rondo_communicator_info info;
  ASSERT_EQ(rondo_communicator_info_get(context.get(), communicator.get(), &info), RONDO_OK);
  EXPECT_EQ(info.first_rank, given.rank);
  expectRight(communicator.get());
}

TEST_F(NcclJob, IdentifierOfTheApplication) {
  Nccl nccl;
  Handle<rondo_communicator> first = create(options());
  nccl_unique_id id = shareId(nccl, context.get(), first.get(), launched, ranks);
  Options given = options();
  given.nccl_unique_id = &id;
  Handle<rondo_communicator> communicator = create(given);
  expectRight(communicator.get());
  id.bytes[100] = static_cast<char>(launched);
  EXPECT_EQ(creationError(given), "rank 1: the ncclUniqueId that was given is not that of rank 0");
}

TEST_F(NcclJob, CommunicatorOfTheApplication) {
  Nccl nccl;
  Handle<rondo_communicator> first = create(options());
  nccl_communicator own = nccl.connect(shareId(nccl, context.get(), first.get(), launched, ranks), ranks, launched);
  Options given = options();
  given.nccl_communicator = own;
  expectRight(create(given).get());
  // It is the application's, whatever becomes of the runtime's.
  expectRight(create(given).get());

  given.ranks = ranks;
  given.rank = ranks - 1 - launched;
  EXPECT_EQ(creationError(given), "rank 0: the ncclComm_t that was given is rank " + std::to_string(ranks - 1) +
                                      " of " + std::to_string(ranks) + ", but the communicator rank 0 of " +
                                      std::to_string(ranks));
  given.ranks = 0;
  given.rank = -1;
  given.device = 1;
  setenv("RONDO_EMULATOR_DEVICES", "2", 1);
  EXPECT_EQ(creationError(given), "rank 0: the ncclComm_t that was given is on GPU 0, but the rank on GPU 1: give that "
                                  "as the device");
  nccl.get<nccl_result(nccl_communicator)>("ncclCommDestroy")(own);
}

TEST_F(NcclJob, StreamsOfTheApplication) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  Handle<rondo_communicator> first = create(options());
  // Any stream of the rank's GPU, in its context.
  auto set = reinterpret_cast<int (*)(void *)>(dlsym(driver, "cuCtxSetCurrent"));
  auto retain = reinterpret_cast<int (*)(void **, int)>(dlsym(driver, "cuDevicePrimaryCtxRetain"));
  auto make = reinterpret_cast<int (*)(void **, unsigned)>(dlsym(driver, "cuStreamCreate"));
  void *primary = nullptr, *transfers = nullptr, *compute = nullptr;
  ASSERT_EQ(retain(&primary, 0), 0);
  ASSERT_EQ(set(primary), 0);
  ASSERT_EQ(make(&transfers, 1), 0);
  ASSERT_EQ(make(&compute, 1), 0);
  Options given = options();
  given.nccl_stream = transfers;
  Handle<rondo_communicator> communicator = create(given);
  expectRight(communicator.get());
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), launched, compute), RONDO_OK) << error();
  expectRight(communicator.get());
}

/// After a failure the communicator is done for, but not its process.
TEST_F(NcclJob, AnotherCommunicatorAfterAFailure) {
  for (const char *fault : {"fail@1,attend,1", "fail@0,key,0", "stall@1,key,1"}) {
    SCOPED_TRACE(fault);
    Options failing = options();
    failing.inject = fault;
    failing.timeout_s = fault[0] == 's' ? 1 : 20;
    Handle<rondo_communicator> communicator = create(failing);
    EXPECT_EQ(runShards(communicator.get()), fault[0] == 's' ? RONDO_TIMED_OUT : RONDO_RANK_FAILED) << failure;
    std::string faulty = std::string("rank ") + *(std::strchr(fault, '@') + 1);
    EXPECT_NE(failure.find(faulty), std::string::npos) << failure;
    EXPECT_EQ(runShards(communicator.get()), RONDO_INVALID_ARGUMENT);
    EXPECT_NE(failure.find("the communicator has failed before"), std::string::npos) << failure;
    communicator.reset();
    expectRight(create(options()).get());
  }
}

TEST_F(NcclJob, Graphs) {
  Options given = options();
  given.graphs = 1;
  for (rondo_transfers transfers : {RONDO_TRANSFERS_NCCL, RONDO_TRANSFERS_AUTO}) {
    given.transfers = transfers;
    Handle<rondo_communicator> communicator = create(given);
    expectRight(communicator.get(), 7, 23, 5);
    expectCounts(communicator.get(), 1, 3);
    // Its program sends from the caller's memory, so that other addresses are another call. Mixed with runs without.
    expectRight(communicator.get(), 7, 23, 3);
    expectCounts(communicator.get(), 2, 4);
    expectRight(communicator.get(), 8);
    expectRight(communicator.get(), 1, 23, 3); // some ranks have no queries
    expectCounts(communicator.get(), 3, 5);
    // The arena grows, and all graphs go.
    expectRight(communicator.get(), 700, 900, 3);
    expectRight(communicator.get(), 7, 23, 3);
    expectCounts(communicator.get(), 5, 7);
  }
}

// One rank alone sees an operation that is to fail: all go without.
TEST_F(NcclJob, GraphsWhereOneRankNeedsOperations) {
  Options given = options();
  given.graphs = 1;
  Handle<rondo_communicator> communicator = create(given);
  expectRight(communicator.get(), 7, 23, 3);
  expectCounts(communicator.get(), 1, 1);
  if (launched == 1)
    ASSERT_EQ(rondo_trace_enable(context.get(), communicator.get(), 1), RONDO_OK) << error();
  expectRight(communicator.get(), 7, 23, 3);
  expectCounts(communicator.get(), 1, 1);
}

// Shards of other ranks grow, those of this one may stay: then it has several graphs for the same shards.
TEST_F(NcclJob, GraphsOfOtherLengths) {
  Options given = options();
  given.graphs = 1;
  Handle<rondo_communicator> communicator = create(given);
  Handle<rondo_program> program = load("cuda_d5");
  int64_t all[] = {3 * ranks - 1, 3 * ranks}; // the last rank has a row more
  struct Tensors {
    std::unique_ptr<DeviceTensor<_Float16>> q, k, v, o;
    std::unique_ptr<DeviceTensor<float>> lse;
  };
  auto rowsOf = [&](int64_t length) { return launched == ranks - 1 ? length - 3 * (ranks - 1) : 3; };
  auto make = [&](int64_t rows) {
    return std::make_unique<DeviceTensor<_Float16>>(context.get(), communicator.get(), launched,
                                                    std::vector<int64_t>{1, 1, rows, features},
                                                    std::vector<int>{0, 1, 2, 3});
  };
  // Where shards do not change, neither do the tensors.
  std::vector<std::shared_ptr<Tensors>> tensors;
  for (int64_t length : all) {
    if (!tensors.empty() && launched != ranks - 1) {
      tensors.push_back(tensors[0]);
      continue;
    }
    int64_t rows = rowsOf(length);
    tensors.push_back(std::make_shared<Tensors>(
        Tensors{make(rows), make(rows), make(rows), make(rows),
                std::make_unique<DeviceTensor<float>>(context.get(), communicator.get(), launched,
                                                      std::vector<int64_t>{1, 1, rows}, std::vector<int>{0, 1, 2})}));
  }
  for (int round = 0; round < 4; ++round)
    for (size_t i = 0; i < 2; ++i) {
      Tensors &t = *tensors[i];
      const DLTensor *inputs[] = {&t.q->dl, &t.k->dl, &t.v->dl};
      DLTensor *outputs[] = {&t.o->dl, &t.lse->dl};
      fill(*t.q, 1, 3 * launched);
      fill(*t.k, 2, 3 * launched);
      fill(*t.v, 3, 3 * launched);
      t.o->poison();
      ASSERT_EQ(rondo_run_shards(context.get(), program.get(), "kv_ring", communicator.get(), inputs, 3, outputs, 2),
                RONDO_OK)
          << error();
      t.o->download();
      for (int64_t row = 0; row < rowsOf(all[i]); ++row)
        expectRow(*t.o, row, 3 * launched + row, all[i]);
    }
  // Of the second length, the third run is captured: where a graph was there, the call became one with addresses.
  expectCounts(communicator.get(), 2, 3);
}

TEST_F(NcclJob, GraphsOnStreamsOfTheApplication) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  Handle<rondo_communicator> first = create(options());
  auto set = reinterpret_cast<int (*)(void *)>(dlsym(driver, "cuCtxSetCurrent"));
  auto retain = reinterpret_cast<int (*)(void **, int)>(dlsym(driver, "cuDevicePrimaryCtxRetain"));
  auto make = reinterpret_cast<int (*)(void **, unsigned)>(dlsym(driver, "cuStreamCreate"));
  void *primary = nullptr, *transfers = nullptr, *compute = nullptr;
  ASSERT_EQ(retain(&primary, 0), 0);
  ASSERT_EQ(set(primary), 0);
  ASSERT_EQ(make(&transfers, 1), 0);
  ASSERT_EQ(make(&compute, 1), 0);
  Options given = options();
  given.nccl_stream = transfers;
  given.graphs = 1;
  Handle<rondo_communicator> communicator = create(given);
  expectRight(communicator.get(), 7, 23, 3);
  ASSERT_EQ(rondo_communicator_set_stream(context.get(), communicator.get(), launched, compute), RONDO_OK) << error();
  expectRight(communicator.get(), 7, 23, 4);
  expectCounts(communicator.get(), 2, 3);
}

TEST_F(NcclJob, WrongNumberOfRanks) {
  Options given = options();
  given.ranks = ranks + 1;
  EXPECT_EQ(creationError(given).rfind("a communicator of " + std::to_string(ranks + 1) +
                                           " ranks, but the launcher "
                                           "started " +
                                           std::to_string(ranks),
                                       0),
            0U)
      << error();
  given.ranks = ranks;
  given.rank = ranks;
  EXPECT_NE(creationError(given).find("ranks are less than their number"), std::string::npos) << error();
}

TEST_F(NcclJob, WrongRendezvous) {
  Options given = options();
  for (const char *text : {"", "host", "host:", ":29500", "host:0", "host:65536", "host:12x"}) {
    given.rendezvous = text;
    EXPECT_EQ(creationError(given), "the rendezvous is '" + std::string(text) +
                                        "', but should be the host and the port where rank 0 listens, as in "
                                        "node0:29501");
  }
}

} // namespace
