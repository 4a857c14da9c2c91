//===- Parser.cpp - Reads PTX text ----------------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Parser.h"

#include "test/emulator/Error.h"
#include "test/emulator/Lexer.h"

#include <algorithm>
#include <cctype>

using namespace rondo::emulator;

namespace {

/// A block of braces in a kernel: names that are declared in it hide those outside.
struct Scope {
  unsigned number;
  std::map<std::string, std::string> registers; // to their unique names
};

class Parser {
public:
  explicit Parser(std::string_view text) : lexer(text) {}
  std::vector<KernelSyntax> parseModule();
  unsigned getLine() const { return lexer.peek().line; }

private:
  // Tokens.
  [[noreturn]] void failAt(const Token &token, std::string_view expected);
  Token expect(Token::Kind kind, std::string_view expected);
  void expect(std::string_view text);
  bool accept(std::string_view text);
  uint32_t parseCount();
  void skipStatement();

  // The module.
  SharedVariable parseSharedVariable();
  KernelSyntax parseKernel();
  void parseParameters(KernelSyntax &kernel);
  Parameter parseParameter();
  void parseLaunchDirectives(KernelSyntax &kernel);

  // The body of a kernel.
  void parseBody(KernelSyntax &kernel);
  void parseRegisters(KernelSyntax &kernel);
  void declareRegister(KernelSyntax &kernel, const std::string &name, RegisterType type, const Token &at);
  void parseLabel(KernelSyntax &kernel, const std::string &name, const Token &at);
  void parseInstruction(KernelSyntax &kernel);
  void resolveBranches(KernelSyntax &kernel);

  // Operands.
  SyntaxOperand parseOperand();
  SyntaxOperand parsePrimary();
  SyntaxOperand parseNumber(bool negative);
  std::vector<SyntaxOperand> parseList(std::string_view end);
  std::string resolve(const std::string &name) const;
  std::string scoped(const std::string &name, unsigned scope) const;

  Lexer lexer;
  std::vector<SharedVariable> moduleShared;
  std::vector<Scope> scopes;
  unsigned scopeCount = 0;
  std::map<size_t, std::vector<unsigned>> branchScopes; // of branches, by instruction; innermost last
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Tokens
//===--------------------------------------------------------------------------------------------------------------===//

void Parser::failAt(const Token &token, std::string_view expected) {
  std::string_view found = token.kind == Token::Kind::End ? std::string_view("the end of the text") : token.text;
  fail("line ", token.line, ": found '", found, "', expected ", expected);
}

Token Parser::expect(Token::Kind kind, std::string_view expected) {
  if (lexer.peek().kind != kind)
    failAt(lexer.peek(), expected);
  return lexer.next();
}

void Parser::expect(std::string_view text) {
  if (!accept(text))
    failAt(lexer.peek(), concat("'", text, "'"));
}

bool Parser::accept(std::string_view text) {
  if (!lexer.peek().is(text))
    return false;
  lexer.next();
  return true;
}

uint32_t Parser::parseCount() {
  Token token = expect(Token::Kind::Number, "a number");
  return static_cast<uint32_t>(std::stoul(std::string(token.text), nullptr, 0));
}

void Parser::skipStatement() {
  while (!accept(";")) {
    if (lexer.peek().kind == Token::Kind::End)
      failAt(lexer.peek(), "';'");
    lexer.next();
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The module
//===--------------------------------------------------------------------------------------------------------------===//

std::vector<KernelSyntax> Parser::parseModule() {
  std::vector<KernelSyntax> kernels;
  while (lexer.peek().kind != Token::Kind::End) {
    Token token = lexer.next();
    if (token.is(".version")) {
      lexer.next();
    } else if (token.is(".target")) {
      Token target = lexer.next();
      if (!target.is("sm_90a"))
        fail("line ", target.line, ": the target is ", target.text, ", expected sm_90a");
    } else if (token.is(".address_size")) {
      if (parseCount() != 64)
        fail("line ", token.line, ": addresses must have 64 bits");
    } else if (token.is(".extern") || token.is(".visible")) {
      continue; // of the declaration that follows
    } else if (token.is(".shared")) {
      moduleShared.push_back(parseSharedVariable());
    } else if (token.is(".entry")) {
      kernels.push_back(parseKernel());
    } else {
      failAt(token, "a directive that the emulator knows: .version, .target, .address_size, .extern, .visible, "
                    ".shared or .entry");
    }
  }
  return kernels;
}

static uint32_t getTypeBytes(std::string_view type) {
  size_t digits = type.find_first_of("0123456789");
  if (type.size() < 2 || type[0] != '.' || digits == std::string_view::npos)
    return 0;
  return static_cast<uint32_t>(std::stoul(std::string(type.substr(digits)))) / 8;
}

// Behind .shared: .align 16 .b8 name[64];
SharedVariable Parser::parseSharedVariable() {
  SharedVariable variable = {"", 0, 1};
  if (accept(".align"))
    variable.alignment = parseCount();
  Token type = expect(Token::Kind::Word, "a type");
  uint32_t elementBytes = getTypeBytes(type.text);
  if (!elementBytes)
    failAt(type, "a type");
  variable.alignment = std::max(variable.alignment, elementBytes);
  variable.name = expect(Token::Kind::Word, "a name").text;
  uint32_t count = 1;
  if (accept("[")) {
    count = lexer.peek().is("]") ? 0 : parseCount();
    expect("]");
  }
  expect(";");
  variable.bytes = count * elementBytes;
  return variable;
}

KernelSyntax Parser::parseKernel() {
  KernelSyntax kernel;
  kernel.name = expect(Token::Kind::Word, "the name of the kernel").text;
  kernel.shared = moduleShared;
  parseParameters(kernel);
  parseLaunchDirectives(kernel);
  parseBody(kernel);
  return kernel;
}

void Parser::parseParameters(KernelSyntax &kernel) {
  expect("(");
  uint32_t end = 0;
  while (!accept(")")) {
    if (!kernel.parameters.empty())
      expect(",");
    Parameter parameter = parseParameter();
    parameter.offset = (end + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
    end = parameter.offset + parameter.bytes;
    kernel.parameters.push_back(parameter);
  }
}

// .param .u64 .ptr .global .align 1 name     or     .param .align 64 .b8 name[128]
Parameter Parser::parseParameter() {
  expect(".param");
  Parameter parameter = {"", 0, 1, 0};
  if (accept(".align"))
    parameter.alignment = parseCount();
  Token type = expect(Token::Kind::Word, "a type");
  parameter.bytes = getTypeBytes(type.text);
  if (!parameter.bytes)
    failAt(type, "a type");
  parameter.alignment = std::max(parameter.alignment, parameter.bytes);
  if (accept(".ptr")) { // what follows describes what it points to
    for (std::string_view space : {".global", ".shared", ".const", ".local"})
      accept(space);
    if (accept(".align"))
      parseCount();
  }
  parameter.name = expect(Token::Kind::Word, "a name").text;
  if (accept("[")) {
    parameter.bytes *= parseCount();
    expect("]");
  }
  return parameter;
}

void Parser::parseLaunchDirectives(KernelSyntax &kernel) {
  auto parseExtents = [&] {
    uint32_t count = parseCount();
    while (accept(","))
      count *= parseCount();
    return count;
  };
  while (!lexer.peek().is("{")) {
    Token directive = lexer.next();
    if (directive.is(".reqntid"))
      kernel.threads = parseExtents();
    else if (directive.is(".reqnctapercluster"))
      kernel.cluster = parseExtents();
    else if (directive.is(".minnctapersm") || directive.is(".maxnreg"))
      kernel.hasRegisterBound = parseCount() > 0;
    else if (!directive.is(".explicitcluster"))
      failAt(directive, "'{' or a directive that the emulator knows: .reqntid, .reqnctapercluster, .explicitcluster, "
                        ".minnctapersm or .maxnreg");
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The body of a kernel
//===--------------------------------------------------------------------------------------------------------------===//

void Parser::parseBody(KernelSyntax &kernel) {
  scopeCount = 0;
  branchScopes.clear();
  do {
    Token token = lexer.peek();
    if (accept("{")) {
      scopes.push_back({scopeCount++, {}});
    } else if (accept("}")) {
      scopes.pop_back();
    } else if (accept(";") || token.is(".pragma")) {
      if (token.is(".pragma"))
        skipStatement();
    } else if (accept(".reg")) {
      parseRegisters(kernel);
    } else if (accept(".shared")) {
      kernel.shared.push_back(parseSharedVariable());
    } else {
      parseInstruction(kernel);
    }
  } while (!scopes.empty());
  if (kernel.instructions.empty())
    fail("kernel ", kernel.name, " has no instructions");
  resolveBranches(kernel);
}

void Parser::declareRegister(KernelSyntax &kernel, const std::string &name, RegisterType type, const Token &at) {
  std::string unique = scoped(name, scopes.back().number);
  if (!scopes.back().registers.emplace(name, unique).second)
    fail("line ", at.line, ": register ", name, " is declared twice");
  kernel.registers.emplace(unique, type);
}

// Behind .reg: .b32 %r<8>, a, b;
void Parser::parseRegisters(KernelSyntax &kernel) {
  Token token = expect(Token::Kind::Word, "a type");
  RegisterType type = RegisterType::Predicate;
  if (!token.is(".pred")) {
    switch (getTypeBytes(token.text)) {
    case 2:
      type = RegisterType::B16;
      break;
    case 4:
      type = RegisterType::B32;
      break;
    case 8:
      type = RegisterType::B64;
      break;
    default:
      failAt(token, "a type of registers of 16, 32 or 64 bits, or .pred");
    }
  }
  do {
    Token name = expect(Token::Kind::Word, "the name of a register");
    if (!accept("<")) {
      declareRegister(kernel, std::string(name.text), type, name);
      continue;
    }
    uint32_t count = parseCount();
    expect(">");
    for (uint32_t i = 0; i < count; ++i)
      declareRegister(kernel, concat(name.text, i), type, name);
  } while (accept(","));
  expect(";");
}

void Parser::parseLabel(KernelSyntax &kernel, const std::string &name, const Token &at) {
  auto index = static_cast<uint32_t>(kernel.instructions.size());
  if (!kernel.labels.emplace(scoped(name, scopes.back().number), index).second)
    fail("line ", at.line, ": label ", name, " is defined twice");
}

/// White space shrinks, and what is long ends in dots.
static std::string shorten(std::string_view text) {
  constexpr size_t limit = 160;
  std::string result;
  for (char c : text) {
    bool blank = std::isspace(static_cast<unsigned char>(c));
    if (!blank || (!result.empty() && result.back() != ' '))
      result += blank ? ' ' : c;
  }
  return result.size() > limit ? result.substr(0, limit) + "..." : result;
}

void Parser::parseInstruction(KernelSyntax &kernel) {
  SyntaxInstruction instruction;
  Token first = lexer.peek();
  instruction.line = first.line;
  if (accept("@")) {
    instruction.guardNegated = accept("!");
    instruction.guard = resolve(std::string(expect(Token::Kind::Word, "a predicate").text));
  }
  Token opcode = expect(Token::Kind::Word, "an instruction");
  if (accept(":"))
    return parseLabel(kernel, std::string(opcode.text), opcode);
  instruction.opcode = opcode.text;
  if (!accept(";"))
    instruction.operands = parseList(";");
  size_t end = lexer.getText().find(';', opcode.offset);
  instruction.text = shorten(lexer.getText().substr(first.offset, end - first.offset));
  if (instruction.opcode.rfind("bra", 0) == 0)
    for (const Scope &scope : scopes)
      branchScopes[kernel.instructions.size()].push_back(scope.number);
  kernel.instructions.push_back(std::move(instruction));
}

/// Labels may follow the branches to them, so this is done at the end.
void Parser::resolveBranches(KernelSyntax &kernel) {
  for (auto &[index, numbers] : branchScopes) {
    SyntaxInstruction &branch = kernel.instructions[index];
    if (branch.operands.size() != 1)
      fail("line ", branch.line, ": expected one label: ", branch.text);
    std::string &label = branch.operands[0].name;
    auto inner = std::find_if(numbers.rbegin(), numbers.rend(),
                              [&](unsigned number) { return kernel.labels.count(scoped(label, number)); });
    if (inner == numbers.rend())
      fail("line ", branch.line, ": there is no label '", label, "': ", branch.text);
    label = scoped(label, *inner);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operands
//===--------------------------------------------------------------------------------------------------------------===//

std::string Parser::scoped(const std::string &name, unsigned scope) const {
  return scope ? concat(name, "#", scope) : name;
}

std::string Parser::resolve(const std::string &name) const {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (auto found = scope->registers.find(name); found != scope->registers.end())
      return found->second;
  return name;
}

std::vector<SyntaxOperand> Parser::parseList(std::string_view end) {
  std::vector<SyntaxOperand> list;
  do
    list.push_back(parseOperand());
  while (accept(","));
  expect(end);
  return list;
}

SyntaxOperand Parser::parseOperand() {
  SyntaxOperand operand = parsePrimary();
  if (!accept("|"))
    return operand;
  SyntaxOperand pair = {SyntaxOperand::Kind::Pair, ""};
  pair.elements = {operand, parsePrimary()};
  return pair;
}

SyntaxOperand Parser::parsePrimary() {
  using Kind = SyntaxOperand::Kind;
  if (accept("{"))
    return {Kind::Vector, "", 0, 0, parseList("}")};
  if (accept("["))
    return {Kind::Address, "", 0, 0, parseList("]")};
  bool negative = accept("-");
  if (lexer.peek().kind == Token::Kind::Number)
    return parseNumber(negative);
  Token token = expect(Token::Kind::Word, "an operand");
  if (token.is("_"))
    return {Kind::Sink, ""};
  SyntaxOperand name = {Kind::Name, resolve(std::string(token.text))};
  if (accept("+"))
    name.offset = static_cast<int64_t>(parseNumber(accept("-")).bits);
  else if (accept("-"))
    name.offset = static_cast<int64_t>(parseNumber(true).bits);
  return name;
}

// 0fXXXXXXXX and 0dXXXXXXXXXXXXXXXX are the bits of floating-point numbers.
SyntaxOperand Parser::parseNumber(bool negative) {
  Token token = expect(Token::Kind::Number, "a number");
  std::string text(token.text);
  bool isFloat = text.size() > 2 && text[0] == '0' && std::string_view("fFdD").find(text[1]) != std::string_view::npos;
  size_t used = 0;
  uint64_t bits = isFloat ? std::stoull(text.substr(2), &used, 16) : std::stoull(text, &used, 0);
  bool whole = used + (isFloat ? 2 : 0) == text.size() || text.substr(used) == "U";
  if (!whole || (isFloat && negative))
    failAt(token, "an integer, or a floating-point number as 0f and its bits");
  return {SyntaxOperand::Kind::Number, "", 0, negative ? -bits : bits};
}

std::vector<KernelSyntax> rondo::emulator::parsePtx(std::string_view text) {
  Parser parser(text);
  try {
    return parser.parseModule();
  } catch (const std::out_of_range &) { // of the standard library's conversions
    fail("line ", parser.getLine(), ": a number is too large");
  }
}
