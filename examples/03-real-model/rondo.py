# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rondo's C API (rondo/rondo.h) for NumPy arrays, by ctypes alone.

    with rondo.Context("librondo_runtime.so") as context, \\
         rondo.Program(context, "attention.so") as program, \\
         rondo.Communicator(context, ranks=3) as communicator:
        rondo.run(program, communicator, [query, key, value], [output])

Arrays are borrowed for the call and never copied; views with strides are welcome if their last dimension is contiguous.
"""
import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p


class Error(Exception):
    """A call that failed, with the runtime's own description."""


class DLTensor(Structure):
    """DLPack's tensor: the device, the element type and lanes are written out field by field."""

    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("type_code", ctypes.c_uint8), ("type_bits", ctypes.c_uint8), ("type_lanes", ctypes.c_uint16),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("byte_offset", ctypes.c_uint64)]


class CommunicatorOptions(Structure):
    _fields_ = [("size", c_size_t), ("kind", c_int), ("ranks", c_int32), ("link_latency_us", c_double),
                ("link_gb_per_s", c_double), ("timeout_s", c_double), ("inject", c_char_p)]


class RankStatistics(Structure):
    """What one rank did in the last run. Times in seconds."""

    _fields_ = [("total", c_double), ("compute", c_double), ("exposed", c_double), ("exposed_tail", c_double),
                ("communication", c_double), ("bytes_sent", c_int64), ("messages_sent", c_int64),
                ("arena_bytes", c_int64)]


CPU, FLOAT, THREADS = 1, 2, 0  # kDLCPU, kDLFloat, RONDO_COMMUNICATOR_THREADS
TENSORS = POINTER(POINTER(DLTensor))
ARGUMENTS = {
    "context_create": [c_void_p],
    "program_load": [c_void_p, c_char_p, c_void_p],
    "communicator_create": [c_void_p, POINTER(CommunicatorOptions), c_void_p],
    "run": [c_void_p, c_void_p, c_char_p, c_void_p, TENSORS, c_size_t, TENSORS, c_size_t],
    "rank_statistics_get": [c_void_p, c_void_p, c_int32, POINTER(RankStatistics)],
}


class Handle:
    """Something that the runtime made, destroyed at the end of its `with` block."""

    def __init__(self, context, kind, create, *arguments):
        self.context, self.kind, self.pointer = context, kind, c_void_p()
        context.call(create, *arguments, byref(self.pointer))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        destroy = getattr(self.context.library, f"rondo_{self.kind}_destroy")
        destroy.argtypes, destroy.restype = [c_void_p], None
        destroy(self.pointer)
        self.pointer = c_void_p()


class Context(Handle):
    """Loads the runtime; owns the text of the last error."""

    def __init__(self, library_path):
        self.library = ctypes.CDLL(str(library_path))
        self.library.rondo_last_error.argtypes, self.library.rondo_last_error.restype = [c_void_p], c_char_p
        self.library.rondo_status_name.argtypes, self.library.rondo_status_name.restype = [c_int], c_char_p
        for name, types in ARGUMENTS.items():
            getattr(self.library, f"rondo_{name}").argtypes = types
        super().__init__(self, "context", "context_create")

    def call(self, name, *arguments):
        """Calls rondo_<name>, which returns a status."""
        status = getattr(self.library, f"rondo_{name}")(*arguments)
        if status:
            text = self.library.rondo_last_error(self.pointer) if self.pointer else b""
            raise Error((text or self.library.rondo_status_name(status)).decode())


class Program(Handle):
    """A binary that rondo-compile made."""

    def __init__(self, context, path):
        super().__init__(context, "program", "program_load", context.pointer, str(path).encode())


class Communicator(Handle):
    """The ranks: threads of this process that serve any number of runs."""

    def __init__(self, context, ranks, timeout_s=60.0):
        options = CommunicatorOptions(ctypes.sizeof(CommunicatorOptions), THREADS, ranks, 0.0, 0.0, timeout_s, None)
        super().__init__(context, "communicator", "communicator_create", context.pointer, byref(options))

    def statistics(self, rank):
        statistics = RankStatistics()
        self.context.call("rank_statistics_get", self.context.pointer, self.pointer, rank, byref(statistics))
        return statistics


def describe(array):
    """A DLTensor that borrows the array's memory."""
    if array.dtype.kind != "f" or not array.dtype.isnative:
        raise Error(f"an array of type {array.dtype} was given; expected native floating point")
    strides = (c_int64 * array.ndim)(*(stride // array.itemsize for stride in array.strides))
    return DLTensor(array.ctypes.data, CPU, 0, array.ndim, FLOAT, 8 * array.itemsize, 1,
                    array.ctypes.shape_as(c_int64), strides, 0)


def run(program, communicator, inputs, outputs, function=None):
    """Runs the program over global arrays; the ranks write their shards of `outputs`."""
    if not all(output.flags.writeable for output in outputs):
        raise Error("an output array is read-only")

    def pointers(arrays):
        return (POINTER(DLTensor) * len(arrays))(*(ctypes.pointer(describe(array)) for array in arrays))

    program.context.call("run", program.context.pointer, program.pointer, function and function.encode(),
                         communicator.pointer, pointers(inputs), len(inputs), pointers(outputs), len(outputs))
