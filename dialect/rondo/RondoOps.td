//===- RondoOps.td - All ops of the rondo dialect -----------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_OPS_TD
#define RONDO_OPS_TD

include "dialect/rondo/RondoGlobalOps.td"
include "dialect/rondo/RondoPartialOps.td"

#endif // RONDO_OPS_TD
