//===- Graph.cpp - The emulated driver's capture of streams, and its graphs -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Graph.h"

using namespace rondo::emulator;

const char *rondo::emulator::getCaptureErrorName(cuda_result result) {
  switch (result) {
  case IllegalState:
    return "CUDA_ERROR_ILLEGAL_STATE";
  case CaptureUnsupported:
    return "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED";
  case CaptureInvalidated:
    return "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED";
  case CaptureMerge:
    return "CUDA_ERROR_STREAM_CAPTURE_MERGE";
  case CaptureUnmatched:
    return "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED";
  case CaptureUnjoined:
    return "CUDA_ERROR_STREAM_CAPTURE_UNJOINED";
  case CaptureIsolation:
    return "CUDA_ERROR_STREAM_CAPTURE_ISOLATION";
  case CaptureImplicit:
    return "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT";
  case CapturedEvent:
    return "CUDA_ERROR_CAPTURED_EVENT";
  case CaptureWrongThread:
    return "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD";
  default:
    return nullptr;
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Capture
//===--------------------------------------------------------------------------------------------------------------===//

void rondo::emulator::addNode(Stream &stream, Node node) {
  Capture &capture = *stream.capture;
  if (capture.isInvalid)
    failCapture(capture, CaptureInvalidated, "an earlier error ended the capture");
  node.dependencies = stream.dependencies;
  stream.dependencies = {capture.graph->nodes.size()};
  capture.graph->nodes.push_back(std::make_unique<Node>(std::move(node)));
}

void rondo::emulator::checkNotCapturing(const char *call) {
  for (Capture *capture : getDevice().captures)
    if (capture->thread == std::this_thread::get_id())
      failCapture(*capture, CaptureUnsupported, call, " while this thread captures a stream");
}

void rondo::emulator::checkNotCaptured(const Stream &stream) {
  checkNotCapturing("a wait for a stream");
  if (stream.capture)
    failCapture(*stream.capture, CaptureUnsupported, "the stream is captured");
}

void rondo::emulator::checkNotCaptured(const Event &event) {
  checkNotCapturing("a wait for an event");
  if (event.capture)
    failCapture(*event.capture, CapturedEvent, "the event was last recorded in a capture");
}

void rondo::emulator::checkNoMemoryNode(const Stream &stream) {
  if (stream.capture)
    failCapture(*stream.capture, CaptureUnsupported, "memory of a pool in a capture; the emulator has no such nodes");
}

bool rondo::emulator::captureRecord(const Stream &stream, Event &event) {
  event.capture = stream.capture;
  event.dependencies = stream.dependencies;
  return stream.capture != nullptr;
}

bool rondo::emulator::captureWait(Stream &stream, bool isDefault, const Event &event) {
  if (!stream.capture && !event.capture)
    return false;
  if (!event.capture)
    failCapture(*stream.capture, CaptureIsolation, "a captured stream waits for an event that is not of its capture");
  Capture &capture = *event.capture;
  if (capture.isOver)
    throw DriverError(CapturedEvent, "a wait for an event of a capture that has ended");
  if (isDefault)
    failCapture(capture, CaptureImplicit, "the default stream waits for a captured event");
  if (stream.capture && stream.capture != event.capture) {
    stream.capture->isInvalid = true;
    failCapture(capture, CaptureMerge, "a stream of one capture waits for an event of another one");
  }
  if (!stream.capture) {
    stream.capture = event.capture;
    stream.dependencies.clear();
    capture.streams.insert(&stream);
  }
  for (size_t node : event.dependencies)
    if (std::find(stream.dependencies.begin(), stream.dependencies.end(), node) == stream.dependencies.end())
      stream.dependencies.push_back(node);
  return true;
}

/// Whether all that other streams issued comes before the end of the origin.
static bool isJoined(const Capture &capture) {
  const auto &nodes = capture.graph->nodes;
  std::vector<bool> isBefore(nodes.size());
  for (size_t node : capture.origin->dependencies)
    isBefore[node] = true;
  for (size_t i = nodes.size(); i-- > 0;)
    for (size_t dependency : nodes[i]->dependencies)
      isBefore[dependency] = isBefore[dependency] || isBefore[i];
  for (const Stream *stream : capture.streams)
    for (size_t node : stream->dependencies)
      if (!isBefore[node])
        return false;
  return true;
}

static void endCapture(Capture &capture) {
  capture.isOver = true;
  getDevice().captures.erase(&capture);
  for (Stream *stream : capture.streams) {
    stream->dependencies.clear();
    stream->capture = nullptr;
  }
}

Node &Executable::find(const Node *node) {
  for (size_t i = 0; i < graph->nodes.size(); ++i)
    if (graph->nodes[i].get() == node)
      return nodes[i];
  fail("the node is not one of the graph that this one was made of");
}

/// A launch with the parameters of now. Nodes come in the order in which they were captured.
static std::shared_ptr<GraphRun> makeRun(const Executable &executable) {
  auto run = std::make_shared<GraphRun>();
  for (const Node &node : executable.nodes)
    run->steps.push_back({node.kernel ? node.kernel->makeWork() : node.make(), node.dependencies});
  run->left = run->steps.size();
  return run;
}

//===--------------------------------------------------------------------------------------------------------------===//
// The driver's functions
//===--------------------------------------------------------------------------------------------------------------===//

extern "C" {

cuda_result cuStreamBeginCapture_v2(cuda_stream handle, int mode) {
  return attemptInContext(InvalidValue, [&] {
    Stream &stream = getCurrentStream(handle);
    if (!handle)
      throw DriverError(CaptureUnsupported, "the default stream cannot be captured");
    if (stream.capture)
      throw DriverError(IllegalState, "the stream is captured already");
    if (mode != CUDA_CAPTURE_THREAD_LOCAL)
      fail("capture mode ", mode, "; the emulator knows that of one thread");
    stream.capture = std::make_shared<Capture>();
    stream.capture->origin = &stream;
    stream.capture->thread = std::this_thread::get_id();
    stream.capture->streams.insert(&stream);
    stream.dependencies.clear();
    getDevice().captures.insert(stream.capture.get());
  });
}

cuda_result cuStreamEndCapture(cuda_stream handle, Graph **graph) {
  return attemptInContext(InvalidValue, [&] {
    *graph = nullptr;
    std::shared_ptr<Capture> capture = getCurrentStream(handle).capture;
    if (!capture)
      throw DriverError(IllegalState, "the stream is not captured");
    if (capture->origin != &getDevice().getStream(handle))
      failCapture(*capture, CaptureUnmatched, "the capture began in another stream");
    if (capture->thread != std::this_thread::get_id())
      failCapture(*capture, CaptureWrongThread, "the capture began in another thread");
    bool joined = isJoined(*capture);
    endCapture(*capture);
    if (capture->isInvalid)
      throw DriverError(CaptureInvalidated, "an error ended the capture");
    if (!joined)
      throw DriverError(CaptureUnjoined, "a stream was not joined to the one where the capture began");
    *graph = capture->graph.release();
  });
}

cuda_result cuStreamGetCaptureInfo_v2(cuda_stream handle, int *status, uint64_t *, Graph **graph, const Node ***nodes,
                                      size_t *count) {
  return attemptInContext(InvalidValue, [&] {
    const Stream &stream = getDevice().getStream(handle);
    *status = !stream.capture ? 0 : stream.capture->isInvalid ? 2 : 1;
    if (*status != 1)
      return;
    Capture &capture = *stream.capture;
    capture.last.clear();
    for (size_t node : stream.dependencies)
      capture.last.push_back(capture.graph->nodes[node].get());
    if (graph)
      *graph = capture.graph.get();
    if (nodes)
      *nodes = capture.last.data();
    if (count)
      *count = capture.last.size();
  });
}

cuda_result cuStreamGetCaptureInfo_v3(cuda_stream handle, int *status, uint64_t *number, Graph **graph,
                                      const Node ***nodes, const void **edges, size_t *count) {
  if (edges)
    *edges = nullptr;
  return cuStreamGetCaptureInfo_v2(handle, status, number, graph, nodes, count);
}

cuda_result cuGraphDestroy(Graph *graph) {
  return attempt(InvalidValue, [&] { delete graph; });
}

cuda_result cuGraphInstantiateWithFlags(Executable **executable, const Graph *graph, unsigned long long flags) {
  return attemptInContext(InvalidValue, [&] {
    if (flags & ~static_cast<unsigned long long>(CUDA_GRAPH_NODE_PRIORITIES)) // of which it has none
      fail("flags ", flags, "; the emulator knows ", CUDA_GRAPH_NODE_PRIORITIES);
    auto made = std::make_unique<Executable>();
    made->graph = graph;
    for (const std::unique_ptr<Node> &node : graph->nodes)
      made->nodes.push_back(*node);
    *executable = made.release();
  });
}

/// What still runs ends first; launches own what they do.
cuda_result cuGraphExecDestroy(Executable *executable) {
  return attempt(InvalidValue, [&] { delete executable; });
}

/// Launches of one graph follow one another.
cuda_result cuGraphLaunch(Executable *executable, cuda_stream handle) {
  return attemptInContext(InvalidValue, [&] {
    if (getCurrentStream(handle).capture)
      failCapture(*getDevice().getStream(handle).capture, CaptureUnsupported,
                  "a launch of a graph in a capture; the emulator has no such nodes");
    std::shared_ptr<GraphRun> run = makeRun(*executable);
    auto completed = executable->completed;
    uint64_t before = executable->launched++;
    getDevice().issue(
        handle, [run] { getDevice().running.insert(run); }, [completed, before] { return *completed == before; });
    getDevice().issue(
        handle,
        [run, completed] {
          getDevice().running.erase(run);
          ++*completed;
        },
        [run] { return run->left == 0; });
  });
}

} // extern "C"
