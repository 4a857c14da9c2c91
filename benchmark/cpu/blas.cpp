//===- blas.cpp - The two products of an attention in a BLAS --------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include <dlfcn.h>
#include <stdexcept>

using namespace rondo::bench;

// cblas.h's constants. With the suffix "64_" integers are of 64 bits.
enum { RowMajor = 101, NoTranspose = 111, Transpose = 112 };
template <typename Integer>
using Sgemm = void (*)(int order, int transposeA, int transposeB, Integer m, Integer n, Integer k, float alpha,
                       const float *a, Integer lda, const float *b, Integer ldb, float beta, float *c, Integer ldc);

Blas::Blas(const std::string &path) : library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!library)
    throw std::runtime_error(dlerror());
  for (const char *before : {"", "scipy_"})
    for (const char *after : {"", "64_"}) {
      prefix = before, suffix = after;
      if (!find("cblas_sgemm"))
        continue;
      if (auto setThreads = reinterpret_cast<void (*)(int)>(find("openblas_set_num_threads")))
        setThreads(1);
      return;
    }
  throw std::runtime_error(path + " has no cblas_sgemm");
}

void *Blas::find(const std::string &name) const { return dlsym(library, (prefix + name + suffix).c_str()); }

std::string Blas::description() const {
  auto getText = [&](const char *name) -> std::string {
    auto get = reinterpret_cast<const char *(*)()>(find(name));
    return get ? get() : "";
  };
  return getText("openblas_get_config") + " core " + getText("openblas_get_corename");
}

template <typename Integer>
static Measurement measureProducts(Sgemm<Integer> sgemm, const Shape &shape) {
  // Rows of the query heads that share a key head are one matrix, as the kernel takes them.
  Integer rows = static_cast<Integer>(shape.queries * (shape.queryHeads / shape.keyHeads));
  Integer keys = static_cast<Integer>(shape.keys), features = static_cast<Integer>(shape.features);
  int64_t heads = shape.batch * shape.keyHeads;
  auto tensor = [&](int64_t count, unsigned seed) {
    return std::static_pointer_cast<float>(makeTensor(Element::F32, count, seed));
  };
  auto query = tensor(heads * rows * features, 1), key = tensor(heads * keys * features, 2),
       value = tensor(heads * keys * features, 3), output = tensor(heads * rows * features, 4),
       scores = tensor(int64_t(rows) * keys, 5);
  return [=] {
    double cpu = threadSeconds(), wall = wallSeconds();
    for (int64_t head = 0; head < heads; ++head) {
      const float *q = query.get() + head * rows * features, *k = key.get() + head * keys * features,
                  *v = value.get() + head * keys * features;
      sgemm(RowMajor, NoTranspose, Transpose, rows, keys, features, 1.0f, q, features, k, features, 0.0f, scores.get(),
            keys);
      sgemm(RowMajor, NoTranspose, NoTranspose, rows, features, keys, 1e-3f, scores.get(), keys, v, features, 0.0f,
            output.get() + head * rows * features, features);
    }
    return Times{threadSeconds() - cpu, wallSeconds() - wall};
  };
}

Measurement Blas::measure(const Shape &shape) const {
  void *sgemm = find("cblas_sgemm");
  if (suffix == "64_")
    return measureProducts(reinterpret_cast<Sgemm<int64_t>>(sgemm), shape);
  return measureProducts(reinterpret_cast<Sgemm<int32_t>>(sgemm), shape);
}
