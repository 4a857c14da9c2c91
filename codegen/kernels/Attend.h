//===- Attend.h - The attention kernel for sm_90a -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes (O, LSE) of one shard of queries over one shard of keys; cuda_abi.h describes what it is launched with.
//
// A CTA has one warpgroup that loads and one to three that compute, each for 64 query rows:
//
//   loading thread       Q | K K V K V K V ...  V      bulk copies into rings of tiles, as fast as tiles come free
//   warpgroup 0          S0 soft | S1 + O0  soft | S2 + O1  soft | ...     S: Q K^T,  O: P V,  on the tensor cores
//   warpgroup 1             S0 soft | S1 + O0  soft | ...                  soft: softmax of a block of scores
//
// Inside a warpgroup, the softmax of block i hides behind the product of P and V of block i-1 (AttendConsumer.cpp is
// the main loop); with ping-pong, the two warpgroups also take turns on the tensor cores.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_CODEGEN_KERNELS_ATTEND_H
#define RONDO_CODEGEN_KERNELS_ATTEND_H

#include "codegen/cuda/Instructions.h"
#include "codegen/kernels/ElementFormat.h"
#include "runtime/include/rondo/cuda_abi.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::rondo::cuda {

/// What is fixed when the kernel is generated. Lengths, head counts and strides are not.
struct AttendConfiguration {
  ElementFormat input = ElementFormat::BF16;  ///< of Q, K, V: f16 or bf16
  ElementFormat output = ElementFormat::BF16; ///< of O, or of partial O
  int64_t features = 128;                     ///< of Q and K; up to 256
  int64_t valueFeatures = 128;                ///< of V and O; likewise
  bool scaledRows = false;                    ///< partial O of f16 for inputs in bf16: see RowScale.h
  bool causal = false;
  bool negateScores = false; ///< for a negative scale

  int64_t blockKeys = 192;                   ///< keys of a block
  int64_t warpgroups = 2;                    ///< that compute
  int64_t stages = 2;                        ///< blocks of K, and of V, in shared memory; a power of two
  int64_t cluster = 1;                       ///< CTAs, of neighbouring row tiles, that share their loads of K and V
  bool pingPong = true;                      ///< two warpgroups take turns on the tensor cores
  bool persistent = false;                   ///< one CTA for each multiprocessor, and tiles from a table
  bool overlapTiles = false;                 ///< persistent: a tile begins before the one before it has been stored
  int64_t earlyTurn = 0;                     ///< ping-pong: how many steps before the end of P V the turn passes on
  int64_t polynomials = 0;                   ///< of 16 exponentials, those that do not use special-function units
  bool lazyRescale = false;                  ///< O is only rescaled when a maximum grows by much
  bool dependentLaunch = false;              ///< overlaps with the kernels before and after it
  CacheHint keyHint = CacheHint::EvictFirst; ///< K and V; none where several row tiles read them

  /// The CTAs of a grid read the same queries for every split; a persistent kernel reads each once.
  CacheHint getQueryHint() const { return persistent ? CacheHint::EvictFirst : CacheHint::EvictLast; }
  /// Bulk copies need rows of a multiple of 16 bytes. Other rows are loaded element by element: right, but slow.
  bool hasPlainLoads() const { return features % 8 != 0 || valueFeatures % 8 != 0; }
};

/// Says what is wrong with a configuration; empty if nothing is.
std::string getAttendError(const AttendConfiguration &configuration);

/// The kernel's name: it tells the configuration.
std::string getAttendName(const AttendConfiguration &configuration);

rondo_kernel_traits getAttendTraits(const AttendConfiguration &configuration);

/// Adds the kernel to a gpu.module. The configuration has no error.
void emitAttend(Operation *gpuModule, const AttendConfiguration &configuration);

} // namespace mlir::rondo::cuda

#endif // RONDO_CODEGEN_KERNELS_ATTEND_H
