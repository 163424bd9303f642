#!/bin/sh
# Makes the golden files of this folder from corpus/: run by hand when the format changes, never by a test. The files
# fix what decoders give, not what encoders write.
#   tests/vectors/make.sh BUILD-FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
corpus=$here/../../corpus
PATH=$(cd "$1" && pwd)/tools:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

finish() { # NAME [CODEBOOK]
    mdla-dec "$1.mdla" ${2:+--codebook "$2"} --raw --dtype f32 -o rows.f32 -f -q
    sha256sum <rows.f32 | sed 's/-$/'"$1"'/' >"$here/$1.sha256"
    cp "$1.mdla" "$here/"
    [ -z "${2:-}" ] || cp "$2" "$here/$1.codebook"
}

mnist=$corpus/mnist/mnist-t10k-images-idx3-ubyte.gz
sae=$corpus/saes/mnist-1024x784-l0-16
mdla-enc "$mnist" --sae "$sae" --fvu 0.25 --expected-rows 2000 --codebook-out digits.codebook -q

# embedded codebook, image atoms, several blocks
mdla-enc "$mnist" --codebook digits.codebook --fvu 0.3 -o all.mdla -q
mdla-dec all.mdla --rows 0:300 -o digits.npy -q
mdla-enc digits.npy --codebook digits.codebook --step 300 --block-rows 100 -o embedded.mdla -q
finish embedded
# named codebook, another step than it was fitted at, a note
mdla-enc digits.npy --codebook digits.codebook --step 150 --reference --note "finer than the codebook" -o named.mdla -q
finish named digits.codebook
# one row; none
mdla-dec all.mdla --rows 7:8 -o one.npy -q
mdla-enc one.npy --codebook digits.codebook --step 300 --reference -o one-row.mdla -q
finish one-row digits.codebook
mdla-dec all.mdla --rows 7:7 -o none.npy -q
mdla-enc none.npy --codebook digits.codebook --step 300 --reference -o no-rows.mdla -q
finish no-rows digits.codebook
# blocks of one row
mdla-dec all.mdla --rows 0:9 -o nine.npy -q
mdla-enc nine.npy --codebook digits.codebook --step 300 --block-rows 1 --reference -o blocks-of-one.mdla -q
finish blocks-of-one digits.codebook
# posting lists, levels of many classes
mdla-dec all.mdla --rows 0:60 -o sixty.npy -q
mdla-enc sixty.npy --codebook digits.codebook --step 30 --block-rows 7 --index -o postings.mdla -q
finish postings

# the joint model: lists and dense rows of weights, the row before, starts of passages, many blocks; and the same rows
# additive
tokens=$corpus/transformer/test-5000
mdla-train "$tokens.npy" -o small --width 64 --l0 12 --passes 8 -q
mdla-enc "$tokens.npy" --docs "$tokens.docs.npy" --sae small --fvu 0.54 --expected-rows 3000000 \
    --codebook-out joint.codebook -q
mdla-enc "$tokens.npy" --docs "$tokens.docs.npy" --codebook joint.codebook --fvu 0.54 -o all-joint.mdla -q
mdla-dec all-joint.mdla --rows 0:600 -o rows.npy -q
/usr/bin/python3 - "$tokens.docs.npy" <<'END'
import sys
text = open(sys.argv[1], "rb").read()
head = text[:128].replace(b"(5000,)", b"(600,) ")
open("docs.npy", "wb").write(head + text[128:128 + 4 * 600])
END
mdla-enc rows.npy --docs docs.npy --codebook joint.codebook --fvu 0.54 --block-rows 256 --reference -o joint.mdla -q
finish joint joint.codebook
mdla-enc rows.npy --docs docs.npy --codebook joint.codebook --fvu 0.6 --model additive --embed -o passages.mdla -q
finish passages

# rows normalised one by one: with scales alone and without passages, with offsets and passages; of the first rows one is zero, one
# constant, one a thousand times as loud
/usr/bin/python3 - <<'END'
import struct
data = open("rows.npy", "rb").read()
start = len(data) - 2 * 512 * 600
rows = list(struct.unpack("<307200e", data[start:]))
rows[512:1024] = [0] * 512
rows[1024:1536] = [0.3] * 512
rows[1536:2048] = [1000 * x for x in rows[1536:2048]]
open("edges.npy", "wb").write(data[:start] + struct.pack("<307200e", *rows))
END
for norm in layer_norm constant_norm_rescale; do
    mkdir $norm
    cp small/sae_weights.safetensors $norm
    sed 's/"normalize_activations": "none"/"normalize_activations": "'$norm'"/' small/cfg.json >$norm/cfg.json
done
mdla-enc edges.npy --docs docs.npy --sae layer_norm --step 2 --block-rows 256 --embed -o layer-norm.mdla -q
finish layer-norm
mdla-enc edges.npy --sae constant_norm_rescale --step 2 --model additive --embed -o constant-norm.mdla -q
finish constant-norm
