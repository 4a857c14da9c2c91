"""Writes a float32 .npy file of ones. Usage: write_npy.py FILE EXTENT..."""

import struct
import sys

path, shape = sys.argv[1], tuple(map(int, sys.argv[2:]))
count = 1
for extent in shape:
    count *= extent
header = repr({"descr": "<f4", "fortran_order": False, "shape": shape})
header += " " * (-(len(header) + 11) % 64) + "\n"
with open(path, "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    file.write(struct.pack("<f", 1.0) * count)
