//===- Graph.h - Capture of streams, and graphs ---------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// While a stream is captured, what is issued to it becomes a node of a graph and is not done. A launch makes work of
// all nodes, with the parameters that the executable graph has then; it is done in any order that the edges allow,
// after what was issued to the stream before, and before what is issued later.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef RONDO_TEST_EMULATOR_CUDA_GRAPH_H
#define RONDO_TEST_EMULATOR_CUDA_GRAPH_H

#include "test/emulator/cuda/Call.h"

#include <optional>
#include <thread>

namespace rondo::emulator {

enum : cuda_result {
  IllegalState = 401,
  CaptureUnsupported = 900,
  CaptureInvalidated = 901,
  CaptureMerge = 902,
  CaptureUnmatched = 903,
  CaptureUnjoined = 904,
  CaptureIsolation = 905,
  CaptureImplicit = 906,
  CapturedEvent = 907,
  CaptureWrongThread = 908
};

struct Function;

struct KernelCall {
  const Function *function;
  LaunchShape shape; ///< without a seed
  std::vector<uint8_t> block;
  Work makeWork() const;
};

struct Node {
  std::vector<size_t> dependencies;
  std::optional<KernelCall> kernel;
  std::function<Work()> make; ///< unless it is a kernel
};

struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;
};

/// A graph as it was when it was made launchable, but for the parameters that were set since.
struct Executable {
  const Graph *graph;
  std::vector<Node> nodes;
  uint64_t launched = 0;
  std::shared_ptr<uint64_t> completed = std::make_shared<uint64_t>(0);

  /// The node that came of one of the graph's.
  Node &find(const Node *node);
};

struct Capture {
  const Stream *origin;
  std::thread::id thread;
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::set<Stream *> streams;
  std::vector<const Node *> last; ///< what cuStreamGetCaptureInfo shows
  bool isInvalid = false, isOver = false;
};

/// Or null.
const char *getCaptureErrorName(cuda_result result);

/// Fails a call that a capture does not survive.
template <typename... Parts>
[[noreturn]] void failCapture(Capture &capture, cuda_result result, Parts &&...parts) {
  capture.isInvalid = true;
  throw DriverError(result, concat(std::forward<Parts>(parts)...));
}

/// Adds a node at the end of a captured stream.
void addNode(Stream &stream, Node node);

/// Fails if this thread captures: the call might wait for a captured stream.
void checkNotCapturing(const char *call);
/// Fails if the stream is captured, or if the event was recorded in a capture.
void checkNotCaptured(const Stream &stream);
void checkNotCaptured(const Event &event);
/// The emulator has no nodes that allocate or free.
void checkNoMemoryNode(const Stream &stream);

/// False: not in a capture.
bool captureRecord(const Stream &stream, Event &event);
bool captureWait(Stream &stream, bool isDefault, const Event &event);

} // namespace rondo::emulator

#endif // RONDO_TEST_EMULATOR_CUDA_GRAPH_H
