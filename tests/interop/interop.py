#!/usr/bin/python3
"""Array files, codes and SAEs of the interop kit against its expect.json files.

interop.py PROGRAMS KIT: PROGRAMS is the folder with interop_rows, interop_codes and interop_sae. Needs NumPy and SciPy.
Exit 0: all agree; 1: something differs, with a line for each; 77: there is no kit or no SciPy (a skipped test).
"""
import hashlib
import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy
    import scipy.sparse
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SEEKING = ("fortran", ".npz")  # parts of the names of what a pipe can't give


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
    member = re.fullmatch(r"member (\S+)", said)
    if member:
        return ["array=" + member.group(1)]
    return ["bf16"] if said == "told bf16" else []


def cases_of(case):
    """A file of several arrays: each by its name, and without one."""
    for name, member in case.get("members", {}).items():
        yield dict(member, read=True, args=f"member {name}")
    yield {"policy": case["policy"]} if "members" in case else case


def check_array(programs, path, case, pipe):
    """Sentences for what differs."""
    got, words = read_rows(programs, path, options_of(case) + (["pipe"] if pipe else []))
    if any(part in path.name for part in SEEKING) and pipe and got is None and "pipe" in words:
        return []
    want = case.get("if_read") if "policy" in case else case if case["read"] else None
    if got is None:
        return [f"refused: {words}"] if case.get("read") else []
    if want is None:
        return [] if "policy" in case else [f"read, though {case['because']}"]
    return [f"{key}: {got[key]}, not {want[key]}" for key in ("rows", "dims", "sha256_f32") if got[key] != want[key]]


def check_codes(programs, path, case):
    """Sentences for what differs."""
    said = [f"{word.replace('ctx', 'context')}={number}" for word, number in re.findall(r"(\w+) (\d+)", case.get("args", ""))]
    run = subprocess.run([programs / "interop_codes", path, *said], capture_output=True, timeout=60)
    words = run.stderr.decode(errors="replace").strip()
    if run.returncode not in (0, 1):
        raise RuntimeError(f"interop_codes {path}: exit {run.returncode}: {words}")
    if run.returncode == 1:
        return [f"refused: {words}"] if case["read"] else []
    if not case["read"]:
        return [f"read, though {case['because']}"]
    want = numpy.load(path.parent / case["equals"]) if "equals" in case else numpy.array(case["dense"])
    rows, width = map(int, words.split())
    got = numpy.frombuffer(run.stdout, "<f4").reshape(rows, width)
    return [] if numpy.array_equal(got, want) else ["another code"]


def differs(got, want, tolerance):
    return not numpy.allclose(got, want, rtol=0, atol=tolerance * max(1, numpy.abs(want).max(initial=0)))


def check_sae(programs, folder, case):
    """Sentences for what differs."""
    with tempfile.TemporaryDirectory() as out:
        rows = folder / "input.npy"
        codes, decoded = pathlib.Path(out, "codes"), pathlib.Path(out, "decoded")
        run = subprocess.run([programs / "interop_sae", folder / case["source"], rows if rows.exists() else "-",
                              codes, decoded], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd=out)
        words = run.stderr.decode(errors="replace").strip()
        if run.returncode not in (0, 1):
            raise RuntimeError(f"interop_sae {folder}: exit {run.returncode}: {words}")
        if pathlib.Path(out, "PICKLE_WAS_EXECUTED").exists():
            return ["a pickle was executed"]
        if case.get("refuse", False):
            return [] if run.returncode == 1 and words.startswith(str(folder)) else [f"not refused: {words}"]
        if run.returncode == 1:
            return [] if "policy" in case else [f"refused: {words}"]
        want = scipy.sparse.load_npz(folder / "expected_codes.npz").toarray()
        got = numpy.fromfile(codes, "<f4").reshape(want.shape)
        want_rows = numpy.load(folder / "expected_decoded.npy")
        got_rows = numpy.fromfile(decoded, "<f4").reshape(want_rows.shape)
    sentences = []
    if ((got != 0) != (want != 0)).any():
        sentences.append("another support")
    if differs(got, want, case["tolerance"]):
        sentences.append("other strengths")
    if differs(got_rows, want_rows, case["tolerance"]):
        sentences.append("another reconstruction")
    return sentences


def main():
    programs, kit = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    if not (kit / "arrays/expect.json").exists():
        print("skipped: no interop kit beside the repository")
        return 77
    count = bad = 0
    for name, case in json.loads((kit / "arrays/expect.json").read_text()).items():
        for one, pipe in itertools.product(cases_of(case), (False, True)):
            count += 1
            for sentence in check_array(programs, kit / "arrays" / name, one, pipe):
                bad += 1
                print(f"arrays/{name} {one.get('args', '')}{' from a pipe' if pipe else ''}: {sentence}")
    for name, case in json.loads((kit / "codes/expect.json").read_text()).items():
        count += 1
        for sentence in check_codes(programs, kit / "codes" / name, case):
            bad += 1
            print(f"codes/{name}: {sentence}")
    for folder in sorted((kit / "saes").iterdir()):
        count += 1
        for sentence in check_sae(programs, folder, json.loads((folder / "expect.json").read_text())):
            bad += 1
            print(f"saes/{folder.name}: {sentence}")
    print(f"{count} checks, {bad} differ")
    return 1 if bad else 0


sys.exit(main())
