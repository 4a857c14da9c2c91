//===- shape.cpp - Shapes and tensors of measurements ---------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmark/cpu/measure.h"

#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace rondo::bench;

Shape rondo::bench::parseShape(const std::string &text) {
  std::istringstream stream(text);
  std::string element;
  std::getline(stream, element, ',');
  Shape shape = {};
  shape.element = element == "bf16" ? Element::BF16 : element == "f16" ? Element::F16 : Element::F32;
  int64_t *sizes[] = {&shape.batch, &shape.queryHeads, &shape.keyHeads, &shape.queries, &shape.keys, &shape.features};
  bool valid = element == "f32" || shape.element != Element::F32;
  for (int64_t *size : sizes) {
    char comma = ',';
    valid = valid && stream >> *size && *size > 0 && (size == sizes[5] || stream >> comma) && comma == ',';
  }
  if (!valid || stream.get() != EOF)
    throw std::invalid_argument("'" + text +
                                "' is no shape; expected f32|f16|bf16,batch,query heads,key heads,"
                                "queries,keys,features");
  return shape;
}

int64_t rondo::bench::bytesOf(Element element) { return element == Element::F32 ? 4 : 2; }

static uint16_t toBF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

/// For normal numbers of magnitude 2^-14 to 2^15; anything smaller becomes 0.
static uint16_t toF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  constexpr uint32_t smallest = 0x38800000, rebias = 112u << 23;
  return static_cast<uint16_t>(magnitude < smallest ? sign : sign | (magnitude - rebias) >> 13);
}

std::shared_ptr<void> rondo::bench::makeTensor(Element element, int64_t count, unsigned seed) {
  constexpr int64_t page = 4096;
  int64_t bytes = (count * bytesOf(element) + page - 1) / page * page;
  std::shared_ptr<void> memory(std::aligned_alloc(page, static_cast<size_t>(bytes)), std::free);
  if (!memory)
    throw std::bad_alloc();
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < count; ++i) {
    float value = normal(random);
    if (element == Element::F32)
      static_cast<float *>(memory.get())[i] = value;
    else
      static_cast<uint16_t *>(memory.get())[i] = element == Element::BF16 ? toBF16(value) : toF16(value);
  }
  return memory;
}
