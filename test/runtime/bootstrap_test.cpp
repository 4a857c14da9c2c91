// The all-gather by TCP, with ranks that come late, never, twice, or leave; nobody hangs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/bootstrap.h"
}

#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rondo_test;

namespace {

constexpr int64_t second = 1000000000;

/// Listens on a port of this host that was free.
class Listener {
public:
  Listener() : handle(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(handle, reinterpret_cast<sockaddr *>(&address), size), 0);
    EXPECT_EQ(listen(handle, 1), 0);
    EXPECT_EQ(getsockname(handle, reinterpret_cast<sockaddr *>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  ~Listener() { close(handle); }

  int port;

private:
  int handle;
};

int freePort() { return Listener().port; }

/// What one rank of a test does and gets.
struct Rank {
  Handle<rondo_context> context = makeContext();
  bootstrap *joined = nullptr;
  rondo_status status = RONDO_OK;

  ~Rank() { bootstrap_destroy(joined); }
  std::string error() const { return rondo_last_error(context.get()); }

  void join(int port, int32_t rank, int32_t ranks, int64_t timeout) {
    launch place = {};
    place.rank = rank;
    place.ranks = ranks;
    place.master_port = port - 1;
    snprintf(place.master_address, sizeof place.master_address, "127.0.0.1");
    status = bootstrap_tcp_create(context.get(), &place, timeout, &joined);
  }
  std::vector<int32_t> gather(int32_t value) {
    std::vector<int32_t> all(static_cast<size_t>(joined->ranks), -1);
    status = joined->all_gather(joined, context.get(), &value, sizeof value, all.data());
    return all;
  }
};

/// Runs `body` for each of `ranks` ranks at once.
std::vector<Rank> runRanks(const std::vector<int32_t> &numbers, const std::function<void(Rank &, int32_t)> &body) {
  std::vector<Rank> ranks(numbers.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < numbers.size(); ++i)
    threads.emplace_back([&, i] { body(ranks[i], numbers[i]); });
  for (std::thread &thread : threads)
    thread.join();
  return ranks;
}

TEST(Bootstrap, GathersAgainAndAgain) {
  for (int32_t count : {1, 2, 5}) {
    int port = freePort();
    std::vector<int32_t> numbers;
    for (int32_t rank = count; rank-- > 0;)
      numbers.push_back(rank);
    runRanks(numbers, [&](Rank &rank, int32_t number) {
      rank.join(port, number, count, 20 * second);
      ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
      for (int32_t round = 0; round < 3; ++round) {
        std::vector<int32_t> all = rank.gather(100 * round + number);
        ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
        for (int32_t other = 0; other < count; ++other)
          EXPECT_EQ(all[static_cast<size_t>(other)], 100 * round + other);
      }
    });
  }
}

TEST(Bootstrap, AMissingRankIsNamed) {
  int port = freePort();
  std::vector<Rank> ranks = runRanks({0, 2}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, 4, second / 2);
    if (rank.status == RONDO_OK)
      rank.gather(1);
  });
  std::string text = "ranks 1, 3 of 4 did not connect to rank 0 at 127.0.0.1:" + std::to_string(port) + " within 0.5 s";
  for (const Rank &rank : ranks) {
    EXPECT_EQ(rank.status, RONDO_TIMED_OUT);
    EXPECT_EQ(rank.error(), text);
  }
}

TEST(Bootstrap, WithoutRank0) {
  Rank rank;
  int port = freePort();
  rank.join(port, 1, 2, second / 4);
  EXPECT_EQ(rank.status, RONDO_TIMED_OUT);
  EXPECT_EQ(rank.error(), "rank 1 cannot reach rank 0 at 127.0.0.1:" + std::to_string(port) +
                              " (MASTER_ADDR, MASTER_PORT + 1) within 0.25 s: Connection refused");
}

TEST(Bootstrap, ARankThatStaysSilentIsNamed) {
  int port = freePort();
  std::vector<Rank> ranks = runRanks({0, 1, 2}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, 3, second);
    ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
    if (number == 2)
      std::this_thread::sleep_for(std::chrono::milliseconds(1800));
    else
      rank.gather(1);
  });
  for (int i : {0, 1}) {
    EXPECT_EQ(ranks[static_cast<size_t>(i)].status, RONDO_TIMED_OUT);
    EXPECT_EQ(ranks[static_cast<size_t>(i)].error(), "rank 2 gave nothing within 1 s: was it killed or stopped?");
  }
}

TEST(Bootstrap, ARankThatLeavesIsNamed) {
  int port = freePort();
  std::vector<Rank> ranks = runRanks({0, 1, 2}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, 3, 20 * second);
    ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
    if (number != 1)
      rank.gather(1);
    bootstrap_destroy(rank.joined);
    rank.joined = nullptr;
  });
  for (int i : {0, 2}) {
    EXPECT_EQ(ranks[static_cast<size_t>(i)].status, RONDO_SYSTEM_ERROR);
    EXPECT_EQ(ranks[static_cast<size_t>(i)].error().substr(0, 14), "rank 1 is gone");
  }
}

TEST(Bootstrap, DifferentJobs) {
  int port = freePort();
  std::vector<Rank> ranks = runRanks({0, 1}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, number == 0 ? 2 : 3, 5 * second);
    if (rank.status == RONDO_OK)
      rank.gather(1);
  });
  EXPECT_EQ(ranks[0].error(), "rank 1 was started as one of 3, but rank 0 as one of 2");
  EXPECT_NE(ranks[1].status, RONDO_OK);
  port = freePort();
  ranks = runRanks({0, 1, 1}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, 3, 5 * second);
    if (rank.status == RONDO_OK)
      rank.gather(1);
  });
  EXPECT_EQ(ranks[0].error(), "two processes say that they are rank 1");
}

TEST(Bootstrap, DifferentBlobs) {
  int port = freePort();
  std::vector<Rank> ranks = runRanks({0, 1}, [&](Rank &rank, int32_t number) {
    rank.join(port, number, 2, 5 * second);
    ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
    char blob[8] = "", all[16];
    rank.status = rank.joined->all_gather(rank.joined, rank.context.get(), blob, number ? 8 : 4, all);
  });
  for (const Rank &rank : ranks)
    EXPECT_EQ(rank.error(), "rank 1 gives 8 bytes in round 1, but rank 0 4 bytes in round 1");
}

/// A port scanner, or a browser.
TEST(Bootstrap, StrangersAreIgnored) {
  int port = freePort();
  runRanks({0, 1, 9}, [&](Rank &rank, int32_t number) {
    if (number < 2) {
      if (number == 1)
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
      rank.join(port, number, 2, 20 * second);
      ASSERT_EQ(rank.status, RONDO_OK) << rank.error();
      EXPECT_EQ(rank.gather(number), (std::vector<int32_t>{0, 1}));
      return;
    }
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    int stranger = -1;
    for (int attempt = 0; attempt < 1000; ++attempt) {
      stranger = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(stranger, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0)
        break;
      close(stranger);
      stranger = -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_GE(stranger, 0);
    EXPECT_EQ(send(stranger, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
    close(stranger);
  });
}

TEST(Bootstrap, PortInUse) {
  Listener taken;
  Rank rank;
  rank.join(taken.port, 0, 2, second);
  EXPECT_EQ(rank.status, RONDO_SYSTEM_ERROR);
  EXPECT_EQ(rank.error(), "rank 0 cannot listen on port " + std::to_string(taken.port) +
                              " (MASTER_PORT + 1): Address already in use: choose another MASTER_PORT");
}

TEST(Bootstrap, MissingVariables) {
  Rank rank;
  launch place = {};
  place.ranks = 2;
  EXPECT_EQ(bootstrap_tcp_create(rank.context.get(), &place, second, &rank.joined), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rank.error(), "the environment variable MASTER_ADDR is not set: it should name the host of rank 0");
  snprintf(place.master_address, sizeof place.master_address, "localhost");
  EXPECT_EQ(bootstrap_tcp_create(rank.context.get(), &place, second, &rank.joined), RONDO_INVALID_ARGUMENT);
  EXPECT_EQ(rank.error(), "the environment variable MASTER_PORT is not set: rank 0 listens on the port after it");
}

} // namespace
