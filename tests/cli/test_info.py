#!/usr/bin/python3
"""Accounting as the programs print it: what must add up adds up, and the estimates follow their formulas."""
import array
import collections
import csv
import hashlib
import io
import json
import math
import struct

import cli

CODEBOOK = cli.FIXTURE / "digits.codebook"
DIGITS = cli.FIXTURE / "digits.npy"
FILE = cli.FIXTURE / "digits.mdla"
ROWS, WIDTH = 2500, 1024


class Info(cli.CliTest):
    def table(self, program, *args):
        return list(csv.DictReader(io.StringIO(self.good(program, *args, "--csv").decode())))

    def test_classes_sum_to_the_file(self):
        info = json.loads(self.good("mdla-info", FILE, "--json"))
        size = FILE.stat().st_size
        self.assertEqual((info["rows"], info["dims"], info["width"], info["file_nbytes"]), (ROWS, cli.DIMS, WIDTH, size))
        self.assertEqual(info["dtype"], "u8")
        self.assertAlmostEqual(sum(info["bits"].values()), 8 * size, delta=1e-3)
        self.assertLess(info["bits"]["coder"], 0.001 * info["charged_bits"] + 1000)
        text = self.good("mdla-info", FILE).decode()
        self.assertIn("2,500 rows x 784 dims of u8, 1,024 features", text)
        self.assertRegex(text, rf"\nfile +{8 * size}\.0 +{8 * size / ROWS:.3f} +100\.00 %\n")

    def test_rows_and_features_sum_to_the_classes(self):
        info = json.loads(self.good("mdla-info", FILE, "--json"))
        features = self.table("mdla-info", FILE, "--features")
        self.assertEqual(len(features), WIDTH)
        self.assertEqual(sum(int(f["rows"]) for f in features), info["active"])
        for bits, key in (("levels", "level_bits"), ):
            self.assertAlmostEqual(sum(float(f[key]) for f in features), info["bits"][bits], delta=0.01 * WIDTH)
        charged = header = 0
        for row in range(0, 40):
            bill = json.loads(self.good("mdla-info", FILE, "--row", row, "--json"))
            self.assertEqual(bill["row"], row)
            self.assertAlmostEqual(sum(c["index_bits"] for c in bill["code"]), bill["index_bits"], delta=1e-6)
            self.assertAlmostEqual(sum(c["level_bits"] for c in bill["code"]), bill["level_bits"], delta=1e-6)
            charged += bill["index_bits"] + bill["level_bits"]
            header += bill["header_bits"]
        self.assertGreater(charged, 0)
        self.assertGreaterEqual(header, 0)

    def test_flags_of_features_sum_to_the_gap(self):
        features = self.table("mdla-info", FILE, "--features", "--csv")
        whole = json.loads(self.good("mdla-eval", DIGITS, FILE, "--json"))[0]
        flags = sum(float(f["flag_bits"]) for f in features)
        self.assertAlmostEqual(flags, whole["bits"]["indices"], delta=0.002 * flags)
        gap = ROWS * whole["independence_gap_bits_per_row"]
        self.assertAlmostEqual(sum(float(f["gap_bits"]) for f in features), gap, delta=0.002 * flags)
        self.assertGreater(gap, 0.01 * flags)

    def test_pairs_save_their_mutual_information(self):
        pairs = self.table("mdla-info", FILE, "--pairs", 20, "--csv")
        self.assertEqual(len(pairs), 20)
        active = collections.defaultdict(set)
        for r in csv.DictReader(io.StringIO(self.good("mdla-dec", FILE, "--codes", "-o", "-").decode())):
            active[r["feature"]].add(r["row"])
        for p in pairs:
            a, b = active[p["from"]], active[p["to"]]
            self.assertEqual((len(a), len(b), len(a & b)), tuple(int(p[f"rows_{k}"]) for k in ("from", "to", "both")))
            counts = ((len(a & b), len(a), len(b)), (len(a - b), len(a), ROWS - len(b)), (len(b - a), ROWS - len(a), len(b)),
                      (ROWS - len(a | b), ROWS - len(a), ROWS - len(b)))
            bits = sum(n * math.log2(n * ROWS / (x * y)) for n, x, y in counts if n)
            self.assertAlmostEqual(float(p["bits"]), bits, delta=1e-6 * bits)
            self.assertAlmostEqual(float(p["bits_per_row"]), bits / ROWS, delta=1e-6 * bits)
        bits = [float(p["bits"]) for p in pairs]
        self.assertEqual(bits, sorted(bits, reverse=True))

    def test_one_feature_is_its_line_of_the_table(self):
        features = self.table("mdla-info", FILE, "--features")
        busiest = max(features, key=lambda f: int(f["rows"]))
        rows = self.table("mdla-info", FILE, "--feature", busiest["feature"])
        self.assertEqual(len(rows), int(busiest["rows"]))
        self.assertAlmostEqual(sum(float(r["level_bits"]) for r in rows), float(busiest["level_bits"]),
                               delta=1e-4 * len(rows))
        self.assertEqual(len(json.loads(self.good("mdla-info", FILE, "--feature", busiest["feature"], "--json"))),
                         len(rows))

    def test_bill_of_a_row_as_text(self):
        lines = self.good("mdla-info", FILE, "--row", "7").decode().splitlines()
        self.assertEqual(lines[0].split(), "feature level strength index bits level bits bits share % energy".split())
        self.assertEqual(lines[-2].split()[0], "header")
        self.assertEqual(lines[-1].split()[0], "row")

    def test_numbers_out_of_range(self):
        self.assertIn("rows 0 to 2499", self.bad(1, "mdla-info", FILE, "--row", "2500"))
        self.assertIn("features 0 to 1023", self.bad(1, "mdla-info", FILE, "--feature", "1024"))
        self.assertIn("not a .mdla file", self.bad(1, "mdla-info", DIGITS, "--row", "1"))
        said = self.bad(1, "mdla-info", CODEBOOK, "--row", "1")
        self.assertIn(f"{CODEBOOK}: a codebook, which has no rows; ask about a .mdla file that names it, with --codebook", said)
        self.assertNotIn("not a .mdla file", said)

    def test_top_features(self):
        """The features that cost most and least, as --features has them; none of those that are never active."""
        features = json.loads(self.good("mdla-info", FILE, "--features", "--json"))
        used = sorted((f for f in features if f["rows"]), key=lambda f: (-f["bits"], f["feature"]))
        top = json.loads(self.good("mdla-info", FILE, "--top-features", "5", "--json"))
        self.assertEqual(top, used[:5] + used[-5:])
        self.assertEqual(json.loads(self.good("mdla-info", FILE, "--top-features", "99999", "--json")), used)
        self.assertIn("from 1", self.bad(2, "mdla-info", FILE, "--top-features", "0"))
        self.assertIn("give one of them", self.bad(2, "mdla-info", FILE, "--top-features", "1", "--features"))

    def test_codebook(self):
        info = json.loads(self.good("mdla-info", CODEBOOK, "--json"))
        self.assertEqual((info["kind"], info["width"], info["dims"]), ("codebook", WIDTH, cli.DIMS))
        file = json.loads(self.good("mdla-info", FILE, "--json"))
        self.assertEqual(info["sha256"], file["codebook_sha256"])
        self.assertTrue(file["embedded"])
        named = json.loads(self.good("mdla-info", cli.FIXTURE / "named.mdla", "--codebook", CODEBOOK, "--json"))
        self.assertFalse(named["embedded"])
        self.assertEqual(named["bits"]["atoms"], 0)
        self.assertIn(b"codebook, 1,024 features x 784 dims", self.good("mdla-info", CODEBOOK))

    def test_named_codebook_that_is_not_given(self):
        """All that needs no decoding is said without it, as it is with it; the rest is null."""
        named = cli.FIXTURE / "named.mdla"
        without = json.loads(self.good("mdla-info", named, "--json"))
        given = json.loads(self.good("mdla-info", named, "--codebook", CODEBOOK, "--json"))
        coded = {"passages", "row_norms", "indices", "levels", "coder"}
        self.assertEqual({k for k, v in without.pop("bits").items() if v is None}, coded)
        bits = given.pop("bits")
        self.assertAlmostEqual(without.pop("charged_bits"), sum(bits[k] for k in coded), 4)
        self.assertEqual({k for k, v in without.items() if v != given[k]}, {"joint_weights", "active", "l0"})
        self.assertEqual((without["joint_weights"], without["active"], without["l0"]), (None, None, None))
        text = self.good("mdla-info", named).decode()
        for words in ("2,500 rows x 784 dims of u8, 1,024 features", "FVU 0.19", without["codebook_sha256"], "\ncodes ",
                      "\n--codebook CB, the one of this SHA-256, adds L0"):
            self.assertIn(words, text)
        self.assertNotIn("\nindices", text)
        for question in (["--features"], ["--row", "1"], ["--rows", "0:2"], ["--top-rows", "1"], ["--pairs", "1"]):
            self.assertIn("needs the codebook", self.bad(1, "mdla-info", named, *question))

    def test_marginal_bits_are_those_of_a_reference_file(self):
        """One number everywhere: the size of the same rows' file that only names its codebook, nothing beside them."""
        self.write("ids.npy", cli.npy_bytes(array.array("i", range(ROWS)), (ROWS,), "<i4"))
        how = ("--codebook", CODEBOOK, "--step", "200")
        self.good("mdla-enc", DIGITS, *how, "--reference", "-o", "bare.mdla")
        marginal = 8 * (self.folder / "bare.mdla").stat().st_size / ROWS
        for name, more in (("bare", ["--reference", "-f"]), ("whole", []),
                           ("all", ["--note", "a note", "--hook", "h.1", "--tokens", "ids.npy", "--index"]),
                           ("named", ["--note", "a note", "--hook", "h.1", "--tokens", "ids.npy", "--index", "--reference"])):
            said = self.run_tool("mdla-enc", DIGITS, *how, *more, "-o", f"{name}.mdla").stderr
            self.assertIn(f", {marginal:.2f} marginal bits a row, ", said)
            for given in (("--codebook", CODEBOOK), ()):
                info = json.loads(self.good("mdla-info", f"{name}.mdla", *given, "--json"))
                self.assertEqual(info["marginal_bits_per_row"], marginal)
                text = self.good("mdla-info", f"{name}.mdla", *given).decode()
                self.assertEqual(f" a row, {marginal:.2f} marginal\n" in text, name != "bare")
            result = json.loads(self.good("mdla-eval", DIGITS, f"{name}.mdla", "--codebook", CODEBOOK, "--json"))[0]
            self.assertEqual(result["marginal_bits_per_row"], marginal)
            page = self.good("mdla-report", f"{name}.mdla", "--codebook", CODEBOOK, "-o", "-").decode()
            self.assertEqual(f"<b>{marginal:.2f}</b><span>marginal bits a row" in page, name != "bare")

    def test_array(self):
        info = json.loads(self.good("mdla-info", DIGITS, "--json"))
        values = cli.digits(0, ROWS)
        expected = hashlib.sha256(struct.pack(f"<{len(values)}f", *values)).hexdigest()
        self.assertEqual(info, {"file": str(DIGITS), "kind": "array", "rows": ROWS, "dims": cli.DIMS, "dtype": "u8",
                                "float32_sha256": expected})
        self.assertIn(expected.encode(), self.good("mdla-info", "-", stdin=DIGITS.read_bytes()))

    def test_recorded_hash_is_that_of_the_decoded_array(self):
        info = json.loads(self.good("mdla-info", FILE, "--json"))
        array = json.loads(self.good("mdla-info", cli.FIXTURE / "decoded.npy", "--json"))
        self.assertEqual(info["decoded_sha256"], array["float32_sha256"])


class Eval(cli.CliTest):
    def sheet(self, *args):
        return json.loads(self.good("mdla-eval", DIGITS, *args, "--json"))

    def test_fvu_and_mse_follow_their_formulas(self):
        rows = cli.npy_read(DIGITS)[2]
        decoded = struct.unpack(f"<{ROWS * cli.DIMS}f", cli.npy_read(cli.FIXTURE / "decoded.npy")[2])
        error = math.fsum((a - b) ** 2 for a, b in zip(rows, decoded))
        variance = 0
        for d in range(cli.DIMS):
            column = rows[d::cli.DIMS]
            mean = sum(column) / ROWS
            variance += math.fsum((v - mean) ** 2 for v in column)
        result = self.sheet(FILE)[0]
        self.assertAlmostEqual(result["fvu"], error / variance, delta=1e-9)
        self.assertAlmostEqual(result["mse"], error / (ROWS * cli.DIMS), delta=1e-9 * result["mse"] + 1e-9)
        recorded = json.loads(self.good("mdla-info", FILE, "--json"))["fvu"]
        self.assertAlmostEqual(result["fvu"], recorded, delta=1e-6)

    def test_estimates_follow_their_formulas(self):
        text = self.good("mdla-dec", FILE, "--codes", "-o", "-").decode()
        pairs, active, per_row = collections.Counter(), collections.Counter(), collections.Counter()
        for r in csv.DictReader(io.StringIO(text)):
            pairs[r["feature"], r["level"]] += 1
            active[r["feature"]] += 1
            per_row[int(r["row"])] += 1
        l0 = sum(active.values()) / ROWS
        levels = len({level for _, level in pairs})
        bound = l0 * (math.log2(levels) + math.log2(WIDTH))
        entropy = 0
        for n in active.values():
            p = n / ROWS
            entropy -= p * math.log2(p) + ((1 - p) * math.log2(1 - p) if p < 1 else 0)
        entropy += sum(n / ROWS * math.log2(active[f] / n) for (f, _), n in pairs.items())
        subset = math.log2(WIDTH + 1) + sum(math.log2(math.comb(WIDTH, per_row[r])) for r in range(ROWS)) / ROWS
        result = self.sheet(FILE)[0]
        self.assertAlmostEqual(result["l0"], l0, delta=1e-9)
        self.assertEqual(result["levels_in_use"], levels)
        for key, value in (("bound", bound), ("entropy", entropy), ("subset", subset)):
            self.assertAlmostEqual(result[f"{key}_bits_per_row"], value, delta=1e-6 * value)

    def test_saebench_follows_its_formula(self):
        strengths = collections.defaultdict(list)
        for r in csv.DictReader(io.StringIO(self.good("mdla-dec", FILE, "--codes", "-o", "-").decode())):
            strengths[r["feature"]].append(float(r["strength"]))
        result = self.sheet(FILE)[0]

        def entropy(counts):
            return -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts if n)

        for bins in (8, 16, 32, 64):
            printed = meant = 0
            for values in strengths.values():
                counts, top = [0] * bins, max(100, *values)
                for v in values:
                    counts[min(int(v / top * bins), bins - 1)] += 1
                p, off = len(values) / ROWS, ROWS - len(values)
                printed += entropy([len(values), off]) + p * entropy([counts[0] + off] + counts[1:])
                meant += entropy([len(values), off]) + p * entropy(counts)
            self.assertAlmostEqual(result[f"saebench_description_length_{bins}_bins"], printed, delta=1e-6 * printed)
            self.assertAlmostEqual(result[f"binned_entropy_{bins}_bins_bits_per_row"], meant, delta=1e-6 * meant)
            self.assertLess(printed, meant)
        # The SAE's own code, whose strengths take a second pass: levels are coarser than 64 bins of it.
        own = json.loads(self.good("mdla-eval", DIGITS, "--sae", cli.SAE, "--json"))[0]
        self.assertGreater(own["binned_entropy_64_bins_bits_per_row"], own["saebench_description_length_64_bins"])
        self.assertGreater(own["binned_entropy_64_bins_bits_per_row"], own["binned_entropy_8_bins_bits_per_row"] + 1)

    def test_bits_are_those_of_the_file(self):
        result = self.sheet(FILE)[0]
        self.assertAlmostEqual(result["file_bits_per_row"], 8 * FILE.stat().st_size / ROWS, delta=1e-9)
        self.assertAlmostEqual(sum(result["bits"].values()) / ROWS, result["file_bits_per_row"], delta=1e-6)
        self.assertLess(result["marginal_bits_per_row"], result["file_bits_per_row"])

    def test_forms_agree(self):
        text = self.good("mdla-eval", DIGITS, FILE, FILE, "--csv").decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        result = self.sheet(FILE)[0]
        self.assertEqual(len(rows), 2)
        for key, value in result.items():
            if key != "bits" and key != "file":
                self.assertEqual(float(rows[1][key]), value, key)
        table = self.good("mdla-eval", DIGITS, FILE, "--table").decode().splitlines()
        self.assertEqual(len(table), 2)
        self.assertIn(f"{result['fvu']:.6f}", table[1])
        self.assertIn(b"paper's bound: L0 (B + log2 width)", self.good("mdla-eval", DIGITS, FILE))

    def test_forward_pass_of_the_sae(self):
        result = json.loads(self.good("mdla-eval", cli.TEST, "--sae", cli.SAE, "--json"))[0]
        self.assertEqual((result["rows"], result["width"]), (10000, WIDTH))
        self.assertAlmostEqual(result["fvu"], 0.1495, delta=0.0006)  # corpus/README.md says 0.1495 and 16.2
        self.assertAlmostEqual(result["l0"], 16.2, delta=0.06)


if __name__ == "__main__":
    cli.main()
