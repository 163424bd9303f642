#!/usr/bin/env bash
# Regenerates corpus/reports/transformer: bits of a transformer's rows against the width of the SAE, which is the curve of
# feature splitting, with baselines beside.
#   corpus/reports/transformer.sh TRAIN.npy TEST.npy [BUILD [ROWS]]
# Passage numbers lie beside the rows as TRAIN.docs.npy and TEST.docs.npy. SAEs are trained on all of TRAIN, codebooks are
# fitted to its first ROWS (60000). BUILD (build) holds the programs, built with cairo. Trainings and files go to
# BUILD/reports, and a run that is stopped goes on from there. MDLA_THREADS=N sets the threads. python3 needs NumPy.
set -euo pipefail

[ $# -ge 2 ] || {
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${3:-$top/build}" && pwd)
rows=${4:-60000}
work=$build/reports/transformer-$rows
out=$top/corpus/reports/transformer
train=$1
test=$2
fvu=0.25
some=1000000
many=1000000000
results=$work/results.csv
. "$top/corpus/reports/results.sh"

mkdir -p "$work/trained" "$out"
python3 - "$train" "$rows" "$work" <<'PYTHON'
import sys
import numpy as np
source, count, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for name, target in ((source, "rows.npy"), (source.removesuffix(".npy") + ".docs.npy", "docs.npy")):
    values = np.load(name, mmap_mode="r")
    if len(values) < count:
        sys.exit(f"transformer.sh: {name} has no {count} rows")
    np.save(f"{folder}/{target}", values[:count])
PYTHON
saes=()
for width in 512 1024 2048 4096 8192 16384; do
    name=$work/trained/w$width-l16
    [ -e "$name/sae_weights.safetensors" ] ||
        "$build/tools/mdla-train" "$train" -o "$name" --width $width --l0 16 --passes 3 -T "${MDLA_THREADS:-0}"
    saes+=(--sae "$name")
done
"$build/tools/mdla-sweep" "$work/rows.npy" "$test" -o "$work" "${saes[@]}" \
    --docs "$work/docs.npy" --test-docs "${test%.npy}.docs.npy" --bases "dense,pca,rvq:64,rvq,onehot:1024,onehot:$rows" \
    --fvu $fvu --rows-list "$rows,$some,$many" -T "${MDLA_THREADS:-0}"

sae='v("explanation") ~ /^w[0-9]+-l16$/'
memory=onehot-$rows-train
marginal() { figure "$1" $many marginal_bits_per_row 1; }
rvq() { total "$(least 'v("explanation") ~ /^rvq/' "$(total_for "$1")")" "$1"; } # ROWS
shortest() { least "$sae" "$(total_for "$1")"; } # ROWS
widest=$(least "$sae" '-v("width")') narrowest=$(least "$sae" 'v("width")')
best=$(shortest "$rows") marginal_best=$(shortest $many)
is_between() { [ "$best" != "$narrowest" ] && [ "$best" != "$widest" ]; }
is_ordered() {
    below "$(total "$best" "$rows")" "$(total dense "$rows")" && below "$(total dense "$rows")" "$(total "$memory" "$rows")"
}
share() { # EXPLANATION ROWS: of the codebook in the total, %
    lines "v(\"explanation\") == \"$1\"" "$(total_for "$2"), 100 - 100 * v(\"marginal_bits_per_row\") / $(total_for "$2")" |
        sort -g | awk 'NR == 1 {printf "%.0f", $2}'
}
curve=$(for name in $(lines "$sae && v(\"rows_sharing\") == $many" 'v("explanation")'); do
    printf '| %s | %s | %s |' "${name#w}" "$(figure "$name" $many l0 1)" "$(marginal "$name")"
    for n in "$rows" $some $many; do
        printf ' %s (%s %%) |' "$(total "$name" "$n")" "$(share "$name" "$n")"
    done
    echo
done | sed 's/^| \([0-9]*\)-l16/| \1/')

mapped=$work/files/$marginal_best-fvu$fvu-n$many
"$build/tools/mdla-report" "$mapped-test.mdla" --codebook "$mapped.codebook" --maps "$out" -f -q
cp "$results" "$work"/optimum.csv "$work"/*.png "$out"
{
    cat "$work/report.md"
    cat <<TEXT

## Feature splitting

SAEs of 512 to 16,384 features, all trained alike on the same rows (L0 16, 3 passes), codes of equal loss (FVU $fvu). Twice
as many features are twice as many atoms to pay; what they save in each row must make up for that. In brackets the
codebook's share of the total; of the codebooks made for $(grouped "$rows"), $(grouped $some) and $(grouped $many) rows the cheapest counts.

| features | L0 of the code | marginal | total, $(grouped "$rows") rows | total, $(grouped $some) rows | total, $(grouped $many) rows |
|---:|---:|---:|---:|---:|---:|
$curve

The shortest: $best for $(grouped "$rows") rows, $(shortest $some) for $(grouped $some), $marginal_best for $(grouped $many).

## Where the bits are

Of the test rows, by $marginal_best:

![bits by row and feature](rows-features.png)
![bits that features save on each other](pairs.png)

## Beside the paper

- *The least description length lies between narrow and wide*: $(verdict is_between) for $(grouped "$rows") rows: $(total "$narrowest" "$rows") bits a row with
  $narrowest, $(total "$best" "$rows") with $best, $(total "$widest" "$rows") with $widest.
- *SAE before dense before one-hot, at equal loss*: $(verdict is_ordered) for $(grouped "$rows") rows. $best takes $(total "$best" "$rows") bits a row,
  512 columns $(total dense "$rows"), one-hot with an atom for each row $(total "$memory" "$rows"), measured on the train rows, since it says
  nothing of others; with 1,024 atoms: $(total onehot-1024 "$rows"). Beside them PCA $(total pca "$rows") and residual vector quantisation
  $(rvq "$rows"). For $(grouped $many) rows: $(total "$marginal_best" $many) with $marginal_best, columns $(total dense $many), PCA $(total pca $many), RVQ $(rvq $many).
- *The paper's estimate*: L0 (B + log2 width) says $(figure "$marginal_best" $many bound_bits_per_row 1) bits a row for $marginal_best, first-order entropies
  $(figure "$marginal_best" $many entropy_bits_per_row 1); the file has $(marginal "$marginal_best").
TEXT
} >"$out/report.md"
