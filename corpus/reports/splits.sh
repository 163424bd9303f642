#!/usr/bin/env bash
# Regenerates corpus/reports/splits: parents and children among features, and total bits before and after features are
# split or merged, on synthetic trees and on the 10,000 test digits.
#   corpus/reports/splits.sh [BUILD]
# BUILD (build) holds the programs, built with cairo. Files go to BUILD/reports/splits, and a run that is stopped goes on
# from there.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)
work=$build/reports/splits
out=$top/corpus/reports/splits
digits=$top/corpus/mnist/mnist-t10k-images-idx3-ubyte.gz
wide=$top/corpus/saes/mnist-1024x784-l0-16
pictures=$build/corpus/mnist_pictures

[ -x "$pictures" ] || {
    echo "splits.sh: $pictures isn't built: install libcairo2-dev and build again" >&2
    exit 1
}
mkdir -p "$work" "$out"
[ -e "$work/256/sae_weights.safetensors" ] ||
    "$build/tools/mdla-train" "$top/corpus/mnist/mnist-train-images-idx3-ubyte.gz" -o "$work/256" --width 256 --l0 16 \
        --passes 6 -f
measure() { # NAME OPTIONS...: its table into NAME.md, files into a folder of that name
    if [ ! -e "$work/$1.md" ]; then
        python3 "$top/corpus/reports/splits.py" "$build/tools" "$work/$1" "${@:2}" >"$work/$1.md.part"
        mv "$work/$1.md.part" "$work/$1.md"
    fi
}
measure trees --fvu 0.2
measure split --sae "$work/256" --rows "$digits" --split --fvu 0.25 --counts 1,4,16,64
measure free --sae "$wide" --rows "$digits" --fvu 0.15 --counts 1,4,16
measure fixed --sae "$wide" --rows "$digits" --fvu 0.3 --code sae --counts 1,4,16

hierarchy() { # FILE: what its edges come to
    "$build/tools/mdla-info" "$1" --hierarchy --csv | awk -F, '
        NR > 1 {edges++; parents[$1] = 1; saved += $9; inside += $6 >= 0.5}
        END {for (p in parents) n++
            printf "%d edges from %d parents; %d of the children have their parent on in half of their rows or more; in all "\
                "%.0f bits saved.\n", edges, n, inside, saved}'
}
verdict() { # of the trees: whether what is pointed at is what files say
    awk -F'|' '$2 + 0 > 0 {cases++; pays = $8 > 0; pointed = $9 > 0 && $10 > 0; if (pays != pointed) right++; else if (pays) wrong++
            else left++}
        END {printf "Of %d cases files bear out %d: sets are pointed at where splitting costs bits, and none where it pays. "\
            "In %d of the others sets are pointed at although splitting pays; in %d it costs bits and no set is named: variants "\
            "that are most alike are left unused by the encoder.\n", cases, right, wrong, left}' "$work/trees.md"
}
for name in split free; do
    "$build/tools/mdla-info" "$work/$name/before.mdla" --hierarchy --csv >"$work/$name.csv"
done
"$pictures" families "$work/free/before.mdla" "$work/free/before.mdla" "$work/free.csv" \
    "Parents and children among 1,024 features of digits, FVU 0.15" "$out/families-1024.png"
"$pictures" families "$work/split/before.mdla" "$work/split/before.mdla" "$work/split.csv" \
    "Parents and children among 256 features of digits, FVU 0.25" "$out/families-256.png"

cat >"$out/report.md" <<TEXT
# Feature splitting and hierarchy, measured

Sizes are those of files, codebook embedded: total bits of the rows that they hold. Made by \`corpus/reports/splits.sh\`;
what is measured, and how bits are brought to one FVU, stands in \`corpus/reports/splits.py\`, what \`mdla-info\` foresees in
its manual page.

## Synthetic trees: does splitting a concept into its variants pay?

$(cat "$work/trees.md")

$(verdict)

## Digits: features of a 256-wide SAE split in two

$(cat "$work/split.md")

## Digits: features of the 1,024-wide SAE merged

The encoder chooses the code freely. It leaves atoms unused that say the same, so little is left to merge:

$(cat "$work/free.md")

The SAE's own code, FVU 0.3:

$(cat "$work/fixed.md")

## Digits: parents and children

1,024 features, FVU 0.15: $(hierarchy "$work/free/before.mdla")

![families of 1,024 features](families-1024.png)

256 features, FVU 0.25: $(hierarchy "$work/split/before.mdla")

![families of 256 features](families-256.png)
TEXT
