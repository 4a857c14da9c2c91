# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention programs as text, with a description that fits on a line."""
import dataclasses

MASKS = {"none": "", "top-left": " causal top_left", "bottom-right": " causal bottom_right"}


@dataclasses.dataclass(frozen=True)
class Program:
    """One attention. Its function is `attend`; the lengths s0 (queries) and s1 (keys) are bound at run time."""
    name: str
    element: str = "f16"
    schedule: str = "query-ring"  # query-ring, kv-ring, local
    mask: str = "none"
    batches: int = 1
    heads: int = 2
    key_heads: int = 1
    features: int = 64
    value_features: int = 0  # 0: as many
    doubled: bool = False  # keys are doubled before the attention
    tripled: bool = False  # and the output is tripled after it
    home_parts: int = 0  # 0: auto
    overlap: bool = True

    @property
    def options(self):
        """Of rondo-compile, besides the target. Local follows from keys that are replicated."""
        parts = [f"--home-parts={self.home_parts}"] if self.home_parts else []
        parts += [] if self.overlap else ["--no-overlap"]
        return parts if self.schedule == "local" else [f"--schedule={self.schedule}", *parts]

    @property
    def text(self):
        value_features = self.value_features or self.features
        query, key, value, output = (f"tensor<{self.batches}x{heads}x?x{features}x{self.element}>"
                                     for heads, features in ((self.heads, self.features),
                                                             (self.key_heads, self.features),
                                                             (self.key_heads, value_features),
                                                             (self.heads, value_features)))
        lse = f"tensor<{self.batches}x{self.heads}x?xf32>"
        whole, moved = sharding("{}, {}, {}, {}"), sharding('{}, {}, {"seq"}, {}')
        keys = whole if self.schedule == "local" else moved
        doubling = f"  %doubled = arith.addf %key, %key : {key}\n" if self.doubled else ""
        tripling = ""
        if self.tripled:
            tripling = (f"  %three = arith.constant 3.0 : {self.element}\n"
                       f"  %tripled = linalg.map ins(%output : {output}) outs(%output : {output})\n"
                       f"      (%in: {self.element}, %out: {self.element}) {{\n"
                       f"    %product = arith.mulf %in, %three : {self.element}\n"
                       f"    linalg.yield %product : {self.element}\n"
                       f"  }}\n")
        return f"""rondo.grid @gpus = ["seq" = ?]
func.func @attend(%query: {query} {moved}, %key: {key} {keys}, %value: {value} {keys})
    -> ({output} {moved}, {lse} {sharding('{}, {}, {"seq"}')}) {{
{doubling}  %output, %lse = rondo.attention %query, {'%doubled' if self.doubled else '%key'}, %value{MASKS[self.mask]}
      : ({query}, {key}, {value}) -> ({output}, {lse})
{tripling}  return {'%tripled' if self.tripled else '%output'}, %lse : {output}, {lse}
}}
"""


def sharding(dimensions):
    return f"{{rondo.sharding = #rondo.sharding<@gpus, [{dimensions}]>}}"
