"""The results file: a CSV with a line a measurement, which is also the cache that makes a run resumable."""
import csv
import pathlib

KEY = ("set", "measure", "method", "sae", "model", "effort", "block_rows", "target_fvu", "build")
FIELDS = (*KEY, "rows", "fvu", "bits", "codebook_bits", "width", "l0", "seconds")
# measure:  marginal (test rows, codebook from train rows, not counted), train (train rows, codebook counted), 1e7 and 1e7-test
#           (the bits of the train or the test rows, the codebook counted as shared by ten million rows); "+" and further options
# bits:     a row, as the measure counts them; codebook_bits: in all
# build:    which mdla-enc made it, so that another build measures anew


class Results:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lines = []
        if self.path.exists():
            with open(self.path, newline="") as f:
                self.lines = list(csv.DictReader(f))
            if self.lines and tuple(self.lines[0]) != FIELDS:
                raise SystemExit("%s: other columns than this program's; move it away" % path)

    def find(self, **key):
        """The line with this KEY (what isn't given is empty), or None."""
        wanted = {k: str(key.get(k, "")) for k in KEY}
        for line in self.lines:
            if all(line[k] == v for k, v in wanted.items()):
                return line
        return None

    def add(self, key, **values):
        """Appends a line, at once on disk."""
        line = {k: str({**key, **values}.get(k, "")) for k in FIELDS}
        new = not self.path.exists()
        with open(self.path, "a", newline="") as f:
            out = csv.DictWriter(f, FIELDS, lineterminator="\n")
            if new:
                out.writeheader()
            out.writerow(line)
        self.lines.append(line)
        return line
