//===- Merge.cpp - The kernel for sm_90a that merges partial results ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One warp takes one row; each of its lanes takes some features, two at a time if rows are aligned to that, or four.
// Partial results are loaded several at once, then combined in the stable form: the largest LSE is taken out first.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/kernels/Merge.h"

#include "codegen/cuda/Instructions.h"
#include "codegen/cuda/KernelFunction.h"
#include "codegen/kernels/RowScale.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

static constexpr int64_t kThreads = 128;
static constexpr int64_t kRowsPerBlock = kThreads / kWarpThreads;
static constexpr float kLog2E = 1.4426950408889634f;
static constexpr float kLn2 = 0.6931471805599453f;

namespace {

struct OutputStrides {
  Value batch, head, row;
};

/// The kernel's parameters: those of rondo_merge_arguments, in order.
struct MergeArguments {
  explicit MergeArguments(ValueRange parameters) {
    Value *fields[] = {&partialOutput,
                       &partialLse,
                       &partialScales,
                       &arrivingOutput,
                       &arrivingLse,
                       &output,
                       &lse,
                       &outputStrides.batch,
                       &outputStrides.head,
                       &outputStrides.row,
                       &arrivingStrides.batch,
                       &arrivingStrides.head,
                       &arrivingStrides.row,
                       &rows,
                       &parts,
                       &heads,
                       &queryCount};
    for (auto [field, parameter] : llvm::zip_equal(fields, parameters))
      *field = parameter;
  }
  static SmallVector<ParameterKind> getKinds() {
    SmallVector<ParameterKind> kinds(7, ParameterKind::Pointer);
    kinds.append(6, ParameterKind::I64);
    kinds.append(4, ParameterKind::I32);
    return kinds;
  }

  Value partialOutput, partialLse, partialScales, arrivingOutput, arrivingLse, output, lse;
  OutputStrides outputStrides, arrivingStrides;
  Value rows, parts, heads, queryCount;
};

/// One partial result of a row, as a lane sees it. Also the running one: then `lse` is the largest so far, `sum` the
/// sum of weights, and `features` their weighted sum.
struct Partial {
  Value lse;
  ValueList features;
  Value factor; // of the features; null if there is none
};
struct Running {
  Value maximum, sum;
  ValueList features;
};

class MergeEmitter {
public:
  MergeEmitter(Emitter &emit, const MergeConfiguration &configuration, const MergeArguments &arguments)
      : emit(emit), configuration(configuration), arguments(arguments) {
    Value thread = emitThreadIndex(emit, kThreads);
    lane = emit.bitAnd(thread, kWarpThreads - 1);
    Value warp = emit.shiftRight(thread, llvm::Log2_64(kWarpThreads));
    row = emit.add(emit.mul(emitBlockIndex(emit, 'x'), kRowsPerBlock), warp);
  }

  void emitKernel() {
    emit.ifThen(emit.less(row, arguments.rows), [&] { mergeRow(); });
  }

private:
  void mergeRow();
  Running begin();
  Running merge(const Running &before, ArrayRef<Partial> partials);
  void store(const Running &result);

  Value getRowOffset(const OutputStrides &strides);
  Value getRowPointer(Value array, Value index) { return emit.offset(array, emit.getF32Type(), index); }
  Value loadOfRow(Value array, Value index) { return emit.load(emit.getF32Type(), getRowPointer(array, index), 4); }
  ValueList loadFeatures(Value pointer, ElementFormat format, Value rowOffset);
  ValueList loadScaledFeatures(Value rowOffset, Value scale, Value isEmpty);
  Value getSlice(Value row, Type element, int64_t slice);
  Partial loadPartial(Value part);

  /// Features that lie side by side in a lane: slice t + 32 * i of them is the lane's slice i.
  /// Scaled rows are 16-byte aligned where that can be.
  int64_t getWidth() const {
    if (configuration.scaledRows && configuration.features % (4 * kWarpThreads) == 0)
      return 4;
    return configuration.features % 2 == 0 ? 2 : 1;
  }
  int64_t getSlices() const { return llvm::divideCeil(configuration.features, getWidth() * kWarpThreads); }
  int64_t getLaneFeatures() const { return getSlices() * getWidth(); }
  Value hasSlice(int64_t slice) {
    int64_t slices = configuration.features / getWidth() - slice * kWarpThreads;
    return emit.less(lane, std::min(kWarpThreads, slices));
  }
  Value getSliceBegin(int64_t slice) { return emit.mul(emit.add(lane, slice * kWarpThreads), getWidth()); }

  Emitter &emit;
  const MergeConfiguration &configuration;
  const MergeArguments &arguments;
  Value lane, row;
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// Memory
//===--------------------------------------------------------------------------------------------------------------===//

/// Where the row lies in a result with strides.
Value MergeEmitter::getRowOffset(const OutputStrides &strides) {
  Value batchHead = emit.div(row, arguments.queryCount);
  Value position = emit.sub(row, emit.mul(batchHead, arguments.queryCount));
  Value batch = emit.div(batchHead, arguments.heads);
  Value head = emit.sub(batchHead, emit.mul(batch, arguments.heads));
  auto along = [&](Value index, Value stride) { return emit.mul(emit.toI64(index), stride); };
  return emit.add(emit.add(along(batch, strides.batch), along(head, strides.head)), along(position, strides.row));
}

/// Where the lane's slice lies. Lanes that have none read the first one, and do not use it.
Value MergeEmitter::getSlice(Value row, Type element, int64_t slice) {
  Value index = emit.select(hasSlice(slice), getSliceBegin(slice), emit.i32(0));
  return emit.offset(row, element, emit.zeroExtend(index));
}

/// The features of this lane.
ValueList MergeEmitter::loadFeatures(Value pointer, ElementFormat format, Value rowOffset) {
  Type element = getType(emit, format);
  Value begin = emit.offset(pointer, element, rowOffset);
  ValueList features;
  for (int64_t slice = 0; slice < getSlices(); ++slice) {
    Value place = getSlice(begin, element, slice);
    int64_t step = format != ElementFormat::F32 && getWidth() > 1 ? 2 : 1;
    for (int64_t i = 0; i < getWidth(); i += step) {
      Value own = emit.offset(place, element, emit.i64(i));
      if (step == 2)
        llvm::append_range(features, emit.unpack(element, emit.load(emit.getI32Type(), own, 4)));
      else
        features.push_back(emit.widen(emit.load(element, own, getBytes(format))));
    }
  }
  return features;
}

/// The same of a scaled partial row, up to its factor; 0 if it is empty.
ValueList MergeEmitter::loadScaledFeatures(Value rowOffset, Value scale, Value isEmpty) {
  Type element = emit.getF16Type(), i32 = emit.getI32Type();
  Value begin = emit.offset(arguments.partialOutput, element, rowOffset);
  auto orZero = [&](Value bits) { return emit.select(isEmpty, emit.integer(bits.getType(), 0), bits); };
  ValueList features;
  for (int64_t slice = 0; slice < getSlices(); ++slice) {
    Value place = getSlice(begin, element, slice);
    if (getWidth() == 1) {
      features.push_back(emitStoredElement(emit, scale, orZero(emit.load(emit.getIntegerType(16), place, 2))));
      continue;
    }
    ValueList words = getWidth() == 2
                          ? ValueList{emit.load(i32, place, 4)}
                          : emit.inlinePtx("ld.global.v2.b32 {$0, $1}, [$2];", "=r,=r,l", place, {i32, i32});
    for (Value word : words)
      llvm::append_range(features, emitStoredPair(emit, scale, orZero(word)));
  }
  return features;
}

/// Partial result `part`; past the last one, one of LSE -inf.
Partial MergeEmitter::loadPartial(Value part) {
  Value exists = emit.less(part, arguments.parts);
  Value index = emit.add(emit.mul(emit.toI64(emit.min(part, emit.sub(arguments.parts, 1))), emit.toI64(arguments.rows)),
                         emit.toI64(row));
  Value minusInfinity = emit.f32(-std::numeric_limits<float>::infinity()), zero = emit.f32(0.0f);
  Value lse = emit.select(exists, loadOfRow(arguments.partialLse, index), minusInfinity);
  Value isEmpty = emit.fequal(lse, minusInfinity); // its features may be anything, also NaN
  Value offset = emit.mul(index, configuration.features);
  if (configuration.scaledRows) {
    Value scale = loadOfRow(arguments.partialScales, index);
    return {lse, loadScaledFeatures(offset, scale, isEmpty), emit.select(isEmpty, zero, emitStoredFactor(emit, scale))};
  }
  ValueList features = loadFeatures(arguments.partialOutput, configuration.partial, offset);
  for (Value &feature : features)
    feature = emit.select(isEmpty, zero, feature);
  return {lse, features, Value()};
}

void MergeEmitter::store(const Running &result) {
  Value zero = emit.f32(0.0f);
  Value inverse = emit.select(emit.fequal(result.sum, zero), zero, emit.reciprocal(result.sum));
  Type element = getType(emit, configuration.output);
  Value begin = emit.offset(arguments.output, element, getRowOffset(arguments.outputStrides));
  for (int64_t slice = 0; slice < getSlices(); ++slice) {
    ValueList features;
    for (int64_t i = 0; i < getWidth(); ++i)
      features.push_back(emit.fmul(result.features[slice * getWidth() + i], inverse));
    Value place = emit.offset(begin, element, emit.zeroExtend(getSliceBegin(slice)));
    int64_t step = std::min<int64_t>(getWidth(), 2);
    for (int64_t i = 0; i < getWidth(); i += step) {
      int64_t byteOffset = i * getBytes(configuration.output);
      if (configuration.output == ElementFormat::F32)
        emit.storeIf(hasSlice(slice), place, byteOffset, ArrayRef<Value>(features).slice(i, step));
      else if (step == 2)
        emit.storeIf(hasSlice(slice), place, byteOffset, emit.pack(element, features[i], features[i + 1]));
      else
        emit.store16If(hasSlice(slice), place, byteOffset, emit.round(element, features[i]));
    }
  }
  Value lse = emit.fma(emit.log2(result.sum), emit.f32(kLn2), result.maximum);
  emit.storeIf(emit.equal(lane, 0), getRowPointer(arguments.lse, emit.toI64(row)), 0, lse);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Merging
//===--------------------------------------------------------------------------------------------------------------===//

/// What arrives, or nothing.
Running MergeEmitter::begin() {
  Value minusInfinity = emit.f32(-std::numeric_limits<float>::infinity()), zero = emit.f32(0.0f);
  Running nothing{minusInfinity, zero, ValueList(getLaneFeatures(), zero)};
  if (!configuration.arriving)
    return nothing;
  Value lse = loadOfRow(arguments.arrivingLse, emit.toI64(row)), isEmpty = emit.fequal(lse, minusInfinity);
  ValueList features =
      loadFeatures(arguments.arrivingOutput, *configuration.arriving, getRowOffset(arguments.arrivingStrides));
  for (Value &feature : features)
    feature = emit.select(isEmpty, zero, feature);
  return merge(nothing, Partial{lse, features, Value()});
}

Running MergeEmitter::merge(const Running &before, ArrayRef<Partial> partials) {
  Value minusInfinity = emit.f32(-std::numeric_limits<float>::infinity()), zero = emit.f32(0.0f);
  Value maximum = before.maximum;
  for (const Partial &partial : partials)
    maximum = emit.fmax(maximum, partial.lse);
  // If everything so far is empty, there is no maximum to subtract.
  Value shift = emit.select(emit.fequal(maximum, minusInfinity), zero, maximum);
  auto weigh = [&](Value lse) { return emit.exp2(emit.fmul(emit.fsub(lse, shift), emit.f32(kLog2E))); };

  Value rescale = weigh(before.maximum);
  Running after{maximum, emit.fmul(before.sum, rescale), {}};
  for (Value feature : before.features)
    after.features.push_back(emit.fmul(feature, rescale));
  for (const Partial &partial : partials) {
    Value weight = weigh(partial.lse);
    after.sum = emit.fadd(after.sum, weight);
    if (partial.factor)
      weight = emit.fmul(weight, partial.factor);
    for (auto [sum, feature] : llvm::zip_equal(after.features, partial.features))
      sum = emit.fma(weight, feature, sum);
  }
  return after;
}

void MergeEmitter::mergeRow() {
  auto flatten = [](const Running &running) {
    ValueList values = {running.maximum, running.sum};
    llvm::append_range(values, running.features);
    return values;
  };
  auto unflatten = [](ValueRange values) { return Running{values[0], values[1], ValueList(values.drop_front(2))}; };
  Running running = begin(); // does not depend on the kernel before this one
  if (configuration.dependentLaunch) {
    emitDependencyWait(emit);
    emitDependentsLaunch(emit);
  }
  auto mergeSome = [&](Value first, ValueRange carried) {
    SmallVector<Partial> partials;
    for (int64_t i = 0; i < configuration.unroll; ++i)
      partials.push_back(loadPartial(emit.add(first, i)));
    return flatten(merge(unflatten(carried), partials));
  };
  store(unflatten(emit.loop(emit.i32(0), arguments.parts, flatten(running), mergeSome, /*step=*/configuration.unroll)));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Configurations
//===--------------------------------------------------------------------------------------------------------------===//

std::string cuda::getMergeError(const MergeConfiguration &configuration) {
  if (configuration.features < 1 || configuration.features > 256)
    return std::to_string(configuration.features) + " features; expected 1 to 256";
  if (configuration.scaledRows && configuration.partial != ElementFormat::F16)
    return ("scaled rows of " + getName(configuration.partial) + "; expected f16").str();
  if (configuration.unroll < 1 || configuration.unroll > 32)
    return std::to_string(configuration.unroll) + " partial results at once; expected 1 to 32";
  return "";
}

std::string cuda::getMergeName(const MergeConfiguration &c) {
  std::string name =
      ("merge_" + getName(c.partial) + "_" + Twine(c.features) + "_to_" + getName(c.output) + "_u" + Twine(c.unroll))
          .str();
  if (c.arriving)
    name += ("_arriving_" + getName(*c.arriving)).str();
  if (c.scaledRows)
    name += "_scaled";
  return name + (c.dependentLaunch ? "_dependent" : "");
}

rondo_kernel_traits cuda::getMergeTraits(const MergeConfiguration &configuration) {
  rondo_kernel_traits traits = {};
  traits.threads = kThreads;
  traits.cluster = 1;
  traits.dependent_launch = configuration.dependentLaunch;
  traits.rows_per_block = kRowsPerBlock;
  traits.arriving = configuration.arriving.has_value();
  traits.scaled_rows = configuration.scaledRows;
  return traits;
}

void cuda::emitMerge(Operation *gpuModule, const MergeConfiguration &configuration) {
  assert(getMergeError(configuration).empty());
  Emitter emit(gpuModule->getLoc(), gpuModule->getContext());
  emitKernelFunction(
      emit, gpuModule, getMergeName(configuration), {kThreads}, MergeArguments::getKinds(),
      [&](ValueRange parameters) { MergeEmitter(emit, configuration, MergeArguments(parameters)).emitKernel(); });
}
