//===- Mutator.cpp - Changes to texts at random ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/fuzz/Mutator.h"

#include <algorithm>
#include <cctype>

using namespace rondo::fuzz;

static bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$'; }

/// Words with their sigil, numbers, strings, blanks, single characters: joined they are the text.
static std::vector<std::string> tokenize(const std::string &text) {
  std::vector<std::string> tokens;
  for (size_t begin = 0, end; begin < text.size(); begin = end) {
    end = begin + 1;
    char c = text[begin];
    bool isExtent =
        !tokens.empty() && (tokens.back() == "?" || std::isdigit(static_cast<unsigned char>(tokens.back()[0])));
    if (c == 'x' && isExtent) {
      // between extents: 1x?x64xf32
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])))
        ++end;
    } else if (isWord(c) || c == '%' || c == '@' || c == '#' || c == '!' || c == '^') {
      while (end < text.size() && isWord(text[end]))
        ++end;
    } else if (c == ' ') {
      while (end < text.size() && text[end] == ' ')
        ++end;
    } else if (c == '"') {
      size_t close = text.find('"', end);
      end = close == std::string::npos ? text.size() : close + 1;
    }
    tokens.push_back(text.substr(begin, end - begin));
  }
  return tokens;
}

/// Whether two tokens may stand in for each other: numbers, names of one sigil, scalar types, ops, other words,
/// strings, punctuation.
static char classOf(const std::string &token) {
  static const std::vector<std::string> types = {"f16", "bf16", "f32", "f64", "i1", "i8", "i32", "i64", "index"};
  char c = token[0];
  if (std::isdigit(static_cast<unsigned char>(c)))
    return '0';
  if (std::find(types.begin(), types.end(), token) != types.end())
    return 't';
  if (isWord(c))
    return token == "x" ? 'x' : token.find('.') != std::string::npos ? 'o' : 'a';
  return c == '%' || c == '@' || c == '#' || c == '!' || c == '^' || c == '"' || c == ' ' || c == '\n' ? c : '.';
}

Mutator::Mutator(std::vector<std::string> corpus) : texts(std::move(corpus)) {
  for (const std::string &text : texts)
    tokenized.push_back(tokenize(text));
}

std::string Mutator::similar(const std::string &token, const Tokens &own, Random &random) const {
  char wanted = classOf(token);
  if (wanted == '0' && random.chance(0.7))
    return random.pick({"0",
                        "1",
                        "2",
                        "3",
                        "7",
                        "16",
                        "255",
                        "256",
                        "257",
                        "4097",
                        "65536",
                        "2147483647",
                        "2147483648",
                        "4294967296",
                        "9223372036854775807",
                        "9223372036854775808",
                        "-1",
                        "?",
                        "1.0e300",
                        "0.0"});
  const Tokens &source = random.chance(0.6) ? own : random.pick(tokenized);
  for (int i = 0; i < 200; ++i)
    if (const std::string &other = random.pick(source); classOf(other) == wanted && other != token)
      return other;
  return token;
}

void Mutator::changeToken(Tokens &tokens, Random &random) const {
  size_t place = random.below(tokens.size());
  // Mostly numbers, names and words: other characters hold the text together.
  for (int i = 0; i < 20 && std::string("0tao%@\"").find(classOf(tokens[place])) == std::string::npos; ++i)
    place = random.below(tokens.size());
  switch (random.below(12)) {
  case 0:
    tokens.erase(tokens.begin() + place);
    return;
  case 1:
    tokens.insert(tokens.begin() + place, tokens[place]);
    return;
  case 2:
    std::swap(tokens[place], tokens[random.below(tokens.size())]);
    return;
  case 3:
    tokens.insert(tokens.begin() + place, random.pick(random.pick(tokenized)));
    return;
  case 4:
    if (std::string &token = tokens[place]; !token.empty())
      token[random.below(token.size())] = static_cast<char>(random.below(256));
    return;
  default:
    tokens[place] = similar(tokens[place], tokens, random);
  }
}

/// Changes a number or a scalar type wherever it stands, so that what belonged together still does.
void Mutator::changeEverywhere(Tokens &tokens, Random &random) const {
  std::string old = random.pick(tokens);
  for (int i = 0; i < 50 && classOf(old) != '0' && classOf(old) != 't'; ++i)
    old = random.pick(tokens);
  std::replace(tokens.begin(), tokens.end(), old, similar(old, tokens, random));
}

/// The tokens of the line around `place`, its line feed included.
static std::pair<size_t, size_t> lineAround(const std::vector<std::string> &tokens, size_t place) {
  size_t begin = place, end = place;
  while (begin > 0 && tokens[begin - 1] != "\n")
    --begin;
  while (end < tokens.size() && tokens[end] != "\n")
    ++end;
  return {begin, std::min(end + 1, tokens.size())};
}

void Mutator::changeLine(Tokens &tokens, Random &random) const {
  auto [begin, end] = lineAround(tokens, random.below(tokens.size()));
  Tokens line(tokens.begin() + begin, tokens.begin() + end);
  switch (random.below(4)) {
  case 0: // gone
    tokens.erase(tokens.begin() + begin, tokens.begin() + end);
    return;
  case 1: // twice
    tokens.insert(tokens.begin() + begin, line.begin(), line.end());
    return;
  case 2: { // elsewhere
    tokens.erase(tokens.begin() + begin, tokens.begin() + end);
    size_t place = tokens.empty() ? 0 : lineAround(tokens, random.below(tokens.size())).first;
    tokens.insert(tokens.begin() + place, line.begin(), line.end());
    return;
  }
  default: { // from another text
    const Tokens &other = random.pick(tokenized);
    auto [first, last] = lineAround(other, random.below(other.size()));
    tokens.insert(tokens.begin() + begin, other.begin() + first, other.begin() + last);
  }
  }
}

std::string Mutator::mutate(Random &random) const {
  Tokens tokens = random.pick(tokenized);
  for (int changes = random.pick({1, 1, 1, 2, 2, 3, 5}); changes > 0 && !tokens.empty(); --changes)
    switch (random.below(10)) {
    case 0:
    case 1:
      changeLine(tokens, random);
      break;
    case 2:
    case 3:
    case 4:
      changeEverywhere(tokens, random);
      break;
    default:
      changeToken(tokens, random);
    }
  std::string text;
  for (const std::string &token : tokens)
    text += token;
  return text;
}
