#!/usr/bin/python3
"""The arithmetic of tests/bench/rd on made-up rows, where the right answers are known. Needs numpy; skips without."""
import os
import pathlib
import sys
import tempfile
import unittest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
try:
    import numpy as np
except ImportError:
    print("skipped: numpy isn't installed (Debian: python3-numpy)")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rdlib import bounds, curves, results, rows, rvq, verdict  # noqa: E402


def gaussian_rows(count, dims=8, seed=0):
    """float32 (count, dims), independent, of falling variance."""
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(count, dims)) * 2.0 ** -np.arange(dims)).astype(np.float32)


class Bounds(unittest.TestCase):
    def test_water_fills_equal_variances_evenly(self):
        self.assertAlmostEqual(bounds.water_fill(np.full(6, 3.0), 0.25), 6 * 0.5 * np.log2(4), places=6)
        self.assertAlmostEqual(bounds.water_fill(np.array([4.0, 1e-9]), 0.25), 1.0, places=6)

    def test_pca_lies_above_the_bound_and_reaches_the_target(self):
        train, test = gaussian_rows(4000), gaussian_rows(4000, seed=1)
        bits, reached = bounds.Pca(train, test).bits(0.1)
        self.assertAlmostEqual(reached, 0.1, delta=0.002)
        self.assertGreater(bits, bounds.gaussian(test, [0.1])[0])

    def test_entropy(self):
        self.assertAlmostEqual(bounds.entropy(np.array([-1, -1, 0, 3])), 1.5)


class Rvq(unittest.TestCase):
    def test_candidates_are_the_best(self):
        scores = np.random.default_rng(2).normal(size=(20, 8 * 512))
        np.testing.assert_array_equal(rvq.best_candidates(scores, 8), np.argsort(-scores, 1)[:, :8])

    def test_nearest(self):
        data, codewords = gaussian_rows(100), gaussian_rows(600, seed=3)
        distance = np.square(data[:, None] - codewords[None]).sum(2)
        code = rvq.nearest(data, codewords)
        np.testing.assert_array_equal(code, distance.argmin(1))

    def test_kmeans_lowers_the_error(self):
        data = gaussian_rows(3000)
        codewords = rvq.kmeans(data, 16, 1)
        self.assertLess(np.square(data - codewords[rvq.nearest(data, codewords)]).sum(), 0.3 * rows.squared_deviation(data))

    def test_a_beam_leaves_less_and_files_resume(self):
        train, test = gaussian_rows(2000), gaussian_rows(300, seed=4)
        with tempfile.TemporaryDirectory() as name:
            table = pathlib.Path(name) / "rvq.csv"
            for most in (2, 3, 3):  # the last adds nothing
                rvq.run("made", train, test, 32, table, name, most, stop=0, beam_rows=500, say=lambda text: None)
            lines = rvq.read(table)
        self.assertEqual(len(lines), 3 * 4)
        last = {(r["part"], r["beam"]): r for r in lines if r["stages"] == "3"}
        self.assertLess(float(last["test", "8"]["fvu"]), float(last["test", "1"]["fvu"]))
        self.assertEqual(int(last["test", "8"]["codebook_bits"]), 3 * 32 * 8 * 4)
        self.assertLess(float(last["train", "1"]["entropy_bits"]), 15.0)
        total = curves.rvq_curves(lines, "made", "train")[0].points[0][1]
        self.assertAlmostEqual(total, float(last["train", "1"]["entropy_bits"]) + 3 * 32 * 8 * 4 / 2000, places=3)


class Curves(unittest.TestCase):
    def test_log_bits_are_linear_in_fvu(self):
        curve = curves.Curve("mdla", "x", [(0.3, 25.0), (0.1, 100.0)])
        self.assertAlmostEqual(curve.at(0.2), 50.0)
        self.assertIsNone(curve.at(0.05))

    def test_results_are_found_again_and_the_shorter_wins(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "results.csv"
            table = results.Results(path)
            key = {"set": "s", "measure": "marginal", "method": "mdla", "sae": "a", "model": "joint", "effort": 5,
                   "block_rows": 1024, "build": "b"}
            for fvu, bits in ((0.1, 40), (0.3, 10)):
                table.add({**key, "target_fvu": fvu}, fvu=fvu, bits=bits, width=16)
            again = results.Results(path)
            self.assertIsNotNone(again.find(**key, target_fvu=0.3))
            self.assertIsNone(again.find(**{**key, "build": "c"}, target_fvu=0.3))
            peers = pathlib.Path(name) / "rvq.csv"
            rvq.append(peers, [{"set": "s", "codewords": 16, "stages": n, "beam": 1, "part": "test", "rows": 9, "fvu": fvu,
                                "entropy_bits": bits, "codebook_bits": 0, "train_rows": 9}
                               for n, fvu, bits in ((1, 0.3, 20), (3, 0.1, 60))])
            lines = verdict.lines(again, peers, "s", "b")
        self.assertEqual(lines[1], ("marginal", "0.20", "20.0 (mdla joint, a)", "34.6 (RVQ, 16 a stage, greedy)",
                                    "mdla by 42 %"))
        self.assertIn("not reached, at most 32 codewords", lines[4][3])  # only the first stage has so few


class Rows(unittest.TestCase):
    def test_idx(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "x-idx3-ubyte"
            path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]))
            np.testing.assert_array_equal(rows.load(path), [[1, 2, 3], [4, 5, 255]])


if __name__ == "__main__":
    unittest.main()
