"""What the tests of the programs share: running them, small arrays, the fixture folder.

Called by CTest as  test_NAME.py TOOLS FIXTURE  (the folder with the programs, a folder for prepared files).
Python's standard library alone.
"""
import array
import ast
import gzip
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

TOP = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else TOP / "build" / "tools"
FIXTURE = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else TOP / "build" / "cli-fixture"
SAE = TOP / "corpus" / "saes" / "mnist-1024x784-l0-16"
TRAIN = TOP / "corpus" / "mnist" / "mnist-train-images-idx3-ubyte.gz"
TEST = TOP / "corpus" / "mnist" / "mnist-t10k-images-idx3-ubyte.gz"
DIMS = 784


def npy_bytes(values, shape, descr="<f4"):
    """A .npy file. values: an array.array, or bytes already in the order of descr."""
    head = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    if isinstance(values, array.array) and sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(values)


def npy_read(path_or_bytes):
    """(shape, descr, bytes of the values) of a .npy file in C order."""
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else pathlib.Path(path_or_bytes).read_bytes()
    assert data[:6] == b"\x93NUMPY", data[:16]
    length = struct.unpack("<H", data[8:10])[0]
    head = ast.literal_eval(data[10:10 + length].decode())
    assert not head["fortran_order"]
    return head["shape"], head["descr"], data[10 + length:]


def mdla_chunks(data):
    """(type, payload) of a .mdla file's chunks."""
    chunks, at = [], 8
    while at < len(data):
        length, = struct.unpack("<I", data[at + 4:at + 8])
        chunks.append((data[at:at + 4], data[at + 8:at + 8 + length]))
        at += length + 12
    return chunks


def mdla_file(chunks):
    """A .mdla file of these chunks, CRCs made anew."""
    framed = (kind + struct.pack("<I", len(payload)) + payload for kind, payload in chunks)
    return b"\x89MDLA\r\n\x1a" + b"".join(part + struct.pack("<I", zlib.crc32(part)) for part in framed)


def png_chunks(data):
    """(type, payload) of a PNG's chunks, whose CRCs are checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        assert zlib.crc32(data[at + 4:at + 8 + length]) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += length + 12


def png_size(data):
    """Width and height."""
    return struct.unpack(">II", dict(png_chunks(data))[b"IHDR"][:8])


def digits(first, count):
    """Bytes of some test digits, row after row."""
    with gzip.open(TEST) as f:
        return f.read(16 + (first + count) * DIMS)[16 + first * DIMS:]


class CliTest(unittest.TestCase):
    """Runs programs in a folder of its own."""

    maxDiff = 4000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mdla-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_tool(self, name, *args, stdin=b"", env=None, **options):
        """Returns the finished process; stdout as bytes, stderr as text."""
        environment = dict(os.environ, **(env or {}))
        process = subprocess.run([TOOLS / name, *map(str, args)], input=stdin, capture_output=True,
                                 cwd=self.folder, env=environment, timeout=300, check=False, **options)
        process.stderr = process.stderr.decode()
        self.assertGreaterEqual(process.returncode, 0, f"{name} died: {process.stderr}")
        return process

    def good(self, name, *args, **options):
        """Runs a program that must succeed; returns its stdout."""
        process = self.run_tool(name, *args, **options)
        self.assertEqual(process.returncode, 0, f"{name} {args}: {process.stderr}")
        return process.stdout

    def bad(self, code, name, *args, **options):
        """Runs a program that must end with this code and print no result; returns its stderr."""
        process = self.run_tool(name, *args, **options)
        self.assertEqual(process.returncode, code, f"{name} {args}: {process.stderr}")
        self.assertEqual(process.stdout, b"")
        self.assertTrue(process.stderr.startswith(f"{name}: "), process.stderr)
        return process.stderr

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def assert_files(self, *names):
        """The folder holds these files and no others."""
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), sorted(names))


def main():
    """Runs the tests of the calling script."""
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
