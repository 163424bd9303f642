#!/usr/bin/env bash
# Regenerates corpus/reports/mnist: which explanation of digits takes the fewest bits, and what its atoms look like.
#   corpus/reports/mnist.sh [BUILD [DIGITS]]
# BUILD (build) holds the programs, built with cairo; DIGITS (60000) is how many train digits are explained, the first of
# the 60,000. Trainings and files go to BUILD/reports, and a run that is stopped goes on from there. MDLA_THREADS=N sets
# the threads.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)
rows=${2:-60000}
work=$build/reports/mnist-$rows
out=$top/corpus/reports/mnist
train=$build/reports/train-$rows-idx3-ubyte
test=$top/corpus/mnist/mnist-t10k-images-idx3-ubyte.gz
pictures=$build/corpus/mnist_pictures
fvu=0.25
many=1000000000
results=$work/results.csv
. "$top/corpus/reports/results.sh"

[ -x "$pictures" ] || {
    echo "mnist.sh: $pictures isn't built: install libcairo2-dev and build again" >&2
    exit 1
}
mkdir -p "$work" "$out"
python3 - "$top/corpus/mnist/mnist-train-images-idx3-ubyte.gz" "$rows" "$train" <<'PYTHON'
import gzip, struct, sys
source, count, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with gzip.open(source) as f:
    data = f.read(16 + count * 784)
if len(data) != 16 + count * 784:
    sys.exit(f"mnist.sh: there are no {count} train digits")
with open(target, "wb") as f:
    f.write(data[:4] + struct.pack(">I", count) + data[8:])
PYTHON
"$build/tools/mdla-sweep" "$train" "$test" -o "$work" --widths 16,64,256,1024,4096,16384 --l0s 8,16 \
    --bases "dense,pca,rvq,onehot:1024,onehot:$rows" --fvu $fvu --rows-list "$rows,$many" --passes 3 \
    -T "${MDLA_THREADS:-0}"

# Of the SAEs: that of fewest total bits for the train digits, and of those trained for the same L0 the narrowest that
# reaches the loss, and the widest.
sae="v(\"trained_l0\") != \"\" && v(\"rows_sharing\") == $rows"
optimal=$(least 'v("trained_l0") != ""' "$(total_for "$rows")")
alike="$sae && v(\"trained_l0\") == $(figure "$optimal" "$rows" trained_l0 0)"
narrow=$(least "$alike" 'v("width")') wide=$(least "$alike" '-v("width")')
digits=$(grouped "$rows")
memory=onehot-$rows-train
coded() { echo "$work/files/$1-fvu$fvu-n$rows-test.mdla"; }
codebook() { echo "$work/files/$1-fvu$fvu-n$rows.codebook"; }

"$pictures" atlas "$(coded "$narrow")" "$(codebook "$narrow")" "$train" \
    "Atoms of $narrow, the narrowest that reaches FVU $fvu" "$out/atoms-narrow.png"
"$pictures" atlas "$(coded "$optimal")" "$(codebook "$optimal")" "$train" \
    "Atoms of $optimal, the shortest explanation of $digits digits" "$out/atoms-optimal.png"
"$pictures" atlas "$(coded "$wide")" "$(codebook "$wide")" "$train" \
    "Atoms of $wide, the widest" "$out/atoms-wide.png"
"$pictures" digits "$(coded "$optimal")" "$(codebook "$optimal")" "$test" \
    "Digits and their explanation by $optimal" "$out/digits.png"
"$build/tools/mdla-report" "$(coded "$optimal")" --codebook "$(codebook "$optimal")" --maps "$out" -f -q

measures=$(for name in $(lines "$sae" 'v("explanation")'); do
    "$pictures" measure "$(coded "$name")" "$(codebook "$name")" "$train" "$name"
done)
measured() { echo "$measures" | awk -F'|' -v name=" $1 " -v column="$2" '$2 == name {print $column + 0}'; } # NAME COLUMN
memorised() { measured "$1" 7; }
extent() { measured "$1" 4; }
marginal() { figure "$1" $many marginal_bits_per_row 1; }
# What is said of the paper follows from the figures.
is_between() { [ "$optimal" != "$narrow" ] && [ "$optimal" != "$wide" ] && below "$(total "$optimal" "$rows")" "$(total "$memory" "$rows")"; }
are_strokes() { below "$(memorised "$optimal")" 50 && below "$(memorised "$optimal")" "$(memorised "$wide")"; }
is_ordered() { below "$(total "$optimal" "$rows")" "$(total dense "$rows")" && below "$(total dense "$rows")" "$(total "$memory" "$rows")"; }

cp "$work"/results.csv "$work"/optimum.csv "$work"/*.png "$out"
{
    cat "$work/report.md"
    cat <<TEXT

## What the features look like

Extent is the number of pixels that an atom covers, (sum a^2)^2 / sum a^4; match is the largest cosine between the atom
and a train digit, each digit less the mean digit. A memorised digit has the extent of a digit and a match near 1; a
stroke is smaller and like no digit. Medians over up to 240 used atoms, evenly drawn from the most to the least used, of
the codebooks for $digits rows.

| explanation | atoms used by test digits | extent, pixels | a digit's extent | best match | match of 0.7 or more |
|---|---:|---:|---:|---:|---:|
$measures

![atoms of the narrowest](atoms-narrow.png)
![atoms of the optimal](atoms-optimal.png)
![atoms of the widest](atoms-wide.png)
![digits and their explanation](digits.png)

## Where the bits are

Of the test digits, by $optimal:

![bits by row and feature](rows-features.png)
![bits that features save on each other](pairs.png)
![bits by pixel](pixels.png)

## Beside the paper

- *The least description length lies between narrow and extremely wide*: $(verdict is_between). For $digits digits
  $narrow takes $(total "$narrow" "$rows") bits a row, $optimal $(total "$optimal" "$rows"), $wide $(total "$wide" "$rows"); one atom for each digit, the
  memorising extreme, $(total "$memory" "$rows"), measured on the train digits, since it says nothing of others. Without the
  codebook: $(marginal "$optimal") bits a row with $optimal, $(marginal "$wide") with $wide.
- *At the optimum features are strokes, wider ones memorise digits*: $(verdict are_strokes), by the measure above. Of the
  atoms of $optimal $(memorised "$optimal") % match a train digit by 0.7 or more, with a median extent of $(extent "$optimal") pixels;
  of $narrow $(memorised "$narrow") % ($(extent "$narrow") pixels), of $wide $(memorised "$wide") % ($(extent "$wide") pixels).
- *SAE before dense before one-hot, at equal loss*: $(verdict is_ordered) for $digits digits. $optimal takes $(total "$optimal" "$rows") bits a row,
  784 columns $(total dense "$rows"), one-hot $(total "$memory" "$rows") with an atom for each digit; with 1,024 atoms: $(total onehot-1024 "$rows"). Beside
  them PCA $(total pca "$rows") and residual vector quantisation $(total rvq "$rows"). Marginal bits: $(marginal "$optimal"), $(marginal dense),
  PCA $(marginal pca), RVQ $(marginal rvq).
- *The paper's estimate*: L0 (B + log2 width) says $(figure "$optimal" $many bound_bits_per_row 1) bits a row for $optimal, first-order entropies
  $(figure "$optimal" $many entropy_bits_per_row 1); the file has $(marginal "$optimal").
TEXT
} >"$out/report.md"
