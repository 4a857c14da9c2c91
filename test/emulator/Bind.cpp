//===- Bind.cpp - From syntax to a program --------------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Bind.h"

#include "test/emulator/Error.h"
#include "test/emulator/InstructionTable.h"
#include "test/emulator/Memory.h"

#include <algorithm>
#include <optional>

using namespace rondo::emulator;

namespace {

/// One operand of a form: see InstructionTable.h.
struct OperandForm {
  bool isRead = true, isWritten = false, isVector = false;
  char letter = 0;
  char second = 0;   ///< of a pair
  char elements = 0; ///< of a vector, as a digit; 0: any number

  static std::vector<OperandForm> parse(std::string_view form);
};

/// Why operands do not fit a form.
struct Mismatch {
  std::string reason;
};

class Binder {
public:
  explicit Binder(Program &program) : program(program) {}
  void bind();

private:
  void placeParameters();
  void placeSharedVariables();
  Slot allocate(RegisterType type, uint64_t value);
  Slot getConstant(RegisterType type, uint64_t value);
  Slot getRegister(const SyntaxOperand &operand, RegisterType type);
  std::optional<Slot> findSymbol(const SyntaxOperand &operand, RegisterType type);
  std::optional<Slot> findSpecial(const SyntaxOperand &operand, RegisterType type);

  Instruction bindInstruction(const SyntaxInstruction &syntax);
  Instruction bindForm(const SyntaxInstruction &syntax, const InstructionEntry &entry);
  void bindOperand(Instruction &instruction, const SyntaxOperand &syntax, const OperandForm &form);
  void bindAddress(Instruction &instruction, const SyntaxOperand &syntax, bool hasCoordinates);
  Slot bindValue(Instruction &instruction, const SyntaxOperand &syntax, const OperandForm &form, char letter);

  Program &program;
  std::map<std::string, Slot> registers;
  std::map<std::pair<RegisterType, uint64_t>, Slot> constants;
  std::map<std::string, uint32_t> parameterOffsets;
  std::map<std::string, uint32_t> sharedAddresses;
};

} // namespace

std::vector<OperandForm> OperandForm::parse(std::string_view text) {
  std::vector<OperandForm> forms;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    OperandForm form;
    if (one[0] == '=' || one[0] == '+') {
      form.isWritten = true;
      form.isRead = one[0] == '+';
      one.remove_prefix(1);
    }
    form.letter = one[0];
    form.isVector = one.size() > 1 && one[1] == '*';
    if (one.size() == 3)
      (form.isVector ? form.elements : form.second) = one[2];
    forms.push_back(form);
  }
  return forms;
}

static RegisterType getRegisterType(char letter) {
  switch (letter) {
  case 'p':
    return RegisterType::Predicate;
  case 'h':
    return RegisterType::B16;
  case 'r':
    return RegisterType::B32;
  default:
    return RegisterType::B64;
  }
}

static const char *getName(RegisterType type) {
  static constexpr const char *names[] = {"a predicate", "16 bits", "32 bits", "64 bits"};
  return names[static_cast<unsigned>(type)];
}

//===--------------------------------------------------------------------------------------------------------------===//
// Slots
//===--------------------------------------------------------------------------------------------------------------===//

void Binder::placeParameters() {
  for (const Parameter &parameter : program.syntax.parameters) {
    parameterOffsets[parameter.name] = parameter.offset;
    program.parameterBytes = parameter.offset + parameter.bytes;
  }
}

/// Variables without a size share the place behind the others.
void Binder::placeSharedVariables() {
  uint32_t end = kSharedBase;
  auto align = [](uint32_t address, uint32_t alignment) { return (address + alignment - 1) / alignment * alignment; };
  for (const SharedVariable &variable : program.syntax.shared) {
    if (!variable.bytes)
      continue;
    sharedAddresses[variable.name] = align(end, variable.alignment);
    end = sharedAddresses[variable.name] + variable.bytes;
  }
  for (const SharedVariable &variable : program.syntax.shared)
    if (!variable.bytes)
      end = align(end, variable.alignment);
  for (const SharedVariable &variable : program.syntax.shared)
    if (!variable.bytes)
      sharedAddresses[variable.name] = end;
  program.staticSharedEnd = end;
}

Slot Binder::allocate(RegisterType type, uint64_t value) {
  Slot slot = program.slotCount();
  bool isWide = type == RegisterType::B64;
  if (!isWide) {
    program.registerImage.insert(program.registerImage.end(), kWarpLanes, static_cast<uint32_t>(value));
    return slot;
  }
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) { // little-endian, as the emulator's host
    program.registerImage.push_back(static_cast<uint32_t>(value));
    program.registerImage.push_back(static_cast<uint32_t>(value >> 32));
  }
  return slot;
}

Slot Binder::getConstant(RegisterType type, uint64_t value) {
  auto [place, isNew] = constants.emplace(std::pair(type, value), 0);
  if (isNew)
    place->second = allocate(type, value);
  return place->second;
}

/// The address of a parameter, or of a variable in shared memory.
std::optional<Slot> Binder::findSymbol(const SyntaxOperand &operand, RegisterType type) {
  if (auto parameter = parameterOffsets.find(operand.name); parameter != parameterOffsets.end())
    return getConstant(type, parameter->second + operand.offset);
  auto shared = sharedAddresses.find(operand.name);
  if (shared == sharedAddresses.end())
    return std::nullopt;
  Slot slot = allocate(type, 0);
  program.sharedAddresses.push_back(
      {slot, type == RegisterType::B64, shared->second + static_cast<uint32_t>(operand.offset)});
  return slot;
}

std::optional<Slot> Binder::findSpecial(const SyntaxOperand &operand, RegisterType type) {
  static const std::map<std::string, SpecialRegister> specials = {
      {"%tid.x", SpecialRegister::TidX},
      {"%ctaid.x", SpecialRegister::CtaidX},
      {"%ctaid.y", SpecialRegister::CtaidY},
      {"%ctaid.z", SpecialRegister::CtaidZ},
      {"%ntid.x", SpecialRegister::NtidX},
      {"%nctaid.x", SpecialRegister::NctaidX},
      {"%nctaid.y", SpecialRegister::NctaidY},
      {"%nctaid.z", SpecialRegister::NctaidZ},
      {"%laneid", SpecialRegister::LaneId},
      {"%warpid", SpecialRegister::WarpId},
      // Clusters lie along x.
      {"%cluster_ctarank", SpecialRegister::ClusterCtaRank},
      {"%cluster_ctaid.x", SpecialRegister::ClusterCtaRank},
      {"%cluster_nctarank", SpecialRegister::ClusterCtaCount},
      {"%cluster_nctaid.x", SpecialRegister::ClusterCtaCount},
  };
  if (operand.name == "%globaltimer" && type == RegisterType::B64) {
    program.timers.push_back(allocate(type, 0));
    return program.timers.back();
  }
  auto special = specials.find(operand.name);
  if (special == specials.end() || type != RegisterType::B32)
    return std::nullopt;
  Slot slot = allocate(type, 0);
  program.specials.push_back({slot, special->second});
  return slot;
}

Slot Binder::getRegister(const SyntaxOperand &operand, RegisterType type) {
  auto declared = program.syntax.registers.find(operand.name);
  if (declared == program.syntax.registers.end())
    throw Mismatch{concat("'", operand.name, "' is not declared")};
  if (declared->second != type)
    throw Mismatch{concat(operand.name, " is ", getName(declared->second), ", expected ", getName(type))};
  // Before they are written, registers hold NaNs or odd addresses.
  constexpr uint64_t unwritten = 0x7FFFDEAD7FFFDEAD;
  auto [place, isNew] = registers.emplace(operand.name, 0);
  if (isNew)
    place->second = allocate(type, type == RegisterType::Predicate ? 0 : unwritten);
  return place->second;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Operands
//===--------------------------------------------------------------------------------------------------------------===//

Slot Binder::bindValue(Instruction &instruction, const SyntaxOperand &syntax, const OperandForm &form, char letter) {
  RegisterType type = getRegisterType(letter);
  if (syntax.kind == SyntaxOperand::Kind::Number) {
    if (form.isWritten)
      throw Mismatch{"a number cannot be written"};
    return getConstant(type, type == RegisterType::B64 ? syntax.bits : static_cast<uint32_t>(syntax.bits));
  }
  if (syntax.kind != SyntaxOperand::Kind::Name)
    throw Mismatch{concat("expected a register of ", getName(type))};
  if (!form.isWritten) {
    if (std::optional<Slot> symbol = findSymbol(syntax, type))
      return *symbol;
    if (std::optional<Slot> special = findSpecial(syntax, type))
      return *special;
  }
  Slot slot = getRegister(syntax, type);
  if (form.isRead)
    instruction.reads.push_back(slot);
  if (form.isWritten)
    instruction.writes.push_back(slot);
  return slot;
}

void Binder::bindAddress(Instruction &instruction, const SyntaxOperand &syntax, bool hasCoordinates) {
  if (syntax.kind != SyntaxOperand::Kind::Address || syntax.elements.size() != (hasCoordinates ? 2 : 1))
    throw Mismatch{hasCoordinates ? "expected [address, {coordinates}]" : "expected [address]"};
  const SyntaxOperand &base = syntax.elements[0];
  auto declared = program.syntax.registers.find(base.name);
  Operand address = {Operand::Kind::Address};
  address.isWide = declared == program.syntax.registers.end() || declared->second == RegisterType::B64;
  address.slot = bindValue(instruction, base, OperandForm(), address.isWide ? 'l' : 'r');
  if (declared != program.syntax.registers.end()) // a symbol has the offset already
    address.value = base.offset;
  if (hasCoordinates)
    for (const SyntaxOperand &coordinate : syntax.elements[1].elements)
      address.elements.push_back(bindValue(instruction, coordinate, OperandForm(), 'r'));
  instruction.operands.push_back(address);
}

void Binder::bindOperand(Instruction &instruction, const SyntaxOperand &syntax, const OperandForm &form) {
  using Kind = SyntaxOperand::Kind;
  auto add = [&](Operand operand) { instruction.operands.push_back(std::move(operand)); };
  if (form.letter == 'a' || form.letter == 't')
    return bindAddress(instruction, syntax, form.letter == 't');
  if (form.letter == 'i') {
    if (syntax.kind != Kind::Number)
      throw Mismatch{"expected a number"};
    return add({Operand::Kind::Immediate, false, 0, static_cast<int64_t>(syntax.bits)});
  }
  if (form.letter == '@')
    return add({Operand::Kind::Label, false, 0, program.syntax.labels.at(syntax.name)});
  if (syntax.kind == Kind::Sink && form.isWritten)
    return add({Operand::Kind::Sink});
  if (form.second) {
    if (syntax.kind != Kind::Pair)
      throw Mismatch{"expected a pair, a|b"};
    OperandForm second = form;
    second.letter = form.second;
    second.second = 0;
    OperandForm first = form;
    first.second = 0;
    bindOperand(instruction, syntax.elements[0], first);
    return bindOperand(instruction, syntax.elements[1], second);
  }
  if (!form.isVector)
    return add({Operand::Kind::Register, false, bindValue(instruction, syntax, form, form.letter)});
  if (syntax.kind != Kind::Vector)
    throw Mismatch{"expected a vector, {a, b}"};
  if (form.elements && syntax.elements.size() != static_cast<size_t>(form.elements - '0'))
    throw Mismatch{concat("a vector of ", syntax.elements.size(), " elements, expected ", form.elements)};
  Operand vector = {Operand::Kind::Vector};
  for (const SyntaxOperand &element : syntax.elements)
    vector.elements.push_back(bindValue(instruction, element, form, form.letter));
  add(std::move(vector));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Instructions
//===--------------------------------------------------------------------------------------------------------------===//

Instruction Binder::bindForm(const SyntaxInstruction &syntax, const InstructionEntry &entry) {
  Instruction instruction;
  instruction.execute = entry.execute;
  instruction.needsWholeWarp = entry.traits & InstructionEntry::WholeWarp;
  instruction.isProduct = entry.traits & InstructionEntry::Product;
  instruction.syntax = &syntax;
  std::vector<OperandForm> forms = OperandForm::parse(entry.form);
  if (forms.size() != syntax.operands.size())
    throw Mismatch{concat(syntax.operands.size(), " operands, expected ", forms.size())};
  for (size_t i = 0; i < forms.size(); ++i)
    bindOperand(instruction, syntax.operands[i], forms[i]);
  if (!syntax.guard.empty()) {
    SyntaxOperand guard = {SyntaxOperand::Kind::Name, syntax.guard};
    instruction.hasGuard = true;
    instruction.guardNegated = syntax.guardNegated;
    instruction.guard = bindValue(instruction, guard, OperandForm(), 'p');
  }
  return instruction;
}

Instruction Binder::bindInstruction(const SyntaxInstruction &syntax) {
  std::vector<const InstructionEntry *> entries = findInstructions(syntax.opcode);
  if (entries.empty())
    fail("line ", syntax.line, ": the emulator does not know this instruction: ", syntax.text);
  std::string reasons;
  for (const InstructionEntry *entry : entries) {
    try {
      return bindForm(syntax, *entry);
    } catch (const Mismatch &mismatch) {
      reasons += (reasons.empty() ? "" : "; or ") + mismatch.reason;
    }
  }
  fail("line ", syntax.line, ": operands do not fit: ", reasons, ": ", syntax.text);
}

void Binder::bind() {
  placeParameters();
  placeSharedVariables();
  for (const SyntaxInstruction &syntax : program.syntax.instructions)
    program.instructions.push_back(bindInstruction(syntax));
}

std::unique_ptr<const Program> rondo::emulator::bindKernel(KernelSyntax syntax) {
  auto program = std::make_unique<Program>();
  program->syntax = std::move(syntax);
  Binder(*program).bind();
  return program;
}
