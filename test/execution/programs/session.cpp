//===- session.cpp - The runtime's handles that all tests share -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "session.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

using namespace rondo::test;

Session &Session::get() {
  static Session session;
  return session;
}

Session::Session() {
  if (rondo_context_create(&handle) != RONDO_OK)
    std::abort();
}

Session::~Session() {
  for (auto &[key, communicator] : communicators)
    rondo_communicator_destroy(communicator);
  for (rondo_program *program : programs)
    rondo_program_destroy(program);
  rondo_context_destroy(handle);
}

const rondo_program *Session::load(const std::string &path) {
  rondo_program *program = nullptr;
  EXPECT_EQ(rondo_program_load(handle, path.c_str(), &program), RONDO_OK) << lastError();
  programs.push_back(program);
  return program;
}

static constexpr size_t kMostCommunicators = 24;

rondo_communicator *Session::communicator(int64_t ranks, rondo_communicator_kind kind, const RunOptions &runOptions) {
  rondo_communicator *&communicator = communicators[{ranks, kind, runOptions}];
  if (communicator)
    return communicator;
  // Each keeps the threads of its ranks.
  if (communicators.size() > kMostCommunicators) {
    for (auto &[key, other] : communicators)
      rondo_communicator_destroy(other);
    communicators.clear();
    return this->communicator(ranks, kind, runOptions);
  }
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.kind = kind;
  options.ranks = static_cast<int32_t>(ranks);
  options.link_latency_us = runOptions.latencyMicroseconds;
  options.threads_per_rank = runOptions.threadsPerRank;
  rondo_status status = rondo_communicator_create(handle, &options, &communicator);
  // A machine that is short of threads may have them again soon.
  for (int attempt = 0; status == RONDO_SYSTEM_ERROR && attempt < 100; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    status = rondo_communicator_create(handle, &options, &communicator);
  }
  EXPECT_EQ(status, RONDO_OK) << lastError();
  return communicator;
}
