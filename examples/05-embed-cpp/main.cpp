// Serves requests of several lengths with one program, on ranks that stay; compares each with the program's own float64
// evaluation. C++17.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <rondo/rondo.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

constexpr std::int64_t kHeads = 4, kSharedHeads = 2, kFeatures = 32;
constexpr std::int32_t kRanks = 3;

/// The tensors of one request, in the element type T.
template <typename T>
struct Request {
  explicit Request(std::int64_t tokens)
      : length(tokens), query(fill(kHeads, 37)), key(fill(kSharedHeads, 53)), value(fill(kSharedHeads, 71)),
        output(query.size()) {}

  std::vector<rondo::Input> inputs() const {
    return {{query.data(), shape(kHeads)}, {key.data(), shape(kSharedHeads)}, {value.data(), shape(kSharedHeads)}};
  }
  std::vector<rondo::Output> outputs() { return {{output.data(), shape(kHeads)}}; }
  std::vector<std::int64_t> shape(std::int64_t heads) const { return {1, heads, length, kFeatures}; }

  std::vector<T> fill(std::int64_t heads, std::int64_t seed) const {
    std::vector<T> data(heads * length * kFeatures);
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<float>((i + 1) * seed % 101) / 50.0f - 1.0f;
    return data;
  }

  std::int64_t length;
  std::vector<T> query, key, value, output;
};

/// Runs one request. Returns whether it agrees with float64.
bool serve(const rondo::Program &program, const rondo::Communicator &ranks, std::int64_t length) {
  Request<float> request(length);
  Request<double> reference(length);
  rondo::run(program, ranks, request.inputs(), request.outputs());
  rondo::runReference(program, reference.inputs(), reference.outputs());

  double largest = 0.0;
  for (std::size_t i = 0; i < request.output.size(); ++i)
    largest = std::max(largest, std::abs(request.output[i] - reference.output[i]));
  bool right = largest < 1e-5;
  std::printf("%4lld tokens: rank 0 sent %lld bytes; %s float64\n", static_cast<long long>(length),
              static_cast<long long>(ranks.statistics(0).bytes_sent), right ? "agrees with" : "DIFFERS from");
  return right;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s attention.so\n", argv[0]);
    return 2;
  }
  try {
    rondo::Context context;
    rondo::Program program(context, argv[1]);
    rondo::Communicator ranks(context, kRanks);
    int wrong = 0;
    for (std::int64_t length : {2, 100, 257})
      wrong += !serve(program, ranks, length);

    // A mistake of the caller is an exception, and the ranks serve on.
    try {
      Request<double> doubles(100);
      rondo::run(program, ranks, doubles.inputs(), doubles.outputs());
    } catch (const rondo::Error &error) {
      std::printf("refused: %s\n", error.what());
    }
    wrong += !serve(program, ranks, 5);
    return wrong == 0 ? 0 : 1;
  } catch (const rondo::Error &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
