//===- Ptxas.cpp - From PTX to machine code -------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/Ptxas.h"

#include "codegen/cuda/Cache.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// What determines machine code besides the PTX and ptxas.
static constexpr StringLiteral kFlags[] = {"-arch=sm_90a", "-O3", "-v"};

//===--------------------------------------------------------------------------------------------------------------===//
// Finding ptxas
//===--------------------------------------------------------------------------------------------------------------===//

static FailureOr<std::string> findPtxas(Location loc, StringRef option) {
  if (!option.empty()) {
    if (fs::can_execute(option))
      return option.str();
    return emitError(loc) << "ptxas: '" << option << "', given as an option, is no executable file";
  }
  if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  SmallVector<std::pair<std::string, std::string>> prefixes; // where they come from, and what they are
  for (StringRef variable : {"CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"})
    if (std::optional<std::string> prefix = llvm::sys::Process::GetEnv(variable))
      prefixes.emplace_back((variable + ": ").str(), *prefix);
  if (prefixes.empty())
    prefixes.emplace_back("CUDA_HOME, CUDA_PATH and CUDA_ROOT are not set: ", "/usr/local/cuda");
  std::string tried = "PATH";
  for (auto &[origin, prefix] : prefixes) {
    llvm::SmallString<128> candidate(prefix);
    path::append(candidate, "bin", "ptxas");
    if (fs::can_execute(candidate))
      return candidate.str().str();
    tried += ", " + origin + candidate.str().str();
  }
  return emitError(loc) << "ptxas, the assembler of the CUDA toolkit, was not found; looked for it in " << tried
                        << "; install the toolkit, or give its path";
}

//===--------------------------------------------------------------------------------------------------------------===//
// Files
//===--------------------------------------------------------------------------------------------------------------===//

static FailureOr<std::string> readFile(Location loc, StringRef name) {
  auto buffer = llvm::MemoryBuffer::getFile(name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return emitError(loc) << "cannot read '" << name << "': " << buffer.getError().message();
  return (*buffer)->getBuffer().str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Assembling
//===--------------------------------------------------------------------------------------------------------------===//

/// The first line of the report that says that a kernel would be slow, and the kernel that it is about.
static LogicalResult checkReport(Location loc, StringRef report) {
  llvm::Regex function("Function properties for ([A-Za-z0-9_$]+)|function '([^']+)'");
  llvm::Regex spills("([1-9][0-9]*) bytes spill stores|([1-9][0-9]*) bytes spill loads");
  llvm::Regex warning("\\(C75[0-9][0-9]\\)|C75[0-9][0-9]");
  StringRef kernel = "(unknown)";
  SmallVector<StringRef> lines, match;
  report.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    if (function.match(line, &match))
      kernel = match[1].empty() ? match[2] : match[1];
    if (spills.match(line))
      return emitError(loc) << "kernel @" << kernel << " does not fit its registers: ptxas reports " << line.trim();
    if (warning.match(line))
      return emitError(loc) << "kernel @" << kernel << " would be slow: ptxas warns: " << line.trim();
  }
  return success();
}

static FailureOr<Cubin> runPtxas(Location loc, StringRef ptx, StringRef ptxas) {
  llvm::SmallString<128> names[3]; // PTX, cubin, report
  static constexpr StringLiteral suffixes[] = {"ptx", "cubin", "txt"};
  llvm::scope_exit removeFiles([&] {
    for (StringRef name : names)
      if (!name.empty())
        fs::remove(name);
  });
  for (auto [name, suffix] : llvm::zip(names, suffixes))
    if (std::error_code error = fs::createTemporaryFile("rondo", suffix, name))
      return emitError(loc) << "cannot create a temporary file: " << error.message();
  if (std::error_code error = writeWholeFile(names[0], ptx))
    return emitError(loc) << "cannot write '" << names[0] << "': " << error.message();

  SmallVector<StringRef> arguments = {ptxas};
  llvm::append_range(arguments, kFlags);
  arguments.append({names[0], "-o", names[1]});
  std::optional<StringRef> redirects[] = {std::nullopt, names[2].str(), names[2].str()};
  std::string failure;
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &failure);
  FailureOr<std::string> report = readFile(loc, names[2]);
  if (mlir::failed(report))
    return mlir::failure();
  if (status != 0)
    return emitError(loc) << "'" << ptxas << "' failed: " << (failure.empty() ? *report : failure);
  if (mlir::failed(checkReport(loc, *report)))
    return mlir::failure();
  FailureOr<std::string> image = readFile(loc, names[1]);
  if (mlir::failed(image))
    return mlir::failure();
  return Cubin{std::move(*image), std::move(*report)};
}

FailureOr<std::string> cuda::identifyPtxas(Location loc, const PtxasOptions &options) {
  FailureOr<std::string> ptxas = findPtxas(loc, options.path);
  if (failed(ptxas))
    return failure();
  return llvm::join(ArrayRef(kFlags), " ") + " " + describeFile(*ptxas);
}

FailureOr<Cubin> cuda::assemblePtx(Location loc, StringRef ptx, const PtxasOptions &options) {
  FailureOr<std::string> ptxas = findPtxas(loc, options.path);
  FailureOr<std::string> identity = identifyPtxas(loc, options);
  if (failed(ptxas) || failed(identity))
    return failure();
  FailureOr<Cache> cache = Cache::open(loc, options.cacheDirectory);
  if (failed(cache))
    return failure();
  std::string key = getCacheKey({*identity, ptx.str()}), imageName = key + ".cubin", reportName = key + ".txt";
  if (std::optional<std::string> image = cache->find(imageName), report = cache->find(reportName); image && report)
    return Cubin{std::move(*image), std::move(*report)};
  FailureOr<Cubin> cubin = runPtxas(loc, ptx, *ptxas);
  // The report goes first, so that a cubin in the cache always has one.
  if (failed(cubin) || failed(cache->store(loc, reportName, cubin->report)) ||
      failed(cache->store(loc, imageName, cubin->image)))
    return failure();
  return cubin;
}
