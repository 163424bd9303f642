#!/usr/bin/python3
"""Where rows stood in a model, by name: from the command line, an SAE's files or a delphi folder; back by itself, in
safetensors and in a delphi folder."""
import json
import shutil
import struct

import cli

DIGITS = cli.FIXTURE / "digits.npy"
CODE = ["--codebook", cli.FIXTURE / "digits.codebook", "--step", 200]
HOOK = "blocks.5.hook_résid_\"post\""


def metadata(path):
    """__metadata__ of a safetensors file."""
    data = path.read_bytes()
    return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]]).get("__metadata__")


class Hook(cli.CliTest):
    def info(self, name):
        return json.loads(self.good("mdla-info", name, "--json"))

    def test_it_comes_back_and_counts_apart(self):
        self.good("mdla-enc", DIGITS, *CODE, "-o", "plain.mdla")
        said = self.run_tool("mdla-enc", DIGITS, *CODE, "--hook", HOOK, "-o", "x.mdla").stderr
        self.assertIn("marginal bits a", said)
        self.assertEqual(self.good("mdla-dec", "x.mdla", "--hook-out", "-").decode(), HOOK + "\n")
        self.assertEqual(self.info("x.mdla")["hook"], HOOK)
        self.assertIn(f"hook      {HOOK}\n", self.good("mdla-info", "x.mdla").decode())
        self.assertIsNone(self.info("plain.mdla")["hook"])
        plain, named = json.loads(self.good("mdla-eval", DIGITS, "plain.mdla", "x.mdla", "--json"))
        sizes = [(self.folder / name).stat().st_size for name in ("plain.mdla", "x.mdla")]
        self.assertEqual(named["bits"]["hook"], 8 * (sizes[1] - sizes[0]))
        self.assertEqual(named["marginal_bits_per_row"], plain["marginal_bits_per_row"])

    def test_outputs_that_have_a_place_carry_it(self):
        self.good("mdla-enc", DIGITS, *CODE, "--hook", HOOK, "-o", "x.mdla")
        self.good("mdla-dec", "x.mdla", "-o", "rows.safetensors", "--hook-out", "hook.txt")
        self.assertEqual((self.folder / "hook.txt").read_text(), HOOK + "\n")
        self.assertEqual(metadata(self.folder / "rows.safetensors"), {"hook_name": HOOK})
        self.good("mdla-info", "rows.safetensors:activations")
        self.good("mdla-dec", "x.mdla", "--codes", "-o", "codes.safetensors")
        self.assertEqual(metadata(self.folder / "codes.safetensors"), {"hook_name": HOOK})
        self.good("mdla-dec", "x.mdla", "--codes", "--format", "delphi", "-o", "cache")
        self.good("mdla-enc", "--codes-in", "cache", "-o", "cache.mdla")
        self.assertEqual(self.info("cache.mdla")["hook"], HOOK)
        self.good("mdla-enc", DIGITS, *CODE, "-o", "plain.mdla")
        self.good("mdla-dec", "plain.mdla", "-o", "plain.safetensors")
        self.assertIsNone(metadata(self.folder / "plain.safetensors"))

    def test_it_is_read_where_files_say_it(self):
        config = json.loads((cli.SAE / "cfg.json").read_text())
        self.good("mdla-enc", DIGITS, "--sae", cli.SAE, "--step", 400, "--effort", 1, "-o", "sae.mdla")
        self.assertEqual(self.info("sae.mdla")["hook"], config["metadata"]["hook_name"])
        self.good("mdla-enc", DIGITS, "--sae", cli.SAE, "--step", 400, "--effort", 1, "--hook", "h.2", "-o", "other.mdla")
        self.assertEqual(self.info("other.mdla")["hook"], "h.2")
        # A delphi folder is called as its module; what its configuration says goes first.
        self.good("mdla-dec", "other.mdla", "--rows", "0:64", "--codes", "--format", "delphi", "-o", "layers.7.mlp")
        self.good("mdla-enc", "--codes-in", "layers.7.mlp", "-o", "a.mdla")
        self.assertEqual(self.info("a.mdla")["hook"], "h.2")
        config = self.folder / "layers.7.mlp" / "config.json"
        config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "hookpoint"}))
        said = self.run_tool("mdla-enc", "--codes-in", "layers.7.mlp/", "-o", "b.mdla").stderr
        self.assertIn("marginal bits a", said)
        self.assertEqual(self.info("b.mdla")["hook"], "layers.7.mlp")
        shutil.move(self.folder / "layers.7.mlp", self.folder / "mine")
        self.good("mdla-enc", "--codes-in", "mine", "-o", "c.mdla")
        self.assertIsNone(self.info("c.mdla")["hook"])

    def test_what_is_no_name(self):
        for name in ("", "a\nb", "x" * 256, b"\xff"):
            args = [name] if isinstance(name, bytes) else [name.encode()]
            process = self.run_tool("mdla-enc", DIGITS, *CODE, "-o", "x.mdla", "--hook", args[0].decode("utf-8", "surrogateescape"))
            self.assertEqual(process.returncode, 1)
            self.assertIn("a hook's name has 1 to 255 bytes", process.stderr)
        self.assertFalse((self.folder / "x.mdla").exists())
        self.good("mdla-enc", DIGITS, *CODE, "-o", "x.mdla")
        self.assertIn("--hook", self.bad(1, "mdla-dec", "x.mdla", "--hook-out", "h.txt"))
        self.assertFalse((self.folder / "h.txt").exists())


if __name__ == "__main__":
    cli.main()
