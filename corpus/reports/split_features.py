"""Which two directions a feature would be split into: for splits.py.

The rows where the feature is active, less what the other features add, are parted in two by direction (means on the
sphere, from the first axis of what the atom leaves), and each part's mean direction is an atom. Of frequent features
some 250 rows are looked at, evenly drawn."""
import array
import gzip
import math
import operator
import pathlib
import random
import struct
import sys

ROUNDS, ROWS_MAX = 5, 250  # a feature


def read_rows(path):
    """(dims, array of float32) of a .npy file of float32, or of an IDX file of bytes, plain or gzipped."""
    data = pathlib.Path(path).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if data[:3] == b"\0\0\x08":
        sizes = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
        return math.prod(sizes[1:]), array.array("f", array.array("B", data[4 + 4 * data[3]:]))
    length = struct.unpack("<H", data[8:10])[0]
    if data[:7] != b"\x93NUMPY\x01" or b"'<f4'" not in data[:10 + length] or b"True" in data[:10 + length]:
        sys.exit(f"splits.py: {path}: neither a .npy file of float32 nor an IDX file of bytes")
    shape = data[10:10 + length].split(b"(")[1].split(b")")[0]
    return int(shape.split(b",")[1]), array.array("f", data[10 + length:])


def dot(a, b):
    return sum(map(operator.mul, a, b))


def unit(values):
    length = math.sqrt(dot(values, values))
    return [v / length for v in values] if length > 0 else list(values)


def mean_direction(vectors):
    return unit([sum(column) for column in zip(*vectors)])


def first_axis(vectors, rng):
    axis = unit([rng.gauss(0, 1) for _ in vectors[0]])
    for _ in range(ROUNDS):
        turned = [0.0] * len(axis)
        for v in vectors:
            along = dot(v, axis)
            turned = [t + along * x for t, x in zip(turned, v)]
        axis = unit(turned)
    return axis


def energy(vectors, direction):
    return sum(dot(v, direction) ** 2 for v in vectors)


def two_directions(vectors, atom):
    """Of rows' parts that an atom stands for: (directions, energy that they take a row more than one does), or None
    where one of them gets no rows."""
    leaves = []
    for v in vectors:
        along = dot(v, atom)
        leaves.append([x - along * a for x, a in zip(v, atom)])
    axis = first_axis(leaves, random.Random(1))
    parts = [[v for v, left in zip(vectors, leaves) if (dot(left, axis) > 0) == side] for side in (False, True)]
    centres = []
    for _ in range(ROUNDS):
        if not all(parts):
            return None
        centres = [mean_direction(part) for part in parts]
        parts = [[], []]
        for v in vectors:
            parts[dot(v, centres[1]) > dot(v, centres[0])].append(v)
    gain = sum(energy(part, centre) for part, centre in zip(parts, centres)) - energy(vectors, mean_direction(vectors))
    return centres, gain / len(vectors)


def best_splits(sae, dims, rows, decoded, codes):
    """[(feature, its two directions)], by what energy they take more than one. rows, decoded: float32, row by row;
    codes: {feature: [(row, strength)]}."""
    found = []
    for feature, uses in codes.items():
        atom = sae.atom(feature)[0]
        parts = []
        for row, strength in uses[::max(1, len(uses) // ROWS_MAX)]:
            at = slice(row * dims, (row + 1) * dims)
            parts.append([x - y + strength * a for x, y, a in zip(rows[at], decoded[at], atom)])
        two = two_directions(parts, atom)
        if two:
            found.append((two[1] * len(uses), feature, two[0]))
    return [(feature, directions) for _, feature, directions in sorted(found, reverse=True)]
