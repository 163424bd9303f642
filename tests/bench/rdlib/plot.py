"""PNG pictures of the curves, with Debian's matplotlib where it is installed."""

STYLES = {"mdla": {"linestyle": "-", "marker": "o", "linewidth": 1.6}, "paper": {"linestyle": ":", "marker": "."},
          "pca": {"linestyle": "--", "color": "0.35"}, "gaussian": {"linestyle": "-", "color": "0"},
          "rvq": {"linestyle": "-.", "marker": "x", "markersize": 3.5, "linewidth": 0.9}}
TITLES = {"marginal": "test rows, codebook fitted on train rows and not counted",
          "train": "train rows, codebook counted", "1e7": "train rows, codebook shared by 10 million rows"}


def available():
    """Whether pictures can be drawn; else the sentence that says why not."""
    try:
        import matplotlib
    except ImportError:
        return "no pictures: matplotlib isn't installed (Debian: python3-matplotlib); the curves stand in the CSV files"
    matplotlib.use("Agg")
    return None


def draw(path, name, measure, curves, fvus):
    """One measure's curves, 1,200 x 800 pixels; fvus: lowest and highest FVU to show."""
    from matplotlib import pyplot, ticker
    figure, axes = pyplot.subplots(figsize=(12, 8), dpi=100)
    palette = {"mdla": iter(pyplot.cm.tab10.colors), "paper": iter(pyplot.cm.Set2.colors), "rvq": iter(pyplot.cm.Dark2.colors)}
    low, high = fvus[0] - 0.01, fvus[1] + 0.01
    for curve in curves:
        style = dict(STYLES[curve.kind])
        if curve.kind in palette:
            style["color"] = next(palette[curve.kind], "0.6")
        shown = [p for p in curve.points if low <= p[0] <= high]
        if shown:
            axes.plot(*zip(*shown), label=curve.label, **style)
    axes.set(title="%s: %s" % (name, TITLES[measure]), xlabel="fraction of variance unexplained (FVU)",
             ylabel="bits a row", yscale="log", xlim=(low, high))
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%.0f"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.grid(True, which="major", color="0.88")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
