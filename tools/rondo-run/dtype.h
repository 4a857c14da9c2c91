// Element types of programs, and the conversions between them. All roundings are to nearest, ties to even.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_DTYPE_H
#define RONDO_RUN_DTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rondo::run {

/// F64 appears in references only; programs compute on the other three.
enum class ElementType { F16, BF16, F32, F64 };

/// The type that a manifest calls `name`.
std::optional<ElementType> parseElementType(std::string_view name);
const char *elementTypeName(ElementType type);
size_t elementSize(ElementType type);

/// The largest magnitude that still rounds to a finite value of `type` is below this bound; from it on, the rounded
/// value is infinite.
double overflowBound(ElementType type);

uint16_t halfFromFloat(float value);
float floatFromHalf(uint16_t bits);
uint16_t bfloatFromFloat(float value);
float floatFromBfloat(uint16_t bits);

/// Element `index` of an array of `type`, exactly.
double loadElement(const void *data, ElementType type, size_t index);
/// Rounds `value` to `type` and stores it.
void storeElement(void *data, ElementType type, size_t index, float value);

} // namespace rondo::run
#endif // RONDO_RUN_DTYPE_H
