//===- CApi.cpp - The compiler as a C library -----------------------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/compiler.h"

#include "tools/common/Register.h"
#include "tools/compiler/Compiler.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mlir::rondo;

static CompilerOptions convert(const rondo_compiler_options &options) {
  auto text = [](const char *value, const char *missing) { return std::string(value ? value : missing); };
  CompilerOptions converted;
  converted.pipeline.schedule = text(options.schedule, "auto");
  converted.pipeline.homeParts = text(options.home_parts, "auto");
  converted.pipeline.overlap = options.overlap;
  converted.pipeline.reference = options.reference;
  converted.pipeline.kernel = text(options.kernel, "");
  converted.target = text(options.target, "cpu");
  converted.cpu = text(options.cpu, "");
  converted.image.kind = options.ptx ? cuda::ImageKind::Ptx : cuda::ImageKind::Cubin;
  converted.image.ptxas = text(options.ptxas, "");
  converted.function = text(options.function, "");
  converted.linker = text(options.linker, "");
  return converted;
}

static LogicalResult compile(StringRef source, StringRef name, const rondo_compiler_options &options, StringRef path,
                             llvm::raw_ostream &log) {
  DialectRegistry registry;
  registerAllForCompilation(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false); // a location suffices, and is short
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(source, name), SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context, log);
  if (options.remarks && failed(enableRemarks(context)))
    return failure();
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return failure();
  FailureOr<Compiler> compiler = Compiler::create(module->getLoc(), convert(options));
  if (failed(compiler))
    return failure();
  return compiler->compileToFile(*module, Level::SharedObject, path);
}

int rondo_compile(const char *source, size_t sourceBytes, const char *name, const rondo_compiler_options *options,
                  const char *outputPath, char **diagnostics) {
  const rondo_compiler_options defaults = RONDO_COMPILER_OPTIONS_INIT;
  std::string log;
  llvm::raw_string_ostream stream(log);
  LogicalResult result = failure();
  if (!source || !outputPath)
    stream << "error: rondo_compile needs a source and an output path\n";
  else if (options && options->size != sizeof(rondo_compiler_options))
    stream << "error: rondo_compiler_options has size " << options->size << ", expected "
           << sizeof(rondo_compiler_options) << "; initialise it with RONDO_COMPILER_OPTIONS_INIT\n";
  else
    result = compile(StringRef(source, sourceBytes), name ? name : "source", options ? *options : defaults, outputPath,
                     stream);
  if (diagnostics)
    *diagnostics = strdup(log.c_str());
  return failed(result);
}

void rondo_compiler_free(char *text) { std::free(text); }
