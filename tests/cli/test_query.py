#!/usr/bin/python3
"""Questions about the codes of a file: every answer is compared with all codes as mdla-dec writes them, and what a
feature saves with rows that are changed by hand."""
import array
import collections
import csv
import io
import json
import math
import struct
import zlib

import cli

FILE = cli.FIXTURE / "digits.mdla"
DIGITS = cli.FIXTURE / "digits.npy"
DECODED = cli.FIXTURE / "decoded.npy"
ROWS, WIDTH = 2500, 1024


class Query(cli.CliTest):
    def lines(self, *args):
        """An answer as JSON; CSV and text must say the same."""
        records = json.loads(self.good("mdla-info", *args, "--json"))
        table = list(csv.reader(io.StringIO(self.good("mdla-info", *args, "--csv").decode())))
        text = self.good("mdla-info", *args).decode().splitlines()
        self.assertEqual(len(table), len(records) + 1)
        self.assertEqual(len(text), len(records) + 1)
        self.assertEqual(text[0].split(), " ".join(table[0]).replace("_", " ").split())
        for line, shown, record in zip(table[1:], text[1:], records):
            self.assertEqual(dict(zip(table[0], map(float, line))), record)
            self.assertEqual(len(shown.split()), len(line))
        return records

    def codes(self):
        text = self.good("mdla-dec", FILE, "--codes", "-o", "-").decode()
        return [(int(r["row"]), int(r["feature"]), int(r["level"]), float(r["strength"]))
                for r in csv.DictReader(io.StringIO(text))]

    def test_rows_are_their_codes(self):
        codes = self.codes()
        for first, end in ((0, 3), (1020, 1030), (2490, ROWS), (7, 7)):
            found = [(r["row"], r["feature"], r["level"]) for r in self.lines(FILE, "--rows", f"{first}:{end}")]
            self.assertEqual(sorted(found), sorted(c[:3] for c in codes if first <= c[0] < end))
        self.assertEqual(self.lines(FILE, "--rows", "2498:"), self.lines(FILE, "--rows", f"2498:{ROWS}"))
        self.assertEqual(self.lines(FILE, "--rows", ":2"), self.lines(FILE, "--rows", "0:2"))

    def test_a_feature_is_where_the_codes_have_it(self):
        codes = self.codes()
        rows = collections.defaultdict(list)
        for row, feature, level, strength in codes:
            rows[feature].append((row, level, strength))
        busiest = max(rows, key=lambda f: len(rows[f]))
        rarest = min(rows, key=lambda f: len(rows[f]))
        never = min(set(range(WIDTH)) - set(rows))
        for feature in (busiest, rarest, never):
            found = [(r["row"], r["level"]) for r in self.lines(FILE, "--feature", feature)]
            self.assertEqual(found, [r[:2] for r in rows[feature]])
        for top in (1, 10, len(rows[busiest]) - 1, 10 ** 9):
            found = [(r["row"], r["level"]) for r in self.lines(FILE, "--feature", busiest, "--top", top)]
            expected = sorted(rows[busiest], key=lambda r: (-r[2], r[0]))[:top]
            self.assertEqual(found, [r[:2] for r in expected])
        self.assertEqual(self.lines(FILE, "--feature", never, "--top", 3), [])

    def test_dearest_and_cheapest_rows(self):
        codes = collections.Counter(c[0] for c in self.codes())
        everyone = self.lines(FILE, "--top-rows", 10 ** 6)
        self.assertEqual(sorted(r["row"] for r in everyone), list(range(ROWS)))
        self.assertEqual([r["bits"] for r in everyone], sorted((r["bits"] for r in everyone), reverse=True))
        for r in everyone[:20]:
            self.assertEqual(r["active"], codes[r["row"]])
            self.assertAlmostEqual(r["bits"], sum(r[f"{k}_bits"] for k in ("passage", "header", "index", "level")),
                                   delta=1e-9)
            bill = json.loads(self.good("mdla-info", FILE, "--row", r["row"], "--json"))
            self.assertAlmostEqual(bill["bits"], r["bits"], delta=1e-9)
        ends = self.lines(FILE, "--top-rows", 7)
        self.assertEqual([r["row"] for r in ends], [r["row"] for r in everyone[:7] + everyone[-7:]])

    def test_bill_adds_up(self):
        bill = json.loads(self.good("mdla-info", FILE, "--row", 7, "--json"))
        rest = bill["header_bits"] + bill["passage_bits"]
        self.assertAlmostEqual(sum(c["bits"] for c in bill["code"]) + rest, bill["bits"], delta=1e-9)
        self.assertAlmostEqual(sum(c["share"] for c in bill["code"]) + rest / bill["bits"], 1, delta=1e-9)
        self.assertEqual({c["error_saved"] for c in bill["code"]}, {None})
        table = list(csv.DictReader(io.StringIO(self.good("mdla-info", FILE, "--row", 7, "--csv").decode())))
        self.assertEqual(table[-1]["feature"], "row")
        self.assertAlmostEqual(float(table[-1]["bits"]), bill["bits"], delta=1e-9)
        self.assertAlmostEqual(sum(float(t["share_percent"]) for t in table[:-1]), 100, delta=1e-9)

    def bill(self, row, data):
        return json.loads(self.good("mdla-info", FILE, "--row", row, "--data", data, "--json"))

    def test_what_a_feature_saves(self):
        """Against the decoded rows with t added in one place: without a feature of part v the error grows by
        |v|^2 + 2 t v there. So every v can be told, and the row less its parts is the bias, the same for all rows."""
        decoded = array.array("f", struct.unpack(f"<{ROWS * cli.DIMS}f", cli.npy_read(DECODED)[2]))
        pixels, t, bias = (380, 407), 64.0, collections.defaultdict(list)
        for row in (3, 1999):
            exact = self.bill(row, DECODED)
            self.assertEqual(exact["squared_error"], 0)
            energy = {c["feature"]: c["energy"] for c in exact["code"]}
            for c in exact["code"]:
                self.assertGreater(c["energy"], 0.5 * c["strength"] ** 2)  # an atom, rounded, has a norm of about 1
                self.assertLess(c["energy"], 1.5 * c["strength"] ** 2)
                self.assertAlmostEqual(c["error_saved"], c["energy"], delta=1e-6 * c["energy"])
            for pixel in pixels:
                changed = decoded[:]
                changed[row * cli.DIMS + pixel] += t
                (self.folder / "changed.npy").write_bytes(cli.npy_bytes(changed, (ROWS, cli.DIMS)))
                moved = self.bill(row, "changed.npy")
                self.assertAlmostEqual(moved["squared_error"], t * t, delta=0.01)
                parts = [(c["error_saved"] - energy[c["feature"]]) / (2 * t) for c in moved["code"]]
                self.assertGreater(max(map(abs, parts)), 1)
                bias[pixel].append(decoded[row * cli.DIMS + pixel] - sum(parts))
        for pixel in pixels:
            self.assertAlmostEqual(bias[pixel][0], bias[pixel][1], delta=0.01)

    def test_error_of_a_row_is_that_of_its_source(self):
        decoded = struct.unpack(f"<{ROWS * cli.DIMS}f", cli.npy_read(DECODED)[2])
        source = cli.npy_read(DIGITS)[2]
        at = slice(1500 * cli.DIMS, 1501 * cli.DIMS)
        error = sum((a - b) ** 2 for a, b in zip(source[at], decoded[at]))
        self.assertAlmostEqual(self.bill(1500, DIGITS)["squared_error"], error, delta=1e-6 * error)
        text = self.good("mdla-info", FILE, "--row", 1500, "--data", DIGITS).decode()
        self.assertIn(f"the row's squared error: {error:.6g}", text)

    def test_what_an_atom_pays(self):
        """mdla-eval's lines of features against mdla-info's, the bills of a rare feature's rows, and the formula."""
        self.good("mdla-eval", DIGITS, FILE, "--features-out", "f.csv", "--json")
        worth = list(csv.DictReader(io.StringIO((self.folder / "f.csv").read_text())))
        info = json.loads(self.good("mdla-info", FILE, "--json"))
        paid = {f["feature"]: f["bits"] for f in json.loads(self.good("mdla-info", FILE, "--features", "--json"))}
        self.assertEqual(len(worth), WIDTH)
        step = info["step"] ** 2 * math.log(2) / 6
        pays = 0
        for f in worth:
            bits, saved, worth_bits, atom = (float(f[k]) for k in ("bits", "error_saved", "worth_bits", "atom_bits"))
            self.assertAlmostEqual(bits, paid[int(f["feature"])], delta=1e-5 * bits + 1e-6)
            self.assertAlmostEqual(worth_bits, saved / step, delta=1e-6 * abs(worth_bits) + 1e-6)
            self.assertGreater(atom, 0)
            if worth_bits > bits:
                pays += 1
                self.assertAlmostEqual(float(f["payback_rows"]), atom / ((worth_bits - bits) / ROWS),
                                       delta=1e-3 * float(f["payback_rows"]))
            else:
                self.assertEqual(f["payback_rows"], "n/a")
        self.assertTrue(WIDTH / 4 < pays < WIDTH)
        total = sum(float(f["atom_bits"]) for f in worth)
        self.assertLess(abs(total - info["bits"]["atoms"]), 200)
        rare = min((f for f in worth if int(f["rows"]) > 1), key=lambda f: int(f["rows"]))
        saved = 0
        for at in self.lines(FILE, "--feature", rare["feature"]):
            code = self.bill(at["row"], DIGITS)["code"]
            saved += next(c["error_saved"] for c in code if c["feature"] == int(rare["feature"]))
        self.assertAlmostEqual(saved, float(rare["error_saved"]), delta=1e-6 * abs(saved))

    def test_posting_lists_change_no_answer(self):
        self.good("mdla-enc", DIGITS, "--codebook", cli.FIXTURE / "digits.codebook", "--fvu", "0.2", "--block-rows", 100,
                  "-o", "plain.mdla")
        self.good("mdla-enc", DIGITS, "--codebook", cli.FIXTURE / "digits.codebook", "--fvu", "0.2", "--block-rows", 100,
                  "--index", "-o", "indexed.mdla")
        sizes = [(self.folder / f"{name}.mdla").stat().st_size for name in ("plain", "indexed")]
        plain, indexed = (json.loads(self.good("mdla-info", f"{n}.mdla", "--json")) for n in ("plain", "indexed"))
        self.assertEqual((plain["postings"], indexed["postings"]), (False, True))
        self.assertEqual((plain["bits"]["postings"], indexed["bits"]["postings"]), (0, 8 * (sizes[1] - sizes[0])))
        self.assertEqual(plain["decoded_sha256"], indexed["decoded_sha256"])
        self.assertIn(b"posting lists", self.good("mdla-info", "indexed.mdla"))
        rows = {f["feature"]: f["rows"] for f in json.loads(self.good("mdla-info", FILE, "--features", "--json"))}
        for feature in (max(rows, key=rows.get), min(rows, key=rows.get), 5, 500, WIDTH - 1):
            for question in ([], ["--top", 1], ["--top", 12]):
                answers = [self.good("mdla-info", f"{n}.mdla", "--feature", feature, *question, "--csv")
                           for n in ("plain", "indexed")]
                self.assertEqual(*answers)
        self.good("mdla-dec", "--test", "indexed.mdla")
        whole = (self.folder / "indexed.mdla").read_bytes()
        at = whole.rindex(b"post")
        (self.folder / "damaged.mdla").write_bytes(whole[:at + 100] + bytes([whole[at + 100] ^ 1]) + whole[at + 101:])
        self.assertIn("CRC", self.bad(1, "mdla-dec", "--test", "damaged.mdla"))
        self.assertEqual(self.good("mdla-dec", "damaged.mdla", "-o", "-"), self.good("mdla-dec", "plain.mdla", "-o", "-"))

    def test_posting_lists_are_not_of_caches(self):
        cache = (cli.TOP / "tests" / "vectors" / "cache-signed.mdla").read_bytes()
        post = b"post" + struct.pack("<III", 8, 0, 1)
        post += struct.pack("<I", zlib.crc32(post))
        (self.folder / "cache.mdla").write_bytes(cache[:-36] + post + cache[-36:])
        self.assertIn("a latent cache has none", self.bad(1, "mdla-info", "cache.mdla", "--feature", 0))

    def test_mistakes(self):
        for args, sentence in (
                (["--top", "3"], "--top goes with --feature J"),
                (["--data", DIGITS], "--data goes with --row I"),
                (["--csv"], "--csv goes with a question"),
                (["--rows", "5:2"], "--rows 5:2: give A:B"),
                (["--rows", "0:2", "--csv", "--json"], "--csv and --json: give one of them"),
                (["--rows", "0:2", "--top-rows", "1"], "give one of them"),
                (["--feature", "1", "--top", "0"], "--top 0: give a whole number, from 1")):
            self.assertIn(sentence, self.bad(2, "mdla-info", FILE, *args))
        self.assertIn("rows 0 to 2499", self.bad(1, "mdla-info", FILE, "--rows", "0:2501"))
        (self.folder / "narrow.npy").write_bytes(cli.npy_bytes(bytes(8), (2, 4), "|u1"))
        self.assertIn("--data of 4", self.bad(1, "mdla-info", FILE, "--row", 1, "--data", "narrow.npy"))
        (self.folder / "short.npy").write_bytes(cli.npy_bytes(bytes(2 * cli.DIMS), (2, cli.DIMS), "|u1"))
        self.assertIn("row 7", self.bad(1, "mdla-info", FILE, "--row", 7, "--data", "short.npy"))


if __name__ == "__main__":
    cli.main()
