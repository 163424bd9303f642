#!/usr/bin/python3
"""Holds bits a row on small extracts of both data sets to what bits.csv says they are.

    bits.py TOOLS            checks: fails where a case lies outside its tolerance, above or below
    bits.py TOOLS --print    prints bits.csv anew with the values measured now

TOOLS is the folder with the programs. A case that got better fails too, since a pin left behind would let the next loss pass:
move the pin (--print > bits.csv) in the commit that changes the bits, with the reason. FVU 0.20 throughout; a file above it
fails. Python's standard library alone.
"""
import csv
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
if len(sys.argv) < 2:
    sys.exit(__doc__)

import cli  # noqa: E402  (it reads the folder of the programs from the command line)

PINS = HERE / "bits.csv"
FVU = 0.2
TRAIN_DIGITS, TEST_DIGITS = 4000, 2000
MANY_ROWS = 10 ** 9
TRANSFORMER = cli.TOP / "corpus" / "transformer"
TEST_ROWS, DOCS = TRANSFORMER / "test-5000.npy", TRANSFORMER / "test-5000.docs.npy"
CODEBOOK = TRANSFORMER / "train-fvu-0.20.codebook"


def run(name, *args):
    """Standard output of a program that must succeed."""
    done = subprocess.run([cli.TOOLS / name, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("bits.py: %s %s: %s" % (name, " ".join(map(str, args)), done.stderr))
    return done.stdout


def digits(path, source, count):
    """Writes the first `count` digits of an IDX.gz as .npy."""
    with gzip.open(source) as f:
        path.write_bytes(cli.npy_bytes(f.read(16 + count * cli.DIMS)[16:], (count, cli.DIMS), "|u1"))
    return path


def bits_a_row(rows, file, *codebook):
    """File bits a row, as mdla-eval measures them; passage numbers, which come along with --docs, aside."""
    figures = json.loads(run("mdla-eval", rows, file, *codebook, "--json"))[0]
    if figures["fvu"] > FVU + 1e-9:
        sys.exit("bits.py: %s: FVU %.6f is above the %.2f that was asked for" % (file.name, figures["fvu"], FVU))
    return figures["file_bits_per_row"] - figures["bits"].get("passage_numbers", 0) / figures["rows"]


def marginal(folder, rows, codebook, *options):
    file = folder / "reference.mdla"
    run("mdla-enc", rows, "--codebook", codebook, "--fvu", FVU, "--reference", "-o", file, "-f", *options)
    return bits_a_row(rows, file, "--codebook", codebook)


def total(folder, rows, *options):
    file = folder / "embedded.mdla"
    run("mdla-enc", rows, "--fvu", FVU, "--embed", "-o", file, "-f", *options)
    return bits_a_row(rows, file)


def mnist(folder, knows):
    """Cases of MNIST: a codebook fitted here on a few thousand train digits."""
    train, test = digits(folder / "train.npy", cli.TRAIN, TRAIN_DIGITS), digits(folder / "test.npy", cli.TEST, TEST_DIGITS)

    def fitted(*options):
        codebook = folder / "mnist.codebook"
        run("mdla-enc", train, "--sae", cli.SAE, "--fvu", FVU, "--expected-rows", MANY_ROWS, "--codebook-out", codebook, "-f",
            *options)
        return marginal(folder, test, codebook)

    yield "mnist-marginal", fitted()
    yield "mnist-marginal-additive", fitted(*(["--model", "additive"] if "--model" in knows else []))
    yield "mnist-total", total(folder, train, "--sae", cli.SAE)


def transformer(folder, knows):
    """Cases of the transformer rows: their codebook was fitted on a train file that is too large for the corpus."""
    docs = ["--docs", DOCS] if "--docs" in knows else []
    yield "transformer-marginal", marginal(folder, TEST_ROWS, CODEBOOK, *docs)
    yield "transformer-total", total(folder, TEST_ROWS, "--codebook", CODEBOOK, *docs)


def measure():
    """Pairs of a case's name and its bits a row."""
    knows = run("mdla-enc", "--help")
    with tempfile.TemporaryDirectory(prefix="mdla-bits-") as name:
        yield from mnist(pathlib.Path(name), knows)
        yield from transformer(pathlib.Path(name), knows)


def verdict(pin, bits):
    """None, or what is wrong with a case."""
    expected, tolerance = float(pin["bits_a_row"]), float(pin["tolerance_percent"])
    change = 100 * (bits / expected - 1)
    if abs(change) <= tolerance:
        return None
    what = "more bits than before" if change > 0 else "fewer bits than before: move the pin (bits.py TOOLS --print)"
    return "%s: %.2f bits a row, pinned at %.2f +- %g %%: %s" % (pin["case"], bits, expected, tolerance, what)


def main():
    with open(PINS, newline="") as f:
        pins = {line["case"]: line for line in csv.DictReader(f)}
    if sys.argv[2:] == ["--print"]:
        out = csv.DictWriter(sys.stdout, ("case", "bits_a_row", "tolerance_percent", "reason"), lineterminator="\n")
        out.writeheader()
        for case, bits in measure():
            kept = pins.get(case, {"tolerance_percent": 1, "reason": ""})
            out.writerow({**kept, "case": case, "bits_a_row": "%.2f" % bits})
        return 0
    wrong = []
    for case, bits in measure():
        print("%-26s %10.2f bits a row" % (case, bits), flush=True)
        wrong.append(verdict(pins.pop(case), bits) if case in pins else "%s: not in bits.csv" % case)
    wrong += ["%s: in bits.csv, but not measured" % case for case in pins]
    for text in filter(None, wrong):
        print(text)
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
