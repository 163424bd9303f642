#!/usr/bin/python3
"""Baselines in an SAE's place (--basis): rates, shapes, threads, what can't stand together."""
import json

import cli

DIGITS = "digits.npy"
ROWS = 600


class Basis(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.write(DIGITS, cli.npy_bytes(cli.digits(0, ROWS), (ROWS, cli.DIMS), "|u1"))

    def account(self, *args):
        """What mdla-info says of digits coded with options; the file is x.mdla."""
        self.good("mdla-enc", DIGITS, *args, "-o", "x.mdla", "-f", "--verify")
        self.good("mdla-dec", "--test", "x.mdla")
        found = json.loads(self.good("mdla-info", "x.mdla", "--json"))
        self.assertAlmostEqual(sum(found["bits"].values()), 8 * (self.folder / "x.mdla").stat().st_size, places=3)
        return found

    def test_signed_levels_cost_levels_alone(self):
        dense = self.account("--basis", "dense", "--fvu", "0.25")
        pca = self.account("--basis", "pca", "--fvu", "0.25")
        for found in (dense, pca):
            self.assertLessEqual(found["fvu"], 0.25)
            self.assertGreater(found["fvu"], 0.249)
            self.assertEqual(found["bits"]["indices"], 0)
        # Axes are worth it, but not their atoms for so few rows.
        self.assertLess(pca["bits"]["levels"], 0.6 * dense["bits"]["levels"])
        self.assertEqual(dense["bits"]["atoms"], 0)
        self.assertLess(dense["bits"]["priors"], 40 * cli.DIMS)
        self.assertGreater(pca["bits"]["atoms"], 10000)

    def test_levels_have_signs(self):
        self.account("--basis", "dense", "--step", "100")
        bill = json.loads(self.good("mdla-info", "x.mdla", "--row", "3", "--json"))
        levels = [line["level"] for line in bill["code"]]
        self.assertTrue(min(levels) < 0 < max(levels))
        for line in bill["code"]:
            self.assertEqual(line["level"] < 0, line["strength"] < 0)
        codes = self.good("mdla-dec", "x.mdla", "--codes", "-o", "-").decode().splitlines()[1:]
        self.assertEqual([int(line.split(",")[2]) for line in codes if line.startswith("3,")], levels)

    def test_targets_and_rates_of_one_codebook(self):
        for basis in ("dense", "pca"):
            found = self.account("--basis", basis, "--bits-per-row", "100", "--codebook-out", "x.codebook", "-f")
            self.assertAlmostEqual(found["charged_bits"] / ROWS, 97, delta=3)  # and what a block takes
            finer = self.account("--codebook", "x.codebook", "--fvu", "0.2")
            self.assertLessEqual(finer["fvu"], 0.2)
            shown = json.loads(self.good("mdla-info", "x.codebook", "--json"))
            self.assertEqual(shown["basis"], basis)

    def test_threads_dont_matter(self):
        for basis in (["pca", "--fvu", "0.3"], ["rvq", "--codewords", "20", "--fvu", "0.5"]):
            outputs = set()
            for threads in ("1", "3"):
                self.good("mdla-enc", DIGITS, "--basis", *basis, "-o", "x.mdla", "-f", "-T", threads)
                outputs.add((self.folder / "x.mdla").read_bytes())
            self.assertEqual(len(outputs), 1)

    def test_a_codeword_a_row(self):
        found = self.account("--basis", "onehot", "--codewords", "30")
        self.assertEqual((found["l0"], found["bits"]["levels"]), (1, 0))
        # Cells of different sizes: less than log2 30 bits.
        self.assertLess(found["bits"]["indices"], 4.9 * ROWS)
        self.assertGreater(found["bits"]["indices"], 4.0 * ROWS)
        lists = [self.good("mdla-info", "x.mdla", "--feature", "7", "--csv")]
        self.account("--basis", "onehot", "--codewords", "30", "--index")
        lists.append(self.good("mdla-info", "x.mdla", "--feature", "7", "--csv"))
        self.assertEqual(*lists)  # posting lists say what the codes say
        self.assertGreater(lists[0].count(b"\n"), 1)
        fewer = self.account("--basis", "onehot", "--codewords", "8")
        self.assertGreater(fewer["fvu"], 1.1 * found["fvu"])
        cheap = self.account("--basis", "onehot", "--codewords", "30", "--bits-per-row", "4.5")
        self.assertLess(cheap["bits"]["indices"], 0.95 * found["bits"]["indices"])
        self.assertIn("0.2 can't be reached: 30 codewords",
                      self.bad(1, "mdla-enc", DIGITS, "--basis", "onehot", "--codewords", "30", "--fvu", "0.2", "-o", "y.mdla"))
        self.assertIn("2 to 1048576", self.bad(2, "mdla-enc", DIGITS, "--basis", "rvq", "--codewords", "1", "-o", "y.mdla"))
        self.assertIn("more than the 600 rows", self.bad(1, "mdla-enc", DIGITS, "--basis", "onehot", "--codewords", "601",
                                                         "-o", "y.mdla"))

    def test_as_many_codewords_as_rows_are_the_rows(self):
        self.write("few.npy", cli.npy_bytes(cli.digits(0, 100), (100, cli.DIMS), "|u1"))
        self.good("mdla-enc", "few.npy", "--basis", "onehot", "--codewords", "100", "-o", "all.mdla")
        every = json.loads(self.good("mdla-info", "all.mdla", "--json"))
        self.assertLess(every["fvu"], 0.0003)
        self.good("mdla-enc", "few.npy", "--basis", "onehot", "--codewords", "100", "--fvu", "0.25", "-o", "coarse.mdla")
        coarse = json.loads(self.good("mdla-info", "coarse.mdla", "--json"))
        self.assertLessEqual(coarse["fvu"], 0.25)
        self.assertGreater(coarse["fvu"], 0.2)
        self.assertLess(coarse["bits"]["atoms"], 0.3 * every["bits"]["atoms"])

    def test_codewords_used_alike_get_coarser_at_once(self):
        """So that FVU jumps over the target as lambda rises; the near side of the jump is taken."""
        for fvu in (0.2, 0.25):
            found = self.account("--basis", "onehot", "--codewords", str(ROWS), "--fvu", str(fvu))
            self.assertLessEqual(found["fvu"], fvu)
            self.assertGreater(found["fvu"], 0.75 * fvu)

    def test_stages(self):
        found = self.account("--basis", "rvq", "--codewords", "32", "--fvu", "0.35", "--codebook-out", "x.codebook")
        self.assertLessEqual(found["fvu"], 0.35)
        self.assertGreater(found["fvu"], 0.345)
        shown = json.loads(self.good("mdla-info", "x.codebook", "--json"))
        self.assertEqual((shown["basis"], shown["stages"]), ("rvq", found["l0"]))
        given = self.account("--basis", "rvq", "--codewords", "32", "--stages", str(shown["stages"] + 1))
        self.assertEqual(given["l0"], shown["stages"] + 1)
        self.assertLess(given["fvu"], found["fvu"])
        bill = json.loads(self.good("mdla-info", "x.mdla", "--row", "3", "--json"))
        self.assertEqual([line["feature"] // 32 for line in bill["code"]], list(range(shown["stages"] + 1)))
        self.assertEqual({line["level"] for line in bill["code"]}, {1})
        # Another set by the same codebook, nearest and at a rate.
        nearest = self.account("--codebook", "x.codebook")
        cheap = self.account("--codebook", "x.codebook", "--fvu", "0.45")
        self.assertLess(nearest["fvu"], found["fvu"])
        self.assertTrue(0.44 < cheap["fvu"] <= 0.45)
        self.assertLess(cheap["bits"]["indices"], nearest["bits"]["indices"])
        self.assertIn("nearest codewords come to", self.bad(1, "mdla-enc", DIGITS, "--codebook", "x.codebook", "--fvu", "0.1",
                                                           "-o", "y.mdla"))
        by_rate = self.account("--basis", "rvq", "--codewords", "32", "--bits-per-row", "14")
        self.assertLessEqual(by_rate["bits"]["indices"] / ROWS, 14)
        self.assertGreater(by_rate["bits"]["indices"] / ROWS, 8)
        self.assertLess(by_rate["fvu"], 0.5)

    def test_an_fvu_is_kept_with_few_rows(self):
        self.write("ten.npy", cli.npy_bytes(cli.digits(3, 10), (10, cli.DIMS), "|u1"))
        for basis in (["pca"], ["dense"], ["rvq", "--codewords", "4"]):
            for fvu in (0.2, 0.3, 0.4):
                self.good("mdla-enc", "ten.npy", "--basis", *basis, "--fvu", fvu, "-o", "x.mdla", "-f")
                self.assertLessEqual(json.loads(self.good("mdla-info", "x.mdla", "--json"))["fvu"], fvu)

    def test_what_cant_stand_together(self):
        for more, words in ((["--sae", cli.SAE], "--basis"), (["--codebook", "x"], "--basis"), (["--prune"], "--prune"),
                            (["--code", "sae"], "--code sae")):
            self.assertIn(words, self.bad(2, "mdla-enc", DIGITS, "--basis", "pca", "--fvu", "0.3", *more, "-o", "x.mdla"))
        for more, words in ((["onehot", "--fvu", "0.3"], "--codewords K"), (["rvq"], "--stages S"),
                            (["rvq", "--stages", "2", "--step", "3"], "--step"), (["pca", "--fvu", "0.3", "--stages", "2"], "--stages"),
                            (["dense", "--fvu", "0.3", "--codewords", "9"], "--codewords"),
                            (["onehot", "--codewords", "9", "--stages", "2"], "--stages")):
            self.assertIn(words, self.bad(2, "mdla-enc", DIGITS, "--basis", *more, "-o", "x.mdla"))
        self.assertIn("dense", self.bad(2, "mdla-enc", DIGITS, "--basis", "fourier", "--fvu", "0.3", "-o", "x.mdla"))
        self.good("mdla-enc", DIGITS, "--basis", "dense", "--fvu", "0.3", "--codebook-out", "x.codebook")
        self.assertIn("wasn't made from one", self.bad(1, "mdla-enc", DIGITS, "--codebook", "x.codebook", "--sae", cli.SAE,
                                                       "--fvu", "0.3", "-o", "x.mdla"))
        self.assert_files(DIGITS, "x.codebook")


if __name__ == "__main__":
    cli.main()
