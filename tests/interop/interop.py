#!/usr/bin/python3
"""Array files of the interop kit against its expect.json.

interop.py PROGRAMS KIT: PROGRAMS is the folder with interop_rows. Needs Python's library alone.
Exit 0: all agree; 1: something differs, with a line for each; 77: there is no kit (a skipped test).
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

KINDS = (".npy", ".f32", ".gz", "-ubyte", "idx2")


def read_rows(programs, path, options):
    run = subprocess.run([programs / "interop_rows", path, *options], capture_output=True, timeout=60)
    words = run.stderr.decode(errors="replace").strip()
    if run.returncode == 0:
        rows, dims = map(int, words.split())
        return {"rows": rows, "dims": dims, "sha256_f32": hashlib.sha256(run.stdout).hexdigest()}, words
    if run.returncode != 1:
        raise RuntimeError(f"interop_rows {path}: exit {run.returncode}: {words}")
    return None, words


def options_of(case):
    said = case.get("args", "")
    raw = re.fullmatch(r"raw f32, dims (\d+)", said)
    if raw:
        return ["raw=" + raw.group(1)]
    return ["bf16"] if said == "told bf16" else []


def check_array(programs, path, case, pipe):
    """Sentences for what differs."""
    got, words = read_rows(programs, path, options_of(case) + (["pipe"] if pipe else []))
    if "fortran" in path.name and pipe and got is None and "pipe" in words:
        return []
    want = case.get("if_read") if "policy" in case else case if case["read"] else None
    if got is None:
        return [f"refused: {words}"] if case.get("read") else []
    if want is None:
        return [] if "policy" in case else [f"read, though {case['because']}"]
    return [f"{key}: {got[key]}, not {want[key]}" for key in ("rows", "dims", "sha256_f32") if got[key] != want[key]]


def main():
    programs, kit = map(pathlib.Path, sys.argv[1:3])
    if not (kit / "arrays/expect.json").exists():
        print("no interop kit: skipped")
        return 77
    count = bad = 0
    for name, case in json.loads((kit / "arrays/expect.json").read_text()).items():
        if not name.endswith(KINDS):
            continue
        for pipe in (False, True):
            count += 1
            for sentence in check_array(programs, kit / "arrays" / name, case, pipe):
                bad += 1
                print(f"arrays/{name}{' from a pipe' if pipe else ''}: {sentence}")
    print(f"{count} checks, {bad} differ")
    return 1 if bad else 0


sys.exit(main())
