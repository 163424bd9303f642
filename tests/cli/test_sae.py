#!/usr/bin/python3
"""SAEs on the command line: what is read and said of them, their codes and reconstruction as files."""
import array
import io
import json
import random
import struct
import zipfile

import cli

DIGITS = cli.FIXTURE / "digits.npy"


def tensors(**values):
    """A safetensors file: name=(shape, floats)."""
    header, data = {}, b""
    for name, (shape, floats) in values.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(floats)]}
        data += struct.pack(f"<{len(floats)}f", *floats)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def signed_sae(path, config, dims):
    """Twice as many features as values: each value, and each one's negative."""
    path.mkdir()
    dec = [sign * (row == column) for sign in (1, -1) for row in range(dims) for column in range(dims)]
    enc = [sign * (row == column) for row in range(dims) for sign in (1, -1) for column in range(dims)]
    (path / "sae_weights.safetensors").write_bytes(tensors(
        W_enc=([dims, 2 * dims], enc), W_dec=([2 * dims, dims], dec), b_enc=([2 * dims], [-0.1] * 2 * dims),
        b_dec=([dims], [0.25] * dims)))
    (path / "cfg.json").write_text(json.dumps({"d_in": dims, "d_sae": 2 * dims, **config}))


def sae(path, config, b_dec=(0, 0)):
    """Two features, which are the two values themselves."""
    path.mkdir()
    unit = ([2, 2], [1, 0, 0, 1])
    (path / "sae_weights.safetensors").write_bytes(
        tensors(W_enc=unit, W_dec=unit, b_enc=([2], [0, 0]), b_dec=([2], list(b_dec))))
    (path / "cfg.json").write_text(json.dumps({"d_in": 2, "d_sae": 2, **config}))


class Saes(cli.CliTest):
    def setUp(self):
        super().setUp()
        rows = array.array("f", [3, -1, 0, 0, 1, 2, -5, 4])
        self.write("rows.npy", cli.npy_bytes(rows, (4, 2)))

    def csr(self, name):
        """(indices, indptr, shape, data) of a CSR file."""
        with zipfile.ZipFile(self.folder / name) as archive:
            self.assertIsNone(archive.testzip())
            read = {n: cli.npy_read(archive.read(n)) for n in archive.namelist()}
        self.assertEqual(read["format.npy"][2], b"csr")
        return tuple(list(array.array(code, read[n][2])) for n, code in
                     (("indices.npy", "i"), ("indptr.npy", "i"), ("shape.npy", "q"), ("data.npy", "f")))

    def test_codes_and_reconstruction(self):
        sae(self.folder / "s", {})
        result = json.loads(self.good("mdla-eval", "rows.npy", "--sae", "s", "--json", "--codes-out", "c.npz",
                                      "--decoded-out", "d.npy", "--features-out", "f.csv", "--passage-rows", 2))[0]
        self.assertEqual(self.csr("c.npz"), ([0, 0, 1, 1], [0, 1, 1, 3, 4], [4, 2], [3, 1, 2, 4]))
        self.assertEqual(cli.npy_read(self.folder / "d.npy")[::2],
                         ((4, 2), bytes(array.array("f", [3, 0, 0, 0, 1, 2, 0, 4]))))
        self.assertEqual((result["l0"], result["l1"], result["zero_rows"], result["mse"]), (1, 2.5, 1, 26 / 8))
        self.assertEqual((self.folder / "f.csv").read_text().splitlines()[1:],
                         ["0,2,0.5,-0.301029996,1", "1,2,0.5,-0.301029996,2"])

    def test_outputs_are_not_overwritten_unless_told(self):
        sae(self.folder / "s", {})
        self.write("c.npz", b"old")
        self.assertIn("exists already", self.bad(1, "mdla-eval", "rows.npy", "--sae", "s", "--codes-out", "c.npz",
                                                 "--decoded-out", "d.npy"))
        self.assertFalse((self.folder / "d.npy").exists())
        self.good("mdla-eval", "rows.npy", "--sae", "s", "--codes-out", "c.npz", "-f")
        self.assertEqual(len(self.csr("c.npz")[0]), 4)

    def test_what_was_understood(self):
        sae(self.folder / "s", {"architecture": "topk", "k": 1, "normalize_activations": "expected_average_only_in"})
        said = self.run_tool("mdla-eval", "rows.npy", "--sae", "s", "-v").stderr
        self.assertIn("s: saelens: 2 features x 2 dims, topk 1, the decoder's bias taken off", said)
        self.assertIn("note: expected_average_only_in: taken as folded", said)
        self.assertIn("s: on the first 4 rows: L0 0.75, FVU ", said)
        # Of all notes this one is always printed, since FVU alone can tell whether it is right.
        for program, more in (("mdla-eval", ()), ("mdla-enc", ("--step", 0.1, "-o", "x.mdla", "-f"))):
            said = self.run_tool(program, "rows.npy", "--sae", "s", *more).stderr
            self.assertIn(f"{program}: s: note: expected_average_only_in: taken as folded", said)
            self.assertEqual(self.run_tool(program, "rows.npy", "--sae", "s", *more, "-q").stderr, "")
        self.assertNotIn("s: saelens", said)

    def test_a_bad_fit_is_warned_of(self):
        sae(self.folder / "s", {"apply_b_dec_to_input": False}, b_dec=(9, 9))
        self.assertIn("warning: s: FVU is", self.run_tool("mdla-eval", "rows.npy", "--sae", "s").stderr)
        self.assertEqual(self.run_tool("mdla-eval", "rows.npy", "--sae", "s", "-q").stderr, "")

    def test_scale_and_kind_can_be_told(self):
        sae(self.folder / "s", {"normalize_activations": "expected_average_only_in"})
        self.good("mdla-eval", "rows.npy", "--sae", "s", "--act-scale", 2, "--codes-out", "c.npz", "--decoded-out", "d.npy")
        self.assertEqual(self.csr("c.npz")[3], [6, 2, 4, 8])
        self.assertEqual(cli.npy_read(self.folder / "d.npy")[2][:8], struct.pack("<2f", 3, 0))
        self.assertIn("'gemma' is no kind of SAE; known are saelens, gemma-scope",
                      self.bad(1, "mdla-eval", "rows.npy", "--sae", "s", "--sae-kind", "gemma"))
        self.assertIn("params.npz", self.bad(1, "mdla-eval", "rows.npy", "--sae", "s", "--sae-kind", "gemma-scope"))

    def test_rows_that_an_sae_normalises_come_back_as_they_were(self):
        dims, count, rng = 8, 300, random.Random(5)
        rows = array.array("f")
        for r in range(count):
            scale, offset = 2.0 ** rng.randint(-2, 3), rng.gauss(0, 3)
            rows.extend(scale * rng.gauss(0, 1) + offset for _ in range(dims))
        rows[:dims] = array.array("f", [0] * dims)
        rows[dims:2 * dims] = array.array("f", [4] * dims)
        self.write("loud.npy", cli.npy_bytes(rows, (count, dims)))
        means = [sum(rows[d::dims]) / count for d in range(dims)]
        deviation = sum((x - means[i % dims]) ** 2 for i, x in enumerate(rows))
        for kind in ("layer_norm", "constant_norm_rescale"):
            signed_sae(self.folder / kind, {"normalize_activations": kind}, dims)
            self.good("mdla-enc", "loud.npy", "--sae", kind, "--fvu", 0.05, "--codebook-out", kind + ".cb")
            for code in (["--codebook", kind + ".cb", "--fvu", 0.05], ["--sae", kind, "--code", "sae", "--step", 0.25]):
                self.good("mdla-enc", "loud.npy", *code, "-o", "x.mdla", "--verify", "-f")
                self.good("mdla-dec", "x.mdla", "-o", "again.npy", "-f")
                again = array.array("f", cli.npy_read(self.folder / "again.npy")[2])
                fvu = sum((x - y) ** 2 for x, y in zip(rows, again)) / deviation
                result = json.loads(self.good("mdla-eval", "loud.npy", "x.mdla", "--json"))[0]
                self.assertAlmostEqual(result["fvu"], fvu, 7)
                self.assertLessEqual(fvu, 0.051 if "--fvu" in code else 0.2)
                self.assertGreater(result["bits"]["row_norms"], 2 * count)
                self.assertEqual(list(again[:dims]), [0] * dims)
                self.assertIn("norm", self.good("mdla-info", "x.mdla", "--row", 5).decode())
                loud = max(range(2, count), key=lambda r: sum(x * x for x in again[r * dims:(r + 1) * dims]))
                bill = json.loads(self.good("mdla-info", "x.mdla", "--row", loud, "--data", "loud.npy", "--json"))
                row = rows[loud * dims:(loud + 1) * dims]
                mean = sum(row) / dims if kind == "layer_norm" else 0
                energy = sum(line["energy"] for line in bill["code"]) / sum((x - mean) ** 2 for x in row)
                self.assertTrue(0.4 < energy < 1.6, energy)  # at full size, but for the bias
                self.assertGreater(bill["norm_bits"], 0)
            # A step alone, as from a pipe: the codebook knows the scale that it refers to.
            step = ["--codebook", kind + ".cb", "--step", 0.3]
            self.good("mdla-enc", "-", *step, "-o", "pipe.mdla", "-f", stdin=(self.folder / "loud.npy").read_bytes())
            self.good("mdla-enc", "loud.npy", *step, "-o", "file.mdla", "-f")
            self.assertEqual((self.folder / "pipe.mdla").read_bytes(), (self.folder / "file.mdla").read_bytes())
        self.assertIn("don't normalise rows alike", self.bad(1, "mdla-enc", "loud.npy", "--sae", "layer_norm", "--codebook",
                                                             "constant_norm_rescale.cb", "--step", 1, "-o", "y.mdla"))

    def test_a_file_stands_for_its_folder(self):
        sae(self.folder / "s", {})
        self.good("mdla-eval", "rows.npy", "--sae", "s/sae_weights.safetensors")
        (self.folder / "s" / "cfg.json").unlink()
        self.assertIn("without cfg.json", self.bad(1, "mdla-eval", "rows.npy", "--sae", "s/sae_weights.safetensors"))

    def test_pickles_are_not_executed(self):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("x/data.pkl", b"\x80\x02cposix\nsystem\nX\x0d\x00\x00\x00touch EXECUTED\x85R.")
        self.write("x.pt", sink.getvalue())
        self.assertIn("names posix.system", self.bad(1, "mdla-eval", "rows.npy", "--sae", "x.pt"))
        self.assert_files("rows.npy", "x.pt")

    def test_digits_have_the_same_codes_either_way(self):
        """The forward pass over real rows, against sums made here."""
        out = json.loads(self.good("mdla-eval", DIGITS, "--sae", cli.SAE, "--json", "--codes-out", "c.npz", "--histogram"))[0]
        indices, indptr, shape, _ = self.csr("c.npz")
        self.assertEqual(shape, [out["rows"], out["width"]])
        self.assertEqual(len(indices), indptr[-1])
        self.assertAlmostEqual(out["l0"], len(indices) / out["rows"])
        self.assertEqual(out["dead_features"], out["width"] - len(set(indices)))
        bins = out["log10_feature_density_histogram"]
        self.assertEqual(sum(bins["features"]), out["width"])
        self.assertEqual(bins["features"][0], out["dead_features"])
        self.assertAlmostEqual(out["explained_variance"], 1 - out["fvu"])


if __name__ == "__main__":
    cli.main()
