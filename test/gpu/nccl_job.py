# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Processes that NCCL joins, started as torchrun does it: on as many GPUs as there are ranks, or, where there is one,
all on that; then each process poses as a host of its own, and their time is no measure."""
import contextlib
import glob
import os
import pty
import socket
import subprocess
import sys
import threading
import time

_ports, _lock = set(), threading.Lock()


def find_nccl():
    """The file that RONDO_NCCL names, else PyTorch's; or None: the linker may find one."""
    if os.environ.get("RONDO_NCCL"):
        return os.environ["RONDO_NCCL"]
    for folder in sys.path:
        found = glob.glob(os.path.join(folder, "nvidia/nccl/lib/libnccl.so.2"))
        if found:
            return found[0]
    return None


def free_port():
    """A port such that it and the next one, which is the runtime's, are free. None is given twice."""
    with _lock:
        while True:
            with socket.socket() as first, socket.socket() as second:
                first.bind(("127.0.0.1", 0))
                port = first.getsockname()[1]
                if _ports & {port - 1, port, port + 1}:
                    continue
                with contextlib.suppress(OSError):
                    second.bind(("127.0.0.1", port + 1))
                    _ports.add(port)
                    return port


def get_place(rank, ranks, port, one_gpu, nccl):
    """The environment of one rank, besides what it inherits."""
    place = {"WORLD_SIZE": str(ranks), "RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
             "MASTER_PORT": str(port)}
    if one_gpu:
        place |= {"NCCL_HOSTID": f"rondo-{port}-{rank}", "NCCL_SOCKET_IFNAME": "lo", "NCCL_IB_DISABLE": "1",
                  "NCCL_NVLS_ENABLE": "0"}
    if nccl:
        place["RONDO_NCCL"] = nccl
    return place


class Terminal:
    """A terminal, on which rondo-run tells what it is at. A thread keeps the end of the text."""

    def __init__(self):
        self.reader, self.writer = pty.openpty()
        self.text, self.runs = "", threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def start(self):
        """Once the process has the other end."""
        os.close(self.writer)
        self.thread.start()

    def read(self):
        with contextlib.suppress(OSError):  # how a terminal ends
            while data := os.read(self.reader, 1 << 16):
                self.text = (self.text + data.decode(errors="replace"))[-1 << 14:]
                if "rondo-run: run " in self.text:
                    self.runs.set()
        os.close(self.reader)


class Job:
    """Ranks that all run one command. Rank 0 has a terminal for its errors if `watch`."""

    def __init__(self, command, ranks, one_gpu, nccl=None, watch=False):
        port, self.terminal, self.processes = free_port(), Terminal() if watch else None, []
        for rank in range(ranks):
            errors = self.terminal.writer if watch and rank == 0 else subprocess.PIPE
            self.processes.append(subprocess.Popen(
                command, env={**os.environ, **get_place(rank, ranks, port, one_gpu, nccl)}, text=True,
                stdout=subprocess.PIPE, stderr=errors))
        if watch:
            self.terminal.start()

    def finish(self, timeout):
        """The status of each rank, and what it printed: outputs and errors. One that does not end is killed."""
        deadline, outputs, errors = time.monotonic() + timeout, [], []
        for rank, process in enumerate(self.processes):
            try:
                output, error = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
                outputs.append(output)
                errors.append((error or "").strip())
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                outputs.append("")
                errors.append(f"rank {rank} does not end in {timeout} s")
        return [process.returncode for process in self.processes], outputs, errors

    def end(self):
        for process in self.processes:
            process.kill()
            process.communicate()
