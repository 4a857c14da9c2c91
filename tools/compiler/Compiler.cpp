//===- Compiler.cpp - From MLIR text to a program -------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/Compiler.h"

#include "codegen/host/Entries.h"
#include "codegen/host/Manifest.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "tools/compiler/OutputFile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::rondo;

//===--------------------------------------------------------------------------------------------------------------===//
// The target
//===--------------------------------------------------------------------------------------------------------------===//

/// A machine description for `cpu`, which may be "native".
static FailureOr<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(Location loc, StringRef cpu) {
  static const bool once = [] { // LLVM's registry is not thread-safe
    return llvm::InitializeNativeTarget() || llvm::InitializeNativeTargetAsmPrinter();
  }();
  (void)once;
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return emitError(loc) << "no code generator for " << triple.str() << ": " << message;

  std::string features;
  if (cpu == "native") {
    cpu = llvm::sys::getHostCPUName();
    llvm::SubtargetFeatures host;
    for (auto &[feature, enabled] : llvm::sys::getHostCPUFeatures())
      host.AddFeature(feature, enabled);
    features = host.getString();
  } else {
    std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
    if (!known->isCPUStringValid(cpu))
      return emitError(loc) << "unknown CPU '" << cpu << "'; expected native, or a name such as x86-64-v3 or znver4";
  }
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(triple, cpu, features, llvm::TargetOptions(),
                                                                           llvm::Reloc::PIC_, std::nullopt,
                                                                           llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return emitError(loc) << "no code generator for CPU '" << cpu << "'";
  return machine;
}

static unsigned getVectorBits(const llvm::TargetMachine &machine) {
  auto *subtarget = machine.getMCSubtargetInfo();
  return subtarget->checkFeatures("+avx512f") ? 512 : subtarget->checkFeatures("+avx2") ? 256 : 128;
}

Compiler::Compiler(const CompilerOptions &options, const Target &target, std::unique_ptr<llvm::TargetMachine> machine)
    : options(options), target(target), machine(std::move(machine)) {
  this->options.pipeline.vectorBits = getVectorBits(*this->machine);
  this->options.pipeline.cuda = target.isCuda();
}
Compiler::~Compiler() = default;
Compiler::Compiler(Compiler &&) = default;

/// Verifies that options about CUDA were not given for another target: they would be without effect.
static LogicalResult verifyCpuOptions(Location loc, const CompilerOptions &options) {
  std::string given = !options.pipeline.kernel.empty()             ? "--kernel=" + options.pipeline.kernel
                      : options.image.kind == cuda::ImageKind::Ptx ? "--cuda-image=ptx"
                      : !options.image.ptxas.empty()               ? "--ptxas=" + options.image.ptxas
                                                                   : "";
  if (given.empty())
    return success();
  return emitError(loc) << given << " is about kernels for cuda:sm_90a, but the target is " << options.target;
}

FailureOr<Compiler> Compiler::create(Location loc, const CompilerOptions &options) {
  FailureOr<Target> target = parseTarget(loc, options.target, options.cpu);
  if (failed(target))
    return failure();
  if (!target->isCuda() && failed(verifyCpuOptions(loc, options)))
    return failure();
  auto machine = createTargetMachine(loc, target->cpu);
  if (failed(machine))
    return failure();
  return Compiler(options, *target, std::move(*machine));
}

/// As the manifest says it.
std::string Compiler::getTargetName() const {
  return target.isCuda() ? "cuda:sm_90a" : "cpu:" + machine->getTargetCPU().str();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Lowering
//===--------------------------------------------------------------------------------------------------------------===//

/// Verifies that a module holds what the compiler knows what to do with.
static LogicalResult verifyTopLevel(ModuleOp module) {
  for (Operation &op : *module.getBody())
    if (!isa<GridOp, func::FuncOp>(op))
      return op.emitOpError("cannot be part of a program; expected rondo.grid and func.func at the top level");
  return success();
}

/// Verifies that public functions take and give what a manifest can tell of.
static LogicalResult verifySignatures(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic())
      continue;
    for (auto [what, types] : {std::pair<StringRef, TypeRange>("argument", function.getArgumentTypes()),
                               {"result", function.getResultTypes()}})
      for (auto [number, type] : llvm::enumerate(types)) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        if (!tensor || !isa<Float32Type, Float16Type, BFloat16Type>(tensor.getElementType()))
          return function.emitError() << what << ' ' << number << " of '" << function.getName() << "' has type " << type
                                      << "; expected a ranked tensor of f32, f16 or bf16";
      }
  }
  return success();
}

/// Erases every public function but the chosen one.
LogicalResult Compiler::selectFunction(ModuleOp module) {
  if (options.function.empty())
    return success();
  auto functions = llvm::filter_to_vector(module.getOps<func::FuncOp>(), [](func::FuncOp function) {
    return function.isPublic() && !function->hasAttr(RondoDialect::kReferenceAttr);
  });
  auto isChosen = [&](func::FuncOp function) { return function.getName() == options.function; };
  if (llvm::none_of(functions, isChosen)) {
    std::string known = llvm::join(
        llvm::map_range(functions, [](func::FuncOp function) { return "'" + function.getName().str() + "'"; }), ", ");
    return module.emitError() << "there is no public function '" << options.function << "'; the module has "
                              << (known.empty() ? "none" : known);
  }
  for (func::FuncOp function : functions) {
    if (isChosen(function))
      continue;
    if (auto reference = module.lookupSymbol<func::FuncOp>((function.getName() + "__reference").str()))
      reference.erase();
    function.erase();
  }
  return success();
}

LogicalResult Compiler::runPasses(ModuleOp module, void (*addPasses)(OpPassManager &, const PipelineOptions &)) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName(), OpPassManager::Nesting::Implicit);
  if (options.configurePasses && failed(options.configurePasses(passes)))
    return failure();
  addPasses(passes, options.pipeline);
  return passes.run(module);
}

LogicalResult Compiler::lower(ModuleOp module, Level level) {
  if (failed(selectFunction(module)))
    return failure();
  using AddPasses = void (*)(OpPassManager &, const PipelineOptions &);
  struct Arrow {
    Level to;
    AddPasses add;
  };
  static constexpr Arrow arrows[] = {{Level::Rondo, addGlobalPasses},
                                     {Level::Spmd, addSpmdPasses},
                                     {Level::Exec, addExecPasses},
                                     {Level::Llvm, addLlvmPasses}};
  Level from = detectLevel(module);
  if (from > level)
    return module.emitError() << "is at level " << getName(from) << "; it cannot be taken back to level "
                              << getName(level);
  if ((from < Level::Llvm && failed(verifyTopLevel(module))) ||
      (from == Level::Rondo && failed(verifySignatures(module))))
    return failure();
  for (const Arrow &arrow : arrows) {
    // A global program takes the first arrow too: it makes shardings explicit.
    bool taken = arrow.to > from || (arrow.to == Level::Rondo && from == Level::Rondo);
    if (!taken || arrow.to > level)
      continue;
    if (arrow.to == Level::Llvm) {
      FailureOr<std::string> manifest = createManifest(module, getTargetName());
      if (failed(manifest))
        return failure();
      module->setAttr(kManifestAttr, StringAttr::get(module.getContext(), *manifest));
    }
    if (arrow.to == Level::Llvm && target.isCuda())
      if (failed(runPasses(module, addCudaKernelPasses)) || failed(cuda::embedKernels(module, options.image)))
        return failure();
    if (failed(runPasses(module, arrow.add)))
      return failure();
  }
  return success();
}

LogicalResult Compiler::emitObject(ModuleOp module, llvm::raw_pwrite_stream &output) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context, "rondo");
  if (!llvmModule)
    return module.emitError("cannot be translated to LLVM IR");
  llvmModule->setTargetTriple(machine->getTargetTriple());
  llvmModule->setDataLayout(machine->createDataLayout());
  auto optimize = makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, machine.get());
  if (llvm::Error error = optimize(llvmModule.get()))
    return module.emitError("LLVM's optimizer failed: ") << llvm::toString(std::move(error));
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, output, nullptr, llvm::CodeGenFileType::ObjectFile))
    return module.emitError("the target cannot write object files");
  codegen.run(*llvmModule);
  return success();
}

/// Writes the CUDA kernels alone.
LogicalResult Compiler::emitKernels(ModuleOp module, Level level, llvm::raw_pwrite_stream &output) {
  if (!target.isCuda())
    return module.emitError() << "--emit=" << getName(level) << " writes the kernels of a program for cuda:sm_90a, but "
                              << "the target is " << options.target;
  if (failed(lower(module, Level::Exec)) || failed(runPasses(module, addCudaKernelPasses)))
    return failure();
  cuda::ImageOptions image = options.image;
  image.kind = level == Level::Ptx ? cuda::ImageKind::Ptx : cuda::ImageKind::Cubin;
  FailureOr<std::string> content = cuda::createImage(module, image);
  if (failed(content))
    return failure();
  output << *content;
  return success();
}

LogicalResult Compiler::compile(ModuleOp module, Level level, llvm::raw_pwrite_stream &output) {
  if (level == Level::Ptx || level == Level::Cubin)
    return emitKernels(module, level, output);
  if (failed(lower(module, std::min(level, Level::Llvm))))
    return failure();
  if (level == Level::Object)
    return emitObject(module, output);
  module.print(output, OpPrintingFlags().useLocalScope());
  output << '\n';
  return success();
}

LogicalResult rondo::enableRemarks(MLIRContext &context,
                                   std::unique_ptr<remark::detail::MLIRRemarkStreamerBase> streamer, bool print) {
  std::string everything = ".*";
  remark::RemarkCategories all{everything, everything, everything, everything, everything};
  return remark::enableOptimizationRemarks(context, std::move(streamer),
                                           std::make_unique<remark::RemarkEmittingPolicyAll>(), all,
                                           /*printAsEmitRemarks=*/print);
}

LogicalResult Compiler::compileToFile(ModuleOp module, Level level, StringRef path) {
  Location loc = module.getLoc();
  FailureOr<OutputFile> file = OutputFile::create(loc, path, options.removeOnSignal);
  FailureOr<std::string> linker = std::string();
  if (succeeded(file) && level == Level::SharedObject)
    linker = findLinker(loc, options.linker);
  if (failed(file) || failed(linker))
    return failure(); // before the work
  SmallString<0> content;
  llvm::raw_svector_ostream stream(content);
  if (failed(compile(module, level == Level::SharedObject ? Level::Object : level, stream)))
    return failure();
  if (level != Level::SharedObject)
    return failure(failed(file->write(content)) || failed(file->keep()));

  FailureOr<OutputFile> object = OutputFile::create(loc, path, options.removeOnSignal);
  FailureOr<OutputFile> log = OutputFile::create(loc, path, options.removeOnSignal);
  if (failed(object) || failed(log) || failed(object->write(content)) ||
      failed(linkProgram(loc, *linker, object->getTemporaryPath(), file->getTemporaryPath(), log->getTemporaryPath())))
    return failure();
  return file->keep();
}
