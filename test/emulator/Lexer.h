//===- Lexer.h - Words of PTX text ----------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_TEST_EMULATOR_LEXER_H
#define RONDO_TEST_EMULATOR_LEXER_H

#include <string_view>

namespace rondo::emulator {

struct Token {
  enum class Kind {
    Word,   ///< a name, a directive or an opcode with its modifiers: %r1, .reg, mbarrier.arrive.shared::cta.b64
    Number, ///< without a sign: 12, 0x1F, 0f3F800000
    Punctuation,
    End
  };
  Kind kind;
  std::string_view text;
  unsigned line;
  size_t offset; ///< of its first character in the whole text

  bool is(std::string_view expected) const { return text == expected; }
};

/// Splits text into tokens; skips comments. Looks one token ahead.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) { advance(); }

  const Token &peek() const { return token; }
  Token next() {
    Token current = token;
    advance();
    return current;
  }
  std::string_view getText() const { return text; }

private:
  void advance();
  void skipBlanks();
  size_t getWordLength() const;

  std::string_view text;
  size_t position = 0;
  unsigned line = 1;
  Token token;
};

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_LEXER_H
