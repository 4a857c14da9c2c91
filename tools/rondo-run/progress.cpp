// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/progress.h"

#include <cstdio>
#include <unistd.h>

namespace rondo::run {

constexpr const char *eraseLine = "\r\033[K";

Progress::Progress() : terminal(isatty(STDERR_FILENO)) {}

void Progress::show(const std::string &text) {
  if (!terminal)
    return;
  std::fprintf(stderr, "%srondo-run: %s", eraseLine, text.c_str());
  std::fflush(stderr);
  shown = true;
}

void Progress::clear() {
  if (shown)
    std::fputs(eraseLine, stderr);
  shown = false;
}

} // namespace rondo::run
