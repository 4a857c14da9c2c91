//===- Lexer.cpp - Words of PTX text --------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Lexer.h"

#include "test/emulator/Error.h"

#include <algorithm>
#include <cctype>

using namespace rondo::emulator;

static bool isWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

static bool startsWord(char c) { return isWordCharacter(c) || c == '.' || c == '%'; }

void Lexer::skipBlanks() {
  auto skipTo = [&](size_t end) {
    end = std::min(end, text.size());
    line += std::count(text.begin() + position, text.begin() + end, '\n');
    position = end;
  };
  while (position < text.size()) {
    std::string_view rest = text.substr(position);
    if (std::isspace(static_cast<unsigned char>(rest[0]))) {
      skipTo(position + 1);
    } else if (rest.substr(0, 2) == "//") {
      skipTo(text.find('\n', position));
    } else if (rest.substr(0, 2) == "/*") {
      size_t end = text.find("*/", position);
      if (end == std::string_view::npos)
        fail("line ", line, ": a comment does not end");
      skipTo(end + 2);
    } else {
      return;
    }
  }
}

/// The length of the word or number at the current position. Two colons are part of a word, one is not: it ends a
/// label.
size_t Lexer::getWordLength() const {
  size_t end = position + 1;
  while (end < text.size()) {
    if (isWordCharacter(text[end]) || text[end] == '.')
      ++end;
    else if (text.substr(end, 2) == "::")
      end += 2;
    else
      break;
  }
  return end - position;
}

void Lexer::advance() {
  skipBlanks();
  if (position == text.size()) {
    token = {Token::Kind::End, "", line, position};
    return;
  }
  char first = text[position];
  Token::Kind kind = std::isdigit(static_cast<unsigned char>(first)) ? Token::Kind::Number
                     : startsWord(first)                             ? Token::Kind::Word
                                                                     : Token::Kind::Punctuation;
  size_t length = kind == Token::Kind::Punctuation ? 1 : getWordLength();
  if (first == '"') { // of .pragma and .file
    length = text.find('"', position + 1) + 1 - position;
    if (length > text.size() - position)
      fail("line ", line, ": a string does not end");
  }
  token = {kind, text.substr(position, length), line, position};
  position += length;
}
