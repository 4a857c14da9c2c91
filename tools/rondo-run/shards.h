// Which part of a tensor each rank holds, and copying it: what the runtime does where all ranks run in one process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_SHARDS_H
#define RONDO_RUN_SHARDS_H

#include "tools/rondo-run/manifest.h"
#include "tools/rondo-run/tensor.h"

namespace rondo::run {

/// The grid's axes for `ranks` ranks, all sizes bound: the open one has what the others leave.
std::vector<Axis> boundAxes(const Grid &grid, int32_t ranks);

/// Room for a rank's shard of a tensor of `whole`'s shape and type.
Result<HostTensor> makeShard(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes,
                             int32_t rank);

/// Copies a rank's shard out of a whole tensor, or into it.
void copyFromWhole(const HostTensor &whole, const TensorSpec &spec, const std::vector<Axis> &axes, int32_t rank,
                   HostTensor &shard);
void copyToWhole(const HostTensor &shard, const TensorSpec &spec, const std::vector<Axis> &axes, int32_t rank,
                 HostTensor &whole);

} // namespace rondo::run
#endif // RONDO_RUN_SHARDS_H
