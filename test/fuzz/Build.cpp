//===- Build.cpp - Compiles programs inside the fuzzer --------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Build.h"

#include "tools/common/Register.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <fstream>

#include <unistd.h>

using namespace rondo::fuzz;

Diagnostics::Diagnostics(mlir::MLIRContext &context) : context(context) {
  handler = context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
    errors |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    llvm::raw_string_ostream(log) << diagnostic << '\n';
    return mlir::success();
  });
}
Diagnostics::~Diagnostics() { context.getDiagEngine().eraseHandler(handler); }

std::unique_ptr<mlir::MLIRContext> rondo::fuzz::createContext() {
  mlir::DialectRegistry registry;
  mlir::rondo::registerAllForCompilation(registry);
  auto context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false);
  return context;
}

namespace {
class VerifyAfterPass : public mlir::PassInstrumentation {
public:
  explicit VerifyAfterPass(std::string &culprit) : culprit(culprit) {}

  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override {
    // Adaptors nest pass managers; the passes inside are seen by themselves.
    if (culprit.empty() && mlir::failed(mlir::verify(op)))
      culprit = pass->getName().str();
  }

private:
  std::string &culprit;
};
} // namespace

std::function<mlir::LogicalResult(mlir::PassManager &)> rondo::fuzz::watchPasses(std::string &culprit) {
  return [&culprit](mlir::PassManager &passes) {
    passes.addInstrumentation(std::make_unique<VerifyAfterPass>(culprit));
    return mlir::success();
  };
}

namespace {
struct Folder {
  std::string path;
  Folder() {
    const char *parent = std::getenv("TMPDIR");
    path = std::string(parent ? parent : "/tmp") + "/rondo-fuzz-XXXXXX";
    if (!mkdtemp(path.data()))
      std::abort();
  }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
};
} // namespace

const std::string &rondo::fuzz::temporaryFolder() {
  static Folder folder;
  return folder.path;
}

bool rondo::fuzz::link(const std::string &linker, llvm::StringRef object, const std::string &path,
                       std::string &output) {
  std::string objectPath = path + ".o", logPath = path + ".log", message;
  std::ofstream(objectPath, std::ios::binary).write(object.data(), object.size());
  llvm::StringRef arguments[] = {linker, "-shared", "-o", path, objectPath, "--build-id=none"};
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, llvm::StringRef(logPath), llvm::StringRef(logPath)};
  int status = llvm::sys::ExecuteAndWait(linker, arguments, std::nullopt, redirects, 0, 0, &message);
  if (auto log = llvm::MemoryBuffer::getFile(logPath))
    output = message + (*log)->getBuffer().str();
  unlink(objectPath.c_str());
  unlink(logPath.c_str());
  return status == 0;
}
