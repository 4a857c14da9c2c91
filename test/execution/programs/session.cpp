//===- session.cpp - The runtime's handles that all tests share -----------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "session.h"

#include <gtest/gtest.h>

#include <cstdlib>

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

rondo_communicator *Session::communicator(int64_t ranks, rondo_communicator_kind kind, const RunOptions &runOptions) {
  rondo_communicator *&communicator = communicators[{ranks, kind, runOptions}];
  if (communicator)
    return communicator;
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.kind = kind;
  options.ranks = static_cast<int32_t>(ranks);
  options.link_latency_us = runOptions.latencyMicroseconds;
  options.threads_per_rank = runOptions.threadsPerRank;
  EXPECT_EQ(rondo_communicator_create(handle, &options, &communicator), RONDO_OK) << lastError();
  return communicator;
}
