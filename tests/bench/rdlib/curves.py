"""Curves: what was measured, as named lists of (FVU, bits a row), and interpolation along them."""
import csv
import math

from . import rvq
from .programs import DEFAULT_BLOCK, DEFAULT_EFFORT, TEN_MILLION

MEASURES = ("marginal", "train", "1e7", "1e7-test")
SHARED = {"marginal": math.inf, "1e7": TEN_MILLION, "1e7-test": TEN_MILLION}  # rows that share a codebook; train: its rows


class Curve:
    """points: a list of (FVU, bits a row), ascending in FVU. kind: mdla, paper, pca, gaussian or rvq."""

    def __init__(self, kind, label, points, **facts):
        self.kind, self.label, self.points, self.facts = kind, label, sorted(points), facts

    def at(self, fvu):
        """Bits a row at this FVU, log bits taken as linear between neighbours; None outside what was measured."""
        for (f0, b0), (f1, b1) in zip(self.points, self.points[1:]):
            if f0 <= fvu <= f1:
                share = (fvu - f0) / (f1 - f0) if f1 > f0 else 0.0
                return math.exp((1 - share) * math.log(b0) + share * math.log(b1))
        return None


def mdla_label(line):
    label = "mdla %s, %s" % (line["model"], line["sae"])
    if line["effort"] != str(DEFAULT_EFFORT):
        label += ", effort %s" % line["effort"]
    if line["block_rows"] != str(DEFAULT_BLOCK):
        label += ", blocks of %s" % line["block_rows"]
    for extra in line["measure"].split("+")[1:]:
        label += ", --" + extra
    return label


def label_and_kind(line):
    """How a line of the results file is called, and its kind."""
    if line["method"] == "mdla":
        return mdla_label(line), "mdla"
    if line["method"].startswith("paper-"):
        return "paper's %s, %s" % (line["method"][6:], mdla_label(line)[5:]), "paper"
    return {"pca": ("PCA + ideal entropy", "pca"), "gaussian": ("Gaussian bound", "gaussian")}[line["method"]]


def measured(lines, name, measure, build):
    """Curves of a data set's lines in the results file; of mdla's, those that this build made."""
    found = {}
    for line in lines:
        if line["set"] != name or line["measure"].split("+")[0] != measure or line["build"] not in ("", build):
            continue
        label, kind = label_and_kind(line)
        facts = {k: line[k] for k in ("model", "effort", "block_rows", "width", "sae")}
        found.setdefault(label, (kind, [], facts))[1].append((float(line["fvu"]), float(line["bits"])))
    return [Curve(kind, label, points, **facts) for label, (kind, points, facts) in found.items()]


def rvq_curves(lines, name, measure, most_codewords=None):
    """Curves of RVQ, one a number of codewords and beam, a point a stage."""
    part = "test" if measure in ("marginal", "1e7-test") else "train"
    found, train_rows = {}, 0
    for line in lines:
        if line["set"] != name or line["part"] != part:
            continue
        train_rows = int(line["train_rows"])
        count, stages = int(line["codewords"]), int(line["stages"])
        if not most_codewords or count * stages <= most_codewords:
            found.setdefault((count, int(line["beam"])), {})[stages] = line
    curves = []
    for (count, beam), stages in sorted(found.items()):
        shared = SHARED.get(measure, train_rows)
        points = [(float(s["fvu"]), float(s["entropy_bits"]) + int(s["codebook_bits"]) / shared) for s in stages.values()]
        label = "RVQ, %s a stage, %s" % (format(count, ","), "greedy" if beam == 1 else "beam of %d" % beam)
        curves.append(Curve("rvq", label, points, codewords=count, beam=beam))
    return curves


def all_curves(results, rvq_table, name, measure, build):
    return measured(results.lines, name, measure, build) + rvq_curves(rvq.read(rvq_table), name, measure)


def write(path, name, curves_of):
    """A CSV with a line a point; curves_of: a measure's curves."""
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(("set", "measure", "curve", "fvu", "bits_a_row"))
        for measure, curves in curves_of.items():
            for curve in curves:
                out.writerows((name, measure, curve.label, "%.5f" % f, "%.3f" % b) for f, b in curve.points)
