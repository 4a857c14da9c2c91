// The header of a .npy file is a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/npy.h"

#include "tools/rondo-run/text.h"

#include <algorithm>
#include <optional>

namespace rondo::run {

namespace {

class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  Result<NpyHeader> parse() {
    if (!eat('{'))
      return Error{"its header is not a dictionary"};
    while (!eat('}')) {
      if (Status entry = parseEntry(); !entry)
        return entry.error();
      if (!eat(',') && peek() != '}')
        return Error{"its header is malformed: expected ',' or '}'"};
    }
    if (peek() != '\0')
      return Error{"its header is malformed: text after the dictionary"};
    if (!descr || !fortranOrder || !shape)
      return Error{"its header lacks one of 'descr', 'fortran_order' and 'shape'"};
    return NpyHeader{*descr, *fortranOrder, *shape};
  }

private:
  Status parseEntry() {
    std::optional<std::string> key = parseString();
    if (!key || !eat(':'))
      return Error{"its header is malformed: expected a quoted key and ':'"};
    bool known = true;
    if (*key == "descr" && !descr)
      known = (descr = parseString()).has_value();
    else if (*key == "fortran_order" && !fortranOrder)
      known = (fortranOrder = parseBool()).has_value();
    else if (*key == "shape" && !shape)
      known = (shape = parseTuple()).has_value();
    else
      return Error{concat("its header has an unknown or repeated key '", *key, "'")};
    if (known)
      return Success{};
    return Error{concat("its header has a malformed value of '", *key, "'",
                        *key == "descr" ? "; arrays of structures are not accepted" : "")};
  }

  void skipBlanks() {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '\t'))
      rest.remove_prefix(1);
  }

  char peek() {
    skipBlanks();
    return rest.empty() ? '\0' : rest.front() == '\0' ? '?' : rest.front();
  }

  bool eat(char wanted) {
    if (peek() != wanted)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  bool eatWord(std::string_view word) {
    skipBlanks();
    if (rest.substr(0, word.size()) != word)
      return false;
    rest.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string> parseString() {
    char quote = peek();
    if (quote != '\'' && quote != '"')
      return std::nullopt;
    size_t end = rest.find(quote, 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string text(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    return text;
  }

  std::optional<bool> parseBool() {
    if (eatWord("True"))
      return true;
    if (eatWord("False"))
      return false;
    return std::nullopt;
  }

  std::optional<std::vector<int64_t>> parseTuple() {
    std::vector<int64_t> extents;
    if (!eat('('))
      return std::nullopt;
    while (!eat(')')) {
      skipBlanks();
      size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
      std::optional<int64_t> extent = parseInteger(rest.substr(0, digits));
      if (!extent)
        return std::nullopt;
      rest.remove_prefix(digits);
      extents.push_back(*extent);
      bool comma = eat(',');
      // In Python (3) is a number, only (3,) a tuple.
      if (!comma && (peek() != ')' || extents.size() == 1))
        return std::nullopt;
    }
    return extents;
  }

  std::string_view rest;
  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<std::vector<int64_t>> shape;
};

} // namespace

Result<NpyHeader> parseNpyHeader(std::string_view dictionary) { return HeaderParser(dictionary).parse(); }

} // namespace rondo::run
