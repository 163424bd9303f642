#!/usr/bin/python3
"""mdla-report's page: right numbers, well-formed, self-contained."""
import base64
import html.parser
import json
import pathlib
import re
import shutil

import cli

FILE = cli.FIXTURE / "digits.mdla"
NAMED = cli.FIXTURE / "named.mdla"
CODEBOOK = cli.FIXTURE / "digits.codebook"
VOID = {"meta", "br", "img"}  # of those in use


class Page(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed in order; keeps texts, images, and what would be loaded."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.texts, self.images, self.loads, self.tables, self.tags = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag, attrs, empty=False):
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} {name}"
            if name in ("src", "href", "srcset", "data", "action"):
                (self.images if value.startswith("data:image/png;base64,") else self.loads).append(value)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID and not empty:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs, empty=True)

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, f"</{tag}> after {self.stack[-3:]}"
        self.stack.pop()

    def handle_data(self, data):
        self.texts.append(data)
        if self.stack and self.stack[-1 - (self.stack[-1] == "b")] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    def table(self, first):
        """The table whose first heading this is, as a list of dicts."""
        rows = next(t for t in self.tables if t[0][0] == first)
        return [dict(zip(rows[0], row)) for row in rows[1:]]


def png_size(uri):
    """Width and height of a data URI's PNG."""
    return cli.png_size(base64.b64decode(uri.split(",", 1)[1], validate=True))


class Report(cli.CliTest):
    def page(self, *args):
        text = self.good("mdla-report", *args, "-o", "-").decode()
        self.assertTrue(text.startswith("<!DOCTYPE html>\n"))
        self.assertNotIn("http", text)
        self.assertNotRegex(text, r"url\(|@import|<script|<link|<iframe")
        page = Page(text)
        self.assertEqual(page.loads, [])
        return page

    def info(self, *args):
        return json.loads(self.good("mdla-info", *args, "--json"))

    def test_numbers_are_those_of_the_file(self):
        page, info = self.page(FILE), self.info(FILE)
        rows = info["rows"]
        for text in (f"{8 * info['file_nbytes'] / rows:.2f}", f"{info['fvu']:.4f}", f"{info['l0']:.2f}",
                     f"{info['file_nbytes']:,}", info["codebook_sha256"], info["decoded_sha256"], "digits.mdla"):
            self.assertIn(text, page.texts, text)
        classes = {line["class"]: line for line in page.table("class")}
        used = {name.replace("_", " "): bits for name, bits in info["bits"].items() if bits > 0}
        self.assertEqual(set(classes), set(used))
        text = self.good("mdla-report", FILE, "-o", "-").decode()  # colours are the classes' own, whatever others come
        self.assertNotIn(str(cli.FIXTURE), text)
        self.assertIn('<td class="sw k1">atoms<', text)
        self.assertIn('<td class="sw k5">indices<', text)
        for name, bits in used.items():
            self.assertEqual(classes[name]["bits a row"], f"{bits / rows:.3f}")
            self.assertEqual(classes[name]["share"], f"{100 * bits / (8 * info['file_nbytes']):.2f} %")

    def test_features_and_rows_are_the_most_expensive(self):
        page = self.page(FILE)
        features = self.info(FILE, "--features")
        features.sort(key=lambda f: -f["bits"])
        shown = page.table("feature")
        self.assertEqual(len(shown), 12)
        for line, feature in zip(shown, features):
            self.assertEqual((line["feature"], line["bits"]), (str(feature["feature"]), f"{feature['bits']:.0f}"))
            self.assertEqual(line["of rows"], f"{100 * feature['rate']:.2f} %")
        used = [f for f in features if f["rows"] > 0]
        _, cheap = (t for t in page.tables if t[0][0] == "feature")
        self.assertEqual([line[cheap[0].index("bits")] for line in cheap[1:]], [f"{f['bits']:.0f}" for f in used[-12:]])
        _, cheap = (t for t in page.tables if t[0][0] == "row")
        least = self.info(FILE, "--top-rows", "12")[12:]
        self.assertEqual([line[0] for line in cheap[1:]], [str(r["row"]) for r in reversed(least)])
        rows = page.table("row")
        bits = [float(row["bits"]) for row in rows]
        self.assertEqual(bits, sorted(bits, reverse=True))
        for row in rows[:3]:
            bill = json.loads(self.good("mdla-info", FILE, "--row", row["row"], "--json"))
            total = sum(bill[k] for k in ("passage_bits", "header_bits", "index_bits", "level_bits"))
            self.assertEqual((row["features"], row["bits"]), (str(len(bill["code"])), f"{total:.2f}"))
        never = sum(f["rows"] == 0 for f in features)
        self.assertIn(f"{never:,} of 1,024 features are active in no row.", "".join(page.texts))

    def test_histograms_count_everything_once(self):
        page = self.page(FILE)
        counted = {"features": 0, "rows": 0}
        for text in page.texts:
            if match := re.fullmatch(r"(\d+) (features|rows)", text):
                counted[match[2]] += int(match[1])
        used = sum(f["rows"] > 0 for f in self.info(FILE, "--features"))
        self.assertEqual(counted, {"features": used, "rows": 2500})

    def test_pictures(self):
        plain = self.page(NAMED, "--codebook", CODEBOOK, "--image", "49x16")
        sizes = [png_size(image) for image in plain.images]
        if not sizes:
            self.skipTest("built without libpng")
        self.assertEqual(sizes.count((49, 16)), 48)  # atoms and rows, most and least expensive
        self.assertEqual(len(sizes), 49)
        guessed = [png_size(image) for image in self.page(FILE).images]  # the codebook knows that rows are 28 wide
        self.assertEqual(guessed.count((28, 28)), 48)
        self.assertEqual(guessed[-1], (16 * 30 - 2, 9 * 30 - 2))
        for value in ("28", "28x28x2", "0x784", "0x784x3", "28x28x", "axb"):
            self.assertIn(f"--image {value}: give", self.bad(2, "mdla-report", FILE, "-o", "x", "--image", value))
        self.assertIn("aren't an image of 28 x 27", self.bad(1, "mdla-report", FILE, "-o", "x", "--image", "28x27"))

    def test_several_files_are_compared(self):
        self.good("mdla-enc", cli.FIXTURE / "digits.npy", "--codebook", CODEBOOK, "--fvu", "0.3", "-o", "b.mdla")
        page = self.page(FILE, "b.mdla", "--title", "a <b> & \"c\"")
        self.assertEqual(page.texts.count("a <b> & \"c\""), 2)
        for line, path in zip(page.table("file"), (FILE, "b.mdla")):
            info = self.info(path)
            self.assertEqual(line["bits a row"], f"{8 * info['file_nbytes'] / 2500:.2f}")
            self.assertEqual(line["FVU"], f"{info['fvu']:.4f}")
            self.assertTrue(any(text.endswith(f"FVU {info['fvu']:.6f}") for text in page.texts))
        self.assertEqual(page.tags.count("circle"), 2)
        self.assertEqual(page.tags.count("details"), 2)
        self.assertIn("digits.mdla and 1 more", page.texts)  # of one codebook, so one curve

    def test_curves_of_files(self):
        """Files of one codebook, or of names that differ in their FVU, are one curve with one colour; others aren't."""
        self.good("mdla-enc", cli.FIXTURE / "digits.npy", "--basis", "pca", "--fvu", "0.5", "-o", "other-fvu0.5.mdla")
        self.good("mdla-enc", cli.FIXTURE / "digits.npy", "--basis", "pca", "--fvu", "0.4", "-o", "other-fvu0.4.mdla")
        shutil.copy(FILE, self.folder / "fvu0.2.mdla")
        files = ("other-fvu0.5.mdla", FILE, "other-fvu0.4.mdla", "fvu0.2.mdla")
        text = self.good("mdla-report", *files, "-o", "-").decode()
        colours = re.findall(r'<td class="name sw (k\d+)">([^<]*)', text)
        self.assertEqual([name for _, name in colours], [pathlib.Path(f).name for f in files])
        colours = [colour for colour, _ in colours]
        self.assertEqual((colours[0], colours[1]), (colours[2], colours[3]))
        self.assertNotEqual(colours[0], colours[1])
        self.assertEqual(re.findall(r'<path class="line (k\d+)" d="M[\d. ]+L[\d. ]+"/>', text), colours[:2])
        self.assertEqual(re.findall(r'class="key (k\d+)"></i>([^<]*)<', text),
                         [(colours[0], "other-fvu0.5.mdla and 1 more"), (colours[1], "digits.mdla and 1 more")])
        svg = re.search(r'aria-label="rate and distortion">.*?</svg>', text)[0]
        self.assertNotRegex(svg, "<text[^>]*>[^<]*mdla")  # names are in the legend

    def test_latent_cache(self):
        self.good("mdla-dec", FILE, "--codes", "-o", "codes.npz")
        self.good("mdla-enc", "--codes-in", "codes.npz", "-o", "cache.mdla", "-q")
        page = self.page("cache.mdla")
        info = json.loads(self.good("mdla-info", "cache.mdla", "--json"))
        text = " ".join("".join(page.texts).split())
        self.assertIn("rows of a latent cache, strengths of f32", text)
        self.assertIn("none: strengths are exact", text)
        self.assertNotIn("FVU", text)
        self.assertFalse(page.images)
        self.assertIn(f"{8 * info['file_nbytes'] / info['active']:.2f}bits a strength", text)
        self.assertIn("no rows to show as images", self.bad(1, "mdla-report", "cache.mdla", "--image", "28x28", "-o", "x.html"))

    def test_no_rows_and_odd_names(self):
        self.write("empty.npy", cli.npy_bytes(b"", (0, cli.DIMS)))
        self.good("mdla-enc", "empty.npy", "--codebook", CODEBOOK, "--step", "200", "-o", "a<b>&.mdla")
        self.assertIn("a<b>&.mdla", self.page("a<b>&.mdla").texts)

    def test_output_and_mistakes(self):
        self.good("mdla-report", FILE, "-o", "page.html")
        self.assertIn("give -f", self.bad(1, "mdla-report", FILE, "-o", "page.html"))
        self.assertIn("no input", self.bad(2, "mdla-report", "-o", "x"))
        self.assertIn("give -o PAGE.html", self.bad(2, "mdla-report", FILE))
        self.assertIn("needs the codebook", self.bad(1, "mdla-report", NAMED, "-o", "x"))
        data = bytearray(FILE.read_bytes())
        data[len(data) // 2] ^= 1
        self.write("damaged.mdla", bytes(data))
        self.bad(1, "mdla-report", "damaged.mdla", "-o", "x")
        self.assert_files("page.html", "damaged.mdla")


if __name__ == "__main__":
    cli.main()
