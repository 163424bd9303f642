#!/usr/bin/env bash
# Prints what the codec reaches: bits a row on test rows with a codebook from train rows for 1e9 rows (marginal), and of the
# train rows' own file (total); what the joint model and the search under its prices save; and what quantising atoms costs.
#   tests/bench/bars.sh BUILD-FOLDER [TRAIN.npy TEST.npy SAE-FOLDER]
# MNIST comes from corpus/ (6 minutes on 2 cores); a transformer's train and test file, with NAME.docs.npy beside them, are
# too large for it: without them that part is skipped (half an hour). SAE_MNIST names another SAE for the digits.
set -eu
[ $# -eq 1 ] || [ $# -eq 4 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
PATH=$build/tools:$build/tests:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

docs() { # DATA: the option that names its passages, if they are known
    [ ! -f "${1%.npy}.docs.npy" ] || echo "--docs ${1%.npy}.docs.npy"
}

# shellcheck disable=SC2046 # two words or none
marginal() { # TRAIN TEST SAE FVU [OPTION...]
    local train=$1 test=$2 sae=$3 fvu=$4
    shift 4
    echo "== marginal at FVU $fvu $*"
    mdla-enc "$train" $(docs "$train") --sae "$sae" --fvu "$fvu" --expected-rows 1000000000 --codebook-out "$work/cb" -f -q "$@"
    mdla-enc "$test" $(docs "$test") --codebook "$work/cb" --fvu "$fvu" --reference -o "$work/x.mdla" -f -q "$@"
    mdla-eval "$test" "$work/x.mdla" --codebook "$work/cb" --sae "$sae" |
        grep -E '^FVU|^L0|whole file|indices|levels  |overhead|gap|in it|are in'
}

# shellcheck disable=SC2046
total() { # TRAIN SAE FVU
    echo "== total of the train rows at FVU $3, atoms adapted and pruned"
    mdla-enc "$1" $(docs "$1") --sae "$2" --fvu "$3" --embed --adapt-atoms --prune -o "$work/x.mdla" -f -q
    mdla-eval "$1" "$work/x.mdla" | grep -E '^FVU|^L0|whole file|atoms|priors|indices  |levels  '
}

atoms() { # TRAIN TEST SAE ROWS
    echo "== atoms (codebook for $4 rows of the SAE's own code)"
    mdla-enc "$1" --sae "$3" --code sae --model additive --fvu 0.22 --expected-rows "$4" --codebook-out "$work/cb" -f -q
    atoms_bench "$3" "$work/cb" "$2"
}

digits=$top/corpus/mnist/mnist-train-images-idx3-ubyte.gz
test=$top/corpus/mnist/mnist-t10k-images-idx3-ubyte.gz
sae=${SAE_MNIST:-$top/corpus/saes/mnist-1024x784-l0-16}
echo "MNIST"
marginal "$digits" "$test" "$sae" 0.188
marginal "$digits" "$test" "$sae" 0.188 --effort 1 # the search looks at rates alone; coded jointly all the same
marginal "$digits" "$test" "$sae" 0.188 --model additive
total "$digits" "$sae" 0.188
atoms "$digits" "$test" "$sae" 2000000
if [ $# -eq 4 ]; then
    echo "transformer"
    marginal "$2" "$3" "$4" 0.20
    marginal "$2" "$3" "$4" 0.20 --effort 1
    marginal "$2" "$3" "$4" 0.20 --model additive
    marginal "$2" "$3" "$4" 0.25
    total "$2" "$4" 0.20
    atoms "$2" "$3" "$4" 2200000
else
    echo "skipped: transformer (give its train file, test file and SAE)"
fi
