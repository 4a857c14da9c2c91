//===- KernelAttributes.cpp - Configurations of kernels as attributes -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/kernels/KernelAttributes.h"

using namespace mlir;
using namespace mlir::rondo;

static CachePolicy getPolicy(cuda::CacheHint hint) {
  switch (hint) {
  case cuda::CacheHint::None:
    return CachePolicy::None;
  case cuda::CacheHint::EvictFirst:
    return CachePolicy::EvictFirst;
  case cuda::CacheHint::EvictLast:
    return CachePolicy::EvictLast;
  }
  llvm_unreachable("all hints are handled");
}

static cuda::CacheHint getHint(CachePolicy policy) {
  switch (policy) {
  case CachePolicy::None:
    return cuda::CacheHint::None;
  case CachePolicy::EvictFirst:
    return cuda::CacheHint::EvictFirst;
  case CachePolicy::EvictLast:
    return cuda::CacheHint::EvictLast;
  }
  llvm_unreachable("all policies are handled");
}

cuda::ElementFormat cuda::getFormat(Type element) {
  return element.isF16() ? ElementFormat::F16 : element.isBF16() ? ElementFormat::BF16 : ElementFormat::F32;
}

AttendKernelAttr cuda::getAttribute(MLIRContext *context, const AttendConfiguration &c) {
  Builder builder(context);
  return AttendKernelAttr::get(context, getType(builder, c.input), getType(builder, c.output), c.features,
                               c.valueFeatures, c.causal, c.negateScores, c.blockKeys, c.warpgroups, c.stages,
                               c.cluster, c.pingPong, c.persistent, c.overlapTiles, c.scaledRows, c.earlyTurn,
                               c.polynomials, c.lazyRescale, c.dependentLaunch, getPolicy(c.keyHint));
}

cuda::AttendConfiguration cuda::getConfiguration(AttendKernelAttr attribute) {
  AttendConfiguration c;
  c.input = getFormat(attribute.getInput());
  c.output = getFormat(attribute.getOutput());
  c.features = attribute.getFeatures();
  c.valueFeatures = attribute.getValueFeatures();
  c.causal = attribute.getCausal();
  c.negateScores = attribute.getNegateScores();
  c.blockKeys = attribute.getBlockKeys();
  c.warpgroups = attribute.getWarpgroups();
  c.stages = attribute.getStages();
  c.cluster = attribute.getCluster();
  c.pingPong = attribute.getPingPong();
  c.persistent = attribute.getPersistent();
  c.overlapTiles = attribute.getOverlapTiles();
  c.scaledRows = attribute.getScaledRows();
  c.earlyTurn = attribute.getEarlyTurn();
  c.polynomials = attribute.getPolynomials();
  c.lazyRescale = attribute.getLazyRescale();
  c.dependentLaunch = attribute.getDependentLaunch();
  c.keyHint = getHint(attribute.getKeyPolicy());
  return c;
}

MergeKernelAttr cuda::getAttribute(MLIRContext *context, const MergeConfiguration &c) {
  Builder builder(context);
  Type arriving = c.arriving ? getType(builder, *c.arriving) : Type();
  return MergeKernelAttr::get(context, getType(builder, c.partial), getType(builder, c.output), arriving, c.features,
                              c.unroll, c.scaledRows, c.dependentLaunch);
}

cuda::MergeConfiguration cuda::getConfiguration(MergeKernelAttr attribute) {
  MergeConfiguration c;
  c.partial = getFormat(attribute.getPartial());
  c.output = getFormat(attribute.getOutput());
  if (attribute.getArriving())
    c.arriving = getFormat(attribute.getArriving());
  c.features = attribute.getFeatures();
  c.unroll = attribute.getUnroll();
  c.scaledRows = attribute.getScaledRows();
  c.dependentLaunch = attribute.getDependentLaunch();
  return c;
}
