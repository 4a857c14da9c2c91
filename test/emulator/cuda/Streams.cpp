//===- Streams.cpp - The emulated driver's streams and events -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/emulator/cuda/Call.h"
#include "test/emulator/cuda/Graph.h"

#include <chrono>

using namespace rondo::emulator;

extern "C" {

cuda_result cuStreamCreateWithPriority(Stream **stream, unsigned, int) {
  return attemptInContext(InvalidValue, [&] {
    *stream = *getDevice().streams.insert(new Stream{getCurrentDevice(), {}, nullptr, {}}).first;
  });
}
cuda_result cuStreamCreate(Stream **stream, unsigned flags) { return cuStreamCreateWithPriority(stream, flags, 0); }
/// Work that is left is done first.
cuda_result cuStreamDestroy_v2(cuda_stream handle) {
  return attemptInContext(InvalidValue, [&] {
    Stream &stream = getDevice().getStream(handle);
    checkNotCaptured(stream);
    getDevice().workUntil([&] { return stream.queue.empty(); });
    getDevice().streams.erase(&stream);
    delete &stream;
  });
}
cuda_result cuStreamQuery(cuda_stream handle) {
  bool isDone = false;
  cuda_result result = attemptInContext(InvalidValue, [&] {
    checkNotCaptured(getDevice().getStream(handle));
    getDevice().advance();
    isDone = getDevice().getStream(handle).queue.empty();
  });
  return result == CUDA_OK && !isDone ? CUDA_NOT_READY : result;
}
cuda_result cuStreamSynchronize(cuda_stream handle) {
  return attemptInContext(InvalidValue, [&] {
    Stream &stream = getDevice().getStream(handle);
    checkNotCaptured(stream);
    getDevice().workUntil([&] { return stream.queue.empty(); });
  });
}
/// Not of CUDA: issues work that is done once `isReady` says so. `run` returns what was wrong, or null.
cuda_result rondo_emulator_issue(cuda_stream stream, int (*isReady)(void *), const char *(*run)(void *), void *data) {
  return attempt(InvalidValue, [&] {
    getDevice().issue(
        stream,
        [=] {
          if (const char *error = run(data))
            fail(error);
        },
        [=] { return isReady(data) != 0; }, /*isExternal=*/true);
  });
}

/// The same in a graph that is being captured: each launch makes its own data by `instantiate(data)`. `release` is
/// called when no graph holds it any more.
cuda_result rondo_emulator_capture(cuda_stream handle, void *(*instantiate)(void *), int (*isReady)(void *),
                                   const char *(*run)(void *), void (*release)(void *), void *data) {
  return attempt(InvalidValue, [&] {
    Node node;
    std::shared_ptr<void> owned(data, release);
    node.make = [=] {
      void *instance = instantiate(owned.get());
      Work work;
      work.run = [=] {
        if (const char *error = run(instance))
          fail(error);
      };
      work.isReady = [=] { return isReady(instance) != 0; };
      work.isExternal = true;
      return work;
    };
    addNode(getDevice().getStream(handle), std::move(node));
  });
}

/// It waits for what was recorded before this call.
cuda_result cuStreamWaitEvent(cuda_stream stream, cuda_event handle, unsigned) {
  return attemptInContext(InvalidValue, [&] {
    std::shared_ptr<Event> event = getDevice().getEvent(handle);
    if (captureWait(getDevice().getStream(stream), !stream, *event))
      return;
    uint64_t recorded = event->recorded;
    getDevice().issue(stream, [] {}, [event, recorded] { return event->completed >= recorded; });
  });
}

cuda_result cuEventCreate(Event **event, unsigned flags) {
  return attemptInContext(InvalidValue, [&] {
    auto made = std::make_shared<Event>();
    *event = made.get();
    getDevice().events.emplace(made.get(), std::move(made));
    (*event)->device = getCurrentDevice();
    (*event)->isTimed = flags == CUDA_EVENT_TIMED;
  });
}
cuda_result cuEventDestroy_v2(cuda_event handle) {
  return attemptInContext(InvalidValue, [&] { getDevice().events.erase(getDevice().getEvent(handle).get()); });
}
/// An event is recorded on streams of its own device; those of others may wait for it.
cuda_result cuEventRecord(cuda_event handle, cuda_stream stream) {
  return attemptInContext(InvalidHandle, [&] {
    std::shared_ptr<Event> event = getDevice().getEvent(handle);
    int device = stream ? getDevice().getStream(stream).device : getCurrentDevice();
    if (event->device != device)
      fail("an event of device ", event->device, " is recorded on a stream of device ", device);
    if (captureRecord(getDevice().getStream(stream), *event))
      return;
    uint64_t number = ++event->recorded;
    getDevice().issue(stream, [event, number] {
      event->completed = std::max(event->completed, number);
      event->nanoseconds = std::chrono::steady_clock::now().time_since_epoch().count();
    });
  });
}
cuda_result cuEventQuery(cuda_event handle) {
  bool isDone = false;
  cuda_result result = attemptInContext(InvalidValue, [&] {
    const Event &event = *getDevice().getEvent(handle);
    checkNotCaptured(event);
    getDevice().advance();
    isDone = event.completed == event.recorded;
  });
  return result == CUDA_OK && !isDone ? CUDA_NOT_READY : result;
}
cuda_result cuEventSynchronize(cuda_event handle) {
  return attemptInContext(InvalidValue, [&] {
    const Event &event = *getDevice().getEvent(handle);
    checkNotCaptured(event);
    getDevice().workUntil([&] { return event.completed == event.recorded; });
  });
}
cuda_result cuEventElapsedTime(float *milliseconds, cuda_event from, cuda_event to) {
  return attemptInContext(InvalidHandle, [&] {
    const Event &begin = *getDevice().getEvent(from), &end = *getDevice().getEvent(to);
    checkNotCaptured(begin);
    checkNotCaptured(end);
    if (begin.device != end.device)
      fail("the time between events of devices ", begin.device, " and ", end.device);
    if (!begin.isTimed || !end.isTimed || begin.completed == 0 || end.completed == 0 ||
        begin.completed != begin.recorded || end.completed != end.recorded)
      fail("the time between events that are not timed, or not complete");
    *milliseconds = static_cast<float>(static_cast<double>(end.nanoseconds - begin.nanoseconds) * 1e-6);
  });
}

} // extern "C"
