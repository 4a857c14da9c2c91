//===- AttendConsumer.cpp - The warpgroups of the attention kernel that compute -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/cuda/MmaGroup.h"
#include "codegen/kernels/AttendParts.h"

#include <limits>

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;

namespace {

/// What goes from one block of keys to the next.
struct KeyLoopState {
  Fragment output;        // the sum of weights times V, without the newest block
  PackedFragment weights; // of the newest block
  SoftmaxState softmax;
  Value turn; // of the newest block in the pipelines of K and V
};

/// Two warpgroups take turns in issuing products: while one multiplies, the other one does its softmax.
class Turnstile {
public:
  Turnstile(Emitter &emit, bool enabled, Value warpgroup) : emit(emit), enabled(enabled) {
    if (!enabled)
      return;
    own = emit.add(warpgroup, kFirstBarrier);
    other = emit.sub(emit.i32(kFirstBarrier + 1), warpgroup);
    emit.ifThen(emit.equal(warpgroup, 0), [&] { emitNamedBarrierArrive(emit, own, kThreads); }); // the first begins
  }
  void enter() {
    if (enabled)
      emitNamedBarrier(emit, own, kThreads);
  }
  void leave() {
    if (enabled)
      emitNamedBarrierArrive(emit, other, kThreads);
  }

  /// The same inside a product, which does it `steps` steps before its end.
  std::optional<MmaSignal> leaveEarly(int64_t steps) {
    if (!enabled || steps == 0)
      return std::nullopt;
    return MmaSignal{other, kThreads, steps};
  }

private:
  static constexpr int64_t kFirstBarrier = 1, kThreads = 2 * kWarpgroupThreads;
  Emitter &emit;
  bool enabled;
  Value own, other;
};

class AttendConsumer {
public:
  AttendConsumer(AttendContext &context, Value warpgroup)
      : context(context), configuration(context.configuration), emit(context.emit), arguments(context.arguments),
        lane(emit.bitAnd(context.thread, kWarpThreads - 1)), rowMap(context, warpgroup),
        queries(emit, context.storage.queries, context.smem, Major::K, lane, /*cluster=*/1, warpgroup),
        keys(emit, context.storage.keys, context.smem, Major::K, lane, configuration.cluster),
        values(emit, context.storage.values, context.smem, Major::MN, lane, configuration.cluster),
        mma(emit, getType(emit, configuration.input)),
        softmax(emit, arguments.scaleLog2, configuration.polynomials, configuration.lazyRescale),
        turnstile(emit, configuration.pingPong, warpgroup) {
    if (configuration.causal && configuration.persistent)
      deferred.emplace(context);
  }

  /// Attends one tile, whose first block has turn `turn` in the pipelines; gives the first turn of the next tile.
  Value attend(const WorkTile &tile, Value turn);

  // The same in parts, for tiles that overlap: the first block; all others; and the end, beside the first block of the
  // next tile.
  KeyLoopState begin(const WorkTile &tile, Value turn);
  KeyLoopState continueTo(const WorkTile &tile, KeyLoopState state);
  KeyLoopState endBesideNext(const WorkTile &tile, const WorkTile &next, Value hasNext, KeyLoopState state);

  /// Of a table, once all of its tiles have been attended.
  void finishTable() {
    if (deferred)
      deferred->emitRepairs(rowMap);
  }

  ValueList flatten(const KeyLoopState &state);
  KeyLoopState unflatten(ValueRange values);

private:
  void waitForFirst(const WorkTile &tile, Value turn);
  MmaGroup multiplyKeys(const WorkTile &tile, Value turn);
  KeyLoopState finishFirst(const WorkTile &tile, MmaGroup product, Value turn, Value exists = {});
  KeyLoopState loopBlocks(const WorkTile &tile, const RowPair *visible, Value begin, Value end, KeyLoopState state);
  KeyLoopState attendBlock(const WorkTile &tile, const RowPair *visible, Value i, KeyLoopState state);
  Fragment rescale(Fragment output, const SoftmaxStep &step);
  Fragment end(KeyLoopState &state);

  RowPair getVisibleKeys(const WorkTile &tile);
  RowPair getLimits(const WorkTile &tile, const RowPair &visible, Value i);
  Fragment mask(const Fragment &scores, const RowPair &limits);
  void releaseQueries(const WorkTile &tile, Value i, Value exists = {});
  void storeResult(const WorkTile &tile, const Fragment &output, const SoftmaxState &state);

  AttendContext &context;
  const AttendConfiguration &configuration;
  Emitter &emit;
  const AttendArguments &arguments;
  Value lane;
  RowMap rowMap;
  PipelineConsumer queries, keys, values;
  WarpgroupMma mma;
  OnlineSoftmax softmax;
  Turnstile turnstile;
  std::optional<DeferredRepair> deferred; // causal and persistent
};

} // namespace

//===--------------------------------------------------------------------------------------------------------------===//
// The main loop
//===--------------------------------------------------------------------------------------------------------------===//

/// One block of keys: its scores, and meanwhile the weights of the block before it times V.
KeyLoopState AttendConsumer::attendBlock(const WorkTile &tile, const RowPair *visible, Value i, KeyLoopState state) {
  Value turn = emit.add(state.turn, 1);
  RowPair limits;
  if (visible)
    limits = getLimits(tile, *visible, i);

  keys.wait(turn);
  turnstile.enter();
  MmaGroup product = multiplyKeys(tile, turn); // Q K^T
  values.wait(state.turn);
  MmaGroup sum = mma.accumulate(std::move(state.output), state.weights, values.get(state.turn), // O + P V
                                turnstile.leaveEarly(configuration.earlyTurn));
  if (!configuration.earlyTurn)
    turnstile.leave();

  Fragment scores = mma.wait(std::move(product), visible ? MutableArrayRef<Value>(limits) : MutableArrayRef<Value>());
  keys.release(turn);
  releaseQueries(tile, i);
  SoftmaxStep step = softmax.next(visible ? mask(scores, limits) : scores, state.softmax);

  // Packing the new weights follows the wait: until then the product reads the old ones.
  Fragment output = mma.wait(std::move(sum), step.weights.registers());
  values.release(state.turn);
  return {rescale(std::move(output), step), step.weights.pack(emit, getType(emit, configuration.input)), step.state,
          turn};
}

Fragment AttendConsumer::rescale(Fragment output, const SoftmaxStep &step) {
  auto scaled = [&] { return ValueList(output.scaleRows(emit, step.rescale).registers()); };
  return Fragment(step.rescales ? emit.replaceIf(step.rescales, output.registers(), scaled) : scaled());
}

/// Blocks [begin, end); masked if `visible` is given.
KeyLoopState AttendConsumer::loopBlocks(const WorkTile &tile, const RowPair *visible, Value begin, Value end,
                                        KeyLoopState state) {
  return unflatten(emit.loop(begin, end, flatten(state), [&](Value i, ValueRange carried) {
    return flatten(attendBlock(tile, visible, i, unflatten(carried)));
  }));
}

/// All blocks but the first one.
KeyLoopState AttendConsumer::continueTo(const WorkTile &tile, KeyLoopState state) {
  Value next = emit.i32(1);
  if (configuration.causal) {
    RowPair visible = getVisibleKeys(tile);
    state = loopBlocks(tile, &visible, next, tile.maskedBlocks, std::move(state));
    next = tile.maskedBlocks;
  }
  return loopBlocks(tile, /*visible=*/nullptr, next, tile.blocks, std::move(state));
}

//===--------------------------------------------------------------------------------------------------------------===//
// The first and the last block of a tile
//===--------------------------------------------------------------------------------------------------------------===//

void AttendConsumer::waitForFirst(const WorkTile &tile, Value turn) {
  queries.wait(tile.round);
  keys.wait(turn);
}

MmaGroup AttendConsumer::multiplyKeys(const WorkTile &tile, Value turn) {
  return mma.multiply(queries.get(tile.round), keys.get(turn), configuration.negateScores);
}

/// There is no product with V yet that the softmax could hide behind. If the tile does not exist, nothing is released.
KeyLoopState AttendConsumer::finishFirst(const WorkTile &tile, MmaGroup product, Value turn, Value exists) {
  Value first = emit.i32(0);
  RowPair limits = getLimits(tile, getVisibleKeys(tile), first);
  Fragment scores = mma.wait(std::move(product), limits);
  keys.release(turn, exists);
  releaseQueries(tile, first, exists);
  SoftmaxStep step = softmax.begin(mask(scores, limits));
  return {Fragment::splat(emit.f32(0.0f), context.storage.values.tile.extent(Major::MN)),
          step.weights.pack(emit, getType(emit, configuration.input)), step.state, turn};
}

KeyLoopState AttendConsumer::begin(const WorkTile &tile, Value turn) {
  waitForFirst(tile, turn);
  return finishFirst(tile, multiplyKeys(tile, turn), turn);
}

/// The product of the newest block with V, which no scores hide behind any more.
Fragment AttendConsumer::end(KeyLoopState &state) {
  values.wait(state.turn);
  MmaGroup sum = mma.accumulate(std::move(state.output), state.weights, values.get(state.turn));
  if (configuration.dependentLaunch)
    emitDependentsLaunch(emit);
  state.softmax = softmax.reduce(state.softmax);
  Fragment output = mma.wait(std::move(sum));
  values.release(state.turn);
  return output;
}

/// The result is stored while the next tile's first scores are computed. If there is none, these mean nothing.
KeyLoopState AttendConsumer::endBesideNext(const WorkTile &tile, const WorkTile &next, Value hasNext,
                                           KeyLoopState state) {
  Value turn = emit.add(state.turn, 1);
  values.wait(state.turn);
  MmaGroup sum = mma.accumulate(std::move(state.output), state.weights, values.get(state.turn));
  emit.ifThen(hasNext, [&] { waitForFirst(next, turn); });
  MmaGroup product = multiplyKeys(next, turn);
  Fragment output = mma.wait(std::move(sum));
  values.release(state.turn);
  storeResult(tile, output, softmax.reduce(state.softmax));
  return finishFirst(next, std::move(product), turn, hasNext);
}

void AttendConsumer::storeResult(const WorkTile &tile, const Fragment &output, const SoftmaxState &state) {
  Value isSuspect = emitResult(context, tile, rowMap.getRows(tile), output, state);
  if (deferred)
    deferred->noteIf(isSuspect);
  else if (configuration.causal) // other kernels have masks only where a tensor ends; values there are 0
    emitRepair(context, tile, rowMap, isSuspect);
}

Value AttendConsumer::attend(const WorkTile &tile, Value turn) {
  KeyLoopState state = continueTo(tile, begin(tile, turn));
  Fragment output = end(state);
  storeResult(tile, output, state.softmax);
  return emit.add(state.turn, 1);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Masks
//===--------------------------------------------------------------------------------------------------------------===//

/// The keys that each row sees: all before this one, which counts from the first column of the thread.
RowPair AttendConsumer::getVisibleKeys(const WorkTile &tile) {
  Value firstColumn = emit.shiftLeft(emit.bitAnd(lane, 3), 1);
  if (!configuration.causal) {
    Value visible = emit.sub(arguments.keyCount, firstColumn);
    return {visible, visible};
  }
  ThreadRows rows = rowMap.getRows(tile);
  return forBothRows([&](unsigned row) {
    Value end = emit.add(emit.add(emitPosition(context, rows.row[row]), arguments.diagonal), 1);
    return emit.sub(emit.min(arguments.keyCount, end), firstColumn);
  });
}

RowPair AttendConsumer::getLimits(const WorkTile &tile, const RowPair &visible, Value i) {
  Value firstKey = emit.mul(tile.getBlock(emit, i), configuration.blockKeys);
  if (!configuration.causal) { // one limit for both rows
    Value limit = emit.sub(visible[0], firstKey);
    return {limit, limit};
  }
  return forBothRows([&](unsigned row) { return emit.sub(visible[row], firstKey); });
}

Fragment AttendConsumer::mask(const Fragment &scores, const RowPair &limits) {
  return scores.maskColumns(emit, limits, emit.f32(-std::numeric_limits<float>::infinity()));
}

/// After the scores of the last block the queries of the next tile may come.
void AttendConsumer::releaseQueries(const WorkTile &tile, Value i, Value exists) {
  if (!configuration.persistent)
    return;
  Value isLast = emit.equal(emit.add(i, 1), tile.blocks);
  queries.release(tile.round, exists ? emit.bitAnd(isLast, exists) : isLast);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Loop-carried values, and tiles
//===--------------------------------------------------------------------------------------------------------------===//

ValueList AttendConsumer::flatten(const KeyLoopState &state) {
  ValueList values(state.output.registers());
  llvm::append_range(values, state.weights.registers);
  for (const RowPair &pair : {state.softmax.reference, state.softmax.sum})
    llvm::append_range(values, pair);
  values.push_back(state.turn);
  return values;
}

KeyLoopState AttendConsumer::unflatten(ValueRange values) {
  auto take = [&](int64_t count) {
    ValueList taken(values.take_front(count));
    values = values.drop_front(count);
    return taken;
  };
  auto takePair = [&] {
    ValueList pair = take(2);
    return RowPair{pair[0], pair[1]};
  };
  Fragment output(take(Fragment::registersFor(context.storage.values.tile.extent(Major::MN))));
  PackedFragment weights{take(Fragment::packedRegistersFor(configuration.blockKeys))};
  RowPair reference = takePair(), sum = takePair();
  return {std::move(output), std::move(weights), {reference, sum}, values.front()};
}

/// One tile after the other. The next entry of the table is read early, so that nobody waits for it.
static void attendTable(AttendContext &context, AttendConsumer &consumer) {
  Emitter &emit = context.emit;
  TileTable table(context, /*broadcast=*/true);
  Value zero = emit.i32(0);
  ValueList carried = table.settle(table.load(zero));
  carried.push_back(zero);
  emit.loop(zero, table.count, carried, [&](Value round, ValueRange carried) {
    ValueList words = table.load(emit.add(round, 1));
    Value turn = consumer.attend(table.decode(carried.drop_back(), round), carried.back());
    ValueList next = table.settle(words);
    next.push_back(turn);
    return next;
  });
}

/// The same; each tile begins before the one before it has been stored.
static void attendTableOverlapped(AttendContext &context, AttendConsumer &consumer) {
  Emitter &emit = context.emit;
  TileTable table(context, /*broadcast=*/true);
  Value zero = emit.i32(0);
  ValueList words = table.settle(table.load(zero));
  int64_t wordCount = words.size();
  auto join = [&](const KeyLoopState &state, ValueRange words) {
    ValueList values = consumer.flatten(state);
    llvm::append_range(values, words);
    return values;
  };
  ValueList first = join(consumer.begin(table.decode(words, zero), zero), words);
  emit.loop(zero, table.count, first, [&](Value round, ValueRange carried) {
    Value nextRound = emit.add(round, 1);
    ValueList words = table.load(nextRound);
    WorkTile tile = table.decode(carried.take_back(wordCount), round);
    KeyLoopState state = consumer.continueTo(tile, consumer.unflatten(carried.drop_back(wordCount)));
    words = table.settle(words);
    Value hasNext = emit.less(nextRound, table.count);
    return join(consumer.endBesideNext(tile, table.decode(words, nextRound), hasNext, std::move(state)), words);
  });
}

void cuda::emitAttendConsumer(AttendContext &context, const WorkTile *tile, Value warpgroup) {
  AttendConsumer consumer(context, warpgroup);
  if (tile)
    consumer.attend(*tile, context.emit.i32(0));
  else if (context.configuration.overlapTiles)
    attendTableOverlapped(context, consumer);
  else
    attendTable(context, consumer);
  if (!tile)
    consumer.finishTable();
}
