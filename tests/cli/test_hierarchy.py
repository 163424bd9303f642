#!/usr/bin/python3
"""Parents and children (mdla-info --hierarchy): synthetic trees are found again under noise, chance isn't taken for
structure, and the bits saved follow their formula."""
import csv
import io
import json
import math

import cli
import trees

ROWS = 20000
NOISE = 0.1
FILE = cli.FIXTURE / "digits.mdla"
DIGITS = 2500


def flag_bits(n, rows):
    """Krichevsky and Trofimov's code for n of some rows, flag after flag; their order doesn't matter."""
    seen, bits = [0, 0], 0.0
    for one in [1] * n + [0] * (rows - n):
        bits -= math.log2((seen[one] + 0.5) / (seen[0] + seen[1] + 1))
        seen[one] += 1
    return bits


class Hierarchy(cli.CliTest):
    def edges(self, file):
        return list(csv.DictReader(io.StringIO(self.good("mdla-info", file, "--hierarchy", "--csv").decode())))

    def edges_of(self, forest):
        self.write("trees.npz", forest.cache())
        self.good("mdla-enc", "--codes-in", "trees.npz", "-o", "trees.mdla", "-f", "-q")
        return self.edges("trees.mdla")

    def test_trees_are_found_under_noise(self):
        for seed in (1, 2, 3):
            forest = trees.Trees(seed, ROWS)
            forest.add_noise(NOISE)
            edges = {int(e["child"]): int(e["parent"]) for e in self.edges_of(forest)}
            true = sum(edges.get(child) == parent for child, parent in forest.parent.items())
            # By chance: any feature that is more frequent than the child.
            uses = [len(rows) for rows in forest.active]
            chance = sum(1 / max(1, sum(u > uses[c] for u in uses)) for c in forest.parent) / len(forest.parent)
            recall, precision = true / len(forest.parent), true / len(edges)
            print(f"seed {seed}: {true} of {len(forest.parent)} edges found ({recall:.3f}), by chance {chance:.3f}; "
                  f"{len(edges) - true} false ({precision:.3f} precise)")
            self.assertLess(chance, 0.05)
            self.assertGreaterEqual(recall, 0.95)
            self.assertGreaterEqual(precision, 0.95)
            forest.forget()
            self.assertLessEqual(len(self.edges_of(forest)), 2)

    def test_a_grandchild_has_its_parent_alone(self):
        forest = trees.Trees(4, 2000)
        forest.active = [set(range(3)), set(range(1000, 1400)), set(range(1000, 1150)), set(range(1020, 1060)), set(range(900))]
        forest.width = len(forest.active)
        edges = {(int(e["parent"]), int(e["child"])) for e in self.edges_of(forest)}
        self.assertEqual(edges, {(1, 2), (2, 3)})  # and 0, in 3 rows of 4's 900, saves less than naming 4 costs

    def test_exclusive_features_arent_parents(self):
        forest = trees.Trees(4, 2000)
        forest.active = [set(range(0, 2000, 2)), {0, 2, *range(1, 1900, 2)}]  # but for two rows
        forest.width = 2
        self.assertEqual(self.edges_of(forest), [])

    def test_bits_follow_the_formula(self):
        active = {}
        for r in csv.DictReader(io.StringIO(self.good("mdla-dec", FILE, "--codes", "-o", "-").decode())):
            active.setdefault(int(r["feature"]), set()).add(int(r["row"]))
        edges = self.edges(FILE)
        self.assertGreater(len(edges), 20)
        for e in edges:
            parent, child = active[int(e["parent"])], active[int(e["child"])]
            self.assertGreaterEqual(len(parent), len(child))
            both = len(parent & child)
            self.assertEqual((len(parent), len(child), both), tuple(int(e[f"rows_{k}"]) for k in ("parent", "child", "both")))
            self.assertAlmostEqual(float(e["parent_given_child"]), both / len(child), places=9)
            self.assertAlmostEqual(float(e["child_given_parent"]), both / len(parent), places=9)
        for e in edges[::len(edges) // 10]:
            n, m, b = (int(e[f"rows_{k}"]) for k in ("child", "parent", "both"))
            alone = flag_bits(n, DIGITS)
            self.assertAlmostEqual(float(e["child_bits"]), alone, places=6)
            saved = alone - flag_bits(b, m) - flag_bits(n - b, DIGITS - m) - math.log2(1024)
            self.assertAlmostEqual(float(e["bits_saved"]), saved, places=6)
            self.assertAlmostEqual(float(e["bits_saved_per_row"]), saved / DIGITS, places=9)
            self.assertGreater(saved, 0)
        children = [e["child"] for e in edges]
        self.assertEqual(len(children), len(set(children)))

    def test_every_childs_parent_is_the_best(self):
        """Against all pairs, counted here."""
        forest = trees.Trees(5, 1000)
        forest.add_noise(NOISE)

        def bits(n, rows):
            return math.log2(math.pi) + (math.lgamma(rows + 1) - math.lgamma(n + 0.5) - math.lgamma(rows - n + 0.5)) / math.log(2)

        wanted = {}
        for child, rows in enumerate(forest.active):
            n, best = len(rows), (0.0, None)
            for parent, others in enumerate(forest.active):
                m, b = len(others), len(rows & others)
                if (m, -parent) > (n, -child) and b * forest.rows > n * m:
                    saved = bits(n, forest.rows) - bits(b, m) - bits(n - b, forest.rows - m) - math.log2(forest.width)
                    best = max(best, (saved, -parent)) if saved > 0 else best
            if best[1] is not None:
                wanted[child] = -best[1]
        found = {int(e["child"]): int(e["parent"]) for e in self.edges_of(forest)}
        self.assertGreater(len(wanted), 50)
        self.assertEqual(found, wanted)

    def test_families_come_together_and_forms_agree(self):
        edges = self.edges(FILE)
        shown = json.loads(self.good("mdla-info", FILE, "--hierarchy", "--json"))
        self.assertEqual([(e["parent"], e["child"]) for e in shown], [(int(e["parent"]), int(e["child"])) for e in edges])
        self.assertEqual([e["bits_saved"] for e in shown], [float(e["bits_saved"]) for e in edges])
        text = self.good("mdla-info", FILE, "--hierarchy").decode().splitlines()
        self.assertEqual(len(text), len(edges) + 1)
        families, sums = [], {}
        for e in shown:
            if not families or families[-1] != e["parent"]:
                families.append(e["parent"])
            sums[e["parent"]] = sums.get(e["parent"], 0) + e["bits_saved"]
        self.assertEqual(len(families), len(sums))
        for first, second in zip(families, families[1:]):
            self.assertGreaterEqual(sums[first], sums[second] - 1e-6)

    def test_bases_are_refused(self):
        self.write("rows.npy", cli.npy_bytes(cli.digits(0, 300), (300, cli.DIMS), "|u1"))
        self.good("mdla-enc", "rows.npy", "--basis", "dense", "--fvu", "0.3", "-o", "x.mdla")
        self.assertIn("basis dense", self.bad(1, "mdla-info", "x.mdla", "--hierarchy"))
        self.assertIn("give one of them", self.bad(2, "mdla-info", "x.mdla", "--hierarchy", "--features"))


if __name__ == "__main__":
    cli.main()
