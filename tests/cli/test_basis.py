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
        outputs = set()
        for threads in ("1", "3"):
            self.good("mdla-enc", DIGITS, "--basis", "pca", "--fvu", "0.3", "-o", "x.mdla", "-f", "-T", threads)
            outputs.add((self.folder / "x.mdla").read_bytes())
        self.assertEqual(len(outputs), 1)

    def test_what_cant_stand_together(self):
        for more, words in ((["--sae", cli.SAE], "--basis"), (["--codebook", "x"], "--basis"), (["--prune"], "--prune"),
                            (["--code", "sae"], "--code sae")):
            self.assertIn(words, self.bad(2, "mdla-enc", DIGITS, "--basis", "pca", "--fvu", "0.3", *more, "-o", "x.mdla"))
        self.assertIn("dense", self.bad(2, "mdla-enc", DIGITS, "--basis", "fourier", "--fvu", "0.3", "-o", "x.mdla"))
        self.good("mdla-enc", DIGITS, "--basis", "dense", "--fvu", "0.3", "--codebook-out", "x.codebook")
        self.assertIn("wasn't made from one", self.bad(1, "mdla-enc", DIGITS, "--codebook", "x.codebook", "--sae", cli.SAE,
                                                       "--fvu", "0.3", "-o", "x.mdla"))
        self.assert_files(DIGITS, "x.codebook")


if __name__ == "__main__":
    cli.main()
