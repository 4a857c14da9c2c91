//===- ProgramCase.cpp - Programs at random, compiled, run and compared with float64 --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/ProgramCase.h"

#include "test/execution/programs/session.h"
#include "test/fuzz/Build.h"
#include "test/fuzz/ProgramGenerator.h"
#include "test/fuzz/ProgramRun.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SmallString.h"

#include <unistd.h>

using namespace rondo;
using namespace rondo::fuzz;

/// Runs are quick beside the compilation.
static constexpr int runsPerFunction = 12;

namespace {
class ProgramKind : public Kind {
public:
  explicit ProgramKind(std::string linker) : linker(std::move(linker)) {}

  const char *name() const override { return "programs"; }
  double secondsPerCase() const override { return 120; }
  int casesPerProcess() const override { return 40; }
  bool mayCrashUpstream() const override { return false; }
  void prepare() override;
  Outcome run(uint64_t seed, std::string &report) override;
  std::string reproducer(uint64_t seed) override;

private:
  Outcome compile(const Program &program, llvm::SmallVectorImpl<char> &object, std::string &report);
  Outcome runBinary(const Program &program, const std::string &path, Random &random, std::string &report);

  std::string linker;
  std::unique_ptr<mlir::MLIRContext> context;
};
} // namespace

/// Compiles a program, so that dialects, passes and LLVM's target are there when processes are forked.
void ProgramKind::prepare() {
  context = createContext();
  Random random(0);
  llvm::SmallString<0> object;
  std::string report;
  compile(generateProgram(random), object, report);
}

Outcome ProgramKind::compile(const Program &program, llvm::SmallVectorImpl<char> &object, std::string &report) {
  Diagnostics diagnostics(*context);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(program.text(), context.get());
  std::string culprit;
  mlir::rondo::CompilerOptions options;
  options.pipeline.schedule = program.schedule;
  options.pipeline.homeParts = program.homeParts;
  options.pipeline.overlap = program.overlap;
  options.pipeline.reference = program.reference;
  options.cpu = program.cpu;
  options.configurePasses = watchPasses(culprit);
  llvm::raw_svector_ostream stream(object);
  bool compiled = false;
  if (module)
    if (auto compiler = mlir::rondo::Compiler::create(module->getLoc(), options); mlir::succeeded(compiler))
      compiled = mlir::succeeded(compiler->compile(*module, mlir::rondo::Level::Object, stream));
  if (!culprit.empty())
    report = culprit + " left wrong IR: " + diagnostics.text();
  else if (!compiled && !diagnostics.hasError())
    report = "the compiler failed without an error";
  else if (compiled && diagnostics.hasError())
    report = "the compiler went on after an error: " + diagnostics.text();
  else if (!compiled && program.isValid)
    report = "the compiler refused a valid program: " + diagnostics.text();
  if (!report.empty())
    return Outcome::Wrong;
  report = compiled ? "" : diagnostics.text();
  return compiled ? Outcome::Accepted : Outcome::Refused;
}

Outcome ProgramKind::runBinary(const Program &program, const std::string &path, Random &random, std::string &report) {
  test::Session &session = test::Session::get();
  rondo_program *binary = nullptr;
  rondo_status status = rondo_program_load(session.context(), path.c_str(), &binary);
  unlink(path.c_str());
  if (status != RONDO_OK) {
    report = std::string("the program does not load: ") + session.lastError();
    return Outcome::Wrong;
  }
  std::string history;
  for (const Function &function : program.functions)
    for (int i = 0; i < runsPerFunction && report.empty(); ++i)
      report = runOnce(program, function, binary, random, history);
  rondo_program_destroy(binary);
  if (!report.empty())
    report = "runs (the last one is wrong):\n" + history + report;
  return report.empty() ? Outcome::Accepted : Outcome::Wrong;
}

Outcome ProgramKind::run(uint64_t seed, std::string &report) {
  Random random(seed);
  Program program = generateProgram(random);
  llvm::SmallString<0> object;
  Outcome outcome = compile(program, object, report);
  if (outcome != Outcome::Accepted || program.isBroken)
    return outcome;
  std::string path = temporaryFolder() + "/" + std::to_string(seed) + ".so", log;
  if (!link(linker, object, path, log)) {
    report = "the linker failed: " + log;
    return Outcome::Wrong;
  }
  return runBinary(program, path, random, report);
}

std::string ProgramKind::reproducer(uint64_t seed) {
  Random random(seed);
  Program program = generateProgram(random);
  return "// rondo-compile program.mlir -o program.so " + program.options() + "\n" + program.text();
}

std::unique_ptr<Kind> rondo::fuzz::createProgramKind(std::string linker) {
  return std::make_unique<ProgramKind>(std::move(linker));
}
