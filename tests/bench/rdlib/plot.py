"""PNG pictures of the curves, with Debian's matplotlib where it is installed."""
from .programs import DEFAULT_BLOCK, DEFAULT_EFFORT

TITLES = {"marginal": "test rows, codebook fitted on train rows and not counted",
          "train": "train rows, codebook counted", "1e7": "train rows, codebook shared by 10 million rows",
          "1e7-test": "test rows, codebook shared by 10 million rows"}
RVQ_COLOURS = {256: "tab:pink", 1024: "tab:purple", 4096: "tab:red"}


def missing():
    """None where pictures can be drawn; else the sentence that says why not."""
    try:
        import matplotlib
    except ImportError:
        return "no pictures: matplotlib isn't installed (Debian: python3-matplotlib); the curves stand in the CSV file"
    matplotlib.use("Agg")
    return None


class Styles:
    """Lines of one picture: mdla's SAEs and models differ in colour, efforts in marker, block sizes in dashes."""

    def __init__(self):
        self.colours = {}

    def colour(self, curve):
        key = (curve.facts["sae"], curve.facts["model"])
        return self.colours.setdefault(key, "C%d" % len(self.colours))

    def of(self, curve):
        if curve.kind == "rvq":
            return {"color": RVQ_COLOURS.get(curve.facts["codewords"], "0.6"), "linewidth": 0.9, "marker": ".", "markersize": 3,
                    "linestyle": ":" if curve.facts["beam"] == 1 else "-"}
        if curve.kind == "paper":
            return {"color": self.colour(curve), "linestyle": (0, (1, 3)), "linewidth": 1.2}
        if curve.kind == "mdla":
            effort, block = int(curve.facts["effort"]), int(curve.facts["block_rows"])
            return {"color": self.colour(curve), "linewidth": 2 if (effort, block) == (DEFAULT_EFFORT, DEFAULT_BLOCK) else 1,
                    "marker": "v" if effort < DEFAULT_EFFORT else "^" if effort > DEFAULT_EFFORT else "o", "markersize": 5,
                    "linestyle": "--" if block < DEFAULT_BLOCK else "-." if block > DEFAULT_BLOCK else "-"}
        return {"color": "0", "linestyle": "-" if curve.kind == "gaussian" else "--"}


def highest_first(curves, fvu):
    """The curves in the order in which they pass this FVU, so that the legend reads as the picture does."""
    def height(curve):
        return curve.at(fvu) or min(curve.points, key=lambda p: abs(p[0] - fvu))[1]
    return sorted(curves, key=height, reverse=True)


def draw(path, name, measure, curves, fvus):
    """One measure's curves, 1,200 x 800 pixels; fvus: lowest and highest FVU to show."""
    from matplotlib import pyplot, ticker
    figure, axes = pyplot.subplots(figsize=(12, 8), dpi=100)
    low, high = fvus[0] - 0.01, fvus[1] + 0.01
    styles = Styles()
    for curve in highest_first(curves, sum(fvus) / 2):
        shown = [p for p in curve.points if low <= p[0] <= high]
        if shown:
            axes.plot(*zip(*shown), label=curve.label, **styles.of(curve))
    axes.set(title="%s: %s" % (name, TITLES[measure]), xlabel="fraction of variance unexplained (FVU)",
             ylabel="bits a row", yscale="log", xlim=(low, high))
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8)))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%.0f"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.grid(True, which="major", color="0.88")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
