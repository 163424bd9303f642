#!/usr/bin/python3
"""The joint model from outside: models, efforts, passages, atoms that move."""
import array

import cli

DIGITS = "digits.npy"
ROWS = 1000


def docs(numbers, descr="<i4", kind="i"):
    return cli.npy_bytes(array.array(kind, numbers), (len(numbers),), descr)


class Joint(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.write(DIGITS, cli.npy_bytes(cli.digits(0, ROWS), (ROWS, cli.DIMS), "|u1"))

    def bits(self, *args):
        """Whole file in bits, of digits coded with options."""
        self.good("mdla-enc", DIGITS, *args, "-o", "x.mdla", "-f", "--verify")
        return 8 * (self.folder / "x.mdla").stat().st_size

    def test_joint_beats_additive_at_one_loss(self):
        book = ["--sae", cli.SAE, "--fvu", "0.25", "--expected-rows", "1000000", "-f"]
        self.good("mdla-enc", DIGITS, *book, "--codebook-out", "joint.codebook")
        self.good("mdla-enc", DIGITS, *book, "--codebook-out", "plain.codebook", "--model", "additive")
        code = ["--fvu", "0.25", "--reference"]
        joint = self.bits("--codebook", "joint.codebook", *code)
        plain = self.bits("--codebook", "plain.codebook", *code)
        self.assertLess(joint, 0.85 * plain)
        # One codebook serves both models; a codebook without a joint model codes additively.
        self.assertGreater(self.bits("--codebook", "joint.codebook", *code, "--model", "additive"), joint)
        self.assertEqual(self.bits("--codebook", "plain.codebook", *code, "--model", "joint"), plain)
        # More effort finds shorter codes.
        self.assertGreater(self.bits("--codebook", "joint.codebook", *code, "--effort", "1"), joint)

    def test_wrong_values_are_usage(self):
        for option, value in (("--effort", "0"), ("--effort", "10"), ("--model", "both")):
            self.assertIn(value, self.bad(2, "mdla-enc", DIGITS, "--sae", cli.SAE, "--fvu", "0.3", option, value,
                                          "-o", "x.mdla"))
        for option in ("--prune", "--adapt-atoms"):
            self.assertIn(option, self.bad(2, "mdla-enc", DIGITS, "--codebook", "cb", option, "-o", "x.mdla"))
        self.assert_files(DIGITS)

    def test_passages_are_coded_and_threads_dont_matter(self):
        self.write("docs.npy", docs([row // 7 for row in range(ROWS)]))
        outputs = set()
        for threads in ("1", "2", "3"):
            self.good("mdla-enc", DIGITS, "--docs", "docs.npy", "--sae", cli.SAE, "--fvu", "0.3", "--block-rows", "300",
                      "-o", "x.mdla", "-f", "-T", threads)
            outputs.add((self.folder / "x.mdla").read_bytes())
        self.assertEqual(len(outputs), 1)
        self.good("mdla-dec", "--test", "x.mdla")
        self.assertIn("passage", self.good("mdla-info", "x.mdla", "--row", "7").decode())

    def test_passage_numbers_that_dont_fit(self):
        self.write("few.npy", docs([0] * 10))
        self.write("float.npy", docs([0.0] * ROWS, "<f4", "f"))
        self.write("text.npy", b"not an array")
        for name, words in (("few.npy", "10 passage numbers for 1000 rows"), ("float.npy", "integers"),
                            ("text.npy", "no array of integers"), ("none.npy", "none.npy")):
            self.assertIn(words, self.bad(1, "mdla-enc", DIGITS, "--docs", name, "--sae", cli.SAE, "--fvu", "0.3",
                                          "-o", "x.mdla"))
        self.assert_files(DIGITS, "few.npy", "float.npy", "text.npy")

    def test_atoms_that_adapt_take_fewer_bits(self):
        code = ["--sae", cli.SAE, "--fvu", "0.2", "--expected-rows", "1000000", "--reference", "--codebook-out", "x.codebook"]
        plain = self.bits(*code)
        self.assertLess(self.bits(*code, "--adapt-atoms"), plain)
        self.assertNotEqual(self.bits(*code, "--prune"), plain)


if __name__ == "__main__":
    cli.main()
