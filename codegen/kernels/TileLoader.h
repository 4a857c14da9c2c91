//===- TileLoader.h - How the attention kernel fills tiles ----------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_CODEGEN_KERNELS_TILELOADER_H
#define RONDO_CODEGEN_KERNELS_TILELOADER_H

#include "codegen/kernels/AttendParts.h"

#include <memory>

namespace mlir::rondo::cuda {

/// Fills one tile of a pipeline. The code runs in one thread for bulk copies, in a whole warp for plain loads.
class TileLoader {
public:
  enum class Operand { Keys, Values };

  virtual ~TileLoader() = default;
  /// The box of query rows that begins with packed row `row`.
  virtual void loadQueries(PipelineProducer &pipeline, const WorkTile &tile, Value row) = 0;
  /// Block number `block` of the keys or values.
  virtual void loadBlock(PipelineProducer &pipeline, Operand operand, const WorkTile &tile, Value block,
                         Value turn) = 0;
};

/// The loader that the configuration asks for.
std::unique_ptr<TileLoader> createTileLoader(AttendContext &context);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_TILELOADER_H
