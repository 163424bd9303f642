"""Activation rows for the bench: .npy, IDX and gzipped IDX, as float32 arrays of shape (rows, dims)."""
import gzip
import pathlib
import struct

import numpy as np

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load_idx(path):
    """The array of an IDX file, all dimensions behind the first joined into one."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rb") as f:
        data = f.read()
    kind, rank = data[2], data[3]
    shape = struct.unpack(">%dI" % rank, data[4:4 + 4 * rank])
    return np.frombuffer(data, IDX_TYPES[kind], offset=4 + 4 * rank).reshape(shape[0], -1)


def load(path):
    """float32 (rows, dims), the values as they stand in the file."""
    if pathlib.Path(path).suffix == ".npy":
        values = np.load(path, mmap_mode="r")
    else:
        values = load_idx(path)
    return np.array(values, np.float32, order="C")


def squared_deviation(rows):
    """Sum of squared deviation of rows (n, dims) from their own mean row: what an FVU of 1 leaves."""
    mean = rows.mean(0, dtype=np.float64)
    energy = sum(float(np.square(rows[i:i + 4096] - mean).sum()) for i in range(0, len(rows), 4096))
    return energy
