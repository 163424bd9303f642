#!/usr/bin/python3
"""Sets of features that would take fewer bits as one (mdla-info --splits): split concepts are pointed at where splitting
doesn't pay, and files measure what was foreseen."""
import argparse
import array
import csv
import io
import json
import math
import sys

import cli

sys.path.insert(0, str(cli.TOP / "corpus" / "reports"))
import split_features  # noqa: E402
import split_trees  # noqa: E402
import splits  # noqa: E402

ROWS = 3000
FVU = 0.2


def flag_bits(n, rows):
    return math.log2(math.pi) + (math.lgamma(rows + 1) - math.lgamma(n + 0.5) - math.lgamma(rows - n + 0.5)) / math.log(2)


class Splits(cli.CliTest):
    def code(self, sae, name, *more, fvu=FVU):
        """Rows coded by an SAE into name.mdla."""
        sae.write(self.folder / name)
        return splits.Coded(cli.TOOLS, self.folder / name, self.folder / "rows.npy", self.folder / f"{name}.mdla",
                            ["--fvu", fvu, *more])

    def start(self, spread, *more):
        """Trees, and their rows coded by the SAE that has concepts split."""
        trees = split_trees.SplitTrees(1, spread)
        splits.write_npy(self.folder / "rows.npy", trees.rows(ROWS), split_trees.DIMS)
        return trees, self.code(trees.split_sae(), "split", *more)

    def lines(self, file="split.mdla"):
        return list(csv.DictReader(io.StringIO(self.good("mdla-info", file, "--splits", "--csv").decode())))

    def test_split_concepts_are_found_and_files_agree(self):
        trees, apart = self.start(0.4)
        sets = splits.sets_of(cli.TOOLS, self.folder / "split.mdla")
        whole = [set(trees.members(concept)) for concept in range(split_trees.SPLIT)]
        for weights, saved in sets:
            self.assertIn(set(weights), whole)
            self.assertGreater(saved, 0)
        self.assertGreaterEqual(len(sets), split_trees.SPLIT - 1)
        foreseen = sum(saved for _, saved in sets)
        merged = self.code(trees.split_sae().merged([weights for weights, _ in sets]), "merged")
        deviation = splits.deviation_of(cli.TOOLS, self.folder / "rows.npy", self.folder / "split.mdla")
        saved = apart.bits - merged.bits_at(apart.fvu, deviation)
        print(f"{len(sets)} sets; foreseen {foreseen:.0f} bits, measured {saved:.0f} of {apart.bits}")
        self.assertGreater(saved, 0.6 * foreseen)
        self.assertLess(saved, 1.6 * foreseen)

    def test_variants_that_pay_arent_pointed_at(self):
        trees, apart = self.start(1)
        self.assertEqual(self.lines(), [])
        whole = self.code(trees.whole_sae(), "whole")
        deviation = splits.deviation_of(cli.TOOLS, self.folder / "rows.npy", self.folder / "split.mdla")
        self.assertGreater(whole.bits_at(apart.fvu, deviation), 1.02 * apart.bits)

    def test_parts_follow_their_formulas(self):
        trees, apart = self.start(0.4, "--expected-rows", 10 ** 6)  # for fine atoms
        active = {}
        for r in csv.DictReader(io.StringIO(self.good("mdla-dec", "split.mdla", "--codes", "-o", "-").decode())):
            active.setdefault(int(r["feature"]), {})[int(r["row"])] = float(r["strength"])
        levels = [float(line["level_bits"]) for line in
                  csv.DictReader(io.StringIO(self.good("mdla-info", "split.mdla", "--features", "--csv").decode()))]
        groups = {}
        for line in self.lines():
            groups.setdefault(line["set"], []).append(line)
        saved = [float(group[0]["bits_saved"]) for group in groups.values()]
        self.assertEqual(saved, sorted(saved, reverse=True))
        for group in groups.values():
            first = {k: float(v) if v else None for k, v in group[0].items()}
            features = [int(line["feature"]) for line in group]
            rows = set().union(*(active[f] for f in features))
            self.assertEqual(first["set_rows"], len(rows))
            for line, f in zip(group, features):
                self.assertEqual(int(line["rows"]), len(active[f]))
            flags = sum(flag_bits(len(active[f]), ROWS) for f in features) - flag_bits(len(rows), ROWS)
            self.assertAlmostEqual(first["flag_bits"], flags, places=5)
            fewer = 1 - len(rows) / sum(len(active[f]) for f in features)
            self.assertAlmostEqual(first["level_bits"], fewer * sum(levels[f] for f in features), places=3)
            self.assertAlmostEqual(first["bits_saved"], first["atom_bits"] + first["prior_bits"] + first["flag_bits"] +
                                   first["level_bits"] - first["error_bits"], places=6)
            lost = first["error_bits"] - first["flag_bits"] - first["level_bits"]
            even = ROWS * (first["atom_bits"] + first["prior_bits"]) / lost if lost > 0 else None
            self.assertEqual(first["rows_even"] is None, even is None)
            if even:
                self.assertAlmostEqual(first["rows_even"], even, delta=1e-6 * even)
            # Row by row: what the merged atom leaves of the set's parts.
            atom = [0.0] * split_trees.DIMS
            for line, f in zip(group, features):
                atom = [m + float(line["weight"]) * v for m, v in zip(atom, trees.atoms[f])]
            error = 0
            for row in rows:
                part = [sum(active[f].get(row, 0) * trees.atoms[f][d] for f in features) for d in range(split_trees.DIMS)]
                error += sum(v * v for v in part) - sum(v * m for v, m in zip(part, split_trees.unit(atom))) ** 2
            self.assertAlmostEqual(first["error_bits"], error / apart.error_a_bit, delta=0.05 * first["error_bits"])

    def test_only_atoms_that_are_alike(self):
        """Digits: many features aren't worth their bits, and would be lost in any set with a frequent one."""
        for line in self.lines(cli.FIXTURE / "digits.mdla"):
            self.assertGreaterEqual(float(line["cosine"]) ** 2, 0.5)

    def test_a_feature_that_hides_two_is_split_in_them(self):
        """The report's way back: the atom between two variants, split, is these again, and a file of many rows is shorter."""
        trees = split_trees.SplitTrees(1, 1)
        a, b = (trees.atoms[f] for f in trees.members(0)[:2])
        whole = split_trees.sae_of([split_trees.unit([x + y for x, y in zip(a, b)])] + trees.concepts[split_trees.SPLIT:])
        values = array.array("f")
        for _ in range(ROWS):
            row = [trees.rng.gauss(0, split_trees.NOISE) for _ in range(split_trees.DIMS)]
            for atoms in [[a, b]] + [[c] for c in trees.concepts[split_trees.SPLIT:]]:
                if trees.rng.random() < split_trees.RATE:
                    strength = 2 + trees.rng.expovariate(1)
                    row = [v + strength * x for v, x in zip(row, trees.rng.choice(atoms))]
            values.extend(row)
        splits.write_npy(self.folder / "rows.npy", values, split_trees.DIMS)
        before = self.code(whole, "before", fvu=0.1)
        args = argparse.Namespace(tools=cli.TOOLS, work=self.folder, rows=self.folder / "rows.npy", counts="1")
        (count, apart, _), = splits.best_splits(args, whole, self.folder / "before.mdla")
        self.assertEqual((count, apart.width), (1, whole.width + 1))
        found = [apart.atom(f)[0] for f in (0, 1)]
        for variant in (a, b):
            self.assertGreater(max(split_features.dot(variant, f) for f in found), 0.98)
        after = self.code(apart, "after", fvu=0.1)
        deviation = splits.deviation_of(cli.TOOLS, self.folder / "rows.npy", self.folder / "before.mdla")
        self.assertLess(after.bits_at(before.fvu, deviation), 0.99 * before.bits)

    def test_rows_are_read(self):
        digits = [float(b) for b in cli.digits(0, 3)]
        splits.write_npy(self.folder / "rows.npy", array.array("f", digits), cli.DIMS)
        for path in (cli.TEST, self.folder / "rows.npy"):
            dims, rows = split_features.read_rows(path)
            self.assertEqual((dims, list(rows[:len(digits)])), (cli.DIMS, digits))

    def test_forms_and_refusals(self):
        self.start(0.4)
        shown = json.loads(self.good("mdla-info", "split.mdla", "--splits", "--json"))
        self.assertEqual([line["feature"] for line in shown], [int(line["feature"]) for line in self.lines()])
        self.assertEqual(len(self.good("mdla-info", "split.mdla", "--splits").splitlines()), len(shown) + 1)
        self.good("mdla-dec", "split.mdla", "--codes", "-o", "codes.npz")
        self.good("mdla-enc", "--codes-in", "codes.npz", "-o", "cache.mdla", "-q")
        self.assertIn("no atoms", self.bad(1, "mdla-info", "cache.mdla", "--splits"))


if __name__ == "__main__":
    cli.main()
