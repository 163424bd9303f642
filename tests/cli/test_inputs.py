#!/usr/bin/python3
"""Wrong inputs get a sentence that says what, where and what to do; nothing half-written stays behind."""
import array
import os
import unittest

import cli

CODEBOOK = cli.FIXTURE / "digits.codebook"
DIGITS = cli.FIXTURE / "digits.npy"


class Inputs(cli.CliTest):
    def encode_fails(self, data, *sentences, how=("--codebook", CODEBOOK, "--step", "100"), **options):
        before = sorted(p.name for p in self.folder.iterdir())
        stderr = self.bad(1, "mdla-enc", data, *how, "-o", "out.mdla", **options)
        for sentence in sentences:
            self.assertIn(sentence, stderr)
        self.assert_files(*before)

    def test_one_dimensional_array(self):
        self.write("flat.npy", cli.npy_bytes(array.array("f", range(784)), (784,)))
        self.encode_fails("flat.npy", "flat.npy", "1-D")

    def test_dims_do_not_match(self):
        self.write("narrow.npy", cli.npy_bytes(array.array("f", range(40)), (4, 10)))
        self.encode_fails("narrow.npy", "narrow.npy: ", "10", "784")
        self.encode_fails("narrow.npy", "10", "784", how=("--sae", cli.SAE, "--fvu", "0.2"))

    def test_shards_that_differ_in_dims(self):
        self.write("a.npy", cli.npy_bytes(array.array("f", range(40)), (4, 10)))
        self.write("b.npy", cli.npy_bytes(array.array("f", range(40)), (2, 20)))
        stderr = self.bad(1, "mdla-enc", "a.npy", "b.npy", "--codebook", CODEBOOK, "-o", "x.mdla")
        self.assertIn("b.npy", stderr)

    def test_not_a_number_is_named_by_row_and_column(self):
        values = array.array("f", range(784)) * 1500
        values[1200 * 784 + 7] = float("nan")
        self.write("nan.npy", cli.npy_bytes(values, (1500, 784)))
        for how in (("--codebook", CODEBOOK, "--step", "100"), ("--codebook", CODEBOOK, "--fvu", "0.3"),
                    ("--sae", cli.SAE, "--fvu", "0.3")):
            self.encode_fails("nan.npy", "nan.npy: row 1200", "column 7", "NaN", how=how)
        values[1200 * 784 + 7] = float("-inf")
        self.write("nan.npy", cli.npy_bytes(values, (1500, 784)))
        self.encode_fails("nan.npy", "row 1200", "column 7", "inf")
        for program, args in (("mdla-train", ["-o", "sae", "--width", "8", "--l0", "2"]),
                              ("mdla-sweep", ["-o", "sweep", "--widths", "8", "--l0s", "2"]),
                              ("mdla-eval", [cli.FIXTURE / "digits.mdla"]), ("mdla-eval", ["--sae", cli.SAE])):
            self.assertEqual(self.bad(1, program, "nan.npy", *args),
                             f"{program}: nan.npy: row 1200, column 7 is infinite; remove the row or mend the value\n")

    def test_level_that_overflows(self):
        values = array.array("f", [0]) * (784 * 3)
        values[784 + 400] = 3e38
        self.write("huge.npy", cli.npy_bytes(values, (3, 784)))
        self.encode_fails("huge.npy", "row 1", how=("--codebook", CODEBOOK, "--step", "100"))

    def test_empty_data_set(self):
        self.write("empty.npy", cli.npy_bytes(b"", (0, 784)))
        self.encode_fails("empty.npy", "empty.npy: ", "empty", how=("--sae", cli.SAE, "--fvu", "0.2"))
        self.good("mdla-enc", "empty.npy", "--codebook", CODEBOOK, "--step", "100", "-o", "empty.mdla")
        self.good("mdla-dec", "empty.mdla", "-o", "back.npy")
        self.assertEqual(cli.npy_read(self.folder / "back.npy")[0], (0, 784))
        self.assertIn(b"0 rows", self.good("mdla-info", "empty.mdla"))

    def test_constant_rows(self):
        self.write("same.npy", cli.npy_bytes(array.array("f", [5]) * (784 * 50), (50, 784)))
        self.encode_fails("same.npy", "same.npy", "the same", how=("--sae", cli.SAE, "--fvu", "0.2"))
        self.good("mdla-enc", "same.npy", "--codebook", CODEBOOK, "--step", "100", "-o", "x.mdla")
        self.assertIn(b"undefined", self.good("mdla-eval", "same.npy", "x.mdla"))

    def test_values_whose_squares_overflow(self):
        for scale, word in ((1e25, "large"), (1e-25, "small")):
            values = array.array("f", [scale * (i * i % 17) for i in range(16 * 50)])
            self.write("far.npy", cli.npy_bytes(values, (50, 16)))
            for basis in ("pca", "dense", "rvq"):
                self.encode_fails("far.npy", f"are too {word} for squares in single precision; scale the rows",
                                  how=("--basis", basis, "--fvu", "0.2"))

    def test_fvu_out_of_reach(self):
        self.encode_fails(DIGITS, "FVU 0.0001 can't be reached: these atoms came to 0.",
                          how=("--codebook", CODEBOOK, "--fvu", "0.0001", "--effort", "1"))
        _, descr, values = cli.npy_read(cli.TOP / "corpus/transformer/test-5000.npy")  # here the codebook's steps end first
        self.write("some.npy", cli.npy_bytes(values[:100 * 1024], (100, 512), descr))
        self.encode_fails("some.npy", "some.npy: FVU 0.0001 can't be reached: these atoms came to 0.0", "give a larger FVU",
                          how=("--codebook", cli.TOP / "corpus/transformer/train-fvu-0.20.codebook", "--fvu", "0.0001",
                               "--effort", "1"))

    def test_fvu_near_one(self):
        """Hardly a feature is worth its bits, nor its atom for few rows."""
        self.good("mdla-enc", DIGITS, "--sae", cli.SAE, "--fvu", "0.9", "--effort", "1", "-o", "x.mdla")
        self.encode_fails(DIGITS, "FVU 0.999 can't be reached: these atoms came to 1.0", "give a smaller FVU, more expected rows",
                          how=("--sae", cli.SAE, "--fvu", "0.999", "--effort", "1"))
        for more in (("--sae", cli.SAE, "--expected-rows", "1000000"), ("--codebook", CODEBOOK)):
            self.good("mdla-enc", DIGITS, *more, "--fvu", "0.999", "--effort", "1", "-f", "-o", "x.mdla")

    def test_rows_on_another_scale(self):
        count = 300
        values = array.array("f", [byte / 255 for byte in cli.digits(0, count)])
        self.write("scaled.npy", cli.npy_bytes(values, (count, 784)))
        self.encode_fails("scaled.npy", "scaled.npy: the rows don't seem to be on the SAE's scale", "in training (act scale)",
                          how=("--sae", cli.SAE, "--fvu", "0.2", "--effort", "1"))
        self.good("mdla-enc", "scaled.npy", "--sae", cli.SAE, "--act-scale", "255", "--fvu", "0.2", "--expected-rows", "100000",
                  "--effort", "1", "-o", "x.mdla")

    def test_step_out_of_range(self):
        self.encode_fails(DIGITS, "step 1e-09 is out of the codebook's range: it was made at step ",
                          how=("--codebook", CODEBOOK, "--step", "1e-9"))
        self.encode_fails(DIGITS, "step 1e-09 is out of range; give a larger step", how=("--sae", cli.SAE, "--step", "1e-9"))

    def test_what_is_given_for_another(self):
        coded = cli.FIXTURE / "digits.mdla"
        self.encode_fails(coded, "digits.mdla: a .mdla file, which holds codes; decode it to rows first")
        self.encode_fails(DIGITS, "a folder and no codebook; mdla-enc --sae takes an SAE's folder",
                          how=("--codebook", cli.SAE, "--step", "100"))
        self.encode_fails(DIGITS, "no SAE, but what mdla made of one; give it as the codebook",
                          how=("--sae", CODEBOOK, "--fvu", "0.2"))
        self.write("notes.txt", b"hello\n" * 100)
        self.encode_fails("notes.txt", "notes.txt: not .npy", "raw rows where their dims are given")
        self.write("empty.mdla", b"")
        self.assertEqual(self.bad(1, "mdla-info", "empty.mdla"), "mdla-info: empty.mdla: is empty\n")

    def test_folder_of_the_output_is_missing(self):
        self.assertIn("none/out.mdla: cannot create a file in a folder that isn't there",
                      self.bad(1, "mdla-enc", DIGITS, "--codebook", CODEBOOK, "--step", "100", "-o", "none/out.mdla"))

    def test_passage_numbers_of_other_rows(self):
        self.write("docs.npy", cli.npy_bytes(array.array("i", range(7)), (7,), "<i4"))
        self.encode_fails(DIGITS, "docs.npy: has 7 passage numbers for ", "; give one a row",
                          how=("--codebook", CODEBOOK, "--step", "100", "--docs", "docs.npy"))

    def test_missing_and_wrong_codebook(self):
        named = cli.FIXTURE / "named.mdla"
        for program, args in (("mdla-dec", ["-o", "x.npy"]), ("mdla-dec", ["--test"]), ("mdla-info", ["--features"])):
            self.assertIn("codebook", self.bad(1, program, named, *args))
        self.assertIn("No such file", self.bad(1, "mdla-enc", DIGITS, "--codebook", "none", "-o", "x.mdla"))
        self.bad(1, "mdla-dec", named, "--codebook", DIGITS, "-o", "x.npy")
        self.assert_files()
        self.good("mdla-dec", named, "--codebook", CODEBOOK, "--test")
        self.good("mdla-dec", named, "--codebook", cli.FIXTURE / "digits.mdla", "-o", "x.npy")
        self.assertEqual((self.folder / "x.npy").read_bytes(), (cli.FIXTURE / "decoded.npy").read_bytes())

    def test_missing_sae(self):
        self.encode_fails(DIGITS, "nowhere", how=("--sae", "nowhere", "--fvu", "0.2"))
        (self.folder / "hollow").mkdir()
        self.encode_fails(DIGITS, "cfg.json", how=("--sae", "hollow", "--fvu", "0.2"))

    def test_not_an_array_not_a_file(self):
        self.write("text.npy", b"hello\n" * 100)
        self.encode_fails("text.npy", "text.npy")
        self.encode_fails("nothing.npy", "nothing.npy", "No such file")
        (self.folder / "empty").mkdir()
        self.encode_fails("empty", "empty: a folder without")
        self.bad(1, "mdla-dec", "text.npy", "-o", "x.npy")
        self.bad(1, "mdla-info", "text.npy")
        self.assert_files("empty", "text.npy")

    def test_array_that_ends_early(self):
        self.write("short.npy", DIGITS.read_bytes()[:-1000])
        self.encode_fails("short.npy", "short.npy")

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_unreadable(self):
        path = self.write("locked.npy", DIGITS.read_bytes())
        path.chmod(0)
        self.encode_fails("locked.npy", "Permission denied")

    def test_damaged_file_is_reported_and_leaves_nothing(self):
        data = bytearray((cli.FIXTURE / "digits.mdla").read_bytes())
        data[len(data) * 3 // 4] ^= 0x10
        self.write("damaged.mdla", data)
        self.write("cut.mdla", data[:len(data) // 2])
        for name in ("damaged.mdla", "cut.mdla"):
            self.assertIn(name, self.bad(1, "mdla-dec", name, "-o", "x.npy"))
            self.bad(1, "mdla-dec", name, "--test")
            self.bad(1, "mdla-dec", "-", "-o", "x.f32", stdin=(self.folder / name).read_bytes())
        self.assert_files("damaged.mdla", "cut.mdla")

    def test_eval_names_what_does_not_fit(self):
        self.write("few.npy", cli.npy_bytes(cli.digits(0, 10), (10, 784), "|u1"))
        self.assertIn("more rows than few.npy", self.bad(1, "mdla-eval", "few.npy", cli.FIXTURE / "digits.mdla"))
        self.write("narrow.npy", cli.npy_bytes(array.array("f", range(40)), (4, 10)))
        self.assertIn("rows of 784 values", self.bad(1, "mdla-eval", "narrow.npy", cli.FIXTURE / "digits.mdla"))
        self.assertIn("rows of 784 values", self.bad(1, "mdla-eval", "narrow.npy", "--sae", cli.SAE))


if __name__ == "__main__":
    cli.main()
