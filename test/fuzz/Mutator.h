//===- Mutator.h - Changes to texts at random -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_FUZZ_MUTATOR_H
#define RONDO_TEST_FUZZ_MUTATOR_H

#include "test/fuzz/Random.h"

#include <string>

namespace rondo::fuzz {

/// Changes texts by tokens and lines, mostly so that they stay near to what parses.
class Mutator {
public:
  /// `corpus`: where tokens and lines are borrowed from.
  explicit Mutator(std::vector<std::string> corpus);

  const std::vector<std::string> &corpus() const { return texts; }
  /// One of the corpus's texts, changed a few times.
  std::string mutate(Random &random) const;

private:
  using Tokens = std::vector<std::string>;

  void changeToken(Tokens &tokens, Random &random) const;
  void changeEverywhere(Tokens &tokens, Random &random) const;
  std::string similar(const std::string &token, const Tokens &own, Random &random) const;
  void changeLine(Tokens &tokens, Random &random) const;

  std::vector<std::string> texts;
  std::vector<Tokens> tokenized;
};

} // namespace rondo::fuzz

#endif // RONDO_TEST_FUZZ_MUTATOR_H
