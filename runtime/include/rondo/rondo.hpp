/// rondo/rondo.h for C++17, header-only: handles that destroy themselves, tensors by type and shape, errors as
/// exceptions.
///
///     rondo::Context context;
///     rondo::Program program(context, "attention.so");
///     rondo::Communicator ranks(context, 4);
///     rondo::run(program, ranks, {{query, {1, 8, 61, 64}}, {key, {1, 2, 512, 64}}, {value, {1, 2, 512, 64}}},
///                {{output, {1, 8, 61, 64}}});
///
/// Every failure of the C API throws a rondo::Error with its text. What was made from a context keeps it alive, so the
/// order of destruction does not matter. As in C, a context and what was made from it may be used from any thread, by
/// one thread at a time. `get()` of each class gives the C handle, for what has no wrapper here.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RONDO_HPP
#define RONDO_RONDO_HPP

#include "rondo/rondo.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo {

/// A call that failed: `what()` is the text of rondo_last_error.
class Error : public std::runtime_error {
public:
  Error(rondo_status status, const std::string &text) : std::runtime_error(text), code(status) {}
  rondo_status status() const noexcept { return code; }

private:
  rondo_status code;
};

/// The owner of the last error. Copies share it.
class Context {
public:
  Context();
  rondo_context *get() const noexcept { return handle.get(); }

  /// Throws what the last call with this context failed with, unless `status` is RONDO_OK.
  void check(rondo_status status) const;

private:
  std::shared_ptr<rondo_context> handle;
};

/// A binary that rondo-compile made, loaded. Movable.
class Program {
public:
  Program(const Context &context, const std::string &path);
  rondo_program *get() const noexcept { return handle.get(); }
  const Context &context() const noexcept { return owner; }

  /// The manifest, as JSON.
  std::string manifest() const { return rondo_program_manifest(get()); }

private:
  struct Destroy {
    void operator()(rondo_program *program) const noexcept { rondo_program_destroy(program); }
  };
  Context owner; // destroyed after the handle
  std::unique_ptr<rondo_program, Destroy> handle;
};

/// The options with their defaults, to be changed field by field.
inline rondo_communicator_options communicatorOptions(std::int32_t ranks) noexcept;

/// The ranks: threads of this process that serve any number of runs. Movable.
class Communicator {
public:
  Communicator(const Context &context, std::int32_t ranks) : Communicator(context, communicatorOptions(ranks)) {}
  Communicator(const Context &context, const rondo_communicator_options &options);
  rondo_communicator *get() const noexcept { return handle.get(); }

  /// The ranks whose shards the caller of runShards places: all; one in loopback, and where ranks are processes.
  std::size_t placedRanks() const noexcept { return placed; }
  /// Puts a rank's work in the order of a CUDA stream of the caller, so that runs return at once; or on its own again.
  void setStream(std::int32_t rank, void *stream);
  void unsetStream(std::int32_t rank);
  /// The GPU of a rank, for the tensors of programs for CUDA.
  DLDevice device(std::int32_t rank) const;
  /// What a rank did in the last run.
  rondo_rank_statistics statistics(std::int32_t rank) const;
  /// Begins a new recording of the next runs, or ends it.
  void trace(bool enable);
  /// Brings the events of all processes to rank 0; collective. By how many seconds times may be off.
  double gatherTrace();
  /// Writes what was recorded as a Chrome trace.
  void writeTrace(const std::string &path) const;

private:
  struct Destroy {
    void operator()(rondo_communicator *communicator) const noexcept { rondo_communicator_destroy(communicator); }
  };
  Context owner; // destroyed after the handle
  std::size_t placed = 0;
  std::unique_ptr<rondo_communicator, Destroy> handle;
};

/// DLPack's names of the element types; the 16-bit ones have no type in C++17, so tensors of them name theirs.
constexpr DLDataType float16 = {kDLFloat, 16, 1};
constexpr DLDataType bfloat16 = {kDLBfloat, 16, 1};
template <typename T>
constexpr DLDataType dataType() noexcept;

/// Memory of the caller that a run only reads, seen as a tensor: it is borrowed, never copied. Strides are in elements;
/// none mean that the tensor is contiguous.
class Input {
public:
  template <typename T>
  Input(const T *data, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides = {})
      : Input(data, dataType<T>(), std::move(shape), std::move(strides)) {}
  Input(const void *data, DLDataType type, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides = {},
        DLDevice device = {kDLCPU, 0});

  /// The tensor for the C API, valid as long as this object is and stays unchanged.
  DLTensor view() const noexcept;

private:
  void *memory; // C's tensors have no const
  DLDataType element;
  DLDevice place;
  std::vector<std::int64_t> sizes, steps;
};

/// The same for memory that a run writes.
class Output {
public:
  template <typename T>
  Output(T *data, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides = {})
      : Output(data, dataType<T>(), std::move(shape), std::move(strides)) {}
  Output(void *data, DLDataType type, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides = {},
         DLDevice device = {kDLCPU, 0})
      : tensor(data, type, std::move(shape), std::move(strides), device) {}

  DLTensor view() const noexcept { return tensor.view(); }

private:
  Input tensor;
};

/// Runs a function over global tensors; every rank works on its shards of them. Blocks until all ranks are done.
/// Program and communicator are of one context. `function` may be left out if the program has only one.
void run(const Program &program, const Communicator &communicator, const std::vector<Input> &inputs,
         const std::vector<Output> &outputs, const char *function = nullptr);

/// The same over shards that the caller placed: first all of rank 0, then all of rank 1, and so on; of rank 0 alone
/// with the loopback communicator.
void runShards(const Program &program, const Communicator &communicator, const std::vector<Input> &inputs,
               const std::vector<Output> &outputs, const char *function = nullptr);

/// Evaluates a function densely, on tensors of double.
void runReference(const Program &program, const std::vector<Input> &inputs, const std::vector<Output> &outputs,
                  const char *function = nullptr);

//===----------------------------------------------------------------------------------------------------------------===//
// Implementation
//===----------------------------------------------------------------------------------------------------------------===//

inline Context::Context() {
  rondo_context *created = nullptr;
  rondo_status status = rondo_context_create(&created);
  if (status != RONDO_OK)
    throw Error(status, rondo_status_name(status));
  handle.reset(created, rondo_context_destroy);
}

inline void Context::check(rondo_status status) const {
  if (status != RONDO_OK)
    throw Error(status, rondo_last_error(get()));
}

inline Program::Program(const Context &context, const std::string &path) : owner(context) {
  rondo_program *loaded = nullptr;
  owner.check(rondo_program_load(owner.get(), path.c_str(), &loaded));
  handle.reset(loaded);
}

inline rondo_communicator_options communicatorOptions(std::int32_t ranks) noexcept {
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.ranks = ranks;
  return options;
}

inline Communicator::Communicator(const Context &context, const rondo_communicator_options &options) : owner(context) {
  rondo_communicator *created = nullptr;
  owner.check(rondo_communicator_create(owner.get(), &options, &created));
  handle.reset(created);
  rondo_communicator_info info;
  owner.check(rondo_communicator_info_get(owner.get(), created, &info));
  placed = static_cast<std::size_t>(info.local_ranks);
}

inline rondo_rank_statistics Communicator::statistics(std::int32_t rank) const {
  rondo_rank_statistics statistics;
  owner.check(rondo_rank_statistics_get(owner.get(), get(), rank, &statistics));
  return statistics;
}

inline void Communicator::setStream(std::int32_t rank, void *stream) {
  owner.check(rondo_communicator_set_stream(owner.get(), get(), rank, stream));
}

inline void Communicator::unsetStream(std::int32_t rank) {
  owner.check(rondo_communicator_unset_stream(owner.get(), get(), rank));
}

inline DLDevice Communicator::device(std::int32_t rank) const {
  std::int32_t ordinal = 0;
  owner.check(rondo_communicator_device(owner.get(), get(), rank, &ordinal));
  return {kDLCUDA, ordinal};
}

inline void Communicator::trace(bool enable) { owner.check(rondo_trace_enable(owner.get(), get(), enable)); }

inline double Communicator::gatherTrace() {
  double uncertainty = 0;
  owner.check(rondo_trace_gather(owner.get(), get(), &uncertainty));
  return uncertainty;
}

inline void Communicator::writeTrace(const std::string &path) const {
  owner.check(rondo_trace_write(owner.get(), get(), path.c_str()));
}

template <typename T>
constexpr DLDataType dataType() noexcept {
  static_assert(std::is_floating_point<T>::value && sizeof(T) <= 8, "pass the DLDataType of other element types");
  return {kDLFloat, 8 * sizeof(T), 1};
}

inline Input::Input(const void *data, DLDataType type, std::vector<std::int64_t> shape,
                    std::vector<std::int64_t> strides, DLDevice device)
    : memory(const_cast<void *>(data)), element(type), place(device), sizes(std::move(shape)),
      steps(std::move(strides)) {
  if (!steps.empty() && steps.size() != sizes.size())
    throw Error(RONDO_INVALID_ARGUMENT, "a tensor of " + std::to_string(sizes.size()) + " dimensions has " +
                                            std::to_string(steps.size()) + " strides; expected one for each");
}

inline DLTensor Input::view() const noexcept {
  auto *shape = const_cast<std::int64_t *>(sizes.data());
  auto *strides = steps.empty() ? nullptr : const_cast<std::int64_t *>(steps.data());
  return {memory, place, static_cast<std::int32_t>(sizes.size()), element, shape, strides, 0};
}

namespace detail {

/// Tensors as the C API takes them: an array of pointers.
class Views {
public:
  template <typename T>
  explicit Views(const std::vector<T> &tensors) {
    for (const T &tensor : tensors)
      views.push_back(tensor.view());
    for (DLTensor &view : views)
      pointers.push_back(&view);
  }
  DLTensor *const *data() const noexcept { return pointers.data(); }
  std::size_t size() const noexcept { return pointers.size(); }

private:
  std::vector<DLTensor> views;
  std::vector<DLTensor *> pointers;
};

} // namespace detail

inline void run(const Program &program, const Communicator &communicator, const std::vector<Input> &inputs,
                const std::vector<Output> &outputs, const char *function) {
  detail::Views from(inputs), to(outputs);
  program.context().check(rondo_run(program.context().get(), program.get(), function, communicator.get(), from.data(),
                                    from.size(), to.data(), to.size()));
}

inline void runShards(const Program &program, const Communicator &communicator, const std::vector<Input> &inputs,
                      const std::vector<Output> &outputs, const char *function) {
  detail::Views from(inputs), to(outputs);
  std::size_t ranks = communicator.placedRanks();
  if (from.size() % ranks != 0 || to.size() % ranks != 0)
    throw Error(RONDO_INVALID_ARGUMENT, std::to_string(from.size()) + " input and " + std::to_string(to.size()) +
                                            " output shards were given; expected as many for each of " +
                                            std::to_string(ranks) + " ranks");
  program.context().check(rondo_run_shards(program.context().get(), program.get(), function, communicator.get(),
                                           from.data(), from.size() / ranks, to.data(), to.size() / ranks));
}

inline void runReference(const Program &program, const std::vector<Input> &inputs, const std::vector<Output> &outputs,
                         const char *function) {
  detail::Views from(inputs), to(outputs);
  program.context().check(rondo_run_reference(program.context().get(), program.get(), function, from.data(),
                                              from.size(), to.data(), to.size()));
}

} // namespace rondo

#endif // RONDO_RONDO_HPP
