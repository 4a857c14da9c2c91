//===- long_test.cpp - Programs on tensors of more than 2^31 elements ------------------------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   long_test FOLDER [ROWS]
//
// The programs of the folder, whose tensors have one head of 128 f16 features, over ROWS (17 million) rows of keys or
// of queries. Data repeat after a prime number of rows, so that a float64 reference is quick, and rows at places where
// an offset of 32 bits would wrap differ from all others: each holds the key that one query looks for. Sampled rows of
// the results are compared. Ends with 0 if they are right, 1 if not, 2 if it cannot run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "rondo/rondo.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int64_t kFeatures = 128, kRowBytes = kFeatures * 2, kFew = 61, kPeriod = 65521;
/// Of f16 outputs; those of rondo-run --check.
constexpr double kTolerance = 6e-4, kLseTolerance = 1e-5 + 8.0 / (1 << 24);

using Element = _Float16;
using Row = std::vector<Element>;

rondo_context *context;

void require(rondo_status status) {
  if (status == RONDO_OK)
    return;
  std::fprintf(stderr, "error: %s\n", context ? rondo_last_error(context) : rondo_status_name(status));
  std::exit(2);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Data
//===--------------------------------------------------------------------------------------------------------------===//

/// [1, 1, rows, 128]: row i is block[i % kPeriod], but for the special ones.
struct Data {
  Data(int64_t rows, double amplitude, unsigned seed) : rows(rows), block(std::min(rows, kPeriod) * kFeatures) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, amplitude);
    for (Element &element : block)
      element = static_cast<Element>(normal(random));
  }

  const Element *at(int64_t row) const {
    for (auto &[place, special] : specials)
      if (place == row)
        return special.data();
    return &block[row % kPeriod * kFeatures];
  }
  /// How many rows are copies of row i of the block.
  int64_t count(int64_t i) const {
    int64_t copies = (rows - i + kPeriod - 1) / kPeriod;
    for (auto &special : specials)
      copies -= special.first % kPeriod == i;
    return copies;
  }

  int64_t rows;
  std::vector<Element> block;
  std::vector<std::pair<int64_t, Row>> specials;
};

/// Memory of the GPU.
class Tensor {
public:
  Tensor(rondo_communicator *ranks, std::vector<int64_t> sizes, uint8_t bits)
      : ranks(ranks), shape(std::move(sizes)), bytes(bits / 8) {
    for (int64_t size : shape)
      bytes *= static_cast<size_t>(size);
    require(rondo_device_allocate(context, ranks, 0, bytes, &memory));
    int32_t device = 0;
    require(rondo_communicator_device(context, ranks, 0, &device));
    view = {memory, {kDLCUDA, device}, static_cast<int32_t>(shape.size()), {kDLFloat, bits, 1}, shape.data(), nullptr,
            0};
  }
  Tensor(rondo_communicator *ranks, const Data &data) : Tensor(ranks, {1, 1, data.rows, kFeatures}, 16) {
    for (int64_t row = 0; row < data.rows; row += kPeriod)
      upload(row * kRowBytes, data.block.data(), std::min(kPeriod, data.rows - row) * kRowBytes);
    for (auto &[row, special] : data.specials)
      upload(row * kRowBytes, special.data(), kRowBytes);
  }
  ~Tensor() { rondo_device_free(context, ranks, 0, memory); }
  Tensor(const Tensor &) = delete;

  /// Every element becomes NaN.
  void poison() {
    const std::vector<char> ones(size_t(1) << 24, char(0xFF));
    for (size_t begin = 0; begin < bytes; begin += ones.size())
      upload(int64_t(begin), ones.data(), int64_t(std::min(ones.size(), bytes - begin)));
  }
  template <typename T>
  std::vector<T> download(int64_t first, int64_t count) const {
    std::vector<T> values(static_cast<size_t>(count));
    require(rondo_device_download(context, ranks, 0, values.data(), static_cast<char *>(memory) + first * sizeof(T),
                                  values.size() * sizeof(T)));
    return values;
  }

  DLTensor view;

private:
  void upload(int64_t offset, const void *source, int64_t count) {
    require(rondo_device_upload(context, ranks, 0, static_cast<char *>(memory) + offset, source, size_t(count)));
  }

  rondo_communicator *ranks;
  std::vector<int64_t> shape;
  size_t bytes;
  void *memory = nullptr;
};

//===--------------------------------------------------------------------------------------------------------------===//
// The reference
//===--------------------------------------------------------------------------------------------------------------===//

struct Result {
  std::vector<double> output;
  double lse;
};

/// Attention of one query to the first `visible` keys. Keys are multiplied by `factor` before.
Result attend(const Element *query, const Data &keys, const Data &values, int64_t visible, double factor) {
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  std::vector<double> sum(kFeatures);
  auto add = [&](const Element *key, const Element *value, double copies) {
    double score = 0;
    for (int64_t d = 0; d < kFeatures; ++d)
      score += double(query[d]) * double(key[d]);
    score *= factor / std::sqrt(double(kFeatures));
    if (score > largest) {
      double shrink = std::exp(largest - score);
      total *= shrink;
      for (double &element : sum)
        element *= shrink;
      largest = score;
    }
    double weight = copies * std::exp(score - largest);
    total += weight;
    for (int64_t d = 0; d < kFeatures; ++d)
      sum[d] += weight * double(value[d]);
  };
  // Keys and values have their special rows at the same places. The last keys, which are hidden, are taken out again.
  std::vector<int64_t> copies(static_cast<size_t>(std::min(keys.rows, kPeriod)));
  for (size_t i = 0; i < copies.size(); ++i)
    copies[i] = keys.count(int64_t(i));
  auto isSpecial = [&](int64_t row) {
    return std::any_of(keys.specials.begin(), keys.specials.end(), [&](auto &special) { return special.first == row; });
  };
  for (int64_t row = std::max<int64_t>(visible, 0); row < keys.rows; ++row)
    if (!isSpecial(row))
      --copies[size_t(row % kPeriod)];
  for (size_t i = 0; i < copies.size(); ++i)
    if (copies[i] > 0)
      add(&keys.block[i * kFeatures], &values.block[i * kFeatures], double(copies[i]));
  for (auto &special : keys.specials)
    if (special.first < visible)
      add(special.second.data(), values.at(special.first), 1);
  if (total == 0)
    return {sum, -std::numeric_limits<double>::infinity()};
  for (double &element : sum)
    element /= total;
  return {sum, largest + std::log(total)};
}

//===--------------------------------------------------------------------------------------------------------------===//
// Cases
//===--------------------------------------------------------------------------------------------------------------===//

struct Errors {
  double output = 0, lse = 0;
  bool right = true;

  void add(const std::vector<Element> &row, float lseOfRow, const Result &expected) {
    double difference = 0, norm = 0;
    bool finite = true;
    for (int64_t d = 0; d < kFeatures; ++d) {
      double element = double(row[size_t(d)]);
      finite &= std::isfinite(element) == std::isfinite(expected.output[size_t(d)]);
      if (!std::isfinite(element))
        continue;
      difference += std::pow(element - expected.output[size_t(d)], 2);
      norm += std::pow(expected.output[size_t(d)], 2);
    }
    double error = difference == 0 ? 0 : std::sqrt(difference / norm);
    double lseError = double(lseOfRow) == expected.lse
                          ? 0
                          : std::abs(double(lseOfRow) - expected.lse) / std::max(std::abs(expected.lse), 1.0);
    // As is, a comparison with NaN is false.
    right &= finite && error <= kTolerance && lseError <= kLseTolerance;
    output = std::max(output, error);
    lse = std::max(lse, lseError);
  }
};

/// Places where an offset of 32 bits wraps: in elements or in bytes, signed or not; and the ends.
std::vector<int64_t> getHardRows(int64_t rows) {
  std::vector<int64_t> places = {0, 1, rows - kFew - 2, rows - kFew - 1};
  for (int64_t edge = kFeatures; edge < rows; edge *= 2)
    if (edge >= (int64_t(1) << 22) || edge * 8 > rows)
      for (int64_t row : {edge - 1, edge, edge + 1})
        places.push_back(row);
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  places.erase(std::remove_if(places.begin(), places.end(), [&](int64_t row) { return row < 0 || row >= rows; }),
               places.end());
  places.resize(std::min<size_t>(places.size(), kFew - 1)); // one query each
  return places;
}

struct Case {
  const char *program;
  bool causal;
  double factor;
  int32_t ranks;
  bool manyQueries;
};

class Runner {
public:
  Runner(std::string folder, int64_t rows) : folder(std::move(folder)), rows(rows) {}

  bool run(const Case &c) {
    rondo_program *program = nullptr;
    require(rondo_program_load(context, (folder + "/" + c.program + ".so").c_str(), &program));
    rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
    options.ranks = c.ranks;
    options.device = 0;
    rondo_communicator *ranks = nullptr;
    require(rondo_communicator_create(context, &options, &ranks));
    Errors errors = compare(c, program, ranks);
    rondo_communicator_destroy(ranks);
    rondo_program_destroy(program);
    std::printf("{\"program\": \"%s\", \"ranks\": %d, \"queries\": %lld, \"keys\": %lld, \"output_error\": %.3g, "
                "\"lse_error\": %.3g, \"held\": %s}\n",
                c.program, c.ranks, (long long)(c.manyQueries ? rows : kFew), (long long)(c.manyQueries ? kFew : rows),
                std::isfinite(errors.output) ? errors.output : -1, std::isfinite(errors.lse) ? errors.lse : -1,
                errors.right ? "true" : "false");
    return errors.right;
  }

private:
  /// Few queries, each of which looks for the key at one of the hard places; or many queries and few keys.
  Errors compare(const Case &c, rondo_program *program, rondo_communicator *ranks) {
    Data queries(c.manyQueries ? rows : kFew, 1, 1), keys(c.manyQueries ? kFew : rows, 0.5, 2), values(keys.rows, 1, 3),
        treasures(kFew, 1, 4);
    std::vector<int64_t> places = getHardRows(rows), sampled = places;
    if (!c.manyQueries) {
      sampled.clear();
      for (size_t i = 0; i < places.size(); ++i) {
        Row key(kFeatures);
        for (int64_t d = 0; d < kFeatures; ++d) // its score is near 24, the others' total near 17
          key[size_t(d)] = static_cast<Element>(2.1 / c.factor * double(queries.at(int64_t(i))[d]));
        keys.specials.emplace_back(places[i], key);
        values.specials.emplace_back(places[i], Row(treasures.at(int64_t(i)), treasures.at(int64_t(i)) + kFeatures));
        sampled.push_back(int64_t(i));
      }
      sampled.push_back(kFew - 1);
    }
    Tensor query(ranks, queries), key(ranks, keys), value(ranks, values);
    Tensor output(ranks, {1, 1, queries.rows, kFeatures}, 16), lse(ranks, {1, 1, queries.rows}, 32);
    output.poison();
    lse.poison();
    const DLTensor *inputs[] = {&query.view, &key.view, &value.view};
    DLTensor *outputs[] = {&output.view, &lse.view};
    require(rondo_run(context, program, nullptr, ranks, inputs, 3, outputs, 2));
    Errors errors;
    for (int64_t row : sampled) {
      int64_t visible = c.causal ? std::max<int64_t>(row + keys.rows - queries.rows + 1, 0) : keys.rows;
      errors.add(output.download<Element>(row * kFeatures, kFeatures), lse.download<float>(row, 1)[0],
                 attend(queries.at(row), keys, values, visible, c.factor));
    }
    return errors;
  }

  std::string folder;
  int64_t rows;
};

} // namespace

int main(int argc, char **argv) {
  int64_t rows = argc > 2 ? std::atoll(argv[2]) : 17000003;
  if (argc < 2 || argc > 3 || rows < 2 * kFew) {
    std::fprintf(stderr, "usage: %s FOLDER [ROWS, at least %lld]\n", argv[0], (long long)(2 * kFew));
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  require(rondo_context_create(&context));
  static constexpr Case kCases[] = {{"long-doubled", false, 2, 1, false}, {"long-doubled", false, 2, 3, false},
                                    {"long-causal", true, 1, 1, false},   {"long", false, 1, 1, true},
                                    {"long", false, 1, 2, true},          {"long-causal", true, 1, 1, true}};
  bool right = true;
  Runner runner(argv[1], rows);
  for (const Case &c : kCases)
    right &= runner.run(c);
  rondo_context_destroy(context);
  return right ? 0 : 1;
}
