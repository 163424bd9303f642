#!/bin/sh
# Prints what the codec reaches on the two data sets: bits a row at FVU 0.20 on test rows with a codebook from train rows, the
# coder's overhead, and what quantising the atoms costs.
#   tests/bench/bars.sh BUILD-FOLDER [TRAIN.npy TEST.npy SAE-FOLDER]
# MNIST comes from corpus/; the transformer's train file, test file and SAE are too large for it: without them that part is
# skipped.
set -eu
[ $# -eq 1 ] || [ $# -eq 4 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
PATH=$build/tools:$build/tests:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bench() { # NAME TRAIN TEST SAE ROWS-FOR-ATOMS
    echo "== $1: marginal bits, additive model, FVU 0.20 (codebook from train rows for 1e9 rows)"
    mdla-enc "$2" --sae "$4" --fvu 0.2 --expected-rows 1000000000 --codebook-out "$work/cb" -f -q
    mdla-enc "$3" --codebook "$work/cb" --fvu 0.2 --reference -o "$work/x.mdla" -f -q
    mdla-eval "$3" "$work/x.mdla" --codebook "$work/cb" | grep -E '^FVU|^L0|whole file|indices|levels  |overhead'
    echo "== $1: atoms (codebook for $5 rows of the SAE's own code)"
    mdla-enc "$2" --sae "$4" --code sae --fvu 0.22 --expected-rows "$5" --codebook-out "$work/cb" -f -q
    atoms_bench "$4" "$work/cb" "$3"
}

bench MNIST "$top/corpus/mnist/mnist-train-images-idx3-ubyte.gz" "$top/corpus/mnist/mnist-t10k-images-idx3-ubyte.gz" \
    "$top/corpus/saes/mnist-1024x784-l0-16" 2000000
if [ $# -eq 4 ]; then
    bench transformer "$2" "$3" "$4" 2200000
else
    echo "skipped: transformer (give its train file, test file and SAE)"
fi
