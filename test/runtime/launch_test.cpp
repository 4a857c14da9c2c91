// The environment of launchers: what is read, and which contradictions are errors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/launch.h"
}

#include <map>

using namespace rondo_test;

namespace {

using Variables = std::map<std::string, std::string>;

const char *lookUp(const char *name, void *variables) {
  auto &map = *static_cast<Variables *>(variables);
  auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.c_str();
}

class Launch : public testing::Test {
protected:
  rondo_status read(Variables variables) { return launch_read(context.get(), lookUp, &variables, &result); }
  void expectPlace(const Variables &variables, const char *launcher, int rank, int ranks, int local) {
    ASSERT_EQ(read(variables), RONDO_OK) << rondo_last_error(context.get());
    EXPECT_STREQ(result.launcher, launcher);
    EXPECT_EQ(result.rank, rank);
    EXPECT_EQ(result.ranks, ranks);
    EXPECT_EQ(result.local_rank, local);
  }
  void expectError(const Variables &variables, const std::string &text) {
    EXPECT_EQ(read(variables), RONDO_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(rondo_last_error(context.get())), text);
  }

  Handle<rondo_context> context = makeContext();
  launch result = {};
};

TEST_F(Launch, NoLauncher) { expectPlace({}, nullptr, 0, 1, -1); }

TEST_F(Launch, Torchrun) {
  expectPlace(
      {{"RANK", "3"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "node-0"}, {"MASTER_PORT", "29500"}},
      "torchrun", 3, 8, 1);
  EXPECT_STREQ(result.master_address, "node-0");
  EXPECT_EQ(result.master_port, 29500);
  expectPlace({{"RANK", "0"}, {"WORLD_SIZE", "1"}}, "torchrun", 0, 1, -1);
}

TEST_F(Launch, OpenMpi) {
  Variables variables = {{"OMPI_COMM_WORLD_RANK", "2"},
                         {"OMPI_COMM_WORLD_SIZE", "4"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                         {"PMIX_RANK", "2"}};
  expectPlace(variables, "mpirun", 2, 4, 0);
  variables["PMIX_RANK"] = "1";
  expectError(variables, "the environment variables PMIX_RANK (1) and OMPI_COMM_WORLD_RANK (2) contradict each other: "
                         "unset those of the launcher that did not start this process");
}

TEST_F(Launch, Slurm) {
  expectPlace({{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "6"}, {"SLURM_LOCALID", "2"}}, "srun", 5, 6, 2);
  // The shell of an allocation is no task.
  expectPlace({{"SLURM_NTASKS", "6"}}, nullptr, 0, 1, -1);
  // Slurm numbers the daemons of another launcher.
  expectPlace({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}, {"RANK", "9"}, {"WORLD_SIZE", "16"}}, "torchrun", 9, 16,
              -1);
}

TEST_F(Launch, Contradictions) {
  expectError({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}},
              "the environment variables RANK (1) and OMPI_COMM_WORLD_RANK (2) contradict each other: unset those of "
              "the launcher that did not start this process");
  expectError({{"RANK", "1"}, {"WORLD_SIZE", "8"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}},
              "the environment variables WORLD_SIZE (8) and OMPI_COMM_WORLD_SIZE (4) contradict each other: unset "
              "those of the launcher that did not start this process");
  expectPlace({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}},
              "mpirun", 1, 4, -1);
}

TEST_F(Launch, MissingVariables) {
  expectError({{"RANK", "1"}}, "the environment variable RANK is set, but WORLD_SIZE is not: a process started by "
                               "torchrun has both");
  expectError({{"OMPI_COMM_WORLD_SIZE", "4"}},
              "the environment variable OMPI_COMM_WORLD_SIZE is set, but OMPI_COMM_WORLD_RANK is not: a process "
              "started by mpirun has both");
  expectError({{"SLURM_PROCID", "0"}}, "the environment variable SLURM_PROCID is set, but SLURM_NTASKS is not: a "
                                       "process started by srun has both");
}

TEST_F(Launch, WrongNumbers) {
  for (const char *rank : {"", "-1", "one", "1x", " 1", "1.0", "99999999999999999999", "4096"})
    expectError({{"RANK", rank}, {"WORLD_SIZE", "4"}}, "the environment variable RANK is '" + std::string(rank) +
                                                           "', but should be a whole number from 0 to 4095");
  for (const char *size : {"0", "4097", "-4"})
    expectError({{"RANK", "0"}, {"WORLD_SIZE", size}}, "the environment variable WORLD_SIZE is '" + std::string(size) +
                                                           "', but should be a whole number from 1 to 4096");
  expectError({{"RANK", "4"}, {"WORLD_SIZE", "4"}},
              "the environment variable RANK is 4, but WORLD_SIZE is 4: ranks are less than their number");
  expectError({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "2"}},
              "the environment variable LOCAL_RANK is 2, but WORLD_SIZE is 2: no host has more ranks than all hosts");
  expectError({{"MASTER_PORT", "65535"}},
              "the environment variable MASTER_PORT is '65535', but should be a whole number from 1 to 65534");
  expectError({{"MASTER_ADDR", ""}}, "the environment variable MASTER_ADDR is '', but should be the name of a host");
}

} // namespace
