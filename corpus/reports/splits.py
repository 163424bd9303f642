#!/usr/bin/env python3
"""Feature splitting, measured with files: total bits before and after features are split, or merged.

    splits.py TOOLS WORK --sae SAE --rows ROWS [--split] [--fvu F] [--counts 1,4,16,64] [options of mdla-enc...]
    splits.py TOOLS WORK [--rows 1000,3000] [--fvu F] [--spreads 0.2,0.5] [options of mdla-enc...]

Prints Markdown tables of file sizes, codebooks embedded.

With --sae the rows are coded by the SAE, `mdla-info --splits` names sets of features, and for each number of merges the
SAE in which the best of them have become one feature each codes the same rows at the same FVU. With --split features
become two each instead, those first of whose rows two directions take most more than one (split_features.py). Without
--sae rows are drawn that follow synthetic trees of directions (split_trees.py), and are coded by an SAE with an atom for
each concept (whole) and by one where concepts are split into their variants (split).

FVUs are met within 0.4 %, so bits are also brought to one FVU, at the price of squared error that mdla-info --splits
takes, the encoder's. Python's standard library alone.
"""
import argparse
import array
import csv
import io
import json
import math
import pathlib
import struct
import subprocess
import sys

import split_features

NAMES = ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")


class Sae:
    """A SAELens SAE of relu or jumprelu: arrays of float32. W_enc [dims][width], W_dec [width][dims], b_enc [width],
    b_dec [dims], threshold [width] or absent."""

    def __init__(self, config, arrays):
        self.config, self.arrays = config, arrays
        self.dims, self.width = config["d_in"], config["d_sae"]

    @staticmethod
    def read(folder):
        folder = pathlib.Path(folder)
        data = (folder / "sae_weights.safetensors").read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        arrays = {}
        for name, entry in json.loads(data[8:8 + length]).items():
            if name in NAMES:
                if entry["dtype"] not in ("F32", "F16"):
                    sys.exit(f"splits.py: {folder}: {name} is {entry['dtype']}, neither F32 nor F16")
                first, end = entry["data_offsets"]
                letter = "f" if entry["dtype"] == "F32" else "e"
                arrays[name] = array.array("f", struct.unpack(f"<{(end - first) // struct.calcsize(letter)}{letter}",
                                                              data[8 + length + first:8 + length + end]))
        return Sae(json.loads((folder / "cfg.json").read_text()), arrays)

    def write(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        shapes = {"W_enc": [self.dims, self.width], "W_dec": [self.width, self.dims], "b_enc": [self.width],
                  "b_dec": [self.dims], "threshold": [self.width]}
        header, data = {}, b""
        for name, values in self.arrays.items():
            header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [len(data), len(data) + 4 * len(values)]}
            data += values.tobytes()
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        (folder / "sae_weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        (folder / "cfg.json").write_text(json.dumps({**self.config, "d_in": self.dims, "d_sae": self.width}))

    def atom(self, feature):
        """At length 1, and the length that it had."""
        values = self.arrays["W_dec"][feature * self.dims:(feature + 1) * self.dims]
        length = math.sqrt(sum(v * v for v in values))
        return [v / length for v in values], length

    def merged(self, sets):
        """Each set, {feature: weight}, becomes one feature, in the place of its first: its atom is the weighted sum of
        their atoms, at length 1, and its encoder the weighted mean of theirs."""
        a, dims, width = self.arrays, self.dims, self.width
        w_enc, w_dec, b_enc = a["W_enc"][:], a["W_dec"][:], a["b_enc"][:]
        threshold = a["threshold"][:] if "threshold" in a else None
        gone = set()
        for weights in sets:
            place = min(weights)
            gone.update(f for f in weights if f != place)
            atoms = {f: self.atom(f) for f in weights}
            # In units of strength times the atom at length 1.
            share = {f: w * atoms[f][1] / sum(weights.values()) for f, w in weights.items()}
            merged = [sum(w * atoms[f][0][d] for f, w in weights.items()) for d in range(dims)]
            length = math.sqrt(sum(v * v for v in merged))
            w_dec[place * dims:(place + 1) * dims] = array.array("f", (v / length for v in merged))
            for d in range(dims):
                w_enc[d * width + place] = sum(s * a["W_enc"][d * width + f] for f, s in share.items())
            b_enc[place] = sum(s * a["b_enc"][f] for f, s in share.items())
            if threshold is not None:
                threshold[place] = min(a["threshold"][f] * atoms[f][1] for f in weights)
        kept = [f for f in range(width) if f not in gone]
        out = Sae({**self.config, "d_sae": len(kept)}, {})
        out.arrays["W_enc"] = array.array("f", (w_enc[d * width + f] for d in range(dims) for f in kept))
        out.arrays["W_dec"] = array.array("f")
        for f in kept:
            out.arrays["W_dec"] += w_dec[f * dims:(f + 1) * dims]
        out.arrays["b_enc"] = array.array("f", (b_enc[f] for f in kept))
        out.arrays["b_dec"] = a["b_dec"]
        if threshold is not None:
            out.arrays["threshold"] = array.array("f", (threshold[f] for f in kept))
        return out

    def split(self, directions):
        """Each feature of {feature: [unit vector, ...]} becomes as many, with these atoms. Their encoders are its own and
        what sets their atom apart from its own."""
        a, dims = self.arrays, self.dims
        features, atoms, off = [], array.array("f"), []
        for f in range(self.width):
            atom, length = self.atom(f)
            for direction in directions.get(f, [atom]):
                features.append(f)
                atoms.extend(length * v for v in direction)
                off.append([(v - u) / length for v, u in zip(direction, atom)])
        out = Sae({**self.config, "d_sae": len(features)}, {"W_dec": atoms, "b_dec": a["b_dec"]})
        out.arrays["W_enc"] = array.array(
            "f", (a["W_enc"][d * self.width + f] + off[n][d] for d in range(dims) for n, f in enumerate(features)))
        for name in ("b_enc", "threshold"):
            if name in a:
                out.arrays[name] = array.array("f", (a[name][f] for f in features))
        return out


def run(tools, name, *args):
    """Standard output of a program that must succeed."""
    done = subprocess.run([pathlib.Path(tools) / name, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"splits.py: {name} {' '.join(map(str, args))}: {done.stderr}")
    return done.stdout


def sets_of(tools, file):
    """What mdla-info --splits says: [({feature: weight}, bits saved)], best first."""
    sets = {}
    for line in csv.DictReader(io.StringIO(run(tools, "mdla-info", file, "--splits", "--csv"))):
        weights, _ = sets.setdefault(int(line["set"]), ({}, float(line["bits_saved"])))
        weights[int(line["feature"])] = float(line["weight"])
    return list(sets.values())


class Coded:
    """A file of rows coded by an SAE: its bits, all counted, FVU and step."""

    def __init__(self, tools, sae, rows, file, options):
        if not pathlib.Path(file).exists():
            run(tools, "mdla-enc", rows, "--sae", sae, "--embed", "-o", file, *options)
        info = json.loads(run(tools, "mdla-info", file, "--json"))
        self.bits, self.fvu, self.rows = 8 * info["file_nbytes"], info["fvu"], info["rows"]
        joint = info["joint_weights"] >= 4 * info["width"]
        self.classes, self.error_a_bit = info["bits"], (info["step"] / (2.8 if joint else 3.5)) ** 2

    def bits_at(self, fvu, deviation):
        """Bits at another FVU nearby; deviation: squared, of all rows from their mean."""
        return self.bits + (self.fvu - fvu) * deviation / self.error_a_bit


def deviation_of(tools, rows, file):
    """Squared deviation of all rows from their mean, from what mdla-eval prints."""
    found = json.loads(run(tools, "mdla-eval", rows, file, "--json"))[0]
    return found["mse"] * found["rows"] * found["dims"] / found["fvu"]


def table(*columns):
    print("| " + " | ".join(columns) + " |")
    print("|" + "---:|" * len(columns))


def best_sets(args, sae, file):
    """How many of the sets, the SAE in which the best of them have been merged, and what that saves as foreseen."""
    sets = sets_of(args.tools, file)
    for count in counts_of(args, len(sets)):
        yield count, sae.merged([weights for weights, _ in sets[:count]]), sum(saved for _, saved in sets[:count])
    print(f"\n{len(sets)} sets of {sum(len(s) for s, _ in sets)} features are pointed at.")


def best_splits(args, sae, file):
    """The same where features become two each; what that saves isn't foreseen."""
    decoded = args.work / "before.npy"
    if not decoded.exists():
        run(args.tools, "mdla-dec", file, "-o", decoded)
    dims, rows = split_features.read_rows(args.rows)
    _, decoded = split_features.read_rows(decoded)
    codes = {}
    for line in csv.DictReader(io.StringIO(run(args.tools, "mdla-dec", file, "--codes", "-o", "-"))):
        codes.setdefault(int(line["feature"]), []).append((int(line["row"]), float(line["strength"])))
    found = split_features.best_splits(sae, dims, rows, decoded, codes)
    for count in counts_of(args, len(found)):
        yield count, sae.split(dict(found[:count])), math.nan


def counts_of(args, most):
    return sorted({min(int(n), most) for n in args.counts.split(",")} - {0})


def measure_sae(args, options):
    sae, file = Sae.read(args.sae), args.work / "before.mdla"
    before = Coded(args.tools, args.sae, args.rows, file, options)
    deviation = deviation_of(args.tools, args.rows, file)
    kind, steps = ("split", best_splits(args, sae, file)) if args.split else ("merged", best_sets(args, sae, file))
    table(f"{'features' if args.split else 'sets'} {kind}", "width", "foreseen to save", "FVU", "atoms, bits",
          "indices, bits", "file, bits", "saved", "saved at equal FVU")

    def line(count, width, foreseen, coded):
        print(f"| {count} | {width} | {'n/a' if math.isnan(foreseen) else round(foreseen)} | {coded.fvu:.5f} | "
              f"{coded.classes['atoms']:.0f} | {coded.classes['indices']:.0f} | {coded.bits} | {before.bits - coded.bits} | "
              f"{before.bits - coded.bits_at(before.fvu, deviation):.0f} |", flush=True)

    line(0, sae.width, 0, before)
    for count, other, foreseen in steps:
        name = f"{kind}-{count}"
        other.write(args.work / name)
        line(count, other.width, foreseen,
             Coded(args.tools, args.work / name, args.rows, args.work / f"{name}.mdla", options))


def measure_trees(args, options):
    import split_trees

    print(f"{split_trees.CONCEPTS} concepts, of which {split_trees.SPLIT} have {split_trees.VARIANTS} variants; FVU {args.fvu}\n")
    table("rows", "spread", "cosine of variants", "whole, bits", "split, bits", "splitting saves",
          "the same at equal FVU", "sets pointed at", "merging them saves, as foreseen")
    for rows in map(int, args.rows.split(",")):
        for spread in map(float, args.spreads.split(",")):
            trees = split_trees.SplitTrees(1, spread)
            folder = args.work / f"{rows}-{spread:g}"
            trees.whole_sae().write(folder / "whole")
            trees.split_sae().write(folder / "split")
            write_npy(folder / "rows.npy", trees.rows(rows), split_trees.DIMS)
            whole, apart = (Coded(args.tools, folder / name, folder / "rows.npy", folder / f"{name}.mdla", options)
                            for name in ("whole", "split"))
            deviation = deviation_of(args.tools, folder / "rows.npy", folder / "split.mdla")
            sets = sets_of(args.tools, folder / "split.mdla")
            first, second = (trees.atoms[f] for f in trees.members(0)[:2])
            print(f"| {rows} | {spread:g} | {sum(x * y for x, y in zip(first, second)):.2f} | {whole.bits} | {apart.bits} | "
                  f"{whole.bits - apart.bits} | {whole.bits_at(apart.fvu, deviation) - apart.bits:.0f} | {len(sets)} | "
                  f"{sum(saved for _, saved in sets):.0f} |", flush=True)


def write_npy(path, values, dims):
    """float32 [rows][dims]."""
    head = repr({"descr": "<f4", "fortran_order": False, "shape": (len(values) // dims, dims)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + values.tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", help="the folder with the programs")
    parser.add_argument("work", type=pathlib.Path, help="a folder for SAEs and files, in which a stopped run goes on")
    parser.add_argument("--fvu", default="0.25")
    parser.add_argument("--sae", help="a SAELens folder, relu or jumprelu, whose features are to be merged")
    parser.add_argument("--rows", default="1000,3000,10000", help="the rows that it codes; without --sae how many are drawn")
    parser.add_argument("--split", action="store_true", help="split features in two instead")
    parser.add_argument("--counts", default="1,4,16,64", help="how many are merged, or split")
    parser.add_argument("--spreads", default="0.2,0.3,0.4,0.5,0.7,1", help="without --sae: how far variants are apart")
    args, options = parser.parse_known_args()
    args.work.mkdir(parents=True, exist_ok=True)
    measure = measure_sae if args.sae else measure_trees
    measure(args, ["--fvu", args.fvu, *options])


if __name__ == "__main__":
    main()
