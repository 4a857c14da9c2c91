//===- RondoKernelAttrs.td - Configurations of generated kernels --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_KERNEL_ATTRS_TD
#define RONDO_KERNEL_ATTRS_TD

include "dialect/rondo/RondoDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Rondo_CachePolicy : I32EnumAttr<"CachePolicy", "what the L2 cache does with lines that a kernel reads", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"EvictFirst", 1, "evict_first">,
    I32EnumAttrCase<"EvictLast", 2, "evict_last">]> {
  let cppNamespace = "::mlir::rondo";
}

def Rondo_CachePolicyParameter : EnumParameter<Rondo_CachePolicy> {
  let defaultValue = "::mlir::rondo::CachePolicy::None";
}

class Rondo_Flag<string desc = ""> : DefaultValuedParameter<"bool", "false", desc>;

def Rondo_AttendKernelAttr : AttrDef<Rondo_Dialect, "AttendKernel"> {
  let mnemonic = "attend_kernel";
  let summary = "One attention kernel: all that is fixed when it is generated";
  let description = [{
    The first parameters follow from the op, the others are a choice. `output` is the type of O in the op's memory, or
    that of partial results, which another kernel merges. `block_keys` are the keys of a block,
    `stages` the blocks of K and of V in shared memory, `warpgroups` those that compute, `cluster` the CTAs that share
    their loads of K and V. `key_policy` is what L2 does with K and V. With `scaled_rows`, partial results in f16 hold any
    f32. `early_turn` is how many steps before the end of a product one warpgroup lets the other begin, `polynomials` how
    many of 16 exponentials are computed without the special-function units, and with `lazy_rescale` O is rescaled only
    when a maximum grows by much.

    ```mlir
    #rondo.attend_kernel<input = bf16, output = f16, features = 128, value_features = 128, block_keys = 192,
                         warpgroups = 2, stages = 2, ping_pong = true, scaled_rows = true,
                         dependent_launch = true, key_policy = evict_first>
    ```
  }];
  let parameters = (ins "::mlir::Type":$input, "::mlir::Type":$output, "int64_t":$features, "int64_t":$value_features,
                        Rondo_Flag<>:$causal, Rondo_Flag<"for a negative scale">:$negate_scores,
                        "int64_t":$block_keys, "int64_t":$warpgroups, "int64_t":$stages,
                        DefaultValuedParameter<"int64_t", "1">:$cluster, Rondo_Flag<>:$ping_pong,
                        Rondo_Flag<>:$persistent, Rondo_Flag<>:$overlap_tiles, Rondo_Flag<>:$scaled_rows,
                        DefaultValuedParameter<"int64_t", "0">:$early_turn,
                        DefaultValuedParameter<"int64_t", "0">:$polynomials, Rondo_Flag<>:$lazy_rescale,
                        Rondo_Flag<>:$dependent_launch, Rondo_CachePolicyParameter:$key_policy);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Rondo_MergeKernelAttr : AttrDef<Rondo_Dialect, "MergeKernel"> {
  let mnemonic = "merge_kernel";
  let summary = "One kernel that merges partial results: all that is fixed when it is generated";
  let description = [{
    It merges partial results of type `partial`, of which it loads `unroll` at once, and one of type `arriving`, if that is
    given. `scaled_rows` is as in what writes the partial results.

    ```mlir
    #rondo.merge_kernel<partial = f16, output = bf16, features = 128, unroll = 8, scaled_rows = true,
                        dependent_launch = true>
    ```
  }];
  let parameters = (ins "::mlir::Type":$partial, "::mlir::Type":$output, OptionalParameter<"::mlir::Type">:$arriving,
                        "int64_t":$features, "int64_t":$unroll, Rondo_Flag<>:$scaled_rows, Rondo_Flag<>:$dependent_launch);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Rondo_KernelAttr : AttrDef<Rondo_Dialect, "Kernel"> {
  let mnemonic = "kernel";
  let summary = "The kernels that an op was given, for a target that chooses among several";
  let description = [{
    For `rondo.attend`: kernels that compute the same, among which the runtime chooses by the lengths that it finds, and
    the kernel that merges their partial results, if some write such. For `rondo.merge`: its kernel.

    ```mlir
    #rondo.kernel<
      attend [<input = bf16, output = bf16, features = 64, value_features = 64, block_keys = 192, warpgroups = 2,
               stages = 2, ping_pong = true, persistent = true>,
              <input = bf16, output = f16, features = 64, value_features = 64, block_keys = 192, warpgroups = 1,
               stages = 4, scaled_rows = true, dependent_launch = true, key_policy = evict_first>]
      merge <partial = f16, output = bf16, features = 64, unroll = 8, scaled_rows = true, dependent_launch = true>>
    ```
  }];
  let parameters = (ins OptionalArrayRefParameter<"::mlir::rondo::AttendKernelAttr">:$attend,
                        OptionalParameter<"::mlir::rondo::MergeKernelAttr">:$merge);
  let hasCustomAssemblyFormat = 1;
}

#endif // RONDO_KERNEL_ATTRS_TD
