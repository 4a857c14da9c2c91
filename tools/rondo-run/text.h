// Strict parsing of numbers, and the wording that messages share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_TEXT_H
#define RONDO_RUN_TEXT_H

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::run {

/// Joins its arguments as `<<` prints them.
template <typename... Parts>
std::string concat(const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// The whole text as a decimal number, or nothing: no blanks, no sign where none is meant, no rest.
std::optional<int64_t> parseInteger(std::string_view text);
std::optional<uint64_t> parseUnsigned(std::string_view text);
/// A finite number.
std::optional<double> parseNumber(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string> &parts, std::string_view separator);

/// "[1, 32, 61, 128]"
std::string shapeText(const std::vector<int64_t> &shape);

/// "; known: a, b" and, if one of them is close, "; did you mean 'a'?". Empty list: "; there are none".
std::string suggestion(std::string_view name, const std::vector<std::string> &known);

/// "1.25 ms", "3.4 us", "2.10 s"
std::string timeText(double seconds);
/// "0 B", "1.20 kB", "3.40 MB" (powers of 1000)
std::string bytesText(double bytes);
/// Three significant digits, "3.10e-07".
std::string errorText(double value);

} // namespace rondo::run
#endif // RONDO_RUN_TEXT_H
