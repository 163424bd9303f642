#!/usr/bin/python3
"""Cuts the first rows off a .npy file: how corpus/transformer/ was made.

    corpus/cut_rows.py IN.npy ROWS OUT.npy

Python's standard library alone; version 1.0 files in C order.
"""
import ast
import math
import struct
import sys


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, rows, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(source, "rb") as f:
        magic = f.read(10)
        if magic[:8] != b"\x93NUMPY\x01\x00":
            sys.exit(f"{source}: not a .npy file of version 1.0")
        head = ast.literal_eval(f.read(struct.unpack("<H", magic[8:])[0]).decode("latin-1"))
        shape = head["shape"]
        if head["fortran_order"] or rows > shape[0]:
            sys.exit(f"{source}: {shape}, fortran_order {head['fortran_order']}: can't cut {rows} rows")
        data = f.read(rows * math.prod(shape[1:]) * int(head["descr"][2:]))
    head["shape"] = (rows,) + shape[1:]
    text = repr(head).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    with open(target, "wb") as f:
        f.write(magic[:8] + struct.pack("<H", len(text)) + text + data)


if __name__ == "__main__":
    main()
