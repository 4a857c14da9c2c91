//===- rondo-emit-kernel.cpp - Prints one CUDA kernel of a given configuration --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests, and for whoever wants to see or tune a kernel by itself. rondo-compile chooses configurations itself.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "codegen/cuda/KernelFunction.h"
#include "codegen/cuda/PtxEmission.h"
#include "codegen/cuda/Ptxas.h"
#include "codegen/kernels/Attend.h"
#include "codegen/kernels/Merge.h"
#include "tools/common/Register.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::rondo;
using namespace mlir::rondo::cuda;
namespace cl = llvm::cl;

namespace {
enum class KernelKind { Attend, Merge };
enum class Emit { Mlir, Ptx, Cubin, Report, Traits };

cl::OptionCategory category("Options of rondo-emit-kernel");

cl::opt<KernelKind> kernelKind("kernel", cl::Required, cl::cat(category), cl::desc("Which kernel"),
                               cl::values(clEnumValN(KernelKind::Attend, "attend", "attention of one shard to another"),
                                          clEnumValN(KernelKind::Merge, "merge", "merge of partial results")));
cl::opt<std::string> outputPath("o", cl::cat(category), cl::desc("Where to write; - is standard output"),
                                cl::init("-"));
cl::opt<Emit> emitKind("emit", cl::cat(category), cl::desc("What to write"), cl::init(Emit::Ptx),
                       cl::values(clEnumValN(Emit::Mlir, "mlir", "the kernel as MLIR"),
                                  clEnumValN(Emit::Ptx, "ptx", "PTX (default)"),
                                  clEnumValN(Emit::Cubin, "cubin", "machine code, by ptxas"),
                                  clEnumValN(Emit::Report, "report", "what ptxas says of the machine code"),
                                  clEnumValN(Emit::Traits, "traits", "what a launcher must know, one word each")));
cl::opt<std::string> ptxasPath("ptxas", cl::cat(category), cl::desc("Path of ptxas"));

#define RONDO_FORMATS                                                                                                  \
  cl::values(clEnumValN(ElementFormat::F16, "f16", ""), clEnumValN(ElementFormat::BF16, "bf16", ""),                   \
             clEnumValN(ElementFormat::F32, "f32", ""))
cl::opt<ElementFormat> input("input", cl::cat(category), cl::desc("attend: elements of Q, K, V; merge: of partial O"),
                             cl::init(ElementFormat::BF16), RONDO_FORMATS);
cl::opt<ElementFormat> output("output", cl::cat(category), cl::desc("Elements of O"), cl::init(ElementFormat::BF16),
                              RONDO_FORMATS);
cl::opt<ElementFormat> arriving("arriving", cl::cat(category), cl::desc("merge: elements of the arriving O, if any"),
                                cl::init(ElementFormat::F32), RONDO_FORMATS);
cl::opt<int64_t> features("features", cl::cat(category), cl::desc("Features of a head"), cl::init(128));
cl::opt<int64_t> valueFeatures("value-features", cl::cat(category), cl::desc("attend: features of V, if others"));
cl::opt<int64_t> blockKeys("block-keys", cl::cat(category), cl::desc("attend: keys of a block"), cl::init(192));
cl::opt<int64_t> warpgroups("warpgroups", cl::cat(category), cl::desc("attend: warpgroups that compute"), cl::init(2));
cl::opt<int64_t> stages("stages", cl::cat(category), cl::desc("attend: blocks in shared memory"), cl::init(2));
cl::opt<int64_t> cluster("cluster", cl::cat(category), cl::desc("attend: CTAs that share loads"), cl::init(1));
cl::opt<int64_t> unroll("unroll", cl::cat(category), cl::desc("merge: partial results at once"), cl::init(8));
cl::opt<bool> scaleRows("scale-rows", cl::cat(category), cl::desc("Scale rows of partial results in f16"));
cl::opt<int64_t> polynomials("polynomials", cl::cat(category),
                             cl::desc("attend: of 16 exponentials, those by polynomials"), cl::init(0));
cl::opt<int64_t> earlyTurn("early-turn", cl::cat(category),
                           cl::desc("attend: steps before the end of P V at which the turn passes on"), cl::init(0));
cl::opt<bool> lazyRescale("lazy-rescale", cl::cat(category),
                          cl::desc("attend: rescale O only when a maximum grows by much"));
cl::opt<bool> causal("causal", cl::cat(category), cl::desc("attend: mask later keys"));
cl::opt<bool> persistent("persistent", cl::cat(category), cl::desc("attend: tiles from a table"));
cl::opt<bool> overlapTiles("overlap-tiles", cl::cat(category),
                           cl::desc("attend: begin a tile before the last one ends"));
cl::opt<bool> pingPong("ping-pong", cl::cat(category), cl::desc("attend: warpgroups take turns"), cl::init(true));
cl::opt<bool> negateScores("negate-scores", cl::cat(category), cl::desc("attend: for a negative scale"));
cl::opt<bool> dependentLaunch("dependent-launch", cl::cat(category), cl::desc("Overlap with kernels before and after"));
cl::opt<CacheHint> keyHint("key-hint", cl::cat(category), cl::desc("attend: what L2 does with K and V"),
                           cl::init(CacheHint::EvictFirst),
                           cl::values(clEnumValN(CacheHint::None, "none", ""),
                                      clEnumValN(CacheHint::EvictFirst, "evict-first", ""),
                                      clEnumValN(CacheHint::EvictLast, "evict-last", "")));
} // namespace

static AttendConfiguration getAttendConfiguration() {
  AttendConfiguration c;
  c.input = input;
  c.output = output;
  c.features = features;
  c.valueFeatures = valueFeatures.getNumOccurrences() ? valueFeatures : features;
  c.scaledRows = scaleRows;
  c.polynomials = polynomials;
  c.earlyTurn = earlyTurn;
  c.lazyRescale = lazyRescale;
  c.causal = causal;
  c.negateScores = negateScores;
  c.blockKeys = blockKeys;
  c.warpgroups = warpgroups;
  c.stages = stages;
  c.cluster = cluster;
  c.pingPong = pingPong && warpgroups == 2;
  c.persistent = persistent;
  c.overlapTiles = overlapTiles;
  c.dependentLaunch = dependentLaunch;
  c.keyHint = keyHint;
  return c;
}

static MergeConfiguration getMergeConfiguration() {
  MergeConfiguration c;
  c.partial = input;
  c.scaledRows = scaleRows;
  c.output = output;
  if (arriving.getNumOccurrences())
    c.arriving = arriving;
  c.features = features;
  c.unroll = unroll;
  c.dependentLaunch = dependentLaunch;
  return c;
}

/// One "key value" line each: what the configuration fixes, then rondo_kernel_traits.
static void printTraits(llvm::raw_ostream &stream, StringRef name, const rondo_kernel_traits &traits) {
  bool isAttend = kernelKind == KernelKind::Attend;
  stream << "name " << name << "\nkernel " << (isAttend ? "attend" : "merge") << "\ninput " << getName(input)
         << "\noutput " << getName(output) << "\nfeatures " << features << "\nvalue_features "
         << (valueFeatures.getNumOccurrences() ? valueFeatures : features) << "\nnegate_scores " << negateScores;
  if (traits.arriving)
    stream << "\narriving_type " << getName(arriving);
  const std::pair<StringRef, int32_t> fields[] = {{"threads", traits.threads},
                                                  {"shared_bytes", traits.shared_bytes},
                                                  {"cluster", traits.cluster},
                                                  {"warpgroups", traits.warpgroups},
                                                  {"block_keys", traits.block_keys},
                                                  {"causal", traits.causal},
                                                  {"persistent", traits.persistent},
                                                  {"dependent_launch", traits.dependent_launch},
                                                  {"rows_per_block", traits.rows_per_block},
                                                  {"arriving", traits.arriving},
                                                  {"plain_loads", traits.plain_loads},
                                                  {"scaled_rows", traits.scaled_rows}};
  for (auto [key, value] : fields)
    stream << "\n" << key << " " << value;
  stream << "\n";
}

/// Writes the kernel of `module`, which is lowered.
static LogicalResult writeKernel(ModuleOp module, llvm::raw_ostream &stream) {
  if (emitKind == Emit::Mlir) {
    module.print(stream);
    return success();
  }
  FailureOr<std::string> ptx = emitPtx(module);
  if (failed(ptx))
    return failure();
  if (emitKind == Emit::Ptx) {
    stream << *ptx;
    return success();
  }
  PtxasOptions options;
  options.path = ptxasPath;
  FailureOr<Cubin> cubin = assemblePtx(module.getLoc(), *ptx, options);
  if (failed(cubin))
    return failure();
  stream << (emitKind == Emit::Cubin ? cubin->image : cubin->report);
  return success();
}

static LogicalResult run(MLIRContext &context, llvm::raw_ostream &stream) {
  bool isAttend = kernelKind == KernelKind::Attend;
  AttendConfiguration attend = getAttendConfiguration();
  MergeConfiguration merge = getMergeConfiguration();
  Location loc = UnknownLoc::get(&context);
  std::string error = isAttend ? getAttendError(attend) : getMergeError(merge);
  if (!error.empty())
    return emitError(loc) << "no such kernel: " << error;
  std::string name = isAttend ? getAttendName(attend) : getMergeName(merge);
  if (emitKind == Emit::Traits) {
    printTraits(stream, name, isAttend ? getAttendTraits(attend) : getMergeTraits(merge));
    return success();
  }
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  Operation *gpuModule = createGpuModule(*module, "rondo_kernels");
  if (isAttend)
    emitAttend(gpuModule, attend);
  else
    emitMerge(gpuModule, merge);
  return writeKernel(*module, stream);
}

int main(int argc, char **argv) {
  setUpBugReports();
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Prints one CUDA kernel for sm_90a.\n");
  DialectRegistry registry;
  registerAllForCompilation(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();

  std::string content;
  llvm::raw_string_ostream stream(content);
  if (failed(run(context, stream)))
    return 1;
  std::error_code error;
  llvm::ToolOutputFile file(outputPath, error, llvm::sys::fs::OF_None);
  if (error) {
    llvm::WithColor::error(llvm::errs(), "rondo-emit-kernel")
        << "cannot write '" << outputPath << "': " << error.message() << "\n";
    return 1;
  }
  file.os() << content;
  file.keep();
  return 0;
}
