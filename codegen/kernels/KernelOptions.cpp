//===- KernelOptions.cpp - Configurations of kernels by hand --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/KernelOptions.h"

#include "llvm/ADT/StringExtras.h"

#include <functional>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

namespace {
/// Sets fields of a configuration from "key=value,...".
class OptionReader {
public:
  OptionReader(StringRef kernel, std::string &error) : kernel(kernel), error(error) {}

  void addNumber(StringRef key, int64_t &field) {
    add(key, "a number", [&field](StringRef value) { return !value.getAsInteger(10, field); });
  }
  void addFlag(StringRef key, bool &field) { addChoice<bool>(key, field, {{"true", true}, {"false", false}}); }
  template <typename T>
  void addChoice(StringRef key, T &field, std::initializer_list<std::pair<StringRef, T>> values) {
    SmallVector<std::pair<StringRef, T>> known(values);
    std::string names = llvm::join(llvm::make_first_range(known), ", ");
    add(key, names, [&field, known](StringRef value) {
      for (auto &[name, known] : known)
        if (name == value) {
          field = known;
          return true;
        }
      return false;
    });
  }

  void read(StringRef options) {
    if (options.empty())
      return;
    for (StringRef option : llvm::split(options, ','))
      readOne(option);
  }

private:
  struct Option {
    StringRef key;
    std::string expected;
    std::function<bool(StringRef)> set;
  };

  void add(StringRef key, StringRef expected, std::function<bool(StringRef)> set) {
    known.push_back({key, expected.str(), std::move(set)});
  }

  void readOne(StringRef text) {
    auto [key, value] = text.split('=');
    for (const Option &option : known) {
      if (option.key != key)
        continue;
      if (!option.set(value))
        error = (kernel + ": " + key + " is '" + value + "'; expected " + option.expected).str();
      return;
    }
    std::string keys = llvm::join(llvm::map_range(known, [](const Option &option) { return option.key; }), ", ");
    error = (kernel + " has no option '" + key + "'; expected " + keys).str();
  }

  StringRef kernel;
  std::string &error;
  std::vector<Option> known;
};
} // namespace

void cuda::readAttendOptions(StringRef options, AttendConfiguration &c, std::string &error) {
  OptionReader reader("attend", error);
  reader.addNumber("block-keys", c.blockKeys);
  reader.addNumber("warpgroups", c.warpgroups);
  reader.addNumber("stages", c.stages);
  reader.addNumber("cluster", c.cluster);
  reader.addFlag("ping-pong", c.pingPong);
  reader.addFlag("persistent", c.persistent);
  reader.addFlag("overlap-tiles", c.overlapTiles);
  reader.addNumber("early-turn", c.earlyTurn);
  reader.addNumber("polynomials", c.polynomials);
  reader.addFlag("lazy-rescale", c.lazyRescale);
  reader.addFlag("dependent-launch", c.dependentLaunch);
  reader.addChoice<ElementFormat>(
      "output", c.output, {{"f16", ElementFormat::F16}, {"bf16", ElementFormat::BF16}, {"f32", ElementFormat::F32}});
  reader.addChoice<CacheHint>(
      "key-hint", c.keyHint,
      {{"none", CacheHint::None}, {"evict-first", CacheHint::EvictFirst}, {"evict-last", CacheHint::EvictLast}});
  reader.read(options);
}

void cuda::readMergeOptions(StringRef options, MergeConfiguration &c, std::string &error) {
  OptionReader reader("merge", error);
  reader.addNumber("unroll", c.unroll);
  reader.read(options);
}

StringRef cuda::getKernelOptions(StringRef all, StringRef kernel, std::string &error) {
  StringRef found;
  if (all.empty())
    return found;
  for (StringRef part : llvm::split(all, ';')) {
    auto [name, options] = part.split(':');
    if (name != "attend" && name != "merge")
      error = ("unknown kernel '" + name + "'; expected attend:OPTIONS or merge:OPTIONS").str();
    else if (options.empty())
      error = (name + " is given no options; expected " + name + ":KEY=VALUE,...").str();
    else if (name == kernel)
      found = options;
  }
  return found;
}
