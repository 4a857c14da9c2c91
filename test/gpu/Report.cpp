//===- Report.cpp - What checks of kernels found --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/gpu/Report.h"

#include "test/gpu/Run.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace gpu;

void Report::begin(const std::string &kernel) {
  entries.emplace_back();
  entries.back().kernel = kernel;
}

void Report::add(const Run &run, bool right, bool hard) {
  Entry &entry = entries.back();
  ++(hard ? entry.hard : entry.random);
  entry.wrong += !right;
  entry.half = run.isHalf();
  if (hard)
    return; // their scores are not normal, nor are their errors
  entry.output = std::max(entry.output, run.errors.relativeRms);
  entry.lse = std::max(entry.lse, run.errors.lse);
}

void Report::fail(const std::string &why) {
  ++entries.back().wrong;
  std::printf("WRONG %s: %s\n", entries.back().kernel.c_str(), why.c_str());
}

void Report::end() {
  const Entry &entry = entries.back();
  std::printf("%-26s %4d random and %2d hard cases, %d wrong, O %.1e, LSE %.1e\n", entry.kernel.c_str(), entry.random,
              entry.hard, entry.wrong, entry.output, entry.lse);
}

bool Report::isRight() const {
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [](const Entry &entry) {
    return entry.wrong == 0 && entry.random + entry.hard > 0;
  });
}

static std::string quote(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
  }
  return result + "\"";
}

/// Without a bar the figure is only reported.
static void writeRow(FILE *file, const char *what, double value, const std::string &text, const std::string &bar,
                     bool held, bool last) {
  const char *verdict = bar.empty() ? "null" : held ? "true" : "false";
  std::fprintf(file, "    {\"what\": %s, \"value\": %g, \"text\": %s, \"bar\": %s, \"held\": %s}%s\n",
               quote(what).c_str(), value, quote(text).c_str(), bar.empty() ? "null" : quote(bar).c_str(), verdict,
               last ? "" : ",");
}

static std::string format(const char *pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

bool Report::write(const std::string &name, const std::string &machine, const std::string &command,
                   const std::string &commit) const {
  FILE *file = std::fopen(name.c_str(), "w");
  if (!file)
    return false;
  char date[32];
  std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  int random = 0, hard = 0, wrong = 0;
  double output = 0, halfOutput = 0, lse = 0;
  for (const Entry &entry : entries) {
    random += entry.random;
    hard += entry.hard;
    wrong += entry.wrong;
    (entry.half ? halfOutput : output) = std::max(entry.half ? halfOutput : output, entry.output);
    lse = std::max(lse, entry.lse);
  }
  std::fprintf(file,
               "{\n  \"title\": \"Kernels against float64\",\n  \"machine\": %s,\n  \"command\": %s,\n"
               "  \"date\": \"%s\",\n  \"commit\": %s,\n  \"notes\": [],\n  \"rows\": [\n",
               quote(machine).c_str(), quote(command).c_str(), date, quote(commit).c_str());
  std::string cases = std::to_string(random) + " random, " + std::to_string(hard) + " hard, of " +
                      std::to_string(entries.size()) + " kernels";
  writeRow(file, "cases", random + hard, cases, "", true, false);
  writeRow(file, "cases that are wrong", wrong, std::to_string(wrong), "0", isRight(), false);
  writeRow(file, "largest relative RMS error of O, bf16", output, format("%.1e", output),
           format("<= %.0e", kOutputBound), output <= kOutputBound, false);
  writeRow(file, "largest relative RMS error of O, f16", halfOutput, format("%.1e", halfOutput),
           format("<= %.0e", kHalfOutputBound), halfOutput <= kHalfOutputBound, false);
  writeRow(file, "largest error of LSE", lse, format("%.1e", lse), format("<= %.0e", kLseBound), lse <= kLseBound,
           true);
  std::fprintf(file, "  ],\n  \"kernels\": [\n");
  for (const Entry &entry : entries)
    std::fprintf(
        file, "    {\"label\": %s, \"random\": %d, \"hard\": %d, \"wrong\": %d, \"output\": %.3e, \"lse\": %.3e}%s\n",
        quote(entry.kernel).c_str(), entry.random, entry.hard, entry.wrong, entry.output, entry.lse,
        &entry == &entries.back() ? "" : ",");
  std::fprintf(file, "  ]\n}\n");
  return std::fclose(file) == 0;
}
