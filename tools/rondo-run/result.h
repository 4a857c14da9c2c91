// A value or the text of an error: how every part of rondo-run reports what is wrong.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_RESULT_H
#define RONDO_RUN_RESULT_H

#include <string>
#include <utility>
#include <variant>

namespace rondo::run {

struct Error {
  std::string text;
};

template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : content(std::move(value)) {}
  Result(Error error) : content(std::move(error)) {}

  explicit operator bool() const { return std::holds_alternative<T>(content); }
  T &operator*() { return *std::get_if<T>(&content); }
  const T &operator*() const { return *std::get_if<T>(&content); }
  T *operator->() { return std::get_if<T>(&content); }
  const T *operator->() const { return std::get_if<T>(&content); }

  /// The error; only if there is no value.
  const Error &error() const { return *std::get_if<Error>(&content); }

private:
  std::variant<T, Error> content;
};

struct Success {};
using Status = Result<Success>;

} // namespace rondo::run
#endif // RONDO_RUN_RESULT_H
