// A line on the terminal that says what long work is at. Silent when standard error is not a terminal.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_PROGRESS_H
#define RONDO_RUN_PROGRESS_H

#include <string>

namespace rondo::run {

class Progress {
public:
  Progress();
  ~Progress() { clear(); }

  void show(const std::string &text);
  void clear();

private:
  bool terminal;
  bool shown = false;
};

} // namespace rondo::run
#endif // RONDO_RUN_PROGRESS_H
