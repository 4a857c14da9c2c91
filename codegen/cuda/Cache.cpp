//===- Cache.cpp - Generated code that is kept from one compilation to the next -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/Cache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::rondo;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static constexpr StringLiteral kWayOut = "; set RONDO_CACHE_DIR to another directory, or to none";

/// The directory that `option` and the environment name; empty if there is none.
static std::string getDirectory(StringRef option) {
  using llvm::sys::Process;
  if (!option.empty())
    return option == "none" ? "" : option.str();
  if (std::optional<std::string> directory = Process::GetEnv("RONDO_CACHE_DIR"))
    return *directory == "none" ? "" : *directory;
  llvm::SmallString<128> directory;
  if (!path::cache_directory(directory)) // XDG_CACHE_HOME, or .cache in the home directory
    return "";
  path::append(directory, "rondo");
  return directory.str().str();
}

static std::string getPath(StringRef directory, StringRef name) {
  llvm::SmallString<128> joined(directory);
  path::append(joined, name);
  return joined.str().str();
}

FailureOr<cuda::Cache> cuda::Cache::open(Location loc, StringRef option) {
  Cache cache(getDirectory(option));
  if (!cache.directory.empty())
    if (std::error_code error = fs::create_directories(cache.directory))
      return emitError(loc) << "cannot create the cache '" << cache.directory << "': " << error.message() << kWayOut;
  return cache;
}

std::optional<std::string> cuda::Cache::find(StringRef name) const {
  if (directory.empty())
    return std::nullopt;
  auto buffer =
      llvm::MemoryBuffer::getFile(getPath(directory, name), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return std::nullopt;
  return (*buffer)->getBuffer().str();
}

LogicalResult cuda::Cache::store(Location loc, StringRef name, StringRef content) const {
  if (directory.empty())
    return success();
  std::string file = getPath(directory, name);
  if (std::error_code error = writeWholeFile(file, content))
    return emitError(loc) << "cannot write '" << file << "' in the cache: " << error.message() << kWayOut;
  return success();
}

std::string cuda::getCacheKey(ArrayRef<std::string> parts) {
  llvm::SHA256 hash;
  for (const std::string &part : parts) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::string cuda::describeFile(StringRef file) {
  fs::file_status status;
  if (fs::status(file, status))
    return file.str();
  return (file + ":" + Twine(status.getSize()) + ":" +
          Twine(status.getLastModificationTime().time_since_epoch().count()))
      .str();
}

std::error_code cuda::writeWholeFile(StringRef name, StringRef content) {
  llvm::SmallString<128> temporary;
  int file = -1;
  if (std::error_code error = fs::createUniqueFile(name + ".%%%%%%", file, temporary))
    return error;
  llvm::raw_fd_ostream stream(file, /*shouldClose=*/true);
  stream << content;
  stream.close();
  std::error_code error = stream.error();
  stream.clear_error();
  if (!error)
    error = fs::rename(temporary, name);
  if (error)
    fs::remove(temporary);
  return error;
}
