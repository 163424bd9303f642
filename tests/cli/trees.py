"""Synthetic trees of features: flags whose parents are known, as a latent cache."""
import io
import random
import struct
import zipfile

import cli

PARENTS = 40


def bernoulli_rows(rng, p, rows):
    """Some of the rows, each with probability p."""
    return {r for r in rows if rng.random() < p}


class Trees:
    """40 parents, active in 0.5 to 5 % of rows; each has 2 to 5 children, active in 10 to 60 % of its rows and in no
    others. Features are numbered in no order. parent: {child: parent}; active: a set of rows for every feature."""

    def __init__(self, seed, rows):
        rng = random.Random(seed)
        families = [rng.randint(2, 5) for _ in range(PARENTS)]
        names = list(range(PARENTS + sum(families)))
        rng.shuffle(names)
        self.rows, self.width, self.rng = rows, len(names), rng
        self.active, self.parent = [None] * len(names), {}
        for children in families:
            parent = names.pop()
            self.active[parent] = bernoulli_rows(rng, rng.uniform(0.005, 0.05), range(rows))
            for _ in range(children):
                child = names.pop()
                self.parent[child] = parent
                self.active[child] = bernoulli_rows(rng, rng.uniform(0.1, 0.6), sorted(self.active[parent]))

    def add_noise(self, share):
        """Each flag, with probability share, is taken out and set at a free place drawn evenly from all rows and
        features."""
        moved = [(f, r) for f, rows in enumerate(self.active) for r in sorted(rows) if self.rng.random() < share]
        for feature, row in moved:
            self.active[feature].remove(row)
        for _ in moved:
            while True:
                feature, row = self.rng.randrange(self.width), self.rng.randrange(self.rows)
                if row not in self.active[feature]:
                    self.active[feature].add(row)
                    break

    def forget(self):
        """Every feature keeps its rate, in rows drawn anew: nothing has a parent."""
        self.active = [set(self.rng.sample(range(self.rows), len(rows))) for rows in self.active]

    def cache(self):
        """SciPy's csr, every strength 1."""
        codes = [[] for _ in range(self.rows)]
        for feature, rows in enumerate(self.active):
            for row in rows:
                codes[row].append(feature)
        starts = [0]
        for code in codes:
            starts.append(starts[-1] + len(code))
        flat = [f for code in codes for f in code]
        arrays = {"indices": cli.npy_bytes(struct.pack(f"<{len(flat)}i", *flat), (len(flat),), "<i4"),
                  "indptr": cli.npy_bytes(struct.pack(f"<{len(starts)}i", *starts), (len(starts),), "<i4"),
                  "format": cli.npy_bytes(b"csr", (), "|S3"),
                  "shape": cli.npy_bytes(struct.pack("<2q", self.rows, self.width), (2,), "<i8"),
                  "data": cli.npy_bytes(struct.pack("<f", 1) * len(flat), (len(flat),))}
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            for name, data in arrays.items():
                z.writestr(name + ".npy", data)
        return out.getvalue()
