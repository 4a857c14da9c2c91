// The inputs of a run, read or generated.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_INPUTS_H
#define RONDO_RUN_INPUTS_H

#include "tools/rondo-run/plan.h"
#include "tools/rondo-run/progress.h"

namespace rondo::run {

/// Fills `tensor` with `amplitude` times standard normal numbers, rounded to its type. `stream` tells the inputs of
/// one seed apart.
void generate(HostTensor &tensor, uint64_t seed, uint64_t stream, double amplitude);

Result<std::vector<HostTensor>> makeInputs(const Plan &plan, uint64_t seed, Progress &progress);

} // namespace rondo::run
#endif // RONDO_RUN_INPUTS_H
