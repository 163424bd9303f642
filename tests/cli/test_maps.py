#!/usr/bin/python3
"""mdla-report's maps: which there are, that they show something, their bits, and what is refused."""
import array
import json
import os
import random
import re
import unittest
import zlib

import cli

FILE = cli.FIXTURE / "digits.mdla"
NAMED = cli.FIXTURE / "named.mdla"
CODEBOOK = cli.FIXTURE / "digits.codebook"
ALL = ["pairs.png", "pixels.png", "rows-features.png"]


def colours(data):
    """How many bytes of each value the picture's lines hold, before they are filtered back: enough to see that it isn't empty."""
    lines = zlib.decompress(b"".join(payload for kind, payload in cli.png_chunks(data) if kind == b"IDAT"))
    return len(set(lines))


class Maps(cli.CliTest):
    def setUp(self):
        super().setUp()
        if "lacks cairo" in self.run_tool("mdla-report", FILE, "--maps", "a/b").stderr:
            self.skipTest("built without cairo")

    def maps(self, *args, folder="maps"):
        """The maps' names, all of which were looked at, and what was said."""
        process = self.run_tool("mdla-report", *args, "--maps", folder, "-v")
        self.assertEqual((process.returncode, process.stdout), (0, b""), process.stderr)
        paths = sorted((self.folder / folder).iterdir())
        for path in paths:
            width, height = cli.png_size(path.read_bytes())
            self.assertEqual(width, 1200)
            self.assertIn(height, range(500, 1001))
            self.assertGreater(colours(path.read_bytes()), 100, path)
        return [path.name for path in paths], process.stderr

    def assert_bits(self, stderr, *args):
        """The map of rows and features shows what all features are charged."""
        features = json.loads(self.good("mdla-info", *args, "--features", "--json"))
        shown = float(re.search(r"rows-features\.png shows ([0-9.]+) bits", stderr)[1])
        self.assertAlmostEqual(shown, sum(f["bits"] for f in features), delta=0.1 + 0.1 * len(features))

    def test_images_have_all_maps(self):
        names, stderr = self.maps(FILE)
        self.assertEqual(names, ALL)
        self.assert_bits(stderr, FILE)
        self.assert_files("maps")
        sizes = [cli.png_size((self.folder / "maps" / name).read_bytes()) for name in names]
        self.assertEqual(len(set(sizes)), 3)
        first = {name: (self.folder / "maps" / name).read_bytes() for name in names}
        self.maps(FILE, "-T", "2", folder="again")
        self.assertEqual(first, {name: (self.folder / "again" / name).read_bytes() for name in names})

    def test_page_and_maps(self):
        names, stderr = self.maps(NAMED, "--codebook", CODEBOOK, "--image", "49x16", "-o", "page.html")
        self.assertEqual(names, ALL)
        self.assert_bits(stderr, NAMED, "--codebook", CODEBOOK)
        self.assert_files("maps", "page.html")

    def test_latent_cache(self):
        self.good("mdla-dec", FILE, "--codes", "-o", "codes.npz")
        self.good("mdla-enc", "--codes-in", "codes.npz", "-o", "cache.mdla", "-q")
        names, stderr = self.maps("cache.mdla")
        self.assertEqual(names, ["pairs.png", "rows-features.png"])
        self.assert_bits(stderr, "cache.mdla")

    def test_without_a_joint_model(self):
        """Bases of every kind, of colour images."""
        numbers = random.Random(5)
        values = array.array("f", (numbers.uniform(0, 255) for _ in range(60 * 12)))
        self.write("colours.npy", cli.npy_bytes(values, (60, 12)))
        for basis in ("dense", "pca", "onehot"):
            more = ["--codewords", "8"] if basis == "onehot" else ["--fvu", "0.3"]
            self.good("mdla-enc", "colours.npy", "--basis", basis, *more, "-o", f"{basis}.mdla")
            names, stderr = self.maps(f"{basis}.mdla", folder=f"{basis}-rows")
            self.assertEqual(names, ["rows-features.png"], basis)
            self.assertIn("no joint model, so there is no pairs.png", stderr)
            self.assertIn("--image", stderr)
            self.assert_bits(stderr, f"{basis}.mdla")
            names, _ = self.maps(f"{basis}.mdla", "--image", "2x2x3", folder=f"{basis}-images")
            self.assertEqual(names, ["pixels.png", "rows-features.png"], basis)

    def test_odd_names(self):
        for name in ("long" * 60 + ".mdla", os.fsdecode(b"no utf-8: \xe9.mdla")):
            try:
                os.symlink(FILE, self.folder / name)
            except OSError:  # a file system of UTF-8 alone
                continue
            self.good("mdla-report", name, "--maps", "maps", "-f")
            self.assertEqual(sorted(p.name for p in (self.folder / "maps").iterdir()), ALL)

    def test_what_exists_is_kept(self):
        self.good("mdla-report", FILE, "--maps", "maps")
        (self.folder / "maps" / "pairs.png").unlink()
        self.write("maps/pixels.png", b"mine")
        self.write("maps/other.txt", b"mine too")
        (self.folder / "maps" / "rows-features.png").unlink()
        self.assertIn("maps/pixels.png", self.bad(1, "mdla-report", FILE, "--maps", "maps"))
        self.assertEqual(sorted(p.name for p in (self.folder / "maps").iterdir()), ["other.txt", "pixels.png"])
        self.assertEqual((self.folder / "maps" / "pixels.png").read_bytes(), b"mine")
        self.good("mdla-report", FILE, "--maps", "maps/", "-f")
        self.assertEqual(sorted(p.name for p in (self.folder / "maps").iterdir()), ["other.txt", *ALL])
        self.assertEqual(cli.png_size((self.folder / "maps" / "pixels.png").read_bytes())[0], 1200)

    def test_mistakes(self):
        self.write("file", b"")
        self.assertIn("file: is a file; name a folder", self.bad(1, "mdla-report", FILE, "--maps", "file", "-f"))
        self.assertIn("a/b: can't be made: ", self.bad(1, "mdla-report", FILE, "--maps", "a/b"))
        self.assertIn("maps are of one file", self.bad(2, "mdla-report", FILE, FILE, "--maps", "maps"))
        self.assertIn("--maps", self.bad(2, "mdla-report", FILE))
        self.assertIn("needs the codebook", self.bad(1, "mdla-report", NAMED, "--maps", "maps"))
        self.write("empty.npy", cli.npy_bytes(b"", (0, cli.DIMS)))
        self.good("mdla-enc", "empty.npy", "--codebook", CODEBOOK, "--step", "200", "-o", "empty.mdla")
        self.assertIn("nothing to map", self.bad(1, "mdla-report", "empty.mdla", "--maps", "maps"))
        self.assert_files("file", "empty.npy", "empty.mdla")


if __name__ == "__main__":
    cli.main()
