#!/usr/bin/env python3
"""The decoder that was written from the document gives the recorded floats of every golden file."""
import hashlib
import pathlib
import sys

top = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(top / "spec" / "decoder"))
import mdla_decode  # noqa: E402

wrong = decoded = 0
for file in sorted((top / "tests" / "vectors").glob("*.mdla")):
    codebook = file.with_suffix(".codebook")
    rows = mdla_decode.decode(file.read_bytes(), codebook.read_bytes() if codebook.exists() else None)
    good = hashlib.sha256(rows).hexdigest() == file.with_suffix(".sha256").read_text().split()[0]
    print(file.name, "as recorded" if good else "DIFFERS")
    decoded += 1
    wrong += not good
    # One flipped bit is found, wherever it is.
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    try:
        mdla_decode.decode(bytes(damaged), codebook.read_bytes() if codebook.exists() else None)
        print(file.name, "damaged: NOT FOUND")
        wrong += 1
    except mdla_decode.Corrupt:
        pass
sys.exit(wrong != 0 or decoded == 0)
