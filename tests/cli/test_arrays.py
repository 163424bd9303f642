#!/usr/bin/python3
"""Kinds of data in and out: what every kind of array file holds is the same data; folders, lists, patterns; codes."""
import array
import csv
import hashlib
import io
import json
import struct
import sys
import unittest
import zipfile
import zlib

import cli

sys.path.insert(0, str(cli.TOP / "tests"))
import arrow_stream  # noqa: E402

CODEBOOK = cli.FIXTURE / "digits.codebook"
FILE = cli.FIXTURE / "digits.mdla"
DECODED = cli.FIXTURE / "decoded.npy"
ROWS, DIMS = 7, 6
VALUES = array.array("f", (i / 4 - 3 for i in range(ROWS * DIMS)))
SHA256 = hashlib.sha256(struct.pack(f"<{len(VALUES)}f", *VALUES)).hexdigest()
NPY = cli.npy_bytes(VALUES, (ROWS, DIMS))


def safetensors(**tensors):
    """A file of (dtype, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def read_safetensors(data):
    """{name: (dtype, shape, bytes)}"""
    length, = struct.unpack("<Q", data[:8])
    assert length % 8 == 0, length
    header = json.loads(data[8:8 + length])
    return {name: (t["dtype"], t["shape"], data[8 + length:][slice(*t["data_offsets"])]) for name, t in header.items()}


def npz(method=zipfile.ZIP_STORED, **members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members.items():
            z.writestr(name + ".npy", data)
    return out.getvalue()


def png(lines):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + x for x in lines)))
            + chunk(b"IEND", b""))


def shard(first, count, **how):
    records = [[VALUES[r * DIMS:(r + 1) * DIMS].tolist()] for r in range(first, first + count)]
    return arrow_stream.stream({"hook": (("list", ("list", "f32")), records),
                                "token_ids": (("list", "i32"), [[r] for r in range(count)])}, rows_a_batch=2, **how)


class Kinds(cli.CliTest):
    def info(self, *args, **options):
        return json.loads(self.good("mdla-info", *args, "--json", **options))

    def assert_is_it(self, *args, **options):
        info = self.info(*args, **options)
        self.assertEqual((info["rows"], info["dims"], info["float32_sha256"]), (ROWS, DIMS, SHA256), args)

    def test_every_kind_holds_the_same(self):
        self.write("a.npz", npz(acts=NPY, ids=cli.npy_bytes(array.array("q", range(ROWS)), (ROWS,), "<i8")))
        self.write("b.npz", npz(zipfile.ZIP_DEFLATED, acts=NPY))
        self.write("c.safetensors", safetensors(acts=("F32", [1, ROWS, DIMS], VALUES.tobytes()), ids=("I64", [1], bytes(8))))
        self.write("d.arrow", shard(0, ROWS))
        for name in ("a.npz", "a.npz:acts", "b.npz", "c.safetensors", "c.safetensors:acts", "d.arrow", "d.arrow:hook"):
            self.assert_is_it(name)
        for name in ("a.npz", "c.safetensors", "d.arrow"):
            self.assert_is_it("-", stdin=(self.folder / name).read_bytes())
        arrays = self.info("c.safetensors")["arrays"]
        self.assertEqual([(a["name"], a["dtype"], a["shape"]) for a in arrays], [("acts", "F32", "1 x 7 x 6"), ("ids", "I64", "1")])
        self.assertIn("holds no array x, but acts", self.bad(1, "mdla-info", "c.safetensors:x"))
        self.write("plain.npy", NPY)
        self.assertIn("without a name", self.bad(1, "mdla-info", "plain.npy:acts"))

    def test_safetensors_header_whose_length_begins_like_idx(self):
        data = safetensors(acts=("F32", [ROWS, DIMS], VALUES.tobytes()))
        length, = struct.unpack("<Q", data[:8])
        self.write("a.safetensors", struct.pack("<Q", 1 << 16) + data[8:8 + length].ljust(1 << 16) + data[8 + length:])
        self.assert_is_it("a.safetensors")

    def test_several_arrays_are_listed_and_must_be_named(self):
        self.write("two.npz", npz(a=NPY, b=NPY))
        self.assertEqual([a["name"] for a in self.info("two.npz")["arrays"]], ["a", "b"])
        self.assertIn("say which one, as FILE:NAME",
                      self.bad(1, "mdla-enc", "two.npz", "--codebook", CODEBOOK, "--step", "1", "-o", "x"))
        self.assert_is_it("two.npz:b")

    def test_shards_by_folder_list_and_pattern(self):
        for folder in ("npy", "arrow"):
            (self.folder / folder).mkdir()
        for i, first in enumerate((0, 3, 5)):
            count = (3, 2, 2)[i]
            part = VALUES[first * DIMS:(first + count) * DIMS]
            self.write(f"npy/{9 + i}.npy", cli.npy_bytes(part, (count, DIMS)))
            self.write(f"arrow/data-{i}.arrow", shard(first, count))
        self.write("list", b"npy/9.npy\n\nnpy/10.npy\r\nnpy/11.npy")
        self.assert_is_it("npy")
        state = {"_data_files": [{"filename": f"data-{i}.arrow"} for i in range(3)], "_indices_data_files": None}
        self.write("arrow/state.json", json.dumps(state).encode())
        self.assert_is_it("arrow")
        self.assert_is_it("arrow:hook")
        state["_indices_data_files"] = [{"filename": "indices.arrow"}]
        self.write("arrow/state.json", json.dumps(state).encode())
        self.assertIn("permuted", self.bad(1, "mdla-info", "arrow"))
        state = {"_data_files": [{"filename": "../list"}]}
        self.write("arrow/state.json", json.dumps(state).encode())
        self.assertIn("plain name", self.bad(1, "mdla-info", "arrow"))
        self.assertIn("matches no file", self.bad(1, "mdla-info", "none*.npy"))
        self.assertIn("both .npy and .arrow", self.mixed_folder())

    def mixed_folder(self):
        self.write("npy/x.arrow", shard(0, 1))
        return self.bad(1, "mdla-info", "npy")

    def test_names_from_a_list_encode_as_the_whole(self):
        data = cli.digits(0, 60)
        for i in range(3):
            self.write(f"{i}.npy", cli.npy_bytes(data[i * 20 * cli.DIMS:(i + 1) * 20 * cli.DIMS], (20, cli.DIMS), "|u1"))
        self.write("all.npy", cli.npy_bytes(data, (60, cli.DIMS), "|u1"))
        self.write("list", b"1.npy\n2.npy\n")
        how = ("--codebook", CODEBOOK, "--step", "300")
        self.good("mdla-enc", "all.npy", *how, "-o", "whole")
        self.good("mdla-enc", "0.npy", "--files-from", "list", *how, "-o", "list.mdla")
        self.good("mdla-enc", "--files-from", "-", *how, "-o", "pipe.mdla", stdin=b"0.npy\n1.npy\n2.npy\n")
        self.good("mdla-enc", "[0-2].npy", *how, "-o", "glob.mdla")
        for name in ("list.mdla", "pipe.mdla", "glob.mdla"):
            self.assertEqual((self.folder / name).read_bytes(), (self.folder / "whole").read_bytes(), name)
        self.good("mdla-eval", "whole", "--files-from", "-", stdin=b"[0-2].npy\n")
        self.assertIn("nowhere: cannot open", self.bad(1, "mdla-enc", "--files-from", "nowhere", *how, "-o", "x"))
        self.assertIn("names no files", self.bad(1, "mdla-enc", "--files-from", "-", *how, "-o", "x"))

    def test_a_folder_of_images_is_a_data_set(self):
        data = cli.digits(0, 20)
        (self.folder / "images").mkdir()
        for i in range(20):
            image = data[i * cli.DIMS:(i + 1) * cli.DIMS]
            self.write(f"images/{i:02}.png", png([image[y * 28:(y + 1) * 28] for y in range(28)]))
        self.write("all.npy", cli.npy_bytes(data, (20, cli.DIMS), "|u1"))
        process = self.run_tool("mdla-info", "images", "--json")
        if "without libpng" in process.stderr:
            self.skipTest("built without libpng")
        self.assertEqual(json.loads(process.stdout)["float32_sha256"], self.info("all.npy")["float32_sha256"])
        self.write("images/20.png", png([b"\1\2"]))
        self.assertIn("20.png: rows of 2 values", self.bad(1, "mdla-info", "images"))

    def test_arrow_that_must_be_refused(self):
        for how, sentence in (({"compressed": True}, "compressed"), ({"nulls": 1}, "nulls"),
                              ({"endianness": 1}, "big-endian"), ({"dictionary": True}, "dictionary")):
            self.write("x.arrow", shard(0, ROWS, **how))
            self.assertIn(sentence, self.bad(1, "mdla-info", "x.arrow"))
        ragged = {"hook": (("list", ("list", "f32")), [[[1, 2]], [[3]]])}
        self.write("x.arrow", arrow_stream.stream(ragged))
        self.assertIn("different lengths", self.bad(1, "mdla-info", "x.arrow"))
        self.write("x.arrow", shard(0, ROWS)[:-200])
        self.assertIn("cut off", self.bad(1, "mdla-info", "x.arrow"))

    def test_rows_in_every_format(self):
        shape, descr, values = cli.npy_read(DECODED)
        for args in (["-o", "x.npz"], ["-o", "npz", "--format", "npz"]):
            self.good("mdla-dec", FILE, *args)
            with zipfile.ZipFile(self.folder / args[1]) as z:
                self.assertEqual(z.namelist(), ["activations.npy"])
                self.assertEqual(z.read("activations.npy"), DECODED.read_bytes())
        self.good("mdla-dec", FILE, "-o", "x.safetensors")
        self.assertEqual(read_safetensors((self.folder / "x.safetensors").read_bytes()),
                         {"activations": ("F32", list(shape), values)})
        self.assertEqual(self.good("mdla-dec", FILE, "-o", "-", "--format", "safetensors"),
                         (self.folder / "x.safetensors").read_bytes())
        self.good("mdla-dec", FILE, "-o", "half.safetensors", "--dtype", "bf16", "--rows", "3:5")
        tensors = read_safetensors((self.folder / "half.safetensors").read_bytes())
        self.assertEqual(tensors["activations"][:2], ("BF16", [2, cli.DIMS]))
        self.assertEqual(self.info("x.npz")["float32_sha256"], self.info(DECODED)["float32_sha256"])


class Codes(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.good("mdla-dec", FILE, "--codes", "-o", "codes.csv")
        with open(self.folder / "codes.csv", newline="") as f:
            rows = [(int(r["row"]), int(r["feature"]), int(r["level"]), float(r["strength"])) for r in csv.DictReader(f)]
        self.want = sorted(rows)

    def csr(self, *args):
        self.good("mdla-dec", FILE, "--codes", "-o", "x.npz", "-f", *args)
        with zipfile.ZipFile(self.folder / "x.npz") as z:
            self.assertEqual(z.namelist(), [f"{n}.npy" for n in ("indices", "indptr", "format", "shape", "data")])
            return {n[:-4]: cli.npy_read(z.read(n)) for n in z.namelist()}

    def test_csr(self):
        m = self.csr()
        count = len(self.want)
        self.assertEqual(m["format"], ((), "|S3", b"csr"))
        self.assertEqual(struct.unpack("<2q", m["shape"][2]), (2500, 1024))
        self.assertEqual((m["indices"][:2], m["data"][:2]), (((count,), "<i4"), ((count,), "<f4")))
        ends = struct.unpack("<2501i", m["indptr"][2])
        features, strengths = struct.unpack(f"<{count}i", m["indices"][2]), struct.unpack(f"<{count}f", m["data"][2])
        got = [(row, features[i], strengths[i]) for row in range(2500) for i in range(ends[row], ends[row + 1])]
        self.assertEqual(got, [(r, f, struct.unpack("<f", struct.pack("<f", s))[0]) for r, f, _, s in self.want])

    def test_csr_of_levels_halves_and_some_rows(self):
        levels = self.csr("--strengths", "levels", "--rows", "100:200")
        want = [x for x in self.want if 100 <= x[0] < 200]
        self.assertEqual(struct.unpack("<2q", levels["shape"][2]), (100, 1024))
        self.assertEqual(levels["data"][1], "<i4")
        self.assertEqual(struct.unpack(f"<{len(want)}i", levels["data"][2]), tuple(x[2] for x in want))
        halves = self.csr("--strengths", "f16")
        self.assertEqual(halves["data"][1], "<f2")
        self.assertEqual(halves["data"][2], struct.pack(f"<{len(self.want)}e", *(x[3] for x in self.want)))

    def test_coo(self):
        self.good("mdla-dec", FILE, "--codes", "-o", "x.safetensors")
        t = read_safetensors((self.folder / "x.safetensors").read_bytes())
        self.assertEqual(list(t), ["shape", "data", "col", "row"])
        count = len(self.want)
        self.assertEqual([t[n][:2] for n in t], [("I64", [2]), ("F32", [count]), ("I32", [count]), ("I32", [count])])
        self.assertEqual(struct.unpack(f"<{count}i", t["row"][2]), tuple(x[0] for x in self.want))
        self.assertEqual(struct.unpack(f"<{count}i", t["col"][2]), tuple(x[1] for x in self.want))

    def test_delphi(self):
        self.good("mdla-dec", FILE, "--codes", "--format", "delphi", "--context", "100", "--splits", "3", "-o", "cache")
        names = ["0_340", "341_681", "682_1023"]
        self.assertEqual(sorted(p.name for p in (self.folder / "cache").iterdir()),
                         [f"{n}.safetensors" for n in names] + ["config.json"])
        config = json.loads((self.folder / "cache/config.json").read_text())
        self.assertEqual((config["cache_ctx_len"], config["n_splits"], config["rows"]), (100, 3, 2500))
        got = []
        for name in names:
            t = read_safetensors((self.folder / f"cache/{name}.safetensors").read_bytes())
            self.assertEqual((t["locations"][0], t["activations"][0]), ("U16", "F16"))
            places = struct.iter_unpack("<3H", t["locations"][2])
            strengths = struct.iter_unpack("<e", t["activations"][2])
            got += [(s * 100 + p, f + int(name.split("_")[0]), v) for (s, p, f), (v,) in zip(places, strengths)]
        self.assertEqual(sorted(got), [(r, f, struct.unpack("<e", struct.pack("<e", v))[0]) for r, f, _, v in self.want])
        again = ("mdla-dec", FILE, "--codes", "--format", "delphi", "-o", "cache")
        self.assertIn("give -f", self.bad(1, *again))
        self.good(*again, "-f", "--splits", "1")
        self.assertEqual(sorted(p.name for p in (self.folder / "cache").iterdir()), ["0_1023.safetensors", "config.json"])
        self.assert_files("cache", "codes.csv")

    def test_nothing_half_written_stays(self):
        damaged = bytearray(FILE.read_bytes())
        damaged[len(damaged) * 3 // 4] ^= 0x10
        self.write("damaged.mdla", damaged)
        for args in (["-o", "x.npz"], ["-o", "x.safetensors"], ["-o", "cache", "--format", "delphi"]):
            self.assertIn("damaged.mdla", self.bad(1, "mdla-dec", "damaged.mdla", "--codes", *args))
        self.assertIn("/dev/full", self.bad(1, "mdla-dec", FILE, "--codes", "--format", "csr", "-o", "/dev/full", "-f"))
        self.assert_files("codes.csv", "damaged.mdla")
        self.assertIn("TMPDIR", self.bad(1, "mdla-dec", FILE, "--codes", "-o", "x.npz", env={"TMPDIR": "/nowhere"}))


if __name__ == "__main__":
    cli.main()
