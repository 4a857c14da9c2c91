// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace rondo::run {

template <typename T>
static std::optional<T> parseWhole(std::string_view text) {
  T value{};
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<int64_t> parseInteger(std::string_view text) { return parseWhole<int64_t>(text); }

std::optional<uint64_t> parseUnsigned(std::string_view text) { return parseWhole<uint64_t>(text); }

std::optional<double> parseNumber(std::string_view text) {
  // strtod also takes blanks, "inf", "nan" and hexadecimal numbers, none of which is meant here.
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  std::string copy(text);
  char *end = nullptr;
  double value = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos)
      return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string> &parts, std::string_view separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i)
      joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::vector<std::string> extents;
  for (int64_t extent : shape)
    extents.push_back(std::to_string(extent));
  return "[" + join(extents, ", ") + "]";
}

/// Levenshtein distance: insertions, deletions and replacements.
static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string suggestion(std::string_view name, const std::vector<std::string> &known) {
  if (known.empty())
    return "; there are none";
  auto nearest = std::min_element(known.begin(), known.end(), [&](const std::string &a, const std::string &b) {
    return editDistance(name, a) < editDistance(name, b);
  });
  std::string text = "; known: " + join(known, ", ");
  if (editDistance(name, *nearest) <= std::max<size_t>(1, name.size() / 3))
    text += "; did you mean '" + *nearest + "'?";
  return text;
}

static std::string formatted(const char *format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string timeText(double seconds) {
  if (seconds == 0)
    return "0 us";
  if (seconds < 1e-3)
    return formatted("%.1f us", seconds * 1e6);
  if (seconds < 1)
    return formatted("%.3f ms", seconds * 1e3);
  return formatted("%.3f s", seconds);
}

std::string bytesText(double bytes) {
  if (bytes < 1e3)
    return formatted("%.0f B", bytes);
  if (bytes < 1e6)
    return formatted("%.2f kB", bytes / 1e3);
  if (bytes < 1e9)
    return formatted("%.2f MB", bytes / 1e6);
  return formatted("%.2f GB", bytes / 1e9);
}

std::string errorText(double value) { return formatted("%.2e", value); }

} // namespace rondo::run
