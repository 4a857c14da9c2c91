// A folder for the files of one test, removed at its end.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_TEMPORARY_FOLDER_H
#define RONDO_TEST_TEMPORARY_FOLDER_H

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace rondo::test {

class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rondo-test-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;

  std::string path(const std::string &name) const { return (root / name).string(); }

  /// Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &content) const {
    std::ofstream(root / name, std::ios::binary) << content;
    return path(name);
  }

  std::string read(const std::string &name) const {
    std::ifstream file(root / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// The names of everything in the folder, sorted.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(root))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

private:
  std::filesystem::path root;
};

} // namespace rondo::test
#endif // RONDO_TEST_TEMPORARY_FOLDER_H
