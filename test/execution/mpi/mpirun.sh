#!/bin/sh
# Runs a command on several processes of this machine, also as root and on fewer processors. Exit status 77: there is no
# mpirun. Usage: mpirun.sh -n <processes> <command> [arguments]
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
if ! command -v mpirun > /dev/null; then
  echo "skipped: there is no mpirun (Debian: openmpi-bin)" >&2
  exit 77
fi
# In a container a process may not read another's memory, which Open MPI would complain of.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
exec mpirun --oversubscribe --bind-to none "$@"
