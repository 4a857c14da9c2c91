//===- IrCase.cpp - Changed MLIR text, parsed, verified and compiled ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/IrCase.h"

#include "test/fuzz/Build.h"
#include "test/fuzz/Mutator.h"
#include "test/fuzz/ProgramGenerator.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <filesystem>

using namespace rondo;
using namespace rondo::fuzz;
using mlir::rondo::Level;

namespace {
/// A text, and what is done with it.
struct IrCase {
  std::string text;
  std::string pipeline; // of rondo-opt; empty: the whole compilation
  mlir::rondo::CompilerOptions options;
  Level level = Level::Llvm;
};

class IrKind : public Kind {
public:
  explicit IrKind(std::vector<std::string> folders) : folders(std::move(folders)) {}

  const char *name() const override { return "ir"; }
  double secondsPerCase() const override { return 60; }
  int casesPerProcess() const override { return 1000; }
  bool mayCrashUpstream() const override { return true; }
  void prepare() override;
  Outcome run(uint64_t seed, std::string &report) override;
  std::string reproducer(uint64_t seed) override;

private:
  IrCase makeCase(uint64_t seed) const;
  mlir::LogicalResult compile(const IrCase &test, mlir::ModuleOp module);
  std::string checkRoundTrip(mlir::ModuleOp module);

  std::vector<std::string> folders;
  std::unique_ptr<Mutator> mutator;
  std::unique_ptr<mlir::MLIRContext> context;
};
} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The corpus
//===--------------------------------------------------------------------------------------------------------------===//

/// The text without lines of comments: to change those changes nothing.
static std::string withoutComments(llvm::StringRef text) {
  std::string kept;
  for (llvm::StringRef rest = text; !rest.empty();) {
    auto [line, next] = rest.split('\n');
    if (!line.trim().empty() && !line.trim().starts_with("//"))
      kept += (line + "\n").str();
    rest = next;
  }
  return kept;
}

/// The parts of all .mlir files below a folder, in an order that does not depend on the file system.
static void readFolder(const std::string &folder, std::vector<std::string> &texts) {
  std::vector<std::string> paths;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".mlir")
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string &path : paths) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      continue;
    llvm::SmallVector<llvm::StringRef> parts;
    (*buffer)->getBuffer().split(parts, "// -----");
    for (llvm::StringRef part : parts)
      if (std::string text = withoutComments(part); !text.empty())
        texts.push_back(std::move(text));
  }
}

/// The forms of some generated programs on their way down: tests show little of them.
static void addLoweredPrograms(mlir::MLIRContext &context, std::vector<std::string> &texts) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    Program program = generateProgram(random);
    texts.push_back(program.text());
    for (Level level : {Level::Rondo, Level::Spmd, Level::Exec, Level::Llvm}) {
      Diagnostics diagnostics(context);
      auto module = mlir::parseSourceString<mlir::ModuleOp>(program.text(), &context);
      mlir::rondo::CompilerOptions options;
      options.pipeline.schedule = program.schedule;
      options.pipeline.homeParts = program.homeParts;
      options.pipeline.reference = false;
      llvm::SmallString<0> text;
      llvm::raw_svector_ostream stream(text);
      if (!module)
        continue;
      auto compiler = mlir::rondo::Compiler::create(module->getLoc(), options);
      if (mlir::succeeded(compiler) && mlir::succeeded(compiler->compile(*module, level, stream)))
        texts.push_back(text.str().str());
    }
  }
}

void IrKind::prepare() {
  context = createContext();
  std::vector<std::string> texts;
  for (const std::string &folder : folders)
    readFolder(folder, texts);
  addLoweredPrograms(*context, texts);
  // Tests of errors are many; what is right gets further when it is changed.
  std::vector<std::string> right;
  for (const std::string &text : texts) {
    Diagnostics diagnostics(*context);
    if (mlir::parseSourceString<mlir::ModuleOp>(text, context.get()))
      right.push_back(text);
  }
  for (int i = 0; i < 4; ++i)
    texts.insert(texts.end(), right.begin(), right.end());
  mutator = std::make_unique<Mutator>(std::move(texts));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Cases
//===--------------------------------------------------------------------------------------------------------------===//

IrCase IrKind::makeCase(uint64_t seed) const {
  Random random(seed);
  IrCase test;
  test.text = mutator->mutate(random);
  if (random.chance(0.4))
    test.pipeline = random.pick(
        {"builtin.module(rondo-propagate-sharding)", "builtin.module(rondo-partition)",
         "builtin.module(func.func(rondo-overlap))", "builtin.module(func.func(spmd-verify-pending))",
         "builtin.module(rondo-bufferize)", "builtin.module(func.func(rondo-plan-arena))",
         "builtin.module(func.func(rondo-join-merges))", "builtin.module(rondo-outline-kernels)",
         "builtin.module(func.func(rondo-assign-streams))", "builtin.module(func.func(exec-verify-order))",
         "builtin.module(rondo-emit-reference)", "builtin.module(rondo-lower-kernels-cpu)",
         "builtin.module(rondo-lower-host)", "builtin.module(canonicalize,cse)", "builtin.module(rondo-global-to-spmd)",
         "builtin.module(rondo-spmd-to-exec)", "builtin.module(rondo-global-to-spmd,rondo-spmd-to-exec)"});
  test.options.pipeline.schedule = random.pick({"auto", "query-ring", "kv-ring", "local"});
  test.options.pipeline.homeParts = random.pick({"auto", "1", "2"});
  test.options.pipeline.overlap = random.chance(0.8);
  test.options.pipeline.reference = random.chance(0.7);
  test.level = random.pick({Level::Spmd, Level::Exec, Level::Llvm, Level::Llvm, Level::Object});
  return test;
}

mlir::LogicalResult IrKind::compile(const IrCase &test, mlir::ModuleOp module) {
  if (!test.pipeline.empty()) {
    mlir::PassManager passes(context.get());
    if (mlir::failed(mlir::parsePassPipeline(test.pipeline, passes)) ||
        mlir::failed(test.options.configurePasses(passes)))
      return mlir::failure();
    return passes.run(module);
  }
  auto compiler = mlir::rondo::Compiler::create(module.getLoc(), test.options);
  llvm::SmallString<0> output;
  llvm::raw_svector_ostream stream(output);
  return mlir::failure(mlir::failed(compiler) || mlir::failed(compiler->compile(module, test.level, stream)));
}

/// What is printed parses again, to the same text.
std::string IrKind::checkRoundTrip(mlir::ModuleOp module) {
  auto print = [](mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    return text;
  };
  std::string first = print(module);
  Diagnostics diagnostics(*context);
  auto again = mlir::parseSourceString<mlir::ModuleOp>(first, context.get());
  if (!again)
    return "what was printed does not parse: " + diagnostics.text() + first;
  std::string second = print(*again);
  return first == second ? "" : "what was printed parses to something else:\n" + first + "and then\n" + second;
}

Outcome IrKind::run(uint64_t seed, std::string &report) {
  IrCase test = makeCase(seed);
  Diagnostics diagnostics(*context);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(test.text, context.get());
  if (!module) {
    report = diagnostics.hasError() ? diagnostics.text() : "the parser failed without an error";
    return diagnostics.hasError() ? Outcome::Refused : Outcome::Wrong;
  }
  report = checkRoundTrip(*module);
  if (!report.empty())
    return Outcome::Wrong;
  bool warned = diagnostics.hasError();
  std::string culprit;
  test.options.configurePasses = watchPasses(culprit);
  bool compiled = mlir::succeeded(compile(test, *module));
  if (!culprit.empty())
    report = culprit + " left wrong IR: " + diagnostics.text();
  else if (!compiled && !diagnostics.hasError())
    report = "it failed without an error";
  else if (compiled && diagnostics.hasError() && !warned)
    report = "it went on after an error: " + diagnostics.text();
  if (!report.empty())
    return Outcome::Wrong;
  report = diagnostics.text();
  return compiled ? Outcome::Accepted : Outcome::Refused;
}

std::string IrKind::reproducer(uint64_t seed) {
  IrCase test = makeCase(seed);
  std::string command = "// rondo-opt --pass-pipeline='" + test.pipeline + "' case.mlir\n";
  if (test.pipeline.empty())
    command = "// rondo-compile case.mlir -o case.out --emit=" + mlir::rondo::getName(test.level).str() +
              " --schedule=" + test.options.pipeline.schedule + " --home-parts=" + test.options.pipeline.homeParts +
              (test.options.pipeline.overlap ? "" : " --no-overlap") +
              (test.options.pipeline.reference ? "" : " --no-reference") + "\n";
  return command + test.text;
}

std::unique_ptr<Kind> rondo::fuzz::createIrKind(std::vector<std::string> folders) {
  return std::make_unique<IrKind>(std::move(folders));
}
