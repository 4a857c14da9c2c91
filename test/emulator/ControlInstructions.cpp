//===- ControlInstructions.cpp - Branches, and instructions that do nothing here ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/Error.h"
#include "test/emulator/InstructionTable.h"
#include "test/emulator/Machine.h"

using namespace rondo::emulator;

namespace {

Outcome branch(Execution &execution) {
  execution.jumps = execution.mask;
  execution.target = static_cast<uint32_t>(execution.operand(0).value);
  return Outcome::Done;
}

Outcome end(Execution &execution) {
  execution.exits = execution.mask;
  return Outcome::Done;
}

Outcome trap(Execution &) { fail("the kernel gives up"); }

Outcome nothing(Execution &) { return Outcome::Done; }

Outcome fenceProxy(Execution &execution) {
  execution.warp.cta.shared.fenceProxy(execution.warp.index);
  return Outcome::Done;
}

Outcome waitForPrevious(Execution &execution) {
  execution.warp.cta.hasWaitedForPrevious = true;
  return Outcome::Done;
}

} // namespace

// Memory is sequentially consistent here, and kernels run one after another.
InstructionList rondo::emulator::getControlInstructions() {
  return {
      {"bra[.uni]", "@", branch},
      {"(ret|exit)[.uni]", "", end},
      {"trap", "", trap},
      {"membar.(cta|gl|sys)", "", nothing},
      {"fence[.(sc|acq_rel)].(cta|cluster|gpu|sys)", "", nothing},
      {"fence.mbarrier_init.release.cluster", "", nothing},
      {"fence.proxy.async[.shared::(cta|cluster)]", "", fenceProxy},
      {"fence.proxy.async.global", "", nothing},
      {"griddepcontrol.wait", "", waitForPrevious},
      {"griddepcontrol.launch_dependents", "", nothing},
  };
}
