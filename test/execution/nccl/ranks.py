# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Starts ranks as torchrun does: one process each, with its place in the environment.

Usage: ranks.py -n <ranks> [--emulated=<folder of the emulated libcuda.so.1 and libnccl.so.2>] <command> [arguments]
The exit status is that of the first rank that fails.
"""

import argparse
import os
import socket
import subprocess
import sys


def free_port():
    """A port such that it and the next one, which is the runtime's, are free."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def emulated(folder):
    """The variables by which a process finds the emulated driver and NCCL."""
    path = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": folder + (":" + path if path else ""),
            "RONDO_NCCL": os.path.join(folder, "libnccl.so.2")}


def start(commands, environment, **options):
    """Starts a rank for each command; returns the processes."""
    port = str(free_port())
    processes = []
    for rank, command in enumerate(commands):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(len(commands)),
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMIX_"))}
        processes.append(subprocess.Popen(command, env={**inherited, **place, **environment}, **options))
    return processes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, required=True)
    parser.add_argument("--emulated")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    environment = emulated(arguments.emulated) if arguments.emulated else {}
    processes = start([arguments.command] * arguments.n, environment)
    statuses = [process.wait() for process in processes]
    sys.exit(next((abs(status) for status in statuses if status), 0))


if __name__ == "__main__":
    main()
