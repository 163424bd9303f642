"""Residual vector quantisation with ideal entropy: the peer that codes a row as one codeword a stage.

Stage s holds K codewords of dims values, fitted by k-means on what the stages before it leave of the train rows. A row is coded
greedily (the nearest codeword of each stage) or with a beam (the 8 best partial sums survive each stage). Its bits are
-log2 p a stage, p from the counts of the train rows' codes: no coder, no adaptation, no cost but the codewords, which are
counted at 4 bits a value although nothing here rounds them. All of that favours the peer.
"""
import csv
import pathlib
import time

import numpy as np

BEAM = 8
BITS_A_VALUE = 4
FEW, MANY = 24, 150   # rows a codeword in the first and in the second half of k-means
PASSES = 5            # of each half
AXES = 160            # along which k-means looks for the nearest codeword
FIT_ROWS = 150000     # at most so many train rows, drawn at random
FIELDS = ("set", "codewords", "stages", "beam", "part", "rows", "fvu", "entropy_bits", "codebook_bits", "train_rows")
# rows: those measured; train_rows: those of the train file, among which they are


def with_ones(rows):
    """(n, dims + 1): a last column of ones, so that a matrix product takes the codeword's energy along."""
    return np.hstack([rows, np.ones((len(rows), 1), np.float32)])


def scorer(codewords):
    """(dims + 1, K): with_ones(rows) @ it is x.c - |c|^2 / 2, which is highest at the nearest codeword."""
    return np.ascontiguousarray(np.hstack([codewords, -0.5 * np.square(codewords).sum(1, keepdims=True)]).T)


def nearest(rows, codewords, tile=2048):
    """int32 (n): the nearest codeword (K, dims) of each row (n, dims)."""
    table = scorer(codewords)
    code = np.empty(len(rows), np.int32)
    for i in range(0, len(rows), tile):
        code[i:i + tile] = (with_ones(rows[i:i + tile]) @ table).argmax(1)
    return code


def means(rows, code, count):
    """The mean row of each code, (count, dims), and the rows that have it, (count)."""
    found = np.bincount(code, minlength=count)
    sums = np.zeros((count, rows.shape[1]), np.float32)
    order = np.argsort(code, kind="stable")
    used = np.flatnonzero(found)
    starts = np.concatenate([[0], np.cumsum(found)])[used]
    sums[used] = np.add.reduceat(rows[order], starts, axis=0) / found[used, None]
    return sums, found


def main_axes(rows, count):
    """(dims, count): the principal axes of the largest variance, as some rows (n, dims) show them."""
    some = rows[:8192]
    return np.ascontiguousarray(np.linalg.eigh(some.T @ some)[1][:, -count:])


def kmeans(rows, count, seed):
    """Codewords (count, dims) for rows (n, dims) in random order: Lloyd's iteration, PASSES times over few rows and PASSES times
    over many.

    All passes but the last look for the nearest codeword along the main axes only, which is several times faster; the means
    are always of whole rows. Codewords without rows start again from random rows, until the last pass. Three passes are too
    few (some 4 % more bits at equal FVU than ten), and so are passes that look only among the neighbours of a row's last
    codeword; shrinking the means of small cells lowers the error on other rows, but costs more bits than it is worth."""
    draw = np.random.default_rng(seed)
    codewords = rows[draw.choice(len(rows), count, replace=False)].copy()
    axes = main_axes(rows, min(AXES, rows.shape[1]))
    sizes = [min(len(rows), FEW * count)] * PASSES + [min(len(rows), MANY * count)] * PASSES
    short = rows[:max(sizes)] @ axes
    for turn, size in enumerate(sizes):
        part = rows[:size]
        last = turn + 1 == len(sizes)
        code = nearest(part, codewords) if last else nearest(short[:size], codewords @ axes)
        update, found = means(part, code, count)
        empty = found == 0
        update[empty] = codewords[empty] if last else part[draw.choice(size, int(empty.sum()))]
        codewords = update
    return codewords


def best_candidates(scores, keep):
    """Indices (n, keep) of the highest scores (n, candidates), best first.

    The best `keep` candidates lie in the `keep` groups with the highest maxima, so only those groups are sorted."""
    n, candidates = scores.shape
    group = 64
    columns = candidates // group
    if columns > 4 * keep and columns * group == candidates:
        chosen = np.argpartition(-scores.reshape(n, group, columns).max(1), keep - 1, axis=1)[:, :keep]
        index = (np.arange(group)[None, :, None] * columns + chosen[:, None, :]).reshape(n, -1)
    else:
        index = np.broadcast_to(np.arange(candidates), (n, candidates))
    values = np.take_along_axis(scores, index, 1)
    order = np.argpartition(-values, keep - 1, axis=1)[:, :keep]
    order = np.take_along_axis(order, np.argsort(-np.take_along_axis(values, order, 1), axis=1, kind="stable"), 1)
    return np.take_along_axis(index, order, 1)


class Greedy:
    """Rows coded by the nearest codeword a stage; holds what the stages so far leave."""

    def __init__(self, rows):
        self.left = rows  # (n, dims), changed in place
        self.codes = []   # a stage: int32 (n)

    def add(self, codewords):
        code = nearest(self.left, codewords)
        for i in range(0, len(code), 4096):
            self.left[i:i + 4096] -= codewords[code[i:i + 4096]]
        self.codes.append(code)

    def error(self):
        """Sum of squared error."""
        return sum(float(np.square(self.left[i:i + 4096]).sum(dtype=np.float64)) for i in range(0, len(self.left), 4096))


class Beam:
    """Rows coded with a beam: of each row the BEAM partial sums that leave least, best first."""

    def __init__(self, rows):
        self.left = rows[:, None, :].copy()                     # (n, paths, dims)
        self.paths = np.zeros((len(rows), 1, 0), np.int16)      # (n, paths, stages)

    def add(self, codewords, tile=256):
        n, paths, dims = self.left.shape
        count = len(codewords)
        keep = min(BEAM, paths * count)
        table = scorer(codewords)
        left = np.empty((n, keep, dims), np.float32)
        history = np.empty((n, keep, self.paths.shape[2] + 1), np.int16)
        for i in range(0, n, tile):
            part = self.left[i:i + tile]
            scores = with_ones(part.reshape(-1, dims)) @ table
            scores = scores.reshape(len(part), paths, count) - 0.5 * np.square(part).sum(2)[:, :, None]
            best = best_candidates(scores.reshape(len(part), -1), keep)
            parent, code = best // count, best % count
            rows = np.arange(len(part))[:, None]
            left[i:i + tile] = part[rows, parent] - codewords[code]
            history[i:i + tile, :, :-1] = self.paths[i:i + tile][rows, parent]
            history[i:i + tile, :, -1] = code
        self.left, self.paths = left, history

    @property
    def codes(self):
        """The best path's codes, a stage an array (n)."""
        return [self.paths[:, 0, s] for s in range(self.paths.shape[2])]

    def error(self):
        return float(np.square(self.left[:, 0]).sum(dtype=np.float64))


def probabilities(codes, count, base=None):
    """A stage: probabilities (count) from the codes' counts, smoothed by half a count a codeword, or, where a `base` stands
    (probabilities of more rows, coded otherwise), by four counts a codeword of its shape."""
    result = []
    for stage, code in enumerate(codes):
        prior = 4 * count * base[stage] if base else np.full(count, 0.5)
        counts = np.bincount(code, minlength=count) + prior
        result.append(counts / counts.sum())
    return result


def entropy_bits(codes, model):
    """Bits a row of codes (a stage: array of n) under model (a stage: probabilities)."""
    return float(sum(-np.log2(p[code]).mean() for code, p in zip(codes, model)))


class Peer:
    """RVQ of one data set and one number of codewords, grown a stage at a time."""

    def __init__(self, name, train, test, count, beam_rows, folder, seed=1):
        self.name, self.count, self.folder, self.seed = name, count, pathlib.Path(folder), seed
        mean = train.mean(0, dtype=np.float64).astype(np.float32)
        order = np.random.default_rng(seed).permutation(len(train))[:FIT_ROWS]
        left = train[order] - mean
        sub = left[::max(1, len(left) // beam_rows)].copy()  # not the first rows: those are what k-means fits most closely
        self.energy = {"train": squared(left), "test": squared(test)}
        self.beam_energy = squared(sub)
        self.dims, self.train_rows = left.shape[1], len(train)
        self.stages = 0
        self.greedy = {"train": Greedy(left), "test": Greedy(test - mean)}
        self.beam = {"train": Beam(sub), "test": Beam(test - mean)}

    def codewords(self):
        """The next stage's codewords, from the folder where they were fitted before."""
        path = self.folder / ("%s-%d-%d.npy" % (self.name, self.count, self.stages + 1))
        if path.exists():
            return np.load(path)
        result = kmeans(self.greedy["train"].left, self.count, self.seed + 1000 * (self.stages + 1))
        np.save(path, result)
        return result

    def grow(self):
        """Adds a stage; returns its lines of FIELDS."""
        codewords = self.codewords()
        for coder in (*self.greedy.values(), *self.beam.values()):
            coder.add(codewords)
        self.stages += 1
        greedy = probabilities(self.greedy["train"].codes, self.count)
        beam = probabilities(self.beam["train"].codes, self.count, greedy)
        lines = []
        for width, coders, model in ((1, self.greedy, greedy), (BEAM, self.beam, beam)):
            for part, coder in coders.items():
                energy = self.beam_energy if width > 1 and part == "train" else self.energy[part]
                lines.append({"set": self.name, "codewords": self.count, "stages": self.stages, "beam": width, "part": part,
                              "rows": len(coder.left), "fvu": "%.5f" % (coder.error() / energy),
                              "entropy_bits": "%.3f" % entropy_bits(coder.codes, model),
                              "codebook_bits": self.stages * self.count * self.dims * BITS_A_VALUE,
                              "train_rows": self.train_rows})
        return lines


def squared(rows):
    """Sum of squared deviation of rows (n, dims) from their own mean."""
    mean = rows.mean(0, dtype=np.float64).astype(np.float32)
    return sum(float(np.square(rows[i:i + 4096] - mean).sum(dtype=np.float64)) for i in range(0, len(rows), 4096))


def run(name, train, test, count, table, folder, most=64, stop=0.15, beam_rows=10000, say=print):
    """Grows a peer until the test rows' FVU is below `stop`, greedy and beam, or `most` stages stand; lines go to the CSV
    `table` as they come. Stages that stand there already are skipped over quickly where nothing is left to add."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done = {int(r["stages"]) for r in read(table) if r["set"] == name and int(r["codewords"]) == count}
    peer = Peer(name, train, test, count, beam_rows, folder)
    start = time.time()
    while peer.stages < most:
        lines = peer.grow()
        if peer.stages not in done:
            append(table, lines)
        worst = max(float(r["fvu"]) for r in lines if r["part"] == "test")
        say("%s, %d codewords, stage %d, %.0f s: %s" % (name, count, peer.stages, time.time() - start, "; ".join(
            "%s beam %d: %s bits, FVU %s" % (r["part"], r["beam"], r["entropy_bits"], r["fvu"]) for r in lines)))
        if worst < stop:
            return


def read(table):
    """The lines of a CSV of FIELDS; none where there is no file."""
    if not pathlib.Path(table).exists():
        return []
    with open(table, newline="") as f:
        lines = list(csv.DictReader(f))
    if lines and tuple(lines[0]) != FIELDS:
        raise SystemExit("%s: other columns than this program's; move it away" % table)
    return lines


def append(table, lines):
    new = not pathlib.Path(table).exists()
    with open(table, "a", newline="") as f:
        out = csv.DictWriter(f, FIELDS, lineterminator="\n")
        if new:
            out.writeheader()
        out.writerows(lines)
