#!/usr/bin/python3
"""Token ids and passage numbers that travel with the rows and come back."""
import array
import csv
import json
import pathlib
import struct
import sys
import zipfile
import zlib

import cli

sys.path.insert(0, str(cli.TOP / "tests"))
import arrow_stream  # noqa: E402

DIGITS = cli.FIXTURE / "digits.npy"
ROWS = 2500
CODE = ["--codebook", cli.FIXTURE / "digits.codebook", "--step", 200]


class Tokens(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.ids = array.array("i", ((37 * r * r) % 9001 for r in range(ROWS)))
        self.ids[5] = -100
        self.write("ids.npy", cli.npy_bytes(self.ids, (ROWS,), "<i4"))
        self.docs = [9 - r // 90 for r in range(ROWS)]
        self.write("docs.npy", cli.npy_bytes(array.array("h", self.docs), (ROWS,), "<i2"))

    def integers(self, name, code):
        shape, descr, data = cli.npy_read(self.folder / name)
        numbers = array.array(code, data)
        self.assertEqual((shape, descr), ((len(numbers),), {"i": "<i4", "q": "<i8"}[code]))
        return numbers

    def numbers(self, name):
        """Type and values of a 1-D .npy file."""
        shape, descr, data = cli.npy_read(self.folder / name if isinstance(name, str) else name)
        numbers = list(array.array({"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u8": "Q"}[descr[1:]], data))
        self.assertEqual(shape, (len(numbers),))
        return descr, numbers

    def test_they_come_back_and_count_apart(self):
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "docs.npy", "-o", "plain.mdla", "--reference")
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "docs.npy", "--tokens", "ids.npy", "-o", "x.mdla", "--reference")
        book = ["--codebook", cli.FIXTURE / "digits.codebook"]
        self.good("mdla-dec", "x.mdla", *book, "--tokens-out", "all.npy", "--docs-out", "d.npy")
        self.assertEqual(self.integers("all.npy", "i"), self.ids)
        self.assertEqual(self.numbers("d.npy"), ("<i2", self.docs))
        self.good("mdla-dec", "x.mdla", "--rows", "10:20", "--tokens-out", "few.npy")  # ids need no codebook
        self.assertEqual(self.integers("few.npy", "i"), self.ids[10:20])
        self.assertIn("needs the codebook", self.bad(1, "mdla-dec", "x.mdla", "--docs-out", "no.npy"))
        self.assertFalse((self.folder / "no.npy").exists())
        self.good("mdla-dec", "x.mdla", *book, "--rows", "1000:2100", "--tokens-out", "some.npy", "--docs-out", "d.npy",
                  "-o", "rows.npy", "-f")
        self.assertEqual(self.integers("some.npy", "i"), self.ids[1000:2100])
        self.assertEqual(self.numbers("d.npy"), ("<i2", self.docs[1000:2100]))
        self.assertEqual(cli.npy_read(self.folder / "rows.npy")[0], (1100, cli.DIMS))
        self.good("mdla-dec", "--test", "x.mdla", *book)
        sizes = [(self.folder / name).stat().st_size for name in ("plain.mdla", "x.mdla")]
        plain, with_ids = json.loads(self.good("mdla-eval", DIGITS, "plain.mdla", "x.mdla", *book, "--json"))
        self.assertEqual(with_ids["bits"]["tokens"], 8 * (sizes[1] - sizes[0]))
        self.assertEqual(plain["bits"]["tokens"], 0)
        self.assertEqual(with_ids["marginal_bits_per_row"], plain["marginal_bits_per_row"])
        self.assertGreater(with_ids["file_bits_per_row"], plain["file_bits_per_row"])
        said = self.good("mdla-info", "x.mdla", *book).decode()
        self.assertIn("token ids beside the rows", said)

    def test_they_are_read_where_other_tools_keep_them(self):
        """As --docs and --tokens take rows' own files: a column of a data set's shards, a member, a tensor."""
        ids, docs = list(self.ids), [9 - r // 90 for r in range(ROWS)]
        sequences = [ids[r:r + 50] for r in range(0, ROWS, 50)]
        rows = cli.digits(0, ROWS)
        hook = [[[float(x) for x in rows[r * cli.DIMS:(r + 1) * cli.DIMS]] for r in range(s, s + 50)] for s in range(0, ROWS, 50)]
        (self.folder / "cache").mkdir()
        for shard, (first, end) in enumerate(((0, 30), (30, 50))):
            self.write(f"cache/data-{shard}.arrow", arrow_stream.stream({
                "h": (("list", ("list", "f32")), hook[first:end]),
                "token_ids": (("list", "i32"), sequences[first:end]),
                "doc": ("i64", [docs[50 * s] for s in range(first, end)])}))
        self.write("cache/state.json", json.dumps(
            {"_data_files": [{"filename": "data-0.arrow"}, {"filename": "data-1.arrow"}]}).encode())
        text = {"ids": {"dtype": "I32", "shape": [50, 50], "data_offsets": [0, 4 * ROWS]}}
        head = json.dumps(text).encode()
        self.write("ids.safetensors", struct.pack("<Q", len(head)) + head + bytes(self.ids))
        with zipfile.ZipFile(self.folder / "beside.npz", "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("docs.npy", (self.folder / "docs.npy").read_bytes())
            big = self.ids[:]
            big.byteswap()
            z.writestr("ids.npy", cli.npy_bytes(bytes(big), (ROWS,), ">i4"))
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "docs.npy", "--tokens", "ids.npy", "-o", "x.mdla")
        expected = (self.folder / "x.mdla").read_bytes()
        for docs_from, tokens_from in (("beside.npz:docs", "ids.safetensors"), ("docs.npy", "cache/:token_ids"),
                                       ("docs.npy", "beside.npz:ids")):
            self.good("mdla-enc", DIGITS, *CODE, "--docs", docs_from, "--tokens", tokens_from, "-o", "y.mdla", "-f")
            self.assertEqual((self.folder / "y.mdla").read_bytes(), expected)
        # The shards' own rows; one shard by itself; what stands in it otherwise.
        self.good("mdla-enc", "cache/:h", *CODE, "--tokens", "cache/:token_ids", "-o", "z.mdla")
        self.good("mdla-dec", "z.mdla", "--tokens-out", "z.npy")
        self.assertEqual(self.integers("z.npy", "i"), self.ids)
        self.good("mdla-enc", "cache/data-1.arrow:h", *CODE, "--tokens", "cache/data-1.arrow:token_ids", "-o", "z.mdla", "-f")
        self.good("mdla-dec", "z.mdla", "--tokens-out", "z.npy", "-f")
        self.assertEqual(self.integers("z.npy", "i"), self.ids[1500:])
        for name, words in (("cache/:doc", "50 token ids for 2500 rows"), ("cache/:h", "must be integers, not f32"),
                            ("cache/", "must be integers, not f32; of a file that holds several"), ("cache/:x", "holds no array x"),
                            ("beside.npz", "say which one, as FILE:NAME")):
            self.assertIn(words, self.bad(1, "mdla-enc", DIGITS, *CODE, "--tokens", name, "-o", "n.mdla"))
        # 16 bits are what they say, as are 64 beyond float's precision.
        long = array.array("q", (2 ** 62 + r for r in range(ROWS)))
        self.write("long.npy", cli.npy_bytes(long, (25, 100), "<i8"))
        self.write("short.npy", cli.npy_bytes(array.array("H", (r for r in range(ROWS))), (ROWS,), "<u2"))
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "short.npy", "--tokens", "long.npy", "-o", "l.mdla")
        self.good("mdla-dec", "l.mdla", "--tokens-out", "l.npy", "--docs-out", "d.npy")
        self.assertEqual(self.integers("l.npy", "q"), long)
        self.assertEqual(list(self.integers("d.npy", "q")), list(range(ROWS)))

    def test_they_stand_in_a_delphi_cache_of_the_codes(self):
        self.good("mdla-enc", DIGITS, *CODE, "--tokens", "ids.npy", "-o", "x.mdla")
        self.good("mdla-dec", "x.mdla", "--codes", "--format", "delphi", "--context", 100, "-o", "cache")
        for split in (self.folder / "cache").glob("*.safetensors"):
            data = split.read_bytes()
            length, = struct.unpack("<Q", data[:8])
            tokens = json.loads(data[8:8 + length])["tokens"]
            self.assertEqual((tokens["dtype"], tokens["shape"]), ("I64", [25, 100]))
            self.assertEqual(array.array("q", data[8 + length:][:8 * ROWS]), array.array("q", self.ids))

    def test_passage_numbers_come_back_as_they_were(self):
        """Of any type: large, below zero, one that comes again; counted from the first row where they are 0, 1, 2 ..."""
        cases = [("i", "<i4", lambda p: 1000 + p), ("q", "<i8", lambda p: (p % 3 - 1) * 2 ** 61 + p), ("b", "|i1", lambda p: -p),
                 ("Q", "<u8", lambda p: 2 ** 64 - 1 - p % 2), ("i", "<i4", lambda p: p % 4), ("q", "<i8", lambda p: p)]
        for code, descr, number in cases:
            docs = [number(r // 37) for r in range(ROWS)]
            self.write("d.npy", cli.npy_bytes(array.array(code, docs), (ROWS,), descr))
            self.good("mdla-enc", DIGITS, *CODE, "--effort", 1, "--docs", "d.npy", "-o", "x.mdla", "-f")
            self.good("mdla-dec", "x.mdla", "--docs-out", "back.npy", "-f")
            self.assertEqual(self.numbers("back.npy"), (descr, docs))
            self.good("mdla-dec", "x.mdla", "--docs-out", "back.npy", "--rows", "1030:2060", "-f")
            self.assertEqual(self.numbers("back.npy"), (descr, docs[1030:2060]))
            self.good("mdla-dec", "--test", "x.mdla")
            info = json.loads(self.good("mdla-info", "x.mdla", "--json"))
            self.assertAlmostEqual(sum(info["bits"].values()), 8 * (self.folder / "x.mdla").stat().st_size, places=3)
            self.assertEqual((info["passage_numbers"], info["bits"]["passage_numbers"] > 0), (docs != [r // 37 for r in range(ROWS)],) * 2)
            self.assertGreater(info["bits"]["passages"], 0)
            self.assertEqual(info["bits"]["row_headers"], 32 * info["blocks"])
            # Passages count from 0 whatever they are called.
            self.assertEqual(self.good("mdla-info", "x.mdla", "--row", "50:3", "--csv"),
                             self.good("mdla-info", "x.mdla", "--row", 50 * 37 + 3, "--csv"))
        # The same starts by other numbers: these alone make the difference, and are neither stream nor codebook.
        self.write("counted.npy", cli.npy_bytes(array.array("i", (r // 90 for r in range(ROWS))), (ROWS,), "<i4"))
        for name, docs in (("kept.mdla", "docs.npy"), ("counted.mdla", "counted.npy")):
            self.good("mdla-enc", DIGITS, *CODE, "--docs", docs, "-o", name)
        sizes = [(self.folder / name).stat().st_size for name in ("kept.mdla", "counted.mdla")]
        kept, counted = json.loads(self.good("mdla-eval", DIGITS, "kept.mdla", "counted.mdla", "--json"))
        self.assertEqual(kept["bits"]["passage_numbers"], 8 * (sizes[0] - sizes[1]))
        self.assertEqual(counted["bits"]["passage_numbers"], 0)
        self.assertEqual(kept["marginal_bits_per_row"], counted["marginal_bits_per_row"])
        self.assertEqual(kept["bits"]["passages"], counted["bits"]["passages"])
        said = self.good("mdla-info", "kept.mdla").decode()
        self.assertIn("passage numbers beside them", said)

    def test_rows_by_token_and_by_place(self):
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "docs.npy", "--tokens", "ids.npy", "-o", "x.mdla", "--index")
        codes = {}
        for line in self.good("mdla-dec", "x.mdla", "--codes", "--format", "csv", "-o", "-").decode().split()[1:]:
            row, feature, level, strength = line.split(",")
            codes.setdefault(int(row), []).append((-float(strength), int(feature)))
        asked = self.ids[1234]
        found = json.loads(self.good("mdla-info", "x.mdla", "--token", asked, "--json"))
        self.assertEqual([r["row"] for r in found], [r for r in range(ROWS) if self.ids[r] == asked])
        for r in found:
            self.assertEqual((r["passage"], r["position"]), (r["row"] // 90, r["row"] % 90))
            code = sorted(codes.get(r["row"], []))
            self.assertEqual(r["active"], len(code))
            strengths = {feature: strength for strength, feature in code}
            named = [r[key] for key in ("strongest", "second", "third")]
            self.assertEqual([n is None for n in named], [len(code) <= i for i in range(3)])
            self.assertEqual([strengths[n] for n in named if n is not None], [strength for strength, _ in code[:3]])
            bill = json.loads(self.good("mdla-info", "x.mdla", "--row", r["row"], "--json"))
            self.assertAlmostEqual(bill["bits"], r["bits"], delta=1e-9)
            place = f"{r['row'] // 90}:{r['row'] % 90}"
            self.assertEqual(json.loads(self.good("mdla-info", "x.mdla", "--row", place, "--json")), bill)
        text = self.good("mdla-info", "x.mdla", "--token", -100).decode().split("\n")
        self.assertEqual((text[0].split(), text[1].split()[:3], len(text)),
                         (["row", "passage", "position", "active", "bits", "strongest", "second", "third"], ["5", "0", "5"], 3))
        self.assertEqual(len(self.good("mdla-info", "x.mdla", "--token", 9001, "--csv").decode().splitlines()), 1)
        busiest = max(range(1024), key=lambda f: sum(f == g for c in codes.values() for _, g in c))
        for more in ([], ["--top", 20]):
            rows = json.loads(self.good("mdla-info", "x.mdla", "--feature", busiest, *more, "--json"))
            self.assertTrue(rows and all(r["token"] == self.ids[r["row"]] for r in rows))
        self.good("mdla-enc", DIGITS, *CODE, "--tokens", "ids.npy", "-o", "y.mdla")
        self.assertNotIn("passage", json.loads(self.good("mdla-info", "y.mdla", "--token", asked, "--json"))[0])
        self.assertIn("holds no starts of passages", self.bad(1, "mdla-info", "y.mdla", "--row", "0:3"))
        self.assertIn("passage 3 has rows 0 to 89", self.bad(1, "mdla-info", "x.mdla", "--row", "3:90"))
        self.assertIn("passage 27 has rows 0 to 69", self.bad(1, "mdla-info", "x.mdla", "--row", "27:70"))
        self.assertIn("it has passages 0 to 27", self.bad(1, "mdla-info", "x.mdla", "--row", "28:0"))
        for place in ("a:1", "1:", ":1", "1:2:3"):
            self.bad(2, "mdla-info", "x.mdla", "--row", place)
        self.assertIn("a whole number", self.bad(2, "mdla-info", "x.mdla", "--token", "the"))
        self.assertIn("holds no token ids", self.bad(1, "mdla-info", cli.FIXTURE / "digits.mdla", "--token", 3))
        self.assertNotIn("token", json.loads(self.good("mdla-info", cli.FIXTURE / "digits.mdla", "--feature", busiest,
                                                       "--json"))[0])

    def test_consistent_activation_heuristic(self):
        """Rows where a feature fires over the passages where it does, against the codes; runs of one number are passages."""
        docs = [(r * r // 7000) % 5 for r in range(ROWS)]
        self.write("runs.npy", cli.npy_bytes(array.array("h", docs), (ROWS,), "<i2"))
        passage = [0]
        for before, number in zip(docs, docs[1:]):
            passage.append(passage[-1] + (before != number))
        file = cli.FIXTURE / "digits.mdla"
        fired = {}
        for line in self.good("mdla-dec", file, "--codes", "--format", "csv", "-o", "-").decode().split()[1:]:
            fired.setdefault(int(line.split(",")[1]), []).append(passage[int(line.split(",")[0])])
        self.good("mdla-eval", DIGITS, file, "--docs", "runs.npy", "--features-out", "f.csv")
        lines = list(csv.DictReader((self.folder / "f.csv").read_text().splitlines()))
        self.assertEqual(len(lines), 1024)
        for line in lines:
            rows = fired.get(int(line["feature"]), [])
            self.assertEqual(int(line["rows"]), len(rows))
            if rows:
                self.assertAlmostEqual(float(line["consistent_activation_heuristic"]), len(rows) / len(set(rows)), delta=1e-7)
            else:
                self.assertEqual(line["consistent_activation_heuristic"], "")
        # Passages of one length, said by number or by --passage-rows; of the SAE's own pass too.
        for source in ([file], ["--sae", cli.SAE]):
            self.good("mdla-eval", DIGITS, *source, "--docs", "docs.npy", "--features-out", "a.csv", "-f")
            self.good("mdla-eval", DIGITS, *source, "--passage-rows", 90, "--features-out", "b.csv", "-f")
            self.assertEqual((self.folder / "a.csv").read_text(), (self.folder / "b.csv").read_text())
            self.assertIn("consistent_activation_heuristic", (self.folder / "a.csv").read_text().splitlines()[0])
        self.assertIn("--features-out F", self.bad(2, "mdla-eval", DIGITS, file, "--docs", "docs.npy"))
        self.assertIn("give one of them", self.bad(2, "mdla-eval", DIGITS, file, "--docs", "docs.npy", "--passage-rows", 9,
                                                   "--features-out", "n.csv"))
        self.write("few.npy", cli.npy_bytes(array.array("i", [1, 2]), (2,), "<i4"))
        self.assertIn("2 passage numbers for 2500 rows", self.bad(1, "mdla-eval", DIGITS, file, "--docs", "few.npy",
                                                                  "--features-out", "n.csv"))

    def test_damage_is_found(self):
        self.good("mdla-enc", DIGITS, *CODE, "--tokens", "ids.npy", "-o", "x.mdla")
        data = bytearray((self.folder / "x.mdla").read_bytes())
        data[data.index(b"toks") + 40] ^= 1
        self.write("bad.mdla", data)
        for args in (["--test", "bad.mdla"], ["bad.mdla", "--tokens-out", "t.npy"]):
            self.assertIn("CRC mismatch", self.bad(1, "mdla-dec", *args))
        self.good("mdla-dec", "bad.mdla", "-o", "rows.npy")
        self.assertFalse((self.folder / "t.npy").exists())

    def test_passage_numbers_that_dont_fit_the_starts(self):
        self.good("mdla-enc", DIGITS, *CODE, "--effort", 1, "--docs", "docs.npy", "-o", "x.mdla")
        self.good("mdla-enc", DIGITS, *CODE, "--effort", 1, "-o", "none.mdla")
        chunks = cli.mdla_chunks((self.folder / "x.mdla").read_bytes())
        place, = (i for i, (kind, _) in enumerate(chunks) if kind == b"docs")
        good = chunks[place][1]
        head, values = struct.unpack("<IIBBH", good[:12]), zlib.decompress(good[12:])
        self.assertEqual((head, len(values)), ((ROWS, 28, 7, 1, 0), 28))

        def payload(rows=ROWS, count=28, dtype=7, w=1, reserved=0, stream=good[12:]):
            return struct.pack("<IIBBH", rows, count, dtype, w, reserved) + stream

        refused = [payload(rows=ROWS + 1), payload(rows=ROWS - 1), payload(rows=27), payload(rows=65537), payload(rows=2 ** 32 - 1),
                   payload(rows=0), payload(count=0), payload(count=2 ** 32 - 1), payload(dtype=3), payload(dtype=12), payload(w=3),
                   payload(reserved=1), good[:11], b""]
        for bad in refused:
            self.write("bad.mdla", cli.mdla_file([*chunks[:place], (b"docs", bad), *chunks[place + 1:]]))
            said = self.bad(1, "mdla-dec", "bad.mdla", "--docs-out", "t.npy")
            self.assertTrue("are damaged" in said or "not every row has a passage number" in said, said)
        late = [payload(count=27, stream=zlib.compress(values[:27])), payload(count=29, stream=zlib.compress(values + b"\2")),
                payload(count=27), payload(count=29), payload(w=2), payload(stream=good[12:-1]), payload(stream=good[12:] + b"\0"),
                payload(stream=b"")]
        for bad in late:
            self.write("bad.mdla", cli.mdla_file([*chunks[:place], (b"docs", bad), *chunks[place + 1:]]))
            for args in (["--test", "bad.mdla"], ["bad.mdla", "--docs-out", "t.npy"]):
                said = self.bad(1, "mdla-dec", *args)
                self.assertTrue("are damaged" in said or "not as many as passages" in said, said)
            self.assertFalse((self.folder / "t.npy").exists())
        self.good("mdla-dec", "bad.mdla", "-o", "rows.npy")
        self.write("bad.mdla", cli.mdla_file([*chunks[:place + 1], *chunks[place:]]))
        self.assertIn("are damaged", self.bad(1, "mdla-dec", "bad.mdla", "--docs-out", "t.npy"))
        without = cli.mdla_chunks((self.folder / "none.mdla").read_bytes())
        self.write("bad.mdla", cli.mdla_file([*without[:-1], chunks[place], without[-1]]))
        self.assertIn("are damaged", self.bad(1, "mdla-dec", "bad.mdla", "-o", "t.npy"))
        # Rows don't need them: a pipe's are decoded, and what knows nothing of them skips them.
        self.write("other.mdla", cli.mdla_file([*chunks[:place], (b"dxcs", good), *chunks[place + 1:]]))
        self.good("mdla-dec", "other.mdla", "--docs-out", "t.npy")
        self.assertEqual(self.numbers("t.npy"), ("<i8", [r // 90 for r in range(ROWS)]))

    def test_from_pipes(self):
        docs = (self.folder / "docs.npy").read_bytes()
        self.good("mdla-enc", DIGITS, *CODE, "--docs", "-", "-o", "d.mdla", stdin=docs)
        out = self.good("mdla-dec", "-", "--docs-out", "-", stdin=(self.folder / "d.mdla").read_bytes())
        self.assertEqual(self.numbers(out), ("<i2", self.docs))
        rows = pathlib.Path(DIGITS).read_bytes()
        self.good("mdla-enc", "-", *CODE, "--docs", "docs.npy", "-o", "p.mdla", stdin=rows)
        self.assertEqual((self.folder / "p.mdla").read_bytes(), (self.folder / "d.mdla").read_bytes())
        ids = (self.folder / "ids.npy").read_bytes()
        self.good("mdla-enc", DIGITS, *CODE, "--tokens", "-", "-o", "x.mdla", stdin=ids)
        out = self.good("mdla-dec", "-", "--tokens-out", "-", stdin=(self.folder / "x.mdla").read_bytes())
        self.assertEqual(array.array("i", cli.npy_read(out)[2]), self.ids)
        self.assertIn("named once", self.bad(2, "mdla-enc", "-", *CODE, "--tokens", "-", "-o", "y.mdla"))

    def test_what_doesnt_fit(self):
        self.write("few.npy", cli.npy_bytes(array.array("i", [1, 2]), (2,), "<i4"))
        self.write("float.npy", cli.npy_bytes(array.array("f", [0.0] * ROWS), (ROWS,)))
        for name, words in (("few.npy", "2 token ids for 2500 rows"), ("float.npy", "must be integers, not f32"),
                            ("none.npy", "none.npy")):
            self.assertIn(words, self.bad(1, "mdla-enc", DIGITS, *CODE, "--tokens", name, "-o", "x.mdla"))
        self.assertFalse((self.folder / "x.mdla").exists())
        self.good("mdla-enc", DIGITS, *CODE, "-o", "x.mdla")
        self.assertIn("holds no token ids", self.bad(1, "mdla-dec", "x.mdla", "--tokens-out", "t.npy"))
        self.assertIn("holds no starts of passages", self.bad(1, "mdla-dec", "x.mdla", "--docs-out", "t.npy"))
        self.assertIn("--codebook alone", self.bad(2, "mdla-dec", "--test", "x.mdla", "--docs-out", "t.npy"))
        self.assertIn("-o OUT", self.bad(2, "mdla-enc", DIGITS, "--sae", cli.SAE, "--fvu", 0.3, "--codebook-out", "c",
                                         "--tokens", "ids.npy"))
        self.assertFalse((self.folder / "t.npy").exists())


if __name__ == "__main__":
    cli.main()
