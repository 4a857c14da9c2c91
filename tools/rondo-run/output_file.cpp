// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/output_file.h"

#include "tools/rondo-run/text.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace rondo::run {

static std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status checkOutputPath(const std::string &path) {
  struct stat entry;
  if (path.empty())
    return Error{"the name of an output file is empty"};
  if (path.back() == '/' || (stat(path.c_str(), &entry) == 0 && S_ISDIR(entry.st_mode)))
    return Error{concat("cannot write '", path, "': it is a folder; expected the name of a file")};
  std::string folder = folderOf(path);
  if (stat(folder.c_str(), &entry) != 0)
    return Error{concat("cannot write '", path, "': folder '", folder, "': ", std::strerror(errno))};
  if (!S_ISDIR(entry.st_mode))
    return Error{concat("cannot write '", path, "': '", folder, "' is not a folder")};
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    return Error{concat("cannot write '", path, "': folder '", folder, "': ", std::strerror(errno))};
  return Success{};
}

Result<OutputFile> OutputFile::create(const std::string &path) {
  std::string temporary = path + ".XXXXXX";
  int descriptor = mkstemp(temporary.data());
  if (descriptor < 0)
    return Error{concat("cannot write '", path, "': ", std::strerror(errno))};
  // mkstemp makes private files; an output is as public as the user's umask says.
  mode_t mask = umask(0);
  umask(mask);
  fchmod(descriptor, 0666 & ~mask);
  return OutputFile(path, temporary, fdopen(descriptor, "wb"));
}

OutputFile::OutputFile(OutputFile &&other)
    : path(std::move(other.path)), temporary(std::move(other.temporary)), stream(other.stream) {
  other.stream = nullptr;
  other.temporary.clear();
}

OutputFile::~OutputFile() {
  if (stream)
    std::fclose(stream);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Error OutputFile::failure(int number) const {
  return Error{concat("cannot write '", path, "': ", std::strerror(number))};
}

Status OutputFile::write(const void *data, size_t bytes) {
  if (!stream || std::fwrite(data, 1, bytes, stream) != bytes)
    return failure(errno);
  return Success{};
}

Status OutputFile::commit() {
  FILE *closing = stream;
  stream = nullptr;
  if (!closing || std::fclose(closing) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)
    return failure(errno);
  temporary.clear();
  return Success{};
}

Status writeTextFile(const std::string &path, const std::string &content) {
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.error();
  if (Status written = file->write(content.data(), content.size()); !written)
    return written;
  return file->commit();
}

} // namespace rondo::run
