"""Who needs fewer bits a row at equal FVU: mdla at its defaults, or the best residual vector quantiser."""
from . import curves as curves_module
from . import rvq
from .programs import DEFAULT_BLOCK, DEFAULT_EFFORT

FVUS = (0.15, 0.20, 0.25)


def best(curves, fvu):
    """(bits, label) of the lowest curve at this FVU, or None where no curve reaches it."""
    reached = [(bits, c.label) for c in curves for bits in [c.at(fvu)] if bits is not None]
    return min(reached) if reached else None


def defaults(curves):
    """mdla's curves at the default effort and block size."""
    return [c for c in curves if c.kind == "mdla" and c.facts["effort"] == str(DEFAULT_EFFORT) and
            c.facts["block_rows"] == str(DEFAULT_BLOCK)]


def line(measure, fvu, ours, theirs, peers):
    def side(found):
        return "%.1f (%s)" % found if found else "not reached"
    if ours and theirs:
        winner = "mdla by %.0f %%" % (100 * (1 - ours[0] / theirs[0])) if ours[0] < theirs[0] else \
            "RVQ by %.0f %%" % (100 * (1 - theirs[0] / ours[0]))
    else:
        winner = "RVQ isn't there" if ours else "mdla isn't there"
    return (measure, "%.2f" % fvu, side(ours), "%s%s" % (side(theirs), peers), winner)


def lines(results, rvq_table, name, build):
    """Lines of five texts: measure, FVU, mdla's bits, RVQ's bits, the winner."""
    found = []
    peers = rvq.read(rvq_table)
    for measure in curves_module.MEASURES:
        ours = defaults(curves_module.measured(results.lines, name, measure, build))
        theirs = curves_module.rvq_curves(peers, name, measure)
        found += [line(measure, fvu, best(ours, fvu), best(theirs, fvu), "") for fvu in FVUS]
        if measure != "marginal":
            continue
        for width in sorted({int(c.facts["width"]) for c in ours}):
            same = [c for c in ours if int(c.facts["width"]) == width]
            theirs = curves_module.rvq_curves(peers, name, measure, 2 * width)
            found += [line(measure, fvu, best(same, fvu), best(theirs, fvu), ", at most %s codewords" % format(2 * width, ","))
                      for fvu in FVUS]
    return found


def show(table, say):
    """Says the lines in aligned columns."""
    table = [("measure", "FVU", "mdla, bits a row", "RVQ, bits a row", "fewer bits"), *table]
    widths = [max(len(row[i]) for row in table) for i in range(5)]
    for row in table:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
