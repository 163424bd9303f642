#!/usr/bin/python3
"""mdla-sweep: bits in its results are sizes of files, answers follow from them, a stopped run goes on."""
import csv
import math
import os
import random
import re
import signal
import struct
import subprocess
import time
import zipfile

import array

import cli
from test_report import Page

DIMS, TRAIN, TEST = 16, 3000, 1000


def rows(seed, count):
    """Sums of a few of 24 fixed directions: rows that a small SAE explains."""
    directions = random.Random(1)
    atoms = [[directions.gauss(0, 1) for _ in range(DIMS)] for _ in range(24)]
    draw = random.Random(seed)
    values = array.array("f")
    for _ in range(count):
        row = [draw.gauss(0, 0.2) for _ in range(DIMS)]
        for atom in draw.sample(atoms, 3):
            strength = draw.uniform(1, 3)
            row = [x + strength * a for x, a in zip(row, atom)]
        values.extend(row)
    return cli.npy_bytes(values, (count, DIMS))


ASK = ["train.npy", "test.npy", "-o", "out", "--widths", "4,24,48", "--l0s", "3", "--fvu", "0.4,0.2", "--rows-list",
       "3000,1e6", "-T", "1"]


class Sweep(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.write("train.npy", rows(2, TRAIN))
        self.write("test.npy", rows(3, TEST))
        self.out = self.folder / "out"

    def table(self, name):
        with open(self.out / name, newline="") as f:
            return list(csv.DictReader(f))

    def size(self, pattern):
        return (self.out / "files" / pattern).stat().st_size

    def check_sizes(self):
        reached = [r for r in self.table("results.csv") if r["fvu"] != "n/a"]
        self.assertGreater(len(reached), 4)
        for r in reached:
            name = f"{r['explanation']}-fvu{float(r['target_fvu']):g}-n{r['rows_sharing']}"
            codebook, coded = self.size(f"{name}.codebook"), self.size(f"{name}-test.mdla")
            self.assertEqual((int(r["codebook_nbytes"]), int(r["file_nbytes"])), (codebook, coded))
            self.assertEqual(float(r["marginal_bits_per_row"]), 8 * coded / TEST)
            self.assertAlmostEqual(float(r["total_bits_per_row"]), 8 * coded / TEST + 8 * codebook / int(r["rows_sharing"]))
            if r["rows_sharing"] == str(TRAIN):
                self.assertEqual(int(r["whole_nbytes"]), self.size(f"{name}-whole.mdla"))
            self.assertLess(float(r["fvu"]), 1.005 * float(r["target_fvu"]))
        return reached

    def check_optimum(self, reached):
        for stretch in self.table("optimum.csv"):
            middle = math.sqrt(float(stretch["from_rows"]) * float(stretch["to_rows"]))
            cost = {}
            for r in reached:
                if r["target_fvu"] == stretch["target_fvu"]:
                    bits = float(r["marginal_bits_per_row"]) + 8 * int(r["codebook_nbytes"]) / middle
                    cost[r["explanation"]] = min(bits, cost.get(r["explanation"], math.inf))
            self.assertEqual(min(cost, key=cost.get), stretch["explanation"])

    def test_bits_are_sizes_of_files_and_answers_follow(self):
        self.good("mdla-sweep", *ASK)
        results = self.table("results.csv")
        self.assertEqual(len(results), 3 * 2 * 2)
        # Four directions can't carry rows of 24.
        self.assertTrue(all(r["fvu"] == "n/a" for r in results if r["width"] == "4"))
        reached = self.check_sizes()
        self.check_optimum(reached)
        report = (self.out / "report.md").read_text()
        for words in ("## At FVU 0.4", "## At FVU 0.2", "How the optimum moves", "Rate and distortion", "13,993",
                      "| w4-l3 | n/a |"):
            self.assertIn(words, report)
        for key in {(r["explanation"], r["target_fvu"]) for r in reached}:
            bits = min(float(r["marginal_bits_per_row"]) for r in reached if (r["explanation"], r["target_fvu"]) == key)
            self.assertIn(f" {bits:.2f} |", report)
        self.assertNotIn(str(self.folder), report)
        pictures = [p for p in self.out.glob("*.png")]
        self.assertEqual(sorted(p.name for p in pictures), sorted(
            ["curves.png", "rows-fvu0.4.png", "rows-fvu0.2.png", "widths-fvu0.4.png", "widths-fvu0.2.png"])
            if "](curves.png)" in report else [])
        for p in pictures:
            head = p.read_bytes()[:24]
            self.assertEqual(struct.unpack(">II", head[16:]), (1200, 760))

        # What is known isn't measured again, and a question more measures what is new.
        files = {p: p.stat().st_mtime_ns for p in (self.out / "files").iterdir()}
        again = self.run_tool("mdla-sweep", *ASK)
        self.assertEqual((again.returncode, again.stderr.count("\n")), (0, 1))
        self.assertEqual(files, {p: p.stat().st_mtime_ns for p in (self.out / "files").iterdir()})
        more = self.run_tool("mdla-sweep", *ASK[:-2], "--sae", "out/saes/" + os.listdir(self.out / "saes")[0])
        self.assertEqual(more.returncode, 0, more.stderr)
        self.assertEqual(len(self.table("results.csv")), 4 * 2 * 2)
        # Other rows are another question.
        self.write("test.npy", rows(4, TEST))
        changed = self.run_tool("mdla-sweep", *ASK)
        self.assertIn("bits a row", changed.stderr)
        self.check_sizes()

    def test_a_stopped_run_goes_on(self):
        self.good("mdla-sweep", *ASK[:-2], "-q")
        whole = [(self.out / name).read_bytes() for name in ("results.csv", "optimum.csv", "crossings.csv")]
        for p in (self.out, ):
            os.rename(p, self.folder / "first")
        process = subprocess.Popen([cli.TOOLS / "mdla-sweep", *ASK], cwd=self.folder, stderr=subprocess.PIPE)
        end = time.monotonic() + 120
        while time.monotonic() < end and not (self.out / "measured.csv").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        words = process.communicate(timeout=120)[1].decode()
        self.assertTrue(process.returncode == -signal.SIGTERM and "goes on where" in words or
                        process.returncode == 0 and "report.md" in words, (process.returncode, words))
        self.good("mdla-sweep", *ASK, "-q")
        self.assertEqual(whole, [(self.out / name).read_bytes()
                                 for name in ("results.csv", "optimum.csv", "crossings.csv")])

    def test_passages_are_part_of_the_question(self):
        """Other passages: measured anew. The same in another file, or in an array of it: not."""
        for name, length in (("a.npy", 10), ("again.npy", 10), ("other.npy", 300)):
            self.write(name, cli.npy_bytes(array.array("i", [row // length for row in range(TRAIN)]), (TRAIN,), "<i4"))
        with zipfile.ZipFile(self.folder / "both.npz", "w") as z:
            z.write(self.folder / "other.npy", "other.npy")
            z.write(self.folder / "a.npy", "a.npy")
        ask = ["train.npy", "-o", "out", "--bases", "pca", "--fvu", "0.5", "-T", "1"]
        measured = []
        for docs in ([], ["--docs", "a.npy"], ["--docs", "again.npy"], ["--docs", "both.npz:a"], ["--docs", "other.npy"]):
            self.good("mdla-sweep", *ask, *docs)
            measured.append((self.out / "measured.csv").read_text().count("\n"))
        self.assertEqual(measured, [measured[0] + more for more in (0, 1, 1, 1, 2)])

    def test_page(self):
        """mdla-report of a sweep: its curves, its table, the files of the shortest."""
        self.write("few.npy", rows(2, 400))
        self.good("mdla-sweep", "few.npy", "test.npy", "-o", "out", "--widths", "4,24", "--l0s", "3", "--fvu", "0.4,0.2",
                  "--rows-list", "400,1e9", "--bases", "pca,onehot:400", "-T", "1", "-q")
        text = self.good("mdla-report", "out", "-o", "-").decode()
        self.assertEqual(text, self.good("mdla-report", "out/results.csv", "-o", "-").decode())
        self.assertNotIn("http", text)
        self.assertNotIn(str(self.folder), text)
        page = Page(text)
        self.assertEqual((page.loads, page.texts.count("4 explanations compared")), ([], 2))
        results = self.table("results.csv")
        tables = [t for t in page.tables if t[0][0] == "explanation"]
        self.assertEqual(len(tables), 2)
        for fvu, lines in zip(("0.4", "0.2"), tables):
            for line in (dict(zip(lines[0], line)) for line in lines[1:]):
                own = [r for r in results if r["explanation"] == line["explanation"] and r["target_fvu"] == fvu]
                self.assertEqual(line["width"], own[0]["width"])
                reached = [r for r in own if r["fvu"] != "n/a"]
                marginal = [float(r["marginal_bits_per_row"]) for r in reached]
                self.assertEqual(line["marginal"], f"{min(marginal):.2f}" if marginal else "–")
                for heading, n in (("total, 400 rows", 400), ("total, 1 billion rows", 1e9)):
                    totals = [float(r["marginal_bits_per_row"]) + 8 * int(r["codebook_nbytes"]) / n for r in reached
                              if "train" not in r["explanation"] or int(r["rows_sharing"]) == n]
                    self.assertEqual(line[heading], f"{min(totals):.2f}" if totals else "–")
        # A dot for each loss that an explanation reaches; the train rows' own codebook isn't shared.
        curves = {(r["explanation"], r["target_fvu"]) for r in results if r["fvu"] != "n/a" and "train" not in r["explanation"]}
        self.assertEqual(page.tags.count("circle"), len(curves))
        svg = re.search(r'aria-label="rate and distortion">.*?</svg>', text)[0]
        self.assertEqual(svg.count('class="line'), len({e for e, _ in curves}))
        for optimum in self.table("optimum.csv"):
            self.assertIn(f"<b>{optimum['explanation']}</b>", text)
        # The sections are of the file that stands in the folder.
        shown = re.findall(r"<dt>name</dt><dd>([^<]*)</dd>", text)
        self.assertEqual(len(shown), 2)
        for name in shown:
            os.remove(self.out / "files" / name)
        gone = self.good("mdla-report", "out", "-o", "-").decode()
        for name in shown:
            self.assertIn(f"Its file files/{name} is no longer", gone)

    def test_page_mistakes(self):
        os.mkdir(self.out)
        self.assertIn("a folder without results.csv, so no sweep's", self.bad(1, "mdla-report", "out", "-o", "x"))
        self.assertIn("stands alone", self.bad(2, "mdla-report", "out", "a.mdla", "-o", "x"))
        self.assertIn("stands alone", self.bad(2, "mdla-report", "out", "--codebook", "c", "-o", "x"))
        head = ("explanation,width,target_fvu,rows_sharing,fvu,l0,marginal_bits_per_row,index_bits_per_row,level_bits_per_row,"
                "independence_gap_bits_per_row,codebook_nbytes\n")
        line = '"a, ""b""",4,0.5,10,0.5,1,2,1,1,0,7\n'
        for text, words in (("a,b\n", "no column explanation"), (head, "no measurements"), (head + "a,4,0.5\n", "line 2 isn't"),
                            (head + line.replace(",10,", ",ten,"), "line 2 isn't"),
                            (head + line + line.replace("0.5,10", "0.4,10") + line.replace('"a', '"b'), "order")):
            self.write("out/results.csv", text.encode())
            self.assertIn(words, self.bad(1, "mdla-report", "out", "-o", "x"), text)
        self.write("out/results.csv", (head + line).encode())
        self.assertIn('a, &quot;b&quot;', self.good("mdla-report", "out", "-o", "-").decode())

    def test_bases_beside_saes(self):
        self.write("few.npy", rows(2, 400))
        os.mkdir(self.folder / "broken")
        ask = ["few.npy", "test.npy", "-o", "out", "--widths", "24", "--l0s", "3", "--fvu", "0.2", "--rows-list", "400,1e9", "--bases",
               "dense,pca,onehot:8,onehot:400,rvq:16", "-T", "1"]
        self.good("mdla-sweep", *ask)
        found = {(r["explanation"], r["rows_sharing"]): r for r in self.table("results.csv")}
        self.assertEqual({e for e, _ in found}, {"w24-l3", "dense", "pca", "onehot-8", "onehot-400-train", "rvq-16"})
        for (name, n), r in found.items():
            missing = name == "onehot-8" or ("train" in name and n != "400")
            if missing or name == "w24-l3":
                self.assertEqual(r["fvu"] == "n/a", missing)
                continue
            self.assertLessEqual(float(r["fvu"]), 0.2)
            self.assertGreater(float(r["fvu"]), 0.19)
            self.assertEqual(int(r["file_rows"]), 400 if "train" in name else TEST)
            self.assertEqual(int(r["codebook_nbytes"]), self.size(f"{name}-fvu0.2-n{n}.codebook"))
        report = (self.out / "report.md").read_text()
        for words in ("onehot-400-train** has a codeword for every train row", "| onehot-8 | n/a |", "SAE < dense < one-hot in bits"):
            self.assertIn(words, report)
        best = {b: min(float(r["total_bits_per_row"]) for (e, n), r in found.items() if e.startswith(b) and n == "400" and
                       r["fvu"] != "n/a") for b in ("w24", "dense", "onehot")}
        line = next(x for x in report[report.index("shortest of each kind"):].splitlines() if x.startswith("| 400 "))
        self.assertIn(f"{best['w24']:.2f} (w24-l3) | {best['dense']:.2f} (dense)", line)
        self.assertIn("yes" if best["w24"] < best["dense"] < best["onehot"] else "no", line.split("|")[-2])
        # One that fails is said, and the others stand.
        failed = self.bad(1, "mdla-sweep", *ask, "--sae", "broken")
        self.assertIn("1 of 7 explanations failed", failed)
        report = (self.out / "report.md").read_text()
        self.assertIn("broken failed: the SAE couldn't be loaded", report)
        self.assertIn("| broken | n/a |", report)
        self.assertEqual(len(self.table("results.csv")), 7 * 2)
        # What another format's build measured is measured again.
        known = self.out / "measured.csv"
        known.write_text(known.read_text().replace("format=0.", "format=9."))
        self.assertIn("bits a row", self.run_tool("mdla-sweep", *ask).stderr)

    def test_given_saes(self):
        """Each name is one explanation's alone; SAEs of several widths are a curve, also where they are given."""
        self.good("mdla-train", "train.npy", "-o", "pca", "--width", "24", "--l0", "3", "-T", "1")
        self.good("mdla-train", "train.npy", "-o", "wide", "--width", "48", "--l0", "3", "-T", "1")
        said = self.run_tool("mdla-sweep", "train.npy", "-o", "out", "--sae", "wide", "--sae", "pca", "--bases", "pca,pca",
                             "--widths", "8", "--l0s", "3,9", "--fvu", "0.4", "-T", "1").stderr
        self.assertIn("--l0s 9 is more than --widths 8", said)
        self.assertEqual([r["explanation"] for r in self.table("results.csv")], ["wide", "pca", "w8-l3", "pca-2"])
        self.assertEqual((self.out / "widths-fvu0.4.png").exists(), (self.out / "rows-fvu0.4.png").exists())
        self.assertIn("4 explanations", said)

    def test_mistakes(self):
        for args, words in ((["train.npy", "-o", "out"], "nothing to compare"),
                            (["train.npy", "--widths", "4", "-o", "out"], "--widths needs --l0s"),
                            (["train.npy", "--widths", "4", "--l0s", "2"], "give -o FOLDER"),
                            (["train.npy", "--widths", "4,x", "--l0s", "2", "-o", "out"], "--widths x: give whole"),
                            (["train.npy", "--widths", "4", "--l0s", "8", "-o", "out"], "every --l0s is more"),
                            (["train.npy", "--widths", "4", "--l0s", "2", "--fvu", "1", "-o", "out"], "--fvu 1: give"),
                            (["train.npy", "--bases", "onehot", "-o", "out"], "onehot:K"),
                            (["train.npy", "--bases", "pca:4", "-o", "out"], "no codewords"),
                            (["train.npy", "--bases", "pca,fourier", "-o", "out"], "--bases fourier"),
                            (["a", "b", "c", "--widths", "4", "--l0s", "2", "-o", "out"], "a folder holds many")):
            self.assertIn(words, self.bad(2, "mdla-sweep", *args))
        self.assert_files("test.npy", "train.npy")
        self.out.mkdir()
        self.write("out/measured.csv", b"something else\n")
        self.assertIn("isn't a sweep's", self.bad(1, "mdla-sweep", *ASK))
        self.write("narrow.npy", cli.npy_bytes(array.array("f", [1, 2]), (1, 2)))
        self.assertIn("rows of 2 values", self.bad(1, "mdla-sweep", "train.npy", "narrow.npy", *ASK[2:]))


if __name__ == "__main__":
    cli.main()
