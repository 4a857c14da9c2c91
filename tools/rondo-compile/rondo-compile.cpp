//===- rondo-compile.cpp - Compiles an attention program ------------------------------------------------*- C++ -*-===//
#include "tools/common/Register.h"
#include "tools/compiler/Compiler.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::rondo;
namespace cl = llvm::cl;

static cl::OptionCategory category("rondo-compile options");
static cl::opt<std::string> inputPath(cl::Positional, cl::desc("<input.mlir>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> outputPath("o", cl::desc("Where to write; - is standard output, for text"),
                                       cl::value_desc("path"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> target("target", cl::desc("What to compile for: cpu"), cl::init("cpu"), cl::cat(category));
static cl::opt<std::string> cpu("cpu", cl::desc("native, or a CPU's name such as x86-64-v3"), cl::init("native"),
                                cl::cat(category));
static cl::opt<std::string> schedule("schedule", cl::desc("Schedule of every attention: auto, query-ring, kv-ring"),
                                     cl::init("auto"), cl::cat(category));
static cl::opt<Level> emit("emit", cl::desc("What to write"), cl::init(Level::SharedObject),
                           cl::values(clEnumValN(Level::Rondo, "rondo", "the global program, with every sharding"),
                                      clEnumValN(Level::Spmd, "spmd", "one rank's program on tensors"),
                                      clEnumValN(Level::Exec, "exec", "work on streams"),
                                      clEnumValN(Level::Llvm, "llvm", "the LLVM dialect"),
                                      clEnumValN(Level::Object, "obj", "an object file"),
                                      clEnumValN(Level::SharedObject, "so", "a program (default)")),
                           cl::cat(category));
static cl::opt<bool> noOverlap("no-overlap", cl::desc("Wait for every transfer where it starts"), cl::cat(category));
static cl::opt<bool> noReference("no-reference", cl::desc("Leave out the float64 evaluation that rondo-run --check needs"),
                                 cl::cat(category));
static cl::opt<std::string> function("function", cl::desc("Compile only this public function"), cl::cat(category));
static cl::opt<std::string> linker("linker", cl::desc("C compiler driver that links (default: cc, gcc or clang)"),
                                   cl::cat(category));
static cl::opt<bool> remarks("remarks", cl::desc("Print what the compiler decided, and why"), cl::cat(category));

static int fail(const Twine &message) {
  llvm::errs() << "rondo-compile: error: " << message << '\n';
  return 1;
}

/// Writes text or an object file: complete, or not at all.
static LogicalResult compileToFile(Compiler &compiler, ModuleOp module) {
  SmallString<0> content;
  llvm::raw_svector_ostream stream(content);
  if (failed(compiler.compile(module, emit, stream)))
    return failure();
  if (emit != Level::Object && !content.ends_with("\n"))
    stream << '\n';
  std::string message;
  auto file = openOutputFile(outputPath, &message);
  if (!file)
    return module.emitError(message);
  file->os() << content;
  file->keep();
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  setUpBugReports();
  registerPassManagerCLOptions();
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Compiles attention programs whose sequences are sharded over ranks\n");

  if (target != "cpu")
    return fail("unknown target '" + target + "'; expected cpu");
  bool binary = emit == Level::Object || emit == Level::SharedObject;
  if (binary && outputPath == "-")
    return fail("a binary needs a place: -o <path>");

  std::string message;
  auto input = openInputFile(inputPath, &message);
  if (!input)
    return fail(message);

  DialectRegistry registry;
  registerAllForCompilation(registry);
  MLIRContext context(registry);
  context.disableMultithreading();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  if (remarks && failed(enableRemarks(context)))
    return fail("cannot print remarks");
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return 1;

  CompilerOptions options;
  options.pipeline.schedule = schedule;
  options.pipeline.overlap = !noOverlap;
  options.pipeline.reference = !noReference;
  options.cpu = cpu;
  options.function = function;
  options.linker = linker;
  FailureOr<Compiler> compiler = Compiler::create(&context, options);
  if (failed(compiler))
    return 1;
  LogicalResult result = emit == Level::SharedObject ? compiler->compileToProgram(*module, outputPath)
                                                     : compileToFile(*compiler, *module);
  return failed(result);
}
