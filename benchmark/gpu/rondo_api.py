#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The runtime's C API (rondo/rondo.h) on PyTorch's tensors: a program on one rank, which is this process."""
import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p
import dataclasses

LOOPBACK, NCCL = 1, 3  # rondo_communicator_kind
BY_NCCL = 1  # rondo_transfers
KERNEL, EXCHANGE, WAIT = 0, 1, 2  # rondo_trace_kind
CUDA = 2  # DLPack's number of the device
ELEMENTS = {"torch.float32": (2, 32), "torch.float16": (2, 16), "torch.bfloat16": (4, 16)}  # DLPack's code, bits


class Tensor(ctypes.Structure):
    """DLTensor."""
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device", c_int32), ("dimensions", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("offset", c_uint64)]


class Options(ctypes.Structure):
    """rondo_communicator_options, up to the fields that are used here: the others have their defaults."""
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("ranks", c_int32), ("link_latency_us", c_double),
                ("link_gb_per_s", c_double), ("timeout_s", c_double), ("inject", c_char_p),
                ("threads_per_rank", c_int32), ("device", c_int32), ("sm_margin", c_int32), ("link_sms", c_int32),
                ("measure", c_int32), ("mpi_communicator", c_void_p), ("rank", c_int32), ("nccl_ctas", c_int32),
                ("rendezvous", c_char_p), ("nccl_unique_id", c_void_p), ("nccl_communicator", c_void_p),
                ("nccl_stream", c_void_p), ("transfers", c_int32), ("graphs", c_int32)]


class TraceEvent(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("name", c_char_p), ("rank", c_int32), ("stream", c_int32),
                ("step", c_int64), ("begin_ns", c_int64), ("end_ns", c_int64), ("bytes_sent", c_int64),
                ("to", c_int32), ("from_", c_int32)]


class Statistics(ctypes.Structure):
    _fields_ = [(name, c_double) for name in ("total", "compute", "exposed", "exposed_tail", "communication")] + \
               [(name, c_int64) for name in ("bytes_sent", "messages_sent", "arena_bytes")]


VISITOR = ctypes.CFUNCTYPE(None, POINTER(TraceEvent), c_void_p)


class RondoError(Exception):
    """What the runtime says."""


@dataclasses.dataclass(frozen=True)
class Event:
    kind: int
    name: str
    step: int
    begin: float  # seconds
    end: float


class Runtime:
    """The library, with one context."""

    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        self.c.rondo_last_error.restype = c_char_p
        self.context = c_void_p()
        self.call("rondo_context_create", byref(self.context), bare=True)

    def call(self, name, *arguments, bare=False):
        status = getattr(self.c, name)(*(() if bare else (self.context,)), *arguments)
        if status != 0:
            raise RondoError(self.c.rondo_last_error(self.context).decode() if self.context else f"{name}: {status}")

    def load(self, path):
        program = c_void_p()
        self.call("rondo_program_load", str(path).encode(), byref(program))
        return program


def describe(tensor):
    """A DLTensor that lives as long as what it is returned with."""
    shape, strides = ((c_int64 * tensor.dim())(*numbers) for numbers in (tensor.shape, tensor.stride()))
    code, bits = ELEMENTS[str(tensor.dtype)]
    return Tensor(tensor.data_ptr(), CUDA, tensor.device.index, tensor.dim(), code, bits, 1, shape, strides, 0)


class Communicator:
    """This process as a rank of NCCL's, or alone in loopback; to be closed. `options`: fields of Options."""

    def __init__(self, runtime, kind, ranks, **options):
        self.runtime, self.handle = runtime, c_void_p()
        settings = Options(size=ctypes.sizeof(Options), kind=kind, ranks=ranks, timeout_s=60, threads_per_rank=1,
                           device=-1, sm_margin=-1, rank=-1, nccl_ctas=-1)
        for name, value in options.items():
            setattr(settings, name, value)
        runtime.call("rondo_communicator_create", byref(settings), byref(self.handle))
        info = (c_int32 * 64)()  # rondo_communicator_info, and room for what later versions append
        runtime.call("rondo_communicator_info_get", self.handle, byref(info))
        self.rank = info[3]

    def set_stream(self, stream):
        """Runs are put in the order of PyTorch's stream, and return without waiting."""
        self.runtime.call("rondo_communicator_set_stream", self.handle, c_int32(self.rank),
                          c_void_p(stream.cuda_stream))

    def run(self, program, inputs, outputs):
        described = [[describe(tensor) for tensor in tensors] for tensors in (inputs, outputs)]
        lists = [(POINTER(Tensor) * len(tensors))(*map(ctypes.pointer, tensors)) for tensors in described]
        self.runtime.call("rondo_run_shards", program, None, self.handle, lists[0], c_size_t(len(inputs)), lists[1],
                          c_size_t(len(outputs)))

    def statistics(self):
        result = Statistics()
        self.runtime.call("rondo_rank_statistics_get", self.handle, c_int32(self.rank), byref(result))
        return {name: getattr(result, name) for name, _ in Statistics._fields_}

    def trace(self, run):
        """The events of what `run` runs."""
        events = []

        def visit(event, _):
            one = event.contents
            events.append(Event(one.kind, one.name.decode(), one.step, one.begin_ns * 1e-9, one.end_ns * 1e-9))
        self.runtime.call("rondo_trace_enable", self.handle, c_int32(1))
        run()
        self.runtime.call("rondo_trace_events", self.handle, VISITOR(visit), None)
        self.runtime.call("rondo_trace_enable", self.handle, c_int32(0))
        return events

    def write_trace(self, path):
        self.runtime.call("rondo_trace_write", self.handle, str(path).encode())

    def close(self):
        self.runtime.c.rondo_communicator_destroy(self.handle)
