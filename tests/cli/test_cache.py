#!/usr/bin/python3
"""Latent caches: packed and unpacked bit for bit, whichever tool wrote them; what can't be, and what is asked in vain."""
import io
import json
import pathlib
import random
import struct
import subprocess
import sys
import zipfile

import cli

WIDTH, ROWS, CONTEXT = 50, 96, 16


def half(x):
    """The nearest float16, as a float."""
    return struct.unpack("<e", struct.pack("<e", x))[0]


def single(x):
    """The nearest float32, as a float."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def make(rounded=half, signs=False):
    """(row, feature, strength), ascending; some rows are empty."""
    rng = random.Random(7)
    entries = []
    for row in range(ROWS):
        for feature in sorted(rng.sample(range(WIDTH), rng.randrange(9))):
            x = rng.choice((1, -1) if signs else (1,)) * (1 + rng.expovariate(0.5))
            entries.append((row, feature, rounded(x)))
    return entries


def npz(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name + ".npy", data)
    return out.getvalue()


def ints(values, letter="i"):
    return cli.npy_bytes(struct.pack(f"<{len(values)}{letter}", *values), (len(values),), "<i4" if letter == "i" else "<i8")


def word(text):
    return cli.npy_bytes(text.encode(), (), "|S3")


def floats(values, letter):
    return cli.npy_bytes(struct.pack(f"<{len(values)}{letter}", *values), (len(values),), {"e": "<f2", "f": "<f4", "d": "<f8"}[letter])


def compressed(entries, letter, by_row=True):
    """SciPy's csr or csc."""
    major, minor, count = (0, 1, ROWS) if by_row else (1, 0, WIDTH)
    entries = sorted(entries, key=lambda e: (e[major], e[minor]))
    starts = [sum(e[major] < m for e in entries) for m in range(count + 1)]
    return npz(indices=ints([e[minor] for e in entries]), indptr=ints(starts), format=word("csr" if by_row else "csc"),
               shape=ints([ROWS, WIDTH], "q"), data=floats([e[2] for e in entries], letter))


def coordinates(entries, letter):
    """SciPy's coo, in no order."""
    entries = random.Random(1).sample(entries, len(entries))
    return npz(row=ints([e[0] for e in entries]), col=ints([e[1] for e in entries]), format=word("coo"),
               shape=ints([ROWS, WIDTH], "q"), data=floats([e[2] for e in entries], letter))


def safetensors(**tensors):
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensors(entries, dtype):
    letter, n = {"F16": "e", "F32": "f"}[dtype], len(entries)
    return safetensors(row=("I32", [n], struct.pack(f"<{n}i", *(e[0] for e in entries))),
                       col=("I32", [n], struct.pack(f"<{n}i", *(e[1] for e in entries))),
                       data=(dtype, [n], struct.pack(f"<{n}{letter}", *(e[2] for e in entries))),
                       shape=("I64", [2], struct.pack("<2q", ROWS, WIDTH)))


def csr_entries(data):
    """What a SciPy csr holds, and the type of its values."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        arrays = {name[:-4]: cli.npy_read(z.read(name)) for name in z.namelist()}
    assert arrays["format"][2] == b"csr"
    assert struct.unpack("<2q", arrays["shape"][2]) == (ROWS, WIDTH)
    descr = arrays["data"][1]
    values = [v for v, in struct.iter_unpack("<e" if descr == "<f2" else "<f", arrays["data"][2])]
    columns = [c for c, in struct.iter_unpack("<i", arrays["indices"][2])]
    starts = [s for s, in struct.iter_unpack("<i", arrays["indptr"][2])]
    return [(r, columns[i], values[i]) for r in range(ROWS) for i in range(starts[r], starts[r + 1])], descr


def delphi(entries, ids=None, splits=3, context=CONTEXT):
    """Files of a delphi cache, as delphi itself writes them."""
    edges = [int(i * (WIDTH / splits)) for i in range(splits)] + [WIDTH]
    files = {}
    for start, end in zip(edges, edges[1:]):
        part = [e for e in entries if start <= e[1] < end]
        n = len(part)
        tensors = {}
        if ids is not None:
            tensors["tokens"] = ("I64", [len(ids) // context, context], struct.pack(f"<{len(ids)}q", *ids))
        tensors["activations"] = ("F16", [n], struct.pack(f"<{n}e", *(e[2] for e in part)))
        tensors["locations"] = ("U16", [n, 3], b"".join(
            struct.pack("<3H", r // context, r % context, f - start) for r, f, _ in part))
        files[f"{start}_{end - 1}.safetensors"] = safetensors(**tensors)
    files["config.json"] = json.dumps(
        {"dataset_repo": "texts", "dataset_split": "train[:1%]", "dataset_name": "a \"\u00fc\",\"n_splits\":9", "batch_size": 2, "cache_ctx_len": context, "n_tokens": ROWS + context + 3,
         "n_splits": splits, "model_name": "m"}).encode()
    return files


class CacheTest(cli.CliTest):
    def folder_of(self, name, files):
        (self.folder / name).mkdir()
        for file, data in files.items():
            self.write(f"{name}/{file}", data)

    def files_of(self, name):
        return {p.name: p.read_bytes() for p in (self.folder / name).iterdir()}

    def pack(self, data, *more, name="cache.npz"):
        self.write(name, data)
        self.good("mdla-enc", "--codes-in", name, "-o", "cache.mdla", "--verify", "-f", "-q", *more)

    def unpack(self, *more):
        self.good("mdla-dec", "cache.mdla", "--codes", "-o", "again.npz", "-f", *more)
        return csr_entries((self.folder / "again.npz").read_bytes())

    def test_every_layout_comes_back_bit_for_bit(self):
        plain, fine, signs = make(), make(single), make(single, signs=True)
        for name, data, wanted, descr in (
                ("csr of float16", compressed(plain, "e"), plain, "<f2"),
                ("csr of float32", compressed(fine, "f"), fine, "<f4"),
                ("csc with signs", compressed(signs, "f", by_row=False), signs, "<f4"),
                ("coo in no order", coordinates(plain, "e"), plain, "<f2"),
                ("float16 values in float32", compressed(plain, "f"), plain, "<f4"),
                ("float32 values in float64", compressed(fine, "d"), fine, "<f4"),
                ("coordinates of float16", tensors(plain, "F16"), plain, "<f2"),
                ("coordinates with signs", tensors(signs, "F32"), signs, "<f4")):
            for model in ("joint", "additive"):
                with self.subTest(name, model=model):
                    self.pack(data, "--model", model)
                    self.assertEqual(self.unpack(), (wanted, descr))

    def test_a_delphi_cache_comes_back_file_for_file(self):
        self.pack(compressed(make(), "e"), "--shape", f",,{CONTEXT}")
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "--splits", 3, "-o", "delphi")
        self.good("mdla-enc", "--codes-in", "delphi", "-o", "again.mdla", "--verify", "-q")
        self.good("mdla-dec", "again.mdla", "--codes", "--format", "delphi", "--splits", 3, "-o", "second")
        first, second = ({p.name: p.read_bytes() for p in (self.folder / d).iterdir()} for d in ("delphi", "second"))
        self.assertEqual(first, second)
        self.assertEqual(json.loads(first["config.json"])["cache_ctx_len"], CONTEXT)
        self.assertEqual(len(first), 4)
        # A file of all features by itself doesn't say its shape.
        n = 2
        self.write("one.safetensors", safetensors(
            locations=("I64", [n, 3], struct.pack("<6q", 0, 1, 2, 3, 15, WIDTH - 1)),
            activations=("F16", [n], struct.pack("<2e", 1.5, 2.5))))
        self.assertIn("--shape ROWS,FEATURES,CONTEXT", self.bad(1, "mdla-enc", "--codes-in", "one.safetensors", "-o", "x.mdla"))
        self.good("mdla-enc", "--codes-in", "one.safetensors", "--shape", f"{ROWS},{WIDTH},{CONTEXT}", "-o", "one.mdla", "-q")
        lines = self.good("mdla-dec", "one.mdla", "--codes", "--format", "csv", "-o", "-").decode().split()
        self.assertEqual(lines[1:], ["1,2,0,1.5", f"63,{WIDTH - 1},0,2.5"])

    def test_token_ids_of_a_delphi_cache_come_back(self):
        entries, rng = make(), random.Random(3)
        ids = [rng.randrange(50000) for _ in range(ROWS)]
        files = delphi(entries, ids)
        self.folder_of("layers.5", files)
        self.good("mdla-enc", "--codes-in", "layers.5", "-o", "cache.mdla", "--verify", "-q")
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "-o", "back")
        back = self.files_of("back")
        config, wanted = (json.loads(f.pop("config.json")) for f in (back, files))
        self.assertEqual(back, files)
        self.assertEqual({key: config[key] for key in wanted}, wanted)
        self.assertEqual((config["hookpoint"], config["rows"], config["width"]), ("layers.5", ROWS, WIDTH))
        self.good("mdla-dec", "cache.mdla", "--tokens-out", "ids.npy")
        shape, descr, data = cli.npy_read(self.folder / "ids.npy")
        self.assertEqual((shape, descr, list(struct.unpack(f"<{ROWS}q", data))), ((ROWS,), "<i8", ids))
        # They count apart, are tested, and are found by mdla-info.
        self.good("mdla-enc", "--codes-in", "back", "-o", "again.mdla", "-q")
        info = json.loads(self.good("mdla-info", "again.mdla", "--json"))
        self.assertTrue(info["tokens"] and info["bits"]["tokens"] > 8 * ROWS)
        found = json.loads(self.good("mdla-info", "cache.mdla", "--token", ids[7], "--json"))
        self.assertIn(7, [r["row"] for r in found])
        damaged = bytearray((self.folder / "cache.mdla").read_bytes())
        damaged[damaged.index(b"toks") + 30] ^= 1
        self.write("damaged.mdla", damaged)
        self.assertIn("CRC", self.bad(1, "mdla-dec", "--test", "damaged.mdla"))
        # The specification's own decoder takes the file.
        run = subprocess.run([sys.executable, cli.TOP / "spec" / "decoder" / "mdla_decode.py", self.folder / "cache.mdla",
                              self.folder / "spec.csv"], check=False)
        self.assertEqual(run.returncode, 0)
        self.assertEqual((self.folder / "spec.csv").read_text().count("\n"), 1 + len(entries))
        # All files hold the same.
        other = list(ids)
        other[17] += 1
        self.write("layers.5/33_49.safetensors", delphi(entries, other)["33_49.safetensors"])
        message = self.bad(1, "mdla-enc", "--codes-in", "layers.5", "-o", "x.mdla")
        self.assertIn("33_49.safetensors: its tokens differ from those of the files before: row 17", message)
        self.assertFalse((self.folder / "x.mdla").exists())

    def test_what_config_json_says_comes_back_as_far_as_it_should(self):
        files = delphi(make(), splits=7)
        config = json.loads(files["config.json"])
        files["config.json"] = json.dumps(dict(config, model_name="/home/me/model", dataset_repo=200 * "x", n_tokens=10 ** 6,
                                               rows=ROWS, other=3)).encode()
        self.folder_of("cache", files)
        self.good("mdla-enc", "--codes-in", "cache", "-o", "cache.mdla", "-q")
        note = json.loads(self.good("mdla-info", "cache.mdla", "--json"))["note"]
        self.assertTrue(note.startswith("delphi {") and "/home" not in note and "xxx" not in note, note)
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "-o", "back")
        back = json.loads(self.files_of("back")["config.json"])
        self.assertEqual((back["n_splits"], back["model_name"], back["dataset_repo"], back["dataset_split"], back["n_tokens"]),
                         (7, "mdla", "", "train[:1%]", ROWS))  # n_tokens wouldn't make these rows
        self.assertEqual(len(self.files_of("back")), 8)
        # Another number of files, a note of one's own, and notes that are damaged or of others.
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "--splits", 2, "-o", "two")
        self.assertEqual((len(self.files_of("two")), json.loads(self.files_of("two")["config.json"])["n_splits"]), (3, 2))
        for note, splits in (("mine", 5), ('delphi {"n_splits":4', 4), ('delphi {"n_splits":"a', 5), ('delphi {"n_splits":0}', 5),
                             ('{"n_splits":4}', 5), ('delphi {"n_splits":1024,"model_name":"\\', WIDTH),
                             ('delphi {"n_splits":1025}', 5), ('delphi {"n_splits":4,"batch_size":03}', 4),
                             ('delphi {"n_splits":4,"batch_size":9223372036854775808}', 4),
                             *(('delphi {"n_splits":4,"batch_size":"3","dataset_name":%s}' % name, 4) for name in (
                                 7, r'"\q"', r'"\u00g0"', r'"\u00', r'"\ud800"', r'"\ud800\u0041"', r'"\udc00"', r'"\u0000"'))):
            self.good("mdla-enc", "--codes-in", "cache", "-o", "own.mdla", "--note", note, "-f", "-q")
            self.good("mdla-dec", "own.mdla", "--codes", "--format", "delphi", "-o", "own", "-f")
            back = json.loads(self.files_of("own")["config.json"])
            self.assertEqual((back["n_splits"], back["batch_size"], back["dataset_name"]), (splits, 1, ""), note)
        # Values of another kind are left out, however long.
        files["config.json"] = json.dumps(dict(config, dataset_repo=3, **dict.fromkeys(
            ("dataset_split", "dataset_name", "dataset_column", "model_name", "n_splits", "n_tokens", "batch_size"), 158 * "y"))).encode()
        self.folder_of("kinds", files)
        self.good("mdla-enc", "--codes-in", "kinds", "--shape", f"{ROWS},{WIDTH},{CONTEXT}", "-o", "kinds.mdla", "-q")
        note = json.loads(self.good("mdla-info", "kinds.mdla", "--json"))["note"]
        self.assertEqual(sorted(json.loads(note[len("delphi "):])), ["dataset_column", "dataset_name", "dataset_split", "model_name"])
        # Names and numbers of the greatest length have room.
        files["config.json"] = json.dumps(dict(dict.fromkeys(
            ("dataset_repo", "dataset_split", "dataset_name", "dataset_column", "model_name"), 158 * "y"),
            n_splits=7, n_tokens=2 ** 63 - 1, batch_size=2 ** 63 - 1, cache_ctx_len=CONTEXT, rows=ROWS)).encode()
        self.folder_of("long", files)
        self.good("mdla-enc", "--codes-in", "long", "-o", "long.mdla", "-q")
        self.good("mdla-dec", "long.mdla", "--codes", "--format", "delphi", "-o", "longer")
        back = json.loads(self.files_of("longer")["config.json"])
        self.assertEqual([len(back[key]) for key in ("dataset_repo", "dataset_column", "model_name")], 3 * [158])

    def test_token_ids_beside_other_caches(self):
        entries = make()
        ids = [r * 65537 - 5 for r in range(ROWS)]
        self.write("ids.npy", cli.npy_bytes(struct.pack(f"<{ROWS}i", *ids), (ROWS,), "<i4"))
        self.pack(compressed(entries, "e"), "--tokens", "ids.npy")
        self.good("mdla-dec", "cache.mdla", "--tokens-out", "back.npy")
        self.assertEqual((self.folder / "back.npy").read_bytes()[-4 * ROWS:], struct.pack(f"<{ROWS}i", *ids))
        # Sequences of 36 rows don't fill the last: its ids go on as 0, and the rows come back as they were.
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "--context", 36, "-o", "delphi")
        data = self.files_of("delphi")["0_9.safetensors"]
        length, = struct.unpack("<Q", data[:8])
        tokens = json.loads(data[8:8 + length])["tokens"]
        self.assertEqual((tokens["dtype"], tokens["shape"], tokens["data_offsets"][0]), ("I64", [3, 36], 0))
        self.assertEqual(list(struct.unpack("<108q", data[8 + length:][:864])), ids + 12 * [0])
        self.good("mdla-enc", "--codes-in", "delphi", "-o", "again.mdla", "--verify", "-q")
        self.good("mdla-dec", "again.mdla", "--tokens-out", "again.npy")
        self.assertEqual((self.folder / "again.npy").read_bytes()[-8 * ROWS:], struct.pack(f"<{ROWS}q", *ids))
        self.assertIn("holds token ids of its own",
                      self.bad(1, "mdla-enc", "--codes-in", "delphi", "--tokens", "ids.npy", "-o", "x.mdla"))
        self.write("few.npy", cli.npy_bytes(bytes(8), (2,), "<i4"))
        self.assertIn("2 token ids for 96 rows",
                      self.bad(1, "mdla-enc", "--codes-in", "cache.npz", "--tokens", "few.npy", "-o", "x.mdla"))
        # Some rows: their ids alone.
        self.good("mdla-dec", "cache.mdla", "--codes", "--format", "delphi", "--context", 8, "--rows", "16:40", "-o", "part")
        data = self.files_of("part")["0_9.safetensors"]
        length, = struct.unpack("<Q", data[:8])
        self.assertEqual(list(struct.unpack("<24q", data[8 + length:][:192])), ids[16:40])

    def test_a_missing_file_of_a_delphi_cache_is_named(self):
        for gone, words in (("0_15", "features 0 to 15 are missing: no 0_15.safetensors"),
                            ("16_32", "features 16 to 32 are missing: no 16_32.safetensors"),
                            ("33_49", "n_splits 3, and 2 are there: the last, of features from 33 on, are missing")):
            files = delphi(make())
            files.pop(gone + ".safetensors")
            self.folder_of(gone, files)
            self.assertIn(words, self.bad(1, "mdla-enc", "--codes-in", gone, "-o", "x.mdla"))
        self.assertIn("features 33 to 49 are missing: no 33_49.safetensors",
                      self.bad(1, "mdla-enc", "--codes-in", "33_49", "--shape", f",{WIDTH}", "-o", "x.mdla"))
        files = delphi(make())
        config = json.loads(files.pop("config.json"))
        files["config.json"] = json.dumps(dict(config, n_splits=2)).encode()
        self.folder_of("more", files)
        self.assertIn("n_splits 2, and 3 are there", self.bad(1, "mdla-enc", "--codes-in", "more", "-o", "x.mdla"))

    def test_the_shape_of_a_cache_without_tokens(self):
        """delphi keeps whole batches of whole sequences of n_tokens; what is given must agree with what is said."""
        entries = make()
        files = delphi(entries)
        self.folder_of("cache", files)
        self.good("mdla-enc", "--codes-in", "cache", "-o", "cache.mdla", "--verify", "-q")
        self.assertEqual(self.unpack(), (entries, "<f2"))
        files.pop("config.json")
        self.folder_of("bare", files)
        self.assertIn("say both: --shape ROWS,FEATURES,CONTEXT", self.bad(1, "mdla-enc", "--codes-in", "bare", "-o", "x.mdla"))
        self.good("mdla-enc", "--codes-in", "bare", "--shape", f"{ROWS},,{CONTEXT}", "-o", "bare.mdla", "-q")
        self.assertIn("cache_ctx_len is 16, where 8 is given",
                      self.bad(1, "mdla-enc", "--codes-in", "cache", "--shape", ",,8", "-o", "x.mdla"))
        self.write("csr.npz", compressed(entries, "e"))
        for shape, words in (("10,,5", f"holds {ROWS} rows of {WIDTH} features, where 10 rows are given"),
                             (",49", "where 49 features are given")):
            self.assertIn(words, self.bad(1, "mdla-enc", "--codes-in", "csr.npz", "--shape", shape, "-o", "x.mdla"))
        self.good("mdla-enc", "--codes-in", "csr.npz", "--shape", f"{ROWS},{WIDTH},5", "-o", "csr.mdla", "-q")
        self.folder_of("ids", delphi(entries, list(range(ROWS))))
        self.assertIn("its tokens are of 96 rows, where 95 are given",
                      self.bad(1, "mdla-enc", "--codes-in", "ids", "--shape", "95", "-o", "x.mdla"))

    def test_twins_are_summed_zeros_dropped_and_nan_refused(self):
        twins = [(0, 3, 1.5), (0, 3, 2.25), (1, 4, 0.0), (2, 5, 3.0), (2, 5, -3.0), (5, 6, 2.0)]
        self.pack(coordinates(twins, "e"))
        self.assertEqual(self.unpack(), ([(0, 3, 3.75), (5, 6, 2.0)], "<f4"))
        for value in (float("nan"), float("inf")):
            self.write("bad.npz", coordinates([(0, 1, value)], "e"))
            message = self.bad(1, "mdla-enc", "--codes-in", "bad.npz", "-o", "bad.mdla")
            self.assertIn("NaN, infinite or too large", message)
        self.assertFalse((self.folder / "bad.mdla").exists())

    def test_strengths_that_float32_does_not_hold_are_refused(self):
        entries = make(single)
        r, f, _ = entries[5]
        fine = entries[:5] + [(r, f, 0.1)] + entries[6:]
        for data in (compressed(fine, "d"), compressed(fine, "d", by_row=False)):
            self.write("fine.npz", data)
            message = self.bad(1, "mdla-enc", "--codes-in", "fine.npz", "-o", "x.mdla")
            self.assertIn(f"fine.npz: row {r}, feature {f}: float32", message)
            self.assertIn("doesn't hold 0.10000000000000001; give a step to", message)
            self.assertFalse((self.folder / "x.mdla").exists())
        self.pack(compressed(fine, "d"), "--step", 0.01)
        self.good("mdla-enc", "--codes-in", "fine.npz", "--codebook-out", "p.codebook", "-q")
        self.write("fine.npz", compressed(entries, "d"))
        said = self.run_tool("mdla-enc", "--codes-in", "fine.npz", "-o", "y.mdla").stderr
        self.assertIn("f64 as f32 exact", said)
        # Integers, and what a sum of float64 makes.
        for letter, descr, highest in (("i", "<i4", 2 ** 31 - 1), ("q", ">i8", -2 ** 24 - 1), ("Q", "<u8", 2 ** 63 + 2 ** 38)):
            for value, kept in ((2 ** 24 * (-1 if highest < 0 else 1), True), (highest, False)):
                values = struct.pack(f"{descr[0]}2{letter}", 3, value)
                self.write("ints.npz", npz(indices=ints([4, 7]), indptr=ints([0, 1] + (ROWS - 1) * [2]), format=word("csr"),
                                           shape=ints([ROWS, WIDTH], "q"), data=cli.npy_bytes(values, (2,), descr)))
                if kept:
                    self.good("mdla-enc", "--codes-in", "ints.npz", "-o", "i.mdla", "-f", "-q", "--verify")
                else:
                    self.assertIn("row 1, feature 7", self.bad(1, "mdla-enc", "--codes-in", "ints.npz", "-o", "n.mdla"))
        self.write("sum.npz", coordinates([(2, 3, 1.0), (2, 3, 2.0 ** -30)], "d"))
        self.assertIn("row 2, feature 3", self.bad(1, "mdla-enc", "--codes-in", "sum.npz", "-o", "n.mdla"))

    def test_an_empty_cache_is_one(self):
        self.pack(compressed([], "e"))
        self.assertEqual(self.unpack(), ([], "<f2"))

    def test_priors_of_one_cache_serve_another(self):
        entries = make()
        data = compressed(entries, "e")
        self.write("train.npz", data)
        self.good("mdla-enc", "--codes-in", "train.npz", "--codebook-out", "p.codebook", "--expected-rows", 10 ** 6, "-q")
        self.pack(data, "--codebook", "p.codebook", "--reference")
        self.assertEqual(self.unpack("--codebook", "p.codebook"), (entries, "<f2"))
        self.assertIn("needs the codebook", self.bad(1, "mdla-dec", "cache.mdla", "--codes", "-o", "x.npz"))
        named = (self.folder / "cache.mdla").stat().st_size
        self.pack(data)
        self.assertLess(named, (self.folder / "cache.mdla").stat().st_size)
        self.assertLess(named, 3 * len(entries))  # where delphi takes 8 bytes an entry
        info = json.loads(self.good("mdla-info", "p.codebook", "--json"))
        self.assertEqual((info["dims"], info["width"], info["atom_bits"]), (0, WIDTH, 0))
        # Rows and caches don't mix.
        self.write("rows.npy", cli.npy_bytes(bytes(32), (2, 4)))
        message = self.bad(1, "mdla-enc", "rows.npy", "--codebook", "p.codebook", "--step", 1, "-o", "x.mdla")
        self.assertIn("has no atoms", message)
        digits = cli.FIXTURE / "digits.codebook"
        self.assertIn("with atoms", self.bad(1, "mdla-enc", "--codes-in", "train.npz", "--codebook", digits, "-o", "x.mdla"))

    def test_a_step_keeps_every_place_and_rounds_to_the_nearest(self):
        entries = make(single, signs=True)
        step = 0.25
        self.pack(compressed(entries, "f"), "--step", step)
        got, _ = self.unpack()
        self.assertEqual([e[:2] for e in got], [e[:2] for e in entries])
        for (_, _, wanted), (_, _, strength) in zip(entries, got):
            self.assertLessEqual(abs(wanted - strength), step / 2)
            self.assertEqual(strength / step, round(strength / step))
        levels, _ = self.unpack("--strengths", "f32")
        self.good("mdla-dec", "cache.mdla", "--codes", "--strengths", "levels", "-o", "levels.npz")
        with zipfile.ZipFile(self.folder / "levels.npz") as z:
            _, descr, data = cli.npy_read(z.read("data.npy"))
        self.assertEqual(descr, "<i4")
        self.assertEqual([v for v, in struct.iter_unpack("<i", data)], [round(s / step) for _, _, s in levels])
        self.assertEqual(json.loads(self.good("mdla-info", "cache.mdla", "--json"))["step"], step)
        self.assertIn("give a step of", self.bad(1, "mdla-enc", "--codes-in", "cache.npz", "--step", 1e-6, "-o", "x.mdla"))

    def test_rows_of_some_and_of_none(self):
        entries = make()
        self.pack(compressed(entries, "e"), "--block-rows", 10)
        self.good("mdla-dec", "cache.mdla", "--codes", "--rows", "13:41", "--format", "csv", "-o", "part.csv")
        lines = [line.split(",") for line in (self.folder / "part.csv").read_text().split()[1:]]
        got = sorted((int(r), int(f), single(float(s))) for r, f, _, s in lines)
        self.assertEqual(got, [e for e in entries if 13 <= e[0] < 41])
        message = self.bad(1, "mdla-dec", "cache.mdla", "-o", "rows.npy")
        self.assertIn("a latent cache: it holds codes and no atoms", message)
        self.assertIn("--codes", message)
        self.assertFalse((self.folder / "rows.npy").exists())
        message = self.bad(1, "mdla-dec", "cache.mdla", "--codes", "--strengths", "levels", "-o", "x.npz")
        self.assertIn("has no levels", message)

    def test_it_is_told_tested_and_billed(self):
        entries = make()
        self.pack(compressed(entries, "e"), "--note", "layer 5")
        said = self.good("mdla-dec", "--test", "cache.mdla").decode()
        self.assertIn(f"sound: a latent cache of {ROWS} rows, {len(entries)} strengths", said)
        said = self.good("mdla-info", "cache.mdla").decode()
        self.assertIn("latent cache", said)
        self.assertIn("bits a strength", said)
        self.assertIn("layer 5", said)
        self.assertNotIn("atoms ", said)
        info = json.loads(self.good("mdla-info", "cache.mdla", "--json"))
        size = (self.folder / "cache.mdla").stat().st_size
        self.assertEqual((info["cache"], info["dims"], info["active"], info["dtype"]), (True, 0, len(entries), "f16"))
        self.assertAlmostEqual(sum(info["bits"].values()), 8 * size, delta=1)
        row = entries[0][0]
        bill = json.loads(self.good("mdla-info", "cache.mdla", "--row", row, "--json"))
        self.assertEqual(sorted((c["feature"], c["strength"]) for c in bill["code"]),
                         [(f, s) for r, f, s in entries if r == row])
        damaged = bytearray((self.folder / "cache.mdla").read_bytes())
        damaged[len(damaged) - 80] ^= 16
        self.write("damaged.mdla", bytes(damaged))
        self.bad(1, "mdla-dec", "--test", "damaged.mdla")

    def test_eval_says_what_it_costs_and_how_it_differs(self):
        entries = make()
        self.pack(compressed(entries, "e"))
        self.good("mdla-enc", "--codes-in", "cache.npz", "--step", 0.5, "-o", "step.mdla", "-q")
        exact, coarse = json.loads(self.good("mdla-eval", "--codes-in", "cache.npz", "cache.mdla", "step.mdla", "--json"))
        size = (self.folder / "cache.mdla").stat().st_size
        self.assertEqual((exact["rows"], exact["strengths"]), (ROWS, len(entries)))
        self.assertAlmostEqual(exact["bits_per_strength"], 8 * size / len(entries), places=6)
        self.assertEqual((exact["places_that_differ"], exact["strengths_that_differ"], exact["largest_difference"]), (0, 0, 0))
        self.assertEqual(coarse["places_that_differ"], 0)
        self.assertTrue(0 < coarse["largest_difference"] <= 0.25)
        self.assertTrue(0 < coarse["relative_squared_error"] < 0.05)
        self.assertIn("bits_per_strength", self.good("mdla-eval", "--codes-in", "cache.npz", "cache.mdla").decode())
        other = [(r, (f + 1) % WIDTH, s) for r, f, s in entries]
        self.write("other.npz", compressed(other, "e"))
        moved, = json.loads(self.good("mdla-eval", "--codes-in", "other.npz", "cache.mdla", "--json"))
        self.assertGreater(moved["places_that_differ"], 0)
        self.bad(2, "mdla-eval", "--codes-in", "cache.npz")

    def test_what_has_no_place_beside_a_cache_is_refused(self):
        self.write("cache.npz", compressed(make(), "e"))
        for more, word_of in ((("--sae", cli.SAE), "--sae"), (("--fvu", 0.2), "--fvu"), (("--docs", "d.npy"), "--docs"),
                              (("rows.npy",), "rows.npy"), (("--prune",), "--prune")):
            message = self.bad(2, "mdla-enc", "--codes-in", "cache.npz", "-o", "x.mdla", *more)
            self.assertIn(word_of, message)
        self.assertIn("--shape", self.bad(2, "mdla-enc", "--codes-in", "cache.npz", "-o", "x.mdla", "--shape", "1,2,3,4"))
        self.assertIn("--codes-in", self.bad(2, "mdla-enc", "rows.npy", "--sae", cli.SAE, "--fvu", 0.2, "--shape", "1,2",
                                             "-o", "x.mdla"))
        self.write("text.npz", b"hello, hello")
        self.assertIn("no sparse code", self.bad(1, "mdla-enc", "--codes-in", "text.npz", "-o", "x.mdla"))
        self.assertFalse(pathlib.Path(self.folder, "x.mdla").exists())


if __name__ == "__main__":
    cli.main()
