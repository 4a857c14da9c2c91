//===- MemoryInstructions.cpp - Loads and stores --------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Addresses.h"
#include "test/emulator/InstructionTable.h"

using namespace rondo::emulator;

namespace {

enum class Space { Global, Shared, Parameter, Generic };

/// Copies between memory and the bytes of one lane.
template <Space space>
void loadBytes(const Execution &execution, uint64_t address, uint8_t *bytes, uint32_t count) {
  Cta &cta = execution.warp.cta;
  const Launch &launch = cta.cluster.launch;
  if constexpr (space == Space::Global) {
    checkDependency(cta, address);
    std::memcpy(bytes, launch.global.resolve(address, count, Access::Read, count), count);
  } else if constexpr (space == Space::Shared) {
    cta.shared.read(getSharedOffset(cta, address), bytes, count);
  } else if constexpr (space == Space::Parameter) {
    if (address + count > launch.program.parameterBytes)
      fail("a read of ", count, " bytes at offset ", address, " of ", launch.program.parameterBytes,
           " bytes of parameters");
    std::memcpy(bytes, launch.parameters + address, count);
  } else if (isSharedAddress(address)) {
    loadBytes<Space::Shared>(execution, address - kSharedWindow, bytes, count);
  } else if (isParameterAddress(address)) {
    loadBytes<Space::Parameter>(execution, address - kParameterWindow, bytes, count);
  } else {
    loadBytes<Space::Global>(execution, address, bytes, count);
  }
}

template <Space space>
void storeBytes(const Execution &execution, uint64_t address, const uint8_t *bytes, uint32_t count) {
  Cta &cta = execution.warp.cta;
  if constexpr (space == Space::Global)
    std::memcpy(cta.cluster.launch.global.resolve(address, count, Access::Write, count), bytes, count);
  else if constexpr (space == Space::Shared)
    cta.shared.write(getSharedOffset(cta, address), bytes, count, execution.warp.index);
  else if (isSharedAddress(address))
    storeBytes<Space::Shared>(execution, address - kSharedWindow, bytes, count);
  else
    storeBytes<Space::Global>(execution, address, bytes, count);
}

/// The slots of an operand: a register or a vector of them.
struct Slots {
  explicit Slots(const Operand &operand)
      : begin(operand.kind == Operand::Kind::Vector ? operand.elements.data() : &operand.slot),
        count(operand.kind == Operand::Kind::Vector ? static_cast<uint32_t>(operand.elements.size()) : 1) {
    if (count != 1 && count != 2 && count != 4)
      fail("a vector of ", count, " elements, expected 2 or 4");
  }
  const Slot *begin;
  uint32_t count;
};

constexpr uint32_t kMaxVectorBytes = 32;

/// `Memory` is the type of an element in memory, `Register` that of a register. The access is aligned to its size.
template <Space space, typename Memory, typename Register = Memory>
Outcome load(Execution &execution) {
  Slots slots(execution.operand(0));
  auto addresses = execution.readAddress(1);
  Lanes<Register> values[kMaxVectorBytes / sizeof(Memory)];
  execution.forEachLane([&](unsigned lane) {
    Memory elements[kMaxVectorBytes / sizeof(Memory)];
    loadBytes<space>(execution, addresses[lane], reinterpret_cast<uint8_t *>(elements), slots.count * sizeof(Memory));
    for (uint32_t i = 0; i < slots.count; ++i)
      values[i][lane] = static_cast<Register>(elements[i]);
  });
  for (uint32_t i = 0; i < slots.count; ++i)
    execution.warp.registers.write(slots.begin[i], values[i], execution.mask);
  return Outcome::Done;
}

template <Space space, typename Memory, typename Register = Memory>
Outcome store(Execution &execution) {
  Slots slots(execution.operand(1));
  auto addresses = execution.readAddress(0);
  Lanes<Register> values[kMaxVectorBytes / sizeof(Memory)];
  for (uint32_t i = 0; i < slots.count; ++i)
    values[i] = execution.warp.registers.read<Register>(slots.begin[i]);
  execution.forEachLane([&](unsigned lane) {
    Memory elements[kMaxVectorBytes / sizeof(Memory)];
    for (uint32_t i = 0; i < slots.count; ++i)
      elements[i] = static_cast<Memory>(values[i][lane]);
    storeBytes<space>(execution, addresses[lane], reinterpret_cast<const uint8_t *>(elements),
                      slots.count * sizeof(Memory));
  });
  return Outcome::Done;
}

/// Clusters may run on several threads of the host, so this is atomic there too.
Outcome addAtomically(Execution &execution) {
  auto addresses = execution.readAddress(1);
  auto addends = execution.read<uint32_t>(2);
  Lanes<uint32_t> before = {};
  execution.forEachLane([&](unsigned lane) {
    uint8_t *place = execution.warp.cta.cluster.launch.global.resolve(addresses[lane], 4, Access::Write, 4);
    before[lane] = __atomic_fetch_add(reinterpret_cast<uint32_t *>(place), addends[lane], __ATOMIC_SEQ_CST);
  });
  execution.write(0, before);
  return Outcome::Done;
}

/// Fetches nothing, but there must be something to fetch.
template <bool isParameterSpace>
Outcome prefetchTensorMap(Execution &execution) {
  auto addresses = execution.readAddress(0);
  execution.forEachLane([&](unsigned lane) {
    getTensorMap(execution.warp.cta.cluster.launch, addresses[lane] + (isParameterSpace ? kParameterWindow : 0));
  });
  return Outcome::Done;
}

} // namespace

InstructionList rondo::emulator::getMemoryInstructions() {
  return {
      {"ld.param.(b|u|s)16", "=h,a", load<Space::Parameter, uint16_t>},
      {"ld.param.(b32|u32|s32|f32)", "=r,a", load<Space::Parameter, uint32_t>},
      {"ld.param.(b64|u64|s64|f64)", "=l,a", load<Space::Parameter, uint64_t>},
      {"ld.param.v(2|4).(b32|u32|f32)", "=r*,a", load<Space::Parameter, uint32_t>},
      {"ld.param.v(2|4).(b64|u64)", "=l*,a", load<Space::Parameter, uint64_t>},

      {"ld.global[.nc].(b|u)8", "=h,a", load<Space::Global, uint8_t, uint16_t>},
      {"ld.global[.nc].(b|u|s)16", "=h,a", load<Space::Global, uint16_t>},
      {"ld.global[.nc].(b32|u32|s32|f32)", "=r,a", load<Space::Global, uint32_t>},
      {"ld.global[.nc].(b64|u64|s64|f64)", "=l,a", load<Space::Global, uint64_t>},
      {"ld.global[.nc].v(2|4).(b|u)16", "=h*,a", load<Space::Global, uint16_t>},
      {"ld.global[.nc].v(2|4).(b32|u32|f32)", "=r*,a", load<Space::Global, uint32_t>},
      {"ld.global[.nc].v2.(b64|u64)", "=l*,a", load<Space::Global, uint64_t>},
      {"st.global.(b|u)8", "a,h", store<Space::Global, uint8_t, uint16_t>},
      {"st.global.(b|u|s)16", "a,h", store<Space::Global, uint16_t>},
      {"st.global.(b32|u32|s32|f32)", "a,r", store<Space::Global, uint32_t>},
      {"st.global.(b64|u64|s64|f64)", "a,l", store<Space::Global, uint64_t>},
      {"st.global.v(2|4).(b|u)16", "a,h*", store<Space::Global, uint16_t>},
      {"st.global.v(2|4).(b32|u32|f32)", "a,r*", store<Space::Global, uint32_t>},
      {"st.global.v2.(b64|u64)", "a,l*", store<Space::Global, uint64_t>},

      {"ld.shared[::cta].(b|u|s)16", "=h,a", load<Space::Shared, uint16_t>},
      {"ld.shared[::cta].(b32|u32|s32|f32)", "=r,a", load<Space::Shared, uint32_t>},
      {"ld.shared[::cta].(b64|u64|s64|f64)", "=l,a", load<Space::Shared, uint64_t>},
      {"ld.shared[::cta].v(2|4).(b32|u32|f32)", "=r*,a", load<Space::Shared, uint32_t>},
      {"ld.shared[::cta].v2.(b64|u64)", "=l*,a", load<Space::Shared, uint64_t>},
      {"st.shared[::cta].(b|u|s)16", "a,h", store<Space::Shared, uint16_t>},
      {"st.shared[::cta].(b32|u32|s32|f32)", "a,r", store<Space::Shared, uint32_t>},
      {"st.shared[::cta].(b64|u64|s64|f64)", "a,l", store<Space::Shared, uint64_t>},
      {"st.shared[::cta].v(2|4).(b|u)16", "a,h*", store<Space::Shared, uint16_t>},
      {"st.shared[::cta].v(2|4).(b32|u32|f32)", "a,r*", store<Space::Shared, uint32_t>},
      {"st.shared[::cta].v2.(b64|u64)", "a,l*", store<Space::Shared, uint64_t>},

      {"ld.(b|u|s)16", "=h,a", load<Space::Generic, uint16_t>},
      {"ld.(b32|u32|s32|f32)", "=r,a", load<Space::Generic, uint32_t>},
      {"ld.(b64|u64|s64|f64)", "=l,a", load<Space::Generic, uint64_t>},
      {"st.(b|u|s)16", "a,h", store<Space::Generic, uint16_t>},
      {"st.(b32|u32|s32|f32)", "a,r", store<Space::Generic, uint32_t>},
      {"st.(b64|u64|s64|f64)", "a,l", store<Space::Generic, uint64_t>},

      {"atom[.relaxed.gpu].global.add.(u|s)32", "=r,a,r", addAtomically},
      {"prefetch.tensormap", "a", prefetchTensorMap<false>},
      {"prefetch.param.tensormap", "a", prefetchTensorMap<true>},
  };
}
