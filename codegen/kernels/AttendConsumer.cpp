//===- AttendConsumer.cpp - The warpgroups of the attention kernel that compute -------------------------*- C++ -*-===//
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
        mma(emit, getType(emit, configuration.input)), softmax(emit, arguments.scaleLog2),
        turnstile(emit, configuration.pingPong, warpgroup) {}

  /// Attends one tile, whose first block has turn `turn` in the pipelines; gives the first turn of the next tile.
  Value attend(const WorkTile &tile, Value turn);

private:
  KeyLoopState beginBlocks(const WorkTile &tile, const RowPair &visible, Value turn);
  KeyLoopState loopBlocks(const WorkTile &tile, const RowPair *visible, Value begin, Value end, KeyLoopState state);
  KeyLoopState attendBlock(const WorkTile &tile, const RowPair *visible, Value i, KeyLoopState state);
  Fragment endBlocks(KeyLoopState &state);

  RowPair getVisibleKeys(const ThreadRows &rows);
  RowPair getLimits(const WorkTile &tile, const RowPair &visible, Value i);
  Fragment mask(const Fragment &scores, const RowPair &limits);
  void releaseQueries(const WorkTile &tile, Value i);

  ValueList flatten(const KeyLoopState &state);
  KeyLoopState unflatten(ValueRange values);

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
  MmaGroup product = mma.multiply(queries.get(tile.round), keys.get(turn), configuration.negateScores); // Q K^T
  values.wait(state.turn);
  MmaGroup sum = mma.accumulate(std::move(state.output), state.weights, values.get(state.turn)); // O + P V
  turnstile.leave();

  Fragment scores = mma.wait(std::move(product), visible ? MutableArrayRef<Value>(limits) : MutableArrayRef<Value>());
  keys.release(turn);
  releaseQueries(tile, i);
  SoftmaxStep step = softmax.next(visible ? mask(scores, limits) : scores, state.softmax);

  // Packing the new weights follows the wait: until then the product reads the old ones.
  Fragment output = mma.wait(std::move(sum), step.weights.registers());
  values.release(state.turn);
  return {output.scaleRows(emit, step.rescale), step.weights.pack(emit, getType(emit, configuration.input)), step.state,
          turn};
}

/// The last block that is visited first: there is no product with V to hide behind yet.
KeyLoopState AttendConsumer::beginBlocks(const WorkTile &tile, const RowPair &visible, Value turn) {
  queries.wait(tile.round);
  keys.wait(turn);
  MmaGroup product = mma.multiply(queries.get(tile.round), keys.get(turn), configuration.negateScores);
  Value first = emit.i32(0);
  RowPair limits = getLimits(tile, visible, first);
  Fragment scores = mma.wait(std::move(product), limits);
  keys.release(turn);
  releaseQueries(tile, first);
  SoftmaxStep step = softmax.begin(mask(scores, limits));
  return {Fragment::splat(emit.f32(0.0f), context.storage.values.tile.extent(Major::MN)),
          step.weights.pack(emit, getType(emit, configuration.input)), step.state, turn};
}

/// The product of the newest block with V, which no scores hide behind any more.
Fragment AttendConsumer::endBlocks(KeyLoopState &state) {
  values.wait(state.turn);
  MmaGroup sum = mma.accumulate(std::move(state.output), state.weights, values.get(state.turn));
  if (configuration.dependentLaunch)
    emitDependentsLaunch(emit);
  state.softmax = softmax.reduce(state.softmax);
  Fragment output = mma.wait(std::move(sum));
  values.release(state.turn);
  return output;
}

/// Blocks [begin, end); masked if `visible` is given.
KeyLoopState AttendConsumer::loopBlocks(const WorkTile &tile, const RowPair *visible, Value begin, Value end,
                                        KeyLoopState state) {
  return unflatten(emit.loop(begin, end, flatten(state), [&](Value i, ValueRange carried) {
    return flatten(attendBlock(tile, visible, i, unflatten(carried)));
  }));
}

Value AttendConsumer::attend(const WorkTile &tile, Value turn) {
  ThreadRows rows = rowMap.getRows(tile);
  RowPair visible = getVisibleKeys(rows);
  KeyLoopState state = beginBlocks(tile, visible, turn);
  Value next = emit.i32(1);
  if (configuration.causal) {
    state = loopBlocks(tile, &visible, next, tile.maskedBlocks, std::move(state));
    next = tile.maskedBlocks;
  }
  state = loopBlocks(tile, /*visible=*/nullptr, next, tile.blocks, std::move(state));
  Fragment output = endBlocks(state);
  emitResult(context, tile, rows, output, state.softmax);
  return emit.add(state.turn, 1);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Masks
//===--------------------------------------------------------------------------------------------------------------===//

/// The keys that each row sees: all before this one, which counts from the first column of the thread.
RowPair AttendConsumer::getVisibleKeys(const ThreadRows &rows) {
  Value firstColumn = emit.shiftLeft(emit.bitAnd(lane, 3), 1);
  if (!configuration.causal) {
    Value visible = emit.sub(arguments.keyCount, firstColumn);
    return {visible, visible};
  }
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
void AttendConsumer::releaseQueries(const WorkTile &tile, Value i) {
  if (configuration.persistent)
    queries.release(tile.round, emit.equal(emit.add(i, 1), tile.blocks));
}

//===--------------------------------------------------------------------------------------------------------------===//
// Loop-carried values, and tiles
//===--------------------------------------------------------------------------------------------------------------===//

ValueList AttendConsumer::flatten(const KeyLoopState &state) {
  ValueList values(state.output.registers());
  llvm::append_range(values, state.weights.registers);
  for (const RowPair &pair : {state.softmax.maximum, state.softmax.sum})
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
  RowPair maximum = takePair(), sum = takePair();
  return {std::move(output), std::move(weights), {maximum, sum}, values.front()};
}

void cuda::emitAttendConsumer(AttendContext &context, const WorkTile *tile, Value warpgroup) {
  Emitter &emit = context.emit;
  AttendConsumer consumer(context, warpgroup);
  Value zero = emit.i32(0);
  if (tile) {
    consumer.attend(*tile, zero);
    return;
  }
  // The next entry of the table is read early, so that nobody waits for it.
  TileTable table(context, /*broadcast=*/true);
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
