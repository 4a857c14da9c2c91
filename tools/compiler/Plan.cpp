//===- Plan.cpp - What a compiled program will do, for people -------------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/compiler/Plan.h"

#include "codegen/host/Entries.h"
#include "codegen/kernels/KernelAttributes.h"
#include "codegen/kernels/TransferRoom.h"
#include "dialect/exec/Exec.h"
#include "dialect/rondo/Rondo.h"
#include "tools/compiler/Compiler.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::rondo;

//===--------------------------------------------------------------------------------------------------------------===//
// What the passes remark
//===--------------------------------------------------------------------------------------------------------------===//

/// What is predicted of a kernel, by itself or beside a transfer. `get` gives what the remark says under a key.
static SmallVector<std::string> describePrediction(llvm::function_ref<std::string(StringRef)> get) {
  if (std::string predicted = get("predicted"); !predicted.empty())
    return {"predicted: " + predicted};
  if (get("transfer").empty())
    return {};
  std::string beside = "beside " + get("transfer") + ": margin ";
  if (get("bytes").empty())
    return {beside + "chosen when it runs"};
  std::string ctas = get("ctas");
  return {beside + get("margin") + ", a step of " + get("step"), "  " + get("bytes") + " bytes in " + get("sent") +
                                                                     " by " + ctas + (ctas == "1" ? " CTA" : " CTAs") +
                                                                     ", attend " + get("attend")};
}

namespace {
/// Keeps the remarks that say which schedule an attention has, and how long its kernels will take.
class DecisionRecorder : public remark::detail::MLIRRemarkStreamerBase {
public:
  DecisionRecorder(std::vector<PlannedAttention> &attentions,
                   std::map<std::string, std::vector<std::string>> &predictions)
      : attentions(attentions), predictions(predictions) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    if (remark.getRemarkType() != llvm::remarks::Type::Passed)
      return;
    auto get = [&](StringRef key) {
      auto *arg = llvm::find_if(remark.getArgs(), [&](const auto &arg) { return arg.key == key; });
      return arg == remark.getArgs().end() ? std::string() : arg->val;
    };
    if (remark.getCategoryName() == "rondo-kernels")
      for (const std::string &line : describePrediction(get))
        predictions[remark.getFunction().str()].push_back(line);
    if (remark.getCategoryName() != "rondo-schedule")
      return;
    if (remark.getRemarkName() == "HomeParts") { // of the attention that was reported last
      if (!attentions.empty())
        attentions.back().home = get("parts") + (get("parts") == "1" ? " part: " : " parts: ") + get("because");
      return;
    }
    attentions.push_back({remark.getFunction().str(), remark.getLocation(), get("schedule"), get("steps"), get("bytes"),
                          get("choice"), get("versus"), ""});
  }

private:
  std::vector<PlannedAttention> &attentions;
  std::map<std::string, std::vector<std::string>> &predictions;
};
} // namespace

LogicalResult Plan::record(MLIRContext &context, bool print) {
  return enableRemarks(context, std::make_unique<DecisionRecorder>(attentions, predictions), print);
}

//===--------------------------------------------------------------------------------------------------------------===//
// What is read off the program
//===--------------------------------------------------------------------------------------------------------------===//

static StringRef getKernelName(exec::DispatchOp dispatch) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(dispatch, dispatch.getKernelAttr());
  auto name = kernel ? kernel->getAttrOfType<StringAttr>(exec::kKernelAttr) : StringAttr();
  return name ? name.getValue() : dispatch.getKernel();
}

/// The kernels that hide an exchange, each once.
static SmallVector<StringRef> findHidingKernels(exec::ExchangeOp exchange) {
  SmallVector<StringRef> kernels;
  for (exec::DispatchOp dispatch : findHidingDispatches(exchange))
    if (StringRef name = getKernelName(dispatch); !llvm::is_contained(kernels, name))
      kernels.push_back(name);
  return kernels;
}

static bool isInTail(Operation *op) {
  for (; op; op = op->getPrevNode())
    if (auto step = dyn_cast<exec::StepOp>(op))
      return step.getTail();
  return false;
}

namespace {
/// A group of transfers, and what happens meanwhile.
struct PlannedTransfer {
  Location loc;
  std::string names;
  std::string meanwhile;
};
} // namespace

/// The exchanges of a function, once for those that come from one by peeling.
static std::vector<PlannedTransfer> findTransfers(func::FuncOp function) {
  std::vector<PlannedTransfer> transfers;
  function.walk([&](exec::ExchangeOp exchange) {
    std::string names = llvm::join(exchange.getNames().getAsValueRange<StringAttr>(), "+");
    SmallVector<StringRef> kernels = findHidingKernels(exchange);
    std::string meanwhile = kernels.empty() ? "exposed" : "behind " + llvm::join(kernels, ", ");
    if (isInTail(exchange))
      meanwhile += ", in the tail";
    bool known = llvm::any_of(transfers, [&](const PlannedTransfer &transfer) {
      return transfer.loc == exchange.getLoc() && transfer.names == names && transfer.meanwhile == meanwhile;
    });
    if (!known)
      transfers.push_back({exchange.getLoc(), names, meanwhile});
  });
  return transfers;
}

/// The kernels that a function dispatches: "attend x2, copy": two of the name attend.
static std::string describeKernels(func::FuncOp function) {
  llvm::MapVector<StringRef, SmallVector<StringRef>> symbols;
  function.walk([&](exec::DispatchOp dispatch) {
    SmallVector<StringRef> &known = symbols[getKernelName(dispatch)];
    if (!llvm::is_contained(known, dispatch.getKernel()))
      known.push_back(dispatch.getKernel());
  });
  std::string text;
  for (auto &[name, known] : symbols) {
    text += (text.empty() ? "" : ", ") + name.str();
    if (known.size() > 1)
      text += " x" + std::to_string(known.size());
  }
  return text.empty() ? "none" : text;
}

/// The names of the CUDA kernels that may run for a kernel function; none for other targets.
static SmallVector<std::string> findCudaKernels(func::FuncOp function) {
  SmallVector<std::string> names;
  function.walk([&](Operation *op) {
    KernelAttr chosen;
    if (auto attend = dyn_cast<AttendOp>(op))
      chosen = attend.getKernelAttr();
    else if (auto merge = dyn_cast<MergeOp>(op))
      chosen = merge.getKernelAttr();
    if (!chosen)
      return;
    for (AttendKernelAttr kernel : chosen.getAttend())
      names.push_back(cuda::getAttendName(cuda::getConfiguration(kernel)));
    if (chosen.getMerge())
      names.push_back(cuda::getMergeName(cuda::getConfiguration(chosen.getMerge())));
  });
  return names;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Printing
//===--------------------------------------------------------------------------------------------------------------===//

/// "1843200 bytes (1.84 MB)"; a formula of lengths without the second form.
static std::string describeBytes(StringRef formula) {
  std::string text = formula.str() + " bytes";
  uint64_t bytes = 0;
  if (formula.getAsInteger(10, bytes) || bytes < 1000)
    return text;
  static constexpr const char *units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  for (; value >= 999.995 && unit + 1 < std::size(units); value /= 1000)
    ++unit;
  llvm::raw_string_ostream(text) << " (" << llvm::format("%.2f", value) << ' ' << units[unit] << ')';
  return text;
}

static std::string describeFormula(func::FuncOp function, StringRef attribute) {
  auto formula = function->getAttrOfType<StringAttr>(attribute);
  return formula ? describeBytes(formula.getValue()) : "unknown";
}

static std::string describeLocation(Location loc) {
  auto file = loc->findInstanceOf<FileLineColLoc>();
  if (!file)
    return "";
  return (" (" + llvm::sys::path::filename(file.getFilename()) + ":" + Twine(file.getLine()) + ")").str();
}

static void printRow(llvm::raw_ostream &os, unsigned indent, StringRef key, const Twine &value) {
  constexpr unsigned valueColumn = 20;
  os.indent(indent) << llvm::left_justify(key, valueColumn - indent) << value << '\n';
}

static void printTransfers(llvm::raw_ostream &os, unsigned indent, ArrayRef<PlannedTransfer> transfers) {
  size_t width = 0;
  for (const PlannedTransfer &transfer : transfers)
    width = std::max(width, transfer.names.size());
  for (auto [number, transfer] : llvm::enumerate(transfers)) {
    std::string names = transfer.names;
    names.resize(width, ' ');
    printRow(os, indent, number == 0 ? "transfers" : "", names + "  " + transfer.meanwhile);
  }
}

static void printAttention(llvm::raw_ostream &os, const PlannedAttention &attention) {
  printRow(os, 4, "schedule", attention.choice.empty() ? attention.schedule : attention.choice);
  if (!attention.versus.empty())
    printRow(os, 4, "", "auto: " + attention.bytes + " <= " + attention.versus);
  if (!attention.home.empty())
    printRow(os, 4, "home block", attention.home);
  if (!attention.steps.empty())
    printRow(os, 4, "steps", attention.steps);
  if (!attention.bytes.empty())
    printRow(os, 4, "sent", describeBytes(attention.bytes) + " by each rank");
}

/// "s0 = arg0[0], s1 = arg0[2]": where the lengths in the formulas come from.
static std::string describeLengths(func::FuncOp function) {
  llvm::MapVector<StringRef, std::string> places;
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (auto shape = function.getArgAttrOfType<ArrayAttr>(argument, "spmd.shape");
        shape && !function.getArgAttr(argument, "spmd.output"))
      for (auto [dim, extent] : llvm::enumerate(shape))
        if (auto name = dyn_cast<StringAttr>(extent))
          places.insert({name.getValue(), ("arg" + Twine(argument) + "[" + Twine(dim) + "]").str()});
  SmallVector<std::string> texts;
  for (auto &[name, place] : places)
    texts.push_back(name.str() + " = " + place);
  return llvm::join(texts, ", ");
}

/// The function's attentions; of a module that was read after its schedules were chosen only their names are known.
static std::vector<PlannedAttention> findAttentions(func::FuncOp function, ArrayRef<PlannedAttention> recorded) {
  std::vector<PlannedAttention> attentions;
  for (const PlannedAttention &attention : recorded)
    if (attention.function == function.getName())
      attentions.push_back(attention);
  auto names = function->getAttrOfType<ArrayAttr>("spmd.schedules");
  if (!attentions.empty() || !names)
    return attentions;
  for (StringRef name : names.getAsValueRange<StringAttr>())
    attentions.push_back(
        {function.getName().str(), UnknownLoc::get(function.getContext()), name.str(), "", "", "", "", ""});
  return attentions;
}

/// For each kernel function that has them, its CUDA kernels: all that may run, of which the runtime chooses.
static void printCudaKernels(llvm::raw_ostream &os, func::FuncOp function,
                             const std::map<std::string, std::vector<std::string>> &predictions) {
  SetVector<Operation *> kernels;
  function.walk([&](exec::DispatchOp dispatch) {
    if (auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(dispatch, dispatch.getKernelAttr()))
      kernels.insert(kernel);
  });
  for (Operation *op : kernels) {
    auto kernel = cast<func::FuncOp>(op);
    std::string key = kernel->getAttrOfType<StringAttr>(exec::kKernelAttr).getValue().str();
    kernel.walk([&](AttendOp attend) { key += attend.getJoined() ? ", joined" : ""; });
    for (const std::string &name : findCudaKernels(kernel)) {
      printRow(os, 4, key, name);
      key = "";
    }
    if (auto known = predictions.find(kernel.getName().str()); known != predictions.end())
      for (const std::string &prediction : known->second)
        printRow(os, 4, "", prediction);
  }
}

static void printFunction(func::FuncOp function, ArrayRef<PlannedAttention> recorded,
                          const std::map<std::string, std::vector<std::string>> &predictions, llvm::raw_ostream &os) {
  os << "function " << function.getName() << describeLocation(function.getLoc()) << '\n';
  if (std::string lengths = describeLengths(function); !lengths.empty())
    printRow(os, 2, "lengths", lengths);
  std::vector<PlannedTransfer> transfers = findTransfers(function);
  for (auto [number, attention] : llvm::enumerate(findAttentions(function, recorded))) {
    os << "  attention " << number << describeLocation(attention.loc) << '\n';
    printAttention(os, attention);
    std::vector<PlannedTransfer> own, others;
    for (PlannedTransfer &transfer : transfers)
      (transfer.loc == attention.loc ? own : others).push_back(std::move(transfer));
    printTransfers(os, 4, own);
    transfers = std::move(others);
  }
  printTransfers(os, 2, transfers);
  printRow(os, 2, "sent", describeFormula(function, "spmd.communication_bytes") + " by each rank");
  printRow(os, 2, "arena", describeFormula(function, "spmd.workspace_bytes") + " on each rank");
  printRow(os, 2, "kernels", describeKernels(function));
  printCudaKernels(os, function, predictions);
}

void Plan::print(ModuleOp module, llvm::raw_ostream &os) const {
  for (auto grid : module.getOps<GridOp>()) {
    os << "grid @" << grid.getSymName() << " [";
    llvm::interleaveComma(llvm::zip(grid.getAxisNames().getAsValueRange<StringAttr>(), grid.getAxisSizes()), os,
                          [&](const auto &axis) {
                            auto [name, size] = axis;
                            os << '"' << name << "\" = ";
                            ShapedType::isDynamic(size) ? os << '?' : os << size;
                          });
    os << "]; n: its size\n";
  }
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function->hasAttr(RondoDialect::kReferenceAttr) &&
        !function->hasAttr(exec::kKernelAttr))
      printFunction(function, attentions, predictions, os);
}
