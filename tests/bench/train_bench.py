#!/usr/bin/env python3
"""Wall time of a fixed number of training steps: mdla-train against two plain prototypes, at the same batch, width and rows.

    train_bench.py BUILD-FOLDER PROTOTYPES-FOLDER ROWS.npy [STEPS]

PROTOTYPES-FOLDER holds train_sae.py (PyTorch) and train_wide.py (NumPy, SciPy, a C kernel); ROWS.npy is float16 or float32. The
prototypes' time is that of their training function alone, ours that of the whole process. Skips where PyTorch or
SciPy is missing. Runs under the python3 that has them (Debian: python3-torch, python3-scipy).
"""
import pathlib
import subprocess
import sys
import tempfile
import time

BATCH = 256


def prototype(folder, module, width, l0, rows):
    """Seconds of module.train on rows, in a process of its own, with a scratch copy of the prototypes."""
    code = ("import sys, time, numpy as np; sys.argv = ['bench']; import {m}; X = np.load({x!r}).astype(np.float32); "
            "t = time.time(); {m}.train(X, {w}, {k}, 1, B={b}); print('seconds', time.time() - t)")
    code = code.format(m=module, x=str(rows), w=width, k=l0, b=BATCH)
    out = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout
    return float(out.split("seconds")[1])


def ours(build, folder, width, l0, rows):
    start = time.time()
    subprocess.run([build / "tools" / "mdla-train", rows, "-o", folder / "sae", "--width", str(width), "--l0", str(l0),
                    "--passes", "1", "--batch", str(BATCH), "--holdout", "0", "-q", "-f"], check=True)
    return time.time() - start


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        import numpy as np
        import scipy.sparse  # noqa: F401
        import torch  # noqa: F401
    except ImportError as missing:
        print("skipped: %s" % missing)
        return
    build, prototypes, source = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    steps = max(int(sys.argv[4]), 65) if len(sys.argv) > 4 else 80  # train_wide draws 16,384 rows to start from
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for script in ("train_sae.py", "train_wide.py"):
            (folder / script).write_bytes((prototypes / script).read_bytes())
        rows = folder / "rows.npy"
        np.save(rows, np.load(source, mmap_mode="r")[:steps * BATCH])
        for module, width, l0, bar in (("train_sae", 4096, 32, 3.0), ("train_wide", 16384, 16, 1.3)):
            theirs = prototype(folder, module, width, l0, rows)
            mine = ours(build, folder, width, l0, rows)
            print("%s, width %d, %d steps of %d rows: prototype %.2f s, mdla-train %.2f s, ratio %.2f (bar: %.1f)"
                  % (module, width, steps, BATCH, theirs, mine, theirs / mine, bar))


main()
