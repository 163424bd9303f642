#!/usr/bin/python3
"""mdla-report's page in a headless Chromium: it loads without complaint and holds the file's numbers."""
import json
import re
import shutil
import subprocess
import sys
import tempfile

import cli

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FILE = cli.FIXTURE / "digits.mdla"


class Browser(cli.CliTest):
    def chromium(self, *args):
        """Chromium's standard output, and what it and the page complain of."""
        with tempfile.TemporaryDirectory(prefix="mdla-chromium-", ignore_cleanup_errors=True) as profile:
            done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                   f"--user-data-dir={profile}", "--enable-logging=stderr", *args],
                                  capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    def test_page_loads(self):
        self.good("mdla-report", FILE, FILE, "-o", "page.html")
        page = self.folder / "page.html"
        dom, complaints = self.chromium("--dump-dom", page.as_uri())
        self.assertEqual(complaints, [])
        info = json.loads(self.good("mdla-info", FILE, "--json"))
        for text in (f"<b>{8 * info['file_nbytes'] / info['rows']:.2f}</b>", f"<b>{info['l0']:.2f}</b>",
                     f"<b>{info['fvu']:.4f}</b>", f"<b>{info['file_nbytes']:,}</b>"):
            self.assertEqual(dom.count(text), 2, text)
        # The parser had nothing to mend: as many elements as the file has.
        for tag in ("table", "tr", "td", "svg", "rect", "circle", "details", "div", "img"):
            count = len(re.findall(f"<{tag}[ >]", page.read_text()))
            self.assertGreater(count, 0, tag)
            self.assertEqual(len(re.findall(f"<{tag}[ >]", dom)), count, tag)

    def test_screenshots_show_something(self):
        self.good("mdla-report", FILE, "-o", "page.html")
        sizes = []
        for width in (1200, 500):
            self.chromium(f"--window-size={width},900", f"--screenshot={self.folder / 'page.png'}",
                          (self.folder / "page.html").as_uri())
            sizes.append((self.folder / "page.png").stat().st_size)
        self.write("blank.html", b"<!DOCTYPE html><title>blank</title>")
        self.chromium("--window-size=1200,900", f"--screenshot={self.folder / 'blank.png'}",
                      (self.folder / "blank.html").as_uri())
        self.assertGreater(min(sizes), 4 * (self.folder / "blank.png").stat().st_size)


if __name__ == "__main__":
    if not CHROMIUM:
        print("skipped: no Chromium here (Debian: chromium)")
        sys.exit(77)
    cli.main()
