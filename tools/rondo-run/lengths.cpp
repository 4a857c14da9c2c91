// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/lengths.h"

#include "tools/rondo-run/text.h"

#include <algorithm>

namespace rondo::run {

Status LengthBinder::bindOptions(const std::vector<Named<int64_t>> &lengths) {
  for (const Named<int64_t> &length : lengths) {
    const std::vector<std::string> &known = function.lengths;
    if (std::find(known.begin(), known.end(), length.name) == known.end())
      return Error{
          concat("function '", function.name, "' has no length '", length.name, "'", suggestion(length.name, known))};
    bound[length.name] = {length.value, concat("--length ", length.name, "=", length.value)};
  }
  return Success{};
}

Status LengthBinder::bindFile(const TensorSpec &tensor, const std::string &path, const std::vector<int64_t> &shape) {
  if (shape.size() != tensor.shape.size())
    return Error{concat("'", path, "' has ", shape.size(), " dimensions, ", shapeText(shape), "; expected ",
                        tensor.shape.size(), " for input '", tensor.name, "', ", shapeText(tensor.shape))};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (const int64_t *fixed = std::get_if<int64_t>(&tensor.shape[i])) {
      if (*fixed != shape[i])
        return Error{concat("'", path, "' has shape ", shapeText(shape), "; expected ", shapeText(tensor.shape),
                            " for input '", tensor.name, "': dimension ", i, " is ", shape[i], ", not ", *fixed)};
      continue;
    }
    const std::string &name = std::get<std::string>(tensor.shape[i]);
    auto [entry, isNew] = bound.try_emplace(name, Bound{shape[i], concat("dimension ", i, " of '", path, "'")});
    if (!isNew && entry->second.value != shape[i])
      return Error{concat("'", path, "' has shape ", shapeText(shape), "; expected ", shapeText(tensor.shape),
                          " for input '", tensor.name, "': dimension ", i, " is ", shape[i], ", but length '", name,
                          "' is ", entry->second.value, " by ", entry->second.origin)};
  }
  return Success{};
}

Status LengthBinder::checkComplete() const {
  std::vector<std::string> open, options;
  for (const std::string &name : function.lengths) {
    if (bound.count(name))
      continue;
    open.push_back("'" + name + "'");
    options.push_back("--length " + name + "=N");
  }
  if (open.empty())
    return Success{};
  return Error{concat(open.size() == 1 ? "length " : "lengths ", join(open, ", "), " of function '", function.name,
                      "' ", open.size() == 1 ? "is" : "are", " not bound: give ", join(options, " "),
                      ", or input files that have ", open.size() == 1 ? "it" : "them")};
}

std::map<std::string, int64_t> LengthBinder::lengths() const {
  std::map<std::string, int64_t> values;
  for (const auto &[name, entry] : bound)
    values[name] = entry.value;
  return values;
}

std::vector<int64_t> LengthBinder::resolve(const std::vector<Extent> &shape) const {
  std::vector<int64_t> extents;
  for (const Extent &extent : shape) {
    const int64_t *fixed = std::get_if<int64_t>(&extent);
    extents.push_back(fixed ? *fixed : bound.at(std::get<std::string>(extent)).value);
  }
  return extents;
}

} // namespace rondo::run
