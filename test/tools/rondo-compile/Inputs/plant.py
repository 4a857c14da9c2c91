"""Plants a fault into one rank's program. Usage: plant.py FAULT < program.mlir > faulty.mlir

  lse     merges weigh the attended block by the log-sum-exp of the other one
  merge   what a block contributes is dropped
  start   the mask places every block of keys where the query's own block lies
  block   the block numbers of a ring run backwards
"""

import re
import sys

MERGE = re.compile(
    r"^ *(?P<result>%\w+):2 = rondo\.merge ins\((?P<o>%[\w#]+), (?P<l>%[\w#]+) : (?P<types>[^)]*)\)"
    r" outs\((?P<intoO>%[\w#]+), (?P<intoL>%[\w#]+) :.*\n",
    re.M,
)


def swap_lse(text):
    def plant(match):
        return match[0].replace(f"ins({match['o']}, {match['l']} :", f"ins({match['o']}, {match['intoL']} :")

    return MERGE.subn(plant, text)


def drop_merge(text):
    merges = list(MERGE.finditer(text))
    text = MERGE.sub("", text)
    for match in merges:
        for number, kept in enumerate((match["intoO"], match["intoL"])):
            text = text.replace(f"{match['result']}#{number}", kept)
    return text, len(merges)


def move_start(text):
    return re.subn(r"causal\((%\w+), (?!\1)(%\w+), (%\w+)\)", r"causal(\1, \1, \3)", text)


def reverse_blocks(text):
    return re.subn(r"arith\.subi (%\w+, %arg\d+ : index)", r"arith.addi \1", text)


faults = {"lse": swap_lse, "merge": drop_merge, "start": move_start, "block": reverse_blocks}
program, count = faults[sys.argv[1]](sys.stdin.read())
assert count > 0, "the program has no place for this fault"
sys.stdout.write(program)
