#!/usr/bin/env bash
# Regenerates corpus/reports/mnist: which SAE explains digits in the fewest bits, what its atoms look like.
#   corpus/reports/mnist.sh [BUILD [DIGITS]]
# BUILD (build) holds the programs, built with cairo; DIGITS (10000) is how many train digits are explained, the first of
# the 60,000. Trainings and files go to BUILD/reports, and a run that is stopped goes on from there. MDLA_THREADS=N sets
# the threads.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)
rows=${2:-10000}
work=$build/reports/mnist-$rows
out=$top/corpus/reports/mnist
train=$build/reports/train-$rows-idx3-ubyte
test=$top/corpus/mnist/mnist-t10k-images-idx3-ubyte.gz
pictures=$build/corpus/mnist_pictures
fvu=0.25

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
"$build/tools/mdla-sweep" "$train" "$test" -o "$work" --widths 16,64,256,1024 --l0s 8,16,32 --fvu $fvu \
    --rows-list "$rows,1e9" --passes 10 -T "${MDLA_THREADS:-0}"

# The narrowest that reaches the loss, the one of fewest total bits for the train digits, and the widest.
chosen() { # AWK-EXPRESSION that is least
    awk -F, -v rows="$rows" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next}
        $at["rows_sharing"] == rows && $at["fvu"] != "n/a" {
            width = $at["width"]; total = $at["total_bits_per_row"]; value = '"$1"'
            if (best == "" || value < best) {best = value; name = $at["explanation"]}}
        END {print name}' "$work/results.csv"
}
narrow=$(chosen "width * 1e6 + total") optimal=$(chosen total) wide=$(chosen "-width * 1e6 + total")
coded() { echo "$work/files/$1-fvu$fvu-n$rows-test.mdla"; }
codebook() { echo "$work/files/$1-fvu$fvu-n$rows.codebook"; }

"$pictures" atlas "$(coded "$narrow")" "$(codebook "$narrow")" "$train" \
    "Atoms of $narrow, the narrowest that reaches FVU $fvu" "$out/atoms-narrow.png"
"$pictures" atlas "$(coded "$optimal")" "$(codebook "$optimal")" "$train" \
    "Atoms of $optimal, the shortest explanation of $rows digits" "$out/atoms-optimal.png"
"$pictures" atlas "$(coded "$wide")" "$(codebook "$wide")" "$train" \
    "Atoms of $wide, the widest" "$out/atoms-wide.png"
"$pictures" digits "$(coded "$optimal")" "$(codebook "$optimal")" "$test" \
    "Digits and their explanation by $optimal" "$out/digits.png"

measures=$(for name in $(awk -F, -v rows="$rows" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next}
    $at["rows_sharing"] == rows && $at["fvu"] != "n/a" {print $at["explanation"]}' "$work/results.csv"); do
    "$pictures" measure "$(coded "$name")" "$(codebook "$name")" "$train" "$name"
done)
# What is said of the paper follows from the figures.
column() { # NAME COLUMN-OF-RESULTS
    awk -F, -v rows="$rows" -v name="$1" -v column="$2" 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next}
        $at["rows_sharing"] == rows && $at["explanation"] == name {printf "%.1f", $at[column]}' "$work/results.csv"
}
memorised() { echo "$measures" | awk -F'|' -v name=" $1 " '$2 == name {print $7 + 0}'; }
extent() { echo "$measures" | awk -F'|' -v name=" $1 " '$2 == name {print $4 + 0}'; }
total() { column "$1" total_bits_per_row; }
marginal() { column "$1" marginal_bits_per_row; }
verdict() { if [ "$1" = 1 ]; then echo "**agrees**"; else echo "**doesn't agree**"; fi; }
between=0 strokes=0
[ "$optimal" = "$narrow" ] || [ "$optimal" = "$wide" ] || between=1
[ "$(memorised "$optimal")" -lt 50 ] && [ "$(memorised "$wide")" -gt "$(memorised "$optimal")" ] && strokes=1

cp "$work"/results.csv "$work"/optimum.csv "$work"/*.png "$out"
{
    cat "$work/report.md"
    cat <<TEXT

## What the features look like

Extent is the number of pixels that an atom covers, (sum a^2)^2 / sum a^4; match is the largest cosine between the atom
and a train digit, each digit less the mean digit. A memorised digit has the extent of a digit and a match near 1; a
stroke is smaller and like no digit. Medians over up to 240 used atoms, evenly drawn from the most to the least used, of
the codebooks for $rows rows.

| explanation | atoms used by test digits | extent, pixels | a digit's extent | best match | match of 0.7 or more |
|---|---:|---:|---:|---:|---:|
$measures

![atoms of the narrowest](atoms-narrow.png)
![atoms of the optimal](atoms-optimal.png)
![atoms of the widest](atoms-wide.png)
![digits and their explanation](digits.png)

## Beside the paper

- *The least description length lies between narrow and extremely wide*: $(verdict $between). For $rows digits
  $narrow takes $(total "$narrow") bits a row, $optimal $(total "$optimal"), $wide $(total "$wide").
- *At the optimum features are strokes, wider ones memorise digits*: $(verdict $strokes), by the measure above. Of the
  atoms of $optimal $(memorised "$optimal") % match a train digit by 0.7 or more, with a median extent of $(extent "$optimal") pixels;
  of $narrow $(memorised "$narrow") % ($(extent "$narrow") pixels), of $wide $(memorised "$wide") % ($(extent "$wide") pixels).
- *SAE before dense before one-hot, at equal loss*: not measured here, as there is neither a dense code, nor PCA, nor one atom
  a digit, the memorising extreme, in this sweep. For scale: 784 values of 8 bits are 6,272 bits a digit and lose nothing;
  $optimal takes $(marginal "$optimal") at FVU $fvu once its codebook is there.
TEXT
} >"$out/report.md"
