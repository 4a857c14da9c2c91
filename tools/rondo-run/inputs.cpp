// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/inputs.h"

#include "tools/rondo-run/random.h"
#include "tools/rondo-run/text.h"

namespace rondo::run {

void generate(HostTensor &tensor, uint64_t seed, uint64_t stream, double amplitude) {
  NormalGenerator generator(seed, stream);
  for (int64_t i = 0; i < tensor.count(); i += 2) {
    auto [first, second] = generator.pair(uint64_t(i / 2));
    tensor.store(i, float(amplitude * first));
    if (i + 1 < tensor.count())
      tensor.store(i + 1, float(amplitude * second));
  }
}

Result<std::vector<HostTensor>> makeInputs(const Plan &plan, uint64_t seed, Progress &progress) {
  std::vector<HostTensor> tensors;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const PlannedInput &input = plan.inputs[i];
    progress.show(concat(input.file ? "reading " : "generating ", input.spec->name));
    Result<HostTensor> tensor = HostTensor::create(input.spec->name, input.spec->type, input.shape);
    if (!tensor)
      return tensor.error();
    if (!input.file)
      generate(*tensor, seed, i, input.amplitude);
    else if (Status read = input.file->read(*tensor); !read)
      return read.error();
    tensors.push_back(std::move(*tensor));
  }
  progress.clear();
  return tensors;
}

} // namespace rondo::run
