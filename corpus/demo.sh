#!/bin/sh
# The whole way on real data: trains an SAE on MNIST, encodes the test digits, decodes them, measures bits and
# loss, and draws digits, reconstructions and atoms.
#   corpus/demo.sh [FOLDER]       results go to FOLDER (default: demo-out in the current folder)
# Installs missing Debian packages first (needs root or sudo for that); MDLA_THREADS=N sets the threads.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-demo-out}
build=${MDLA_BUILD:-$top/build-demo}
threads=${MDLA_THREADS:-0}
mnist=$top/corpus/mnist
case ${1:-} in
-h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

say() {
    printf '\n== %s\n' "$1"
}

"$top/corpus/packages.sh" build-essential cmake pkg-config zlib1g-dev libpng-dev libopenblas-dev libjansson-dev

say "Building (log: $out/build.log)"
mkdir -p "$out"
if ! { cmake -S "$top" -B "$build" -DMDLA_TESTS=OFF && cmake --build "$build" -j "$(nproc)"; } >"$out/build.log" 2>&1; then
    tail -n 30 "$out/build.log" >&2
    echo "demo.sh: the build failed; the end of $out/build.log stands above" >&2
    exit 1
fi
PATH=$build/tools:$build/corpus:$PATH

say "Training 1,024 features, 16 active in a digit, on 60,000 digits"
rm -rf "$out/sae"
mdla-train "$mnist/mnist-train-images-idx3-ubyte.gz" -o "$out/sae" --width 1024 --l0 16 --passes 12 -T "$threads"

say "What the SAE itself makes of the 10,000 test digits"
mdla-eval "$mnist/mnist-t10k-images-idx3-ubyte.gz" --sae "$out/sae" -T "$threads"
mdla-eval "$mnist/mnist-t10k-images-idx3-ubyte.gz" --sae "$out/sae" --csv -T "$threads" |
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fvu") column = i }
             NR == 2 && !($column <= 0.17) { print "demo.sh: FVU " $column " is above 0.17" > "/dev/stderr"; exit 1 }'

say "A codebook from the train digits"
mdla-enc "$mnist/mnist-train-images-idx3-ubyte.gz" --sae "$out/sae" --fvu 0.17 \
    --codebook-out "$out/digits.codebook" -f -T "$threads"
mdla-info "$out/digits.codebook"

say "The test digits, coded with it and decoded again"
for fvu in 0.17 0.20 0.25; do
    mdla-enc "$mnist/mnist-t10k-images-idx3-ubyte.gz" --codebook "$out/digits.codebook" --fvu $fvu \
        -o "$out/test-$fvu.mdla" -f -T "$threads"
done
mdla-dec --test "$out"/test-*.mdla
mdla-dec "$out/test-0.17.mdla" -o "$out/test-0.17.npy" -f -T "$threads"

say "Bits and loss"
mdla-eval "$mnist/mnist-t10k-images-idx3-ubyte.gz" "$out"/test-*.mdla --table -T "$threads"
echo
mdla-eval "$mnist/mnist-t10k-images-idx3-ubyte.gz" "$out/test-0.17.mdla" -T "$threads"
mdla-eval "$mnist/mnist-t10k-images-idx3-ubyte.gz" "$out"/test-*.mdla --csv -T "$threads" >"$out/bits.csv"

say "Pictures"
demo_pictures pairs "$mnist/mnist-t10k-images-idx3-ubyte.gz" "$out/test-0.17.npy" "$out/digits-and-reconstructions.png"
demo_pictures rows "$mnist/mnist-t10k-images-idx3-ubyte.gz" "$out/digits.png"
demo_pictures rows "$out/test-0.17.npy" "$out/reconstructions.png"
demo_pictures atoms "$out/digits.codebook" "$out/atoms.png"
ls -l "$out"/*.png
