#!/usr/bin/python3
"""Help, version and mistakes on the command line: who says what, where, with which exit code."""
import cli

PROGRAMS = ("mdla-enc", "mdla-dec", "mdla-info", "mdla-eval", "mdla-train", "mdla-sweep", "mdla-report")


class Usage(cli.CliTest):
    def test_help_is_one_screen_on_stdout_with_an_example(self):
        for program in PROGRAMS:
            for option in ("--help", "-h"):
                process = self.run_tool(program, option)
                lines = process.stdout.decode().splitlines()
                self.assertEqual((process.returncode, process.stderr), (0, ""))
                self.assertTrue(lines[0].startswith(f"Usage: {program} "))
                self.assertTrue(any(line.startswith(f"  {program} ") for line in lines))
                self.assertLessEqual(len(lines), 24)
                self.assertLessEqual(max(map(len, lines)), 80, max(lines, key=len))

    def test_version(self):
        for program in PROGRAMS:
            self.assertRegex(self.good(program, "--version").decode(), rf"^{program} \d+\.\d+\.\d+\n$")

    def test_unknown_option_gets_a_guess(self):
        self.assertEqual(self.bad(2, "mdla-enc", "--fuv", "0.2"),
                         "mdla-enc: unknown option --fuv; did you mean --fvu?\nTry 'mdla-enc --help'.\n")
        self.assertIn("unknown option --zzzzz\n", self.bad(2, "mdla-dec", "--zzzzz"))
        self.assertIn("unknown option -z\n", self.bad(2, "mdla-info", "-z"))
        self.assertIn("stands for more than one option", self.bad(2, "mdla-enc", "--cod", "x"))

    def test_misspelt_values_get_a_guess(self):
        for program, option, value, sentence in (
                ("mdla-enc", "--model", "joined", "give joint or additive; did you mean joint?"),
                ("mdla-enc", "--code", "fre", "give free or sae; did you mean free?"),
                ("mdla-train", "--arch", "tpok", "give batchtopk, topk or relu; did you mean topk?"),
                ("mdla-dec", "--dtype", "f23", "i64 or bool; did you mean f32?"),
                ("mdla-dec", "--format", "pickle", "coo or delphi\n")):
            self.assertIn(f"{option} {value}: give", self.bad(2, program, option, value))
            self.assertIn(sentence, self.bad(2, program, option, value))

    def test_file_names_that_nearly_exist_get_a_guess(self):
        for name in ("acts.npy", "my.npy", "my.codebook", "zz.mdla"):
            self.write(name, cli.npy_bytes(bytes(16), (2, 2)))
        (self.folder / "my-sae").mkdir()
        sub = self.folder / "sub"
        sub.mkdir()
        (sub / "shard-1.npy").write_bytes(b"")
        for program, args, guess in (("mdla-info", ["atcs.npy"], "did you mean acts.npy?"),
                                     ("mdla-info", ["acts"], "did you mean acts.npy?"),
                                     ("mdla-info", ["sub/shard1.npy"], "did you mean sub/shard-1.npy?"),
                                     ("mdla-enc", ["acts.npy", "--codebook", "my", "-o", "x", "--fvu", ".1"],
                                      "did you mean my.codebook?"),
                                     ("mdla-dec", ["z.mdla", "-o", "x"], "did you mean zz.mdla?"),
                                     ("mdla-eval", ["acts.npy", "--sae", "my_sae"], "did you mean my-sae?")):
            self.assertIn(f"No such file or directory; {guess}\n", self.bad(1, program, *args))
        self.assertTrue(self.bad(1, "mdla-info", "other.npy").endswith("No such file or directory\n"))
        self.assertTrue(self.bad(1, "mdla-info", "none/acts.npy").endswith("No such file or directory\n"))

    def test_values_are_missing_or_too_many(self):
        self.assertIn("--fvu needs a value", self.bad(2, "mdla-enc", "--fvu"))
        self.assertIn("-o needs a value", self.bad(2, "mdla-enc", "-o"))
        self.assertIn("--quiet takes no value", self.bad(2, "mdla-dec", "--quiet=1"))

    def test_numbers_are_read_strictly(self):
        for option, value in (("--fvu", "2"), ("--fvu", "0"), ("--fvu", "nan"), ("--fvu", "0.1x"), ("--step", "-1"),
                              ("--step", "inf"), ("--step", ""), ("--bits-per-row", "0x10"), ("--block-rows", "0"),
                              ("--block-rows", "1e3"), ("--expected-rows", "-5"), ("--dims", "70000"), ("-T", "x"),
                              ("-T", "99999999999999999999")):
            self.assertIn(f"{option} {value}: give", self.bad(2, "mdla-enc", "a.npy", option, value))
        self.assertIn("--step 1e30: give a number above 0 and below 1e30", self.bad(2, "mdla-enc", "a.npy", "--step", "1e30"))
        for value in ("5", "5:2", "a:b", "1:2:3", "-1:2", ": 4"):
            self.assertIn(f"--rows {value}: give A:B", self.bad(2, "mdla-dec", "a.mdla", "--rows", value))

    def test_enc_options_that_can_not_stand_together(self):
        for args, sentence in (
                ([], "no DATA"),
                (["a.npy"], "give --sae SAE, --basis B, or --codebook"),
                (["a.npy", "--sae", "s"], "give -o OUT.mdla"),
                (["a.npy", "--sae", "s", "-o", "x"], "give a target"),
                (["a.npy", "--fvu", "0.1", "--step", "1"], "--fvu and --step: give one"),
                (["a.npy", "--codebook", "c", "-o", "x", "--expected-rows", "9"], "--expected-rows acts where"),
                (["a.npy", "--codebook", "c", "--codebook-out", "x"], "--codebook-out is for a codebook made here"),
                (["a.npy", "--codebook", "c", "-o", "x", "--code", "sae"], "--code sae needs the SAE"),
                (["a.npy", "--codebook", "c", "-o", "x", "--embed", "--reference"], "--embed and --reference"),
                (["a.npy", "--codebook", "c", "-o", "x", "--raw"], "--raw needs --dims"),
                (["a.npy", "--codebook", "c", "-o", "-", "--verify"], "--verify reads the output again"),
                (["-", "-", "--codebook", "c", "-o", "x"], "(-) can be named once"),
                (["a.npy", "--codebook", "c", "-o", "x", "--note", "n" * 1025], "at most 1024")):
            self.assertIn(sentence, self.bad(2, "mdla-enc", *args))
        self.assert_files()

    def test_dec_info_eval_options_that_can_not_stand_together(self):
        for program, args, sentence in (
                ("mdla-dec", [], "no input"),
                ("mdla-dec", ["a.mdla"], "give -o OUT.npy"),
                ("mdla-dec", ["a.mdla", "b.mdla", "-o", "x"], "more than one input: b.mdla"),
                ("mdla-dec", ["a.mdla", "--test", "-o", "x"], "--test decodes everything"),
                ("mdla-dec", ["a.mdla", "--codes", "--raw", "-o", "x"], "codes take --strengths"),
                ("mdla-dec", ["a.mdla", "--format", "csr", "-o", "x"], "are for --codes"),
                ("mdla-dec", ["a.mdla", "--codes", "--format", "npy", "-o", "x"], "are for rows"),
                ("mdla-dec", ["a.mdla", "--codes", "--format", "csf", "-o", "x"], "--format csf: give"),
                ("mdla-dec", ["a.mdla", "--codes", "--strengths", "f8", "-o", "x.npz"], "--strengths f8: give"),
                ("mdla-dec", ["a.mdla", "--codes", "--strengths", "f16", "-o", "x.csv"], "is for csr and coo"),
                ("mdla-dec", ["a.mdla", "--codes", "--splits", "2", "-o", "x.npz"], "are for --format delphi"),
                ("mdla-dec", ["a.mdla", "--codes", "--format", "delphi", "-o", "-"], "give -o FOLDER"),
                ("mdla-dec", ["a.mdla", "-o", "x", "--dtype", "float"], "--dtype float: give f32"),
                ("mdla-info", [], "no file"),
                ("mdla-info", ["a", "b"], "more than one file: b"),
                ("mdla-info", ["a", "--row", "1", "--features"], "give one of them"),
                ("mdla-info", ["a", "--row", "x"], "--row x: give a whole number"),
                ("mdla-eval", [], "no DATA"),
                ("mdla-eval", ["a.npy"], "no .mdla file to measure"),
                ("mdla-eval", ["a.npy", "b.mdla", "--csv", "--json"], "give one of them"),
                ("mdla-eval", ["a.npy", "b.mdla", "--codes-out", "c"], "need --sae SAE"),
                ("mdla-eval", ["a.npy", "--sae", "s", "--act-scale", "0"], "--act-scale 0: give the number"),
                ("mdla-eval", ["a.npy", "b.mdla", "--passage-rows", "2"], "--passage-rows acts on"),
                ("mdla-eval", ["a.npy", "b.mdla", "c.mdla", "--features-out", "f"], "is for one file"),
                ("mdla-eval", ["a.npy", "b.mdla", "--sae", "s", "--codes-out", "c"], "are the SAE's own")):
            self.assertIn(sentence, self.bad(2, program, *args))
        self.assert_files()

    def test_double_dash_ends_options(self):
        self.assertIn("--help: cannot open", self.bad(1, "mdla-info", "--", "--help"))


if __name__ == "__main__":
    cli.main()
