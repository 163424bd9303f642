#!/usr/bin/python3
"""mdla-train from outside: shards, Ctrl-C and --resume, what is overwritten, mistakes on the command line."""
import array
import json
import random
import signal
import subprocess

import cli

DIMS, ROWS = 16, 3000
SHAPE = ("--width", 64, "--l0", 4)
WEIGHTS = "sae_weights.safetensors"
CHECKPOINT = "mdla-train.checkpoint"


class Train(cli.CliTest):
    def setUp(self):
        super().setUp()
        draw = random.Random(3)
        atoms = [[draw.gauss(0, 1) for _ in range(DIMS)] for _ in range(24)]
        values = array.array("f")
        for _ in range(ROWS):
            mix = [(draw.choice(atoms), draw.uniform(1, 2)) for _ in range(3)]
            values.extend(5 + sum(strength * atom[i] for atom, strength in mix) for i in range(DIMS))
        self.values = values
        self.data = self.folder / "rows.npy"
        self.data.write_bytes(cli.npy_bytes(values, (ROWS, DIMS)))

    def weights(self, folder):
        return (self.folder / folder / WEIGHTS).read_bytes()

    def test_saves_what_mdla_eval_loads(self):
        self.assertEqual(self.good("mdla-train", self.data, "-o", "sae", *SHAPE, "--passes", 20), b"")
        self.assertEqual(sorted(p.name for p in (self.folder / "sae").iterdir()), ["cfg.json", WEIGHTS])
        config = json.loads((self.folder / "sae/cfg.json").read_text())
        self.assertEqual((config["architecture"], config["d_in"], config["d_sae"]), ("jumprelu", DIMS, 64))
        result = json.loads(self.good("mdla-eval", self.data, "--sae", "sae", "--json"))[0]
        self.assertLess(result["fvu"], 0.3)
        self.assertLess(result["l0"], 4.4)

    def test_each_kind_is_saved_under_its_name(self):
        for arch, name in (("batchtopk", "jumprelu"), ("topk", "topk"), ("relu", "standard")):
            self.good("mdla-train", self.data, "-o", arch, *SHAPE, "--arch", arch, "--passes", 1)
            self.assertEqual(json.loads((self.folder / arch / "cfg.json").read_text())["architecture"], name)

    def test_shards_and_raw_rows_train_as_one_file_does(self):
        self.good("mdla-train", self.data, "-o", "whole", *SHAPE)
        cut = 1000 * DIMS
        (self.folder / "a.npy").write_bytes(cli.npy_bytes(self.values[:cut], (1000, DIMS)))
        (self.folder / "b.npy").write_bytes(cli.npy_bytes(self.values[cut:], (ROWS - 1000, DIMS)))
        self.good("mdla-train", "a.npy", "b.npy", "-o", "shards", *SHAPE)
        raw = cli.npy_read(self.data)[2]
        self.good("mdla-train", "-", "--raw", "--dims", DIMS, "-o", "raw", *SHAPE, stdin=raw)
        self.assertEqual(self.weights("whole"), self.weights("shards"))
        self.assertEqual(self.weights("whole"), self.weights("raw"))

    def test_interrupted_and_resumed_equals_uninterrupted(self):
        options = [self.data, *SHAPE, "--passes", 100, "-T", 2]
        self.good("mdla-train", *options, "-o", "whole")
        command = [cli.TOOLS / "mdla-train", *map(str, options), "-o", "stopped", "-v"]
        with subprocess.Popen(command, cwd=self.folder, stderr=subprocess.PIPE) as process:
            process.stderr.readline()  # the first tenth is done
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read().decode()
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertIn("--resume", rest)
        self.assertTrue((self.folder / "stopped" / CHECKPOINT).exists())
        self.assertIn("--resume", self.bad(1, "mdla-train", *options, "-o", "stopped"))
        self.assertIn("options", self.bad(1, "mdla-train", *options, "-o", "stopped", "--resume", "--seed", 8))
        self.good("mdla-train", *options, "-o", "stopped", "--resume")
        self.assertFalse((self.folder / "stopped" / CHECKPOINT).exists())
        self.assertEqual(self.weights("whole"), self.weights("stopped"))

    def test_an_sae_is_overwritten_with_force_alone(self):
        self.good("mdla-train", self.data, "-o", "sae", *SHAPE, "--passes", 1)
        before = self.weights("sae")
        self.assertIn("-f", self.bad(1, "mdla-train", self.data, "-o", "sae", *SHAPE))
        self.assertEqual(before, self.weights("sae"))
        self.good("mdla-train", self.data, "-o", "sae", *SHAPE, "--passes", 1, "--seed", 1, "-f")
        self.assertNotEqual(before, self.weights("sae"))
        self.assertIn("no checkpoint", self.bad(1, "mdla-train", self.data, "-o", "sae", *SHAPE, "--resume"))

    def test_bad_rows_are_named(self):
        self.values[77 * DIMS + 5] = float("nan")
        self.data.write_bytes(cli.npy_bytes(self.values, (ROWS, DIMS)))
        self.assertIn("row 77, column 5 is NaN", self.bad(1, "mdla-train", self.data, "-o", "sae", *SHAPE))

    def test_mistakes_are_usage(self):
        for wrong in (["--width", 64], ["--l0", 4], ["--width", 4, "--l0", 5], [*SHAPE, "--arch", "gated"],
                      [*SHAPE, "--passes", 0], [*SHAPE, "--batch", 70000], [*SHAPE, "--lr", 2],
                      [*SHAPE, "--holdout", 0.5], [*SHAPE, "--seed", -1], [*SHAPE, "--dims", 3],
                      [*SHAPE, "--raw"]):
            self.bad(2, "mdla-train", self.data, "-o", "sae", *wrong)
        self.bad(2, "mdla-train", self.data, *SHAPE)
        self.bad(2, "mdla-train", "-o", "sae", *SHAPE)
        self.assertFalse((self.folder / "sae").exists())


if __name__ == "__main__":
    cli.main()
