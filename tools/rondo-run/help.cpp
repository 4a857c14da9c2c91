// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/options.h"

namespace rondo::run {

const char *helpText() {
  return R"(usage: rondo-run [options] program.so

Runs a program that rondo-compile made on 1..4096 ranks: threads of this
process, or processes that MPI or NCCL joins; on processors or, if the program
is for CUDA, on GPUs.

What runs
  --function=NAME       the function to run; needed only if the program has several
  --ranks=N             number of ranks (default: the program's grid if it is static, else 1)
  --threads-per-rank=N  number of threads that share each rank's kernels, 1..256 (default 1); results do
                        not depend on it
  --device=N            the GPU of all ranks of a process (default: they are dealt round the GPUs; nccl:
                        by the rank's number on its host); programs for CUDA alone, as are the next three
  --sm-margin=N         multiprocessors that attention kernels leave to others (default: chosen for each attention)
  --link-sms=N          multiprocessors that a transfer on an emulated link occupies (default 0)
  --nccl-ctas=N         the most CTAs that NCCL may use, 1..64 (default: its own choice)
  --transfers=KIND      auto: between GPUs of one machine by copy engines, else by NCCL (the default)
                        nccl: all by NCCL
  --graph               capture what a run does as a CUDA graph, and replay it: of two more warm-ups the
                        second is captured; programs for CUDA, one rank in each process
  --communicator=KIND   threads: every rank is a thread (the default)
                        loopback: one rank runs all steps and receives its own sends, which measures
                        one rank's time and overlap on any machine; the results are not the program's
                        mpi: every rank is a process: mpirun -n N rondo-run --communicator=mpi ...
                        nccl: every rank is a process with a GPU: torchrun --no-python
                        --nproc-per-node=N rondo-run --communicator=nccl ...; or mpirun, as above
  --link=US,GB_PER_S    emulate a link: B bytes take US microseconds + B / (GB_PER_S * 10^9) seconds
  --timeout=SECONDS     a rank that makes no progress for so long ends the run (default 60; 0: never)
  --inject=KIND@RANK,OP,STEP
                        make the operation OP of that rank and step fail or stall (KIND: fail, stall)

Data
  --input NAME=FILE     read an input from a .npy file that holds the global tensor in C order; float32
                        is rounded to the input's type, float16 serves f16 inputs. Repeatable
  --output NAME=FILE    write an output (f32 and bf16 as float32, f16 as float16). Repeatable
  --length NAME=N       a length that the program leaves open and no --input determines. Repeatable
  --seed=S              seed of the inputs that are not given, which are standard normal (default 0);
                        the same seed gives the same data on every machine
  --amplitude=X         multiply the generated inputs by X
  --amplitude=NAME=X    multiply one generated input by X. Repeatable

Checking
  --check               evaluate the program densely in float64 and compare every output with it
  --tolerance=X         allowed error of every output, in place of the default (below)

Measuring
  --repeat=N            run N times, after one warm-up if N > 1, and report the medians
  --trace=FILE          write a Chrome trace (Perfetto opens it) of the last run
  --timeline=FILE.svg   draw the last run: for each rank what computed, what travelled and what waited
  --json=FILE           write all figures, for each rank and repetition, and the errors of --check

Information
  --describe[=json]     print what the program is, readably or as its JSON manifest; runs nothing
  --help, --version

Tolerances. With the reference r in float64 and the output o,
  - where r is NaN or infinite, o must be the same; where r is finite, o must be;
  - elsewhere ||o - r|| / ||r|| must not exceed the tolerance t, nor a single element's
    |o - r| / max(|r|, rms(r)) 16 t. By default t = 4e-6 + 2^-24 L for f32, 6e-4 for f16, 4e-3 for bf16;
  - f32 outputs of three dimensions are log-sum-exps, which may be near 0 by cancellation: there
    |o - r| / max(|r|, 1) must not exceed t, by default 1e-5 + 2^-24 L.
L bounds the attention's logits: 8 times the two largest amplitudes of generated inputs (each at least
1). Give --tolerance for files whose logits are larger.

With --communicator=mpi or nccl every process makes the whole inputs and keeps its shards; rank 0 checks, reports
and writes all files. The trace and the timeline are those of all ranks.

Times are those of the slowest rank. "exposed" is the time for which the compute stream waited for
communication, "tail" the part of it in steps that only bring results home.

Exit status: 0 all is well; 1 the run or the check failed, or a result could not be written;
2 the command line or a file that it names is wrong, and nothing ran.
)";
}

} // namespace rondo::run
