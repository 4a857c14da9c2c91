// Messages by TCP: ranks are threads here, which share nothing but the sockets.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support.h"

extern "C" {
#include "runtime/src/launch.h"
#include "runtime/src/wire_tcp.h"
}

#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rondo_test;

namespace {

constexpr int64_t second = 1000000000;
const wire_module &tcp = wire_tcp_module;

int freePort() {
  int handle = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(handle, reinterpret_cast<sockaddr *>(&address), size), 0);
  EXPECT_EQ(getsockname(handle, reinterpret_cast<sockaddr *>(&address), &size), 0);
  close(handle);
  return ntohs(address.sin_port);
}

wire *openWire(int port, int32_t rank, int32_t ranks) {
  launch place = {};
  place.rank = rank;
  place.ranks = ranks;
  place.master_port = port - 1;
  snprintf(place.master_address, sizeof place.master_address, "127.0.0.1");
  wire *opened = nullptr;
  char error[512] = "";
  EXPECT_EQ(tcp.open(&place, 20 * second, &opened, error, sizeof error), 0) << error;
  return opened;
}

/// Calls `act` on every rank, each in a thread, between opening and closing.
void onRanks(int32_t ranks, const std::function<void(wire *, int32_t)> &act) {
  int port = freePort();
  std::vector<std::thread> threads;
  for (int32_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      wire *opened = openWire(port, rank, ranks);
      ASSERT_NE(opened, nullptr);
      EXPECT_EQ(tcp.rank(opened), rank);
      EXPECT_EQ(tcp.size(opened), ranks);
      act(opened, rank);
      tcp.close(opened, 1);
    });
  for (std::thread &thread : threads)
    thread.join();
}

size_t finish(wire *wire, wire_request *request) {
  size_t bytes = 0;
  while (tcp.test(wire, request, &bytes) == WIRE_PENDING)
    usleep(50);
  return bytes;
}

/// The next message on a channel: "from: text".
std::string take(wire *wire, int32_t channel) {
  int32_t from = -1;
  void *message = nullptr;
  size_t bytes = 0;
  while (tcp.take(wire, channel, &from, &message, &bytes) == WIRE_PENDING)
    usleep(50);
  std::string text = std::to_string(from) + ": " + std::string(static_cast<char *>(message), bytes);
  free(message);
  return text;
}

void post(wire *wire, int32_t to, int32_t channel, const std::string &text) {
  wire_request *request = tcp.post(wire, to, channel, text.data(), text.size());
  ASSERT_NE(request, nullptr);
  finish(wire, request);
}

TEST(WireTcp, MessagesArriveInOrder) {
  onRanks(4, [](wire *wire, int32_t rank) {
    int32_t next = (rank + 1) % 4, former = (rank + 3) % 4;
    for (int i = 0; i < 20; ++i)
      post(wire, next, 1, std::to_string(i));
    post(wire, next, 2, "");
    EXPECT_EQ(take(wire, 2), std::to_string(former) + ": ");
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(take(wire, 1), std::to_string(former) + ": " + std::to_string(i));
  });
}

TEST(WireTcp, OneRankTalksToItself) {
  onRanks(1, [](wire *wire, int32_t) {
    post(wire, 0, 1, "hello");
    EXPECT_EQ(take(wire, 1), "0: hello");
  });
}

TEST(WireTcp, LargeMessagesGoRound) {
  // Larger than what sockets and a frame hold.
  const size_t count = 3000001;
  onRanks(3, [&](wire *wire, int32_t rank) {
    int32_t next = (rank + 1) % 3, former = (rank + 2) % 3;
    std::vector<char> out(count, static_cast<char>('a' + rank)), in(count, '\0');
    wire_request *receive = tcp.receive(wire, former, 3, in.data(), in.size());
    wire_request *send = tcp.send(wire, next, 3, out.data(), out.size());
    EXPECT_EQ(finish(wire, receive), count);
    finish(wire, send);
    EXPECT_EQ(in, std::vector<char>(count, static_cast<char>('a' + former)));
  });
}

TEST(WireTcp, ReceivesTakeMessagesInTheirOrder) {
  onRanks(2, [](wire *wire, int32_t rank) {
    int32_t other = 1 - rank;
    char first[4] = "", second[4] = "";
    wire_request *receives[] = {tcp.receive(wire, other, 3, first, sizeof first),
                                tcp.receive(wire, other, 3, second, sizeof second)};
    post(wire, other, 3, "one");
    post(wire, other, 3, "two");
    // Tested the other way round; the sizes are the sender's.
    EXPECT_EQ(finish(wire, receives[1]), 3U);
    EXPECT_EQ(finish(wire, receives[0]), 3U);
    EXPECT_STREQ(first, "one");
    EXPECT_STREQ(second, "two");
  });
}

TEST(WireTcp, RankThatLeavesIsKnownAfterItsMessages) {
  onRanks(3, [](wire *wire, int32_t rank) {
    int32_t orderly = 0;
    if (rank == 1) {
      post(wire, 2, 1, "farewell");
      return;
    }
    while (tcp.lost(wire, &orderly) < 0) {
      int32_t from;
      void *message;
      size_t bytes;
      // On a channel on which nothing comes: progress alone.
      EXPECT_EQ(tcp.take(wire, 7, &from, &message, &bytes), WIRE_PENDING);
      usleep(50);
    }
    EXPECT_EQ(tcp.lost(wire, &orderly), 1);
    EXPECT_TRUE(orderly);
    if (rank == 2)
      EXPECT_EQ(take(wire, 1), "1: farewell");
    // Until both have seen it.
    post(wire, 2 - rank, 2, "seen");
    take(wire, 2);
  });
}

TEST(WireTcp, CommunicatorAfterCommunicator) {
  // A rank that is quick to begin the next one must not meet what is left of the former one.
  int port = freePort();
  std::vector<std::thread> threads;
  for (int32_t rank = 0; rank < 3; ++rank)
    threads.emplace_back([=] {
      for (int i = 0; i < 10; ++i) {
        wire *opened = openWire(port, rank, 3);
        ASSERT_NE(opened, nullptr);
        post(opened, (rank + 1) % 3, 1, std::to_string(i));
        EXPECT_EQ(take(opened, 1), std::to_string((rank + 2) % 3) + ": " + std::to_string(i));
        tcp.close(opened, 1);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
