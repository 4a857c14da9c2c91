// Files that appear under their name complete or not at all.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_OUTPUT_FILE_H
#define RONDO_RUN_OUTPUT_FILE_H

#include "tools/rondo-run/result.h"

#include <cstdio>
#include <string>

namespace rondo::run {

/// Whether a file of this name can be made: its folder exists and is writable, and the name is not a folder's.
/// Asked before long work, whose result would be lost.
Status checkOutputPath(const std::string &path);

/// Writes to a temporary name in the same folder; `commit` gives the file its name. Without it, nothing is left.
class OutputFile {
public:
  static Result<OutputFile> create(const std::string &path);
  OutputFile(OutputFile &&other);
  OutputFile &operator=(OutputFile &&) = delete;
  ~OutputFile();

  Status write(const void *data, size_t bytes);
  Status commit();

private:
  OutputFile(std::string path, std::string temporary, FILE *stream)
      : path(std::move(path)), temporary(std::move(temporary)), stream(stream) {}
  Error failure(int number) const;

  std::string path;
  std::string temporary;
  FILE *stream;
};

/// Writes a whole file.
Status writeTextFile(const std::string &path, const std::string &content);

} // namespace rondo::run
#endif // RONDO_RUN_OUTPUT_FILE_H
