//===- rondo-compile.cpp - Compiles an attention program ------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/common/Register.h"
#include "tools/compiler/Compiler.h"
#include "tools/compiler/Plan.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::rondo;
namespace cl = llvm::cl;

static cl::OptionCategory category("rondo-compile options");
static cl::opt<std::string> inputPath(cl::Positional, cl::desc("<input.mlir>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> outputPath("o", cl::desc("Where to write; - is standard output, for text"),
                                       cl::value_desc("path"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> target("target", cl::desc("What to compile for: cpu[:NAME] or cuda:sm_90a"),
                                   cl::init("cpu"), cl::cat(category));
static cl::opt<std::string>
    cpu("cpu",
        cl::desc("CPU that runs kernels, or for CUDA the host's code: native, or a name such as "
                 "x86-64-v3"),
        cl::cat(category));
static cl::opt<std::string> kernel("kernel",
                                   cl::desc("CUDA kernels by hand: attend:block-keys=176,stages=2,...;merge:unroll=2"),
                                   cl::value_desc("kernel:key=value,..."), cl::cat(category));
static cl::opt<cuda::ImageKind>
    cudaImage("cuda-image", cl::desc("What a program for CUDA holds"), cl::init(cuda::ImageKind::Cubin),
              cl::values(clEnumValN(cuda::ImageKind::Cubin, "cubin", "machine code, by ptxas (default)"),
                         clEnumValN(cuda::ImageKind::Ptx, "ptx", "PTX, which the driver compiles at load")),
              cl::cat(category));
static cl::opt<std::string> ptxas("ptxas", cl::desc("Path of CUDA's assembler (default: PATH, then CUDA_HOME, ...)"),
                                  cl::value_desc("path"), cl::cat(category));
static cl::opt<std::string> schedule("schedule", cl::desc("Schedule of every attention: auto, query-ring, kv-ring"),
                                     cl::init("auto"), cl::cat(category));
static cl::opt<std::string>
    homeParts("home-parts",
              cl::desc("Parts in which a query ring attends its home block: auto, 1, or 2, which hides the last hop"),
              cl::init("auto"), cl::cat(category));
static cl::opt<Level> emit("emit", cl::desc("What to write"), cl::init(Level::SharedObject),
                           cl::values(clEnumValN(Level::Rondo, "rondo", "the global program, with every sharding"),
                                      clEnumValN(Level::Spmd, "spmd", "one rank's program on tensors"),
                                      clEnumValN(Level::Exec, "exec", "work on streams"),
                                      clEnumValN(Level::Llvm, "llvm", "the LLVM dialect"),
                                      clEnumValN(Level::Object, "obj", "an object file"),
                                      clEnumValN(Level::SharedObject, "so", "a program (default)"),
                                      clEnumValN(Level::Ptx, "ptx", "CUDA kernels as PTX"),
                                      clEnumValN(Level::Cubin, "cubin", "CUDA kernels as machine code")),
                           cl::cat(category));
static cl::opt<bool> noOverlap("no-overlap", cl::desc("Wait for every transfer where it starts"), cl::cat(category));
static cl::opt<bool> noReference("no-reference",
                                 cl::desc("Leave out the float64 evaluation that rondo-run --check needs"),
                                 cl::cat(category));
static cl::opt<std::string> function("function", cl::desc("Compile only this public function"), cl::cat(category));
static cl::opt<std::string> linker("linker", cl::desc("C compiler driver that links (default: cc, gcc or clang)"),
                                   cl::cat(category));
static cl::opt<bool> remarks("remarks", cl::desc("Print what the compiler decided, and why"), cl::cat(category));
static cl::opt<bool>
    printPlan("print-plan",
              cl::desc("Print schedules, steps, bytes, arena, overlap and kernels instead of writing anything"),
              cl::cat(category));

static int fail(const Twine &message) {
  llvm::errs() << "rondo-compile: error: " << message << '\n';
  return 1;
}

/// Verifies that options about a global program were not given for another.
static LogicalResult verifyOptions(ModuleOp module) {
  Level level = detectLevel(module);
  for (const cl::Option *option : {static_cast<cl::Option *>(&schedule), static_cast<cl::Option *>(&homeParts),
                                   static_cast<cl::Option *>(&noOverlap), static_cast<cl::Option *>(&noReference)})
    if (level > Level::Rondo && option->getNumOccurrences() > 0)
      return module.emitError() << "--" << option->ArgStr << " is about global programs, but this one is at level "
                                << getName(level) << "; give the option where that text is made";
  return success();
}

static LogicalResult compileToPlan(Compiler &compiler, ModuleOp module, const Plan &plan) {
  if (failed(compiler.lower(module, Level::Exec)))
    return failure();
  plan.print(module, llvm::outs());
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  setUpBugReports();
  registerPassManagerCLOptions();
  registerDefaultTimingManagerCLOptions();
  registerAsmPrinterCLOptions();
  cl::SetVersionPrinter([](llvm::raw_ostream &stream) { stream << "rondo-compile " RONDO_VERSION "\n"; });
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Compiles attention programs whose sequences are sharded over ranks\n");

  bool binary = emit == Level::Object || emit == Level::SharedObject || emit == Level::Cubin;
  if (printPlan && (outputPath != "-" || emit.getNumOccurrences() > 0))
    return fail("--print-plan prints to standard output and writes nothing: leave out -o and --emit");
  if (binary && !printPlan && outputPath == "-")
    return fail("--emit=" + getName(emit) + " writes a binary: name a file with -o <path>");

  std::string message;
  auto input = openInputFile(inputPath, &message);
  if (!input)
    return fail(message);

  DefaultTimingManager timingManager;
  applyDefaultTimingManagerCLOptions(timingManager);
  TimingScope timing = timingManager.getRootScope();
  Plan plan; // outlives the context
  DialectRegistry registry;
  registerAllForCompilation(registry);
  MLIRContext context(registry);
  context.disableMultithreading();
  context.printOpOnDiagnostic(false); // a location suffices, and is short
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  if (printPlan ? failed(plan.record(context, remarks)) : remarks && failed(enableRemarks(context)))
    return fail("cannot print remarks");
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module || failed(verifyOptions(*module)))
    return 1;

  CompilerOptions options;
  options.pipeline.schedule = schedule;
  options.pipeline.homeParts = homeParts;
  options.pipeline.overlap = !noOverlap;
  options.pipeline.reference = !noReference;
  options.pipeline.kernel = kernel;
  options.target = target;
  options.cpu = cpu;
  options.image.kind = cudaImage;
  options.image.ptxas = ptxas;
  options.function = function;
  options.linker = linker;
  options.removeOnSignal = true;
  options.configurePasses = [&](PassManager &passes) {
    passes.enableTiming(timing);
    return applyPassManagerCLOptions(passes);
  };
  FailureOr<Compiler> compiler = Compiler::create(module->getLoc(), options);
  if (failed(compiler))
    return 1;
  if (printPlan)
    return failed(compileToPlan(*compiler, *module, plan));
  return failed(outputPath == "-" ? compiler->compile(*module, emit, llvm::outs())
                                  : compiler->compileToFile(*module, emit, outputPath));
}
