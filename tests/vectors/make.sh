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
    case $1 in
    cache*) mdla-dec "$1.mdla" ${2:+--codebook "$2"} --codes --format csv -o decoded -f -q ;;
    *) mdla-dec "$1.mdla" ${2:+--codebook "$2"} --raw --dtype f32 -o decoded -f -q ;;
    esac
    sha256sum <decoded | sed 's/-$/'"$1"'/' >"$here/$1.sha256"
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

# passages that have numbers: large, below zero, some more than once
/usr/bin/python3 - <<'END'
import array
numbers = array.array("q", ([7000, -3, 7000, 2 ** 40][r // 17 % 4] + r // 100 for r in range(300)))
head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (300,), }".ljust(117) + b"\n"
open("numbers.npy", "wb").write(b"\x93NUMPY\x01\x00v\x00" + head + numbers.tobytes())
END
mdla-enc digits.npy --docs numbers.npy --codebook digits.codebook --step 900 --block-rows 100 --reference -o docs.mdla -q
finish docs digits.codebook

# bases in an SAE's place: columns, axes
mdla-enc digits.npy --basis dense --fvu 0.3 -o dense.mdla -q
finish dense
mdla-enc digits.npy --basis pca --fvu 0.3 --expected-rows 100000 --codebook-out pca.codebook -q
mdla-enc digits.npy --codebook pca.codebook --fvu 0.25 --reference -o pca.mdla -q
finish pca pca.codebook
# choices: a codeword a row; three stages, named
mdla-enc digits.npy --basis onehot --codewords 20 -o onehot.mdla -q
finish onehot
mdla-enc digits.npy --basis rvq --codewords 16 --stages 3 --block-rows 128 --codebook-out rvq.codebook -q
mdla-enc digits.npy --codebook rvq.codebook --block-rows 128 --reference -o rvq.mdla -q
finish rvq rvq.codebook

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
# constant, one twenty times as loud
/usr/bin/python3 - <<'END'
import struct
data = open("rows.npy", "rb").read()
start = len(data) - 2 * 512 * 600
rows = list(struct.unpack("<307200e", data[start:]))
rows[512:1024] = [0] * 512
rows[1024:1536] = [0.3] * 512
rows[1536:2048] = [20 * x for x in rows[1536:2048]]
open("edges.npy", "wb").write(data[:start] + struct.pack("<307200e", *rows))
END
for norm in layer_norm constant_norm_rescale; do
    mkdir $norm
    cp small/sae_weights.safetensors $norm
    sed 's/"normalize_activations": "none"/"normalize_activations": "'$norm'"/' small/cfg.json >$norm/cfg.json
done
/usr/bin/python3 - <<'END'
import array
ids = array.array("i", ((7 * i * i) % 5000 for i in range(600)))
ids[3] = -100
head = b"{'descr': '<i4', 'fortran_order': False, 'shape': (600,), }".ljust(117) + b"\n"
open("ids.npy", "wb").write(b"\x93NUMPY\x01\x00v\x00" + head + ids.tobytes())
END
mdla-enc edges.npy --docs docs.npy --tokens ids.npy --hook "blocks.3.hook_résid" --sae layer_norm --step 2 --block-rows 256 \
    --embed -o layer-norm.mdla -q
finish layer-norm
mdla-enc edges.npy --sae constant_norm_rescale --step 2 --model additive --embed -o constant-norm.mdla -q
finish constant-norm
# latent caches: float16 strengths by the joint model, in sequences, exactly and at a step
mdla-eval "$tokens.npy" --sae small --codes-out codes.npz -q >/dev/null
mdla-enc --codes-in codes.npz --model additive -o codes.mdla -q
mdla-dec codes.mdla --codes --strengths f16 -o codes16.npz -q
mdla-dec codes.mdla --codes --strengths f16 --rows 0:600 -o part16.npz -q
mdla-enc --codes-in codes16.npz --shape ,,64 --expected-rows 3000000 --codebook-out cache.codebook -q
mdla-enc --codes-in part16.npz --shape ,,64 --codebook cache.codebook --block-rows 256 --reference -o cache.mdla -q
finish cache cache.codebook
mdla-enc --codes-in part16.npz --codebook cache.codebook --step 0.07 --reference -o cache-step.mdla -q
finish cache-step cache.codebook
# float32 with signs, empty rows, the smallest and the largest strengths, one value very often
/usr/bin/python3 - <<'END'
import json, struct
strengths = [1.0] * 40 + [-0.1 * i for i in range(1, 40)] + [2.0 ** -149, -3.4028234663852886e38, 2.0 ** -126, 65504.0]
places = [(3 + i // 4, 7 * i % 11) for i in range(len(strengths))]
arrays = {"row": ("I32", [r for r, _ in places], "i"), "col": ("I32", [c for _, c in places], "i"),
          "data": ("F32", strengths, "f"), "shape": ("I64", [30, 11], "q")}
header, data = {}, b""
for name, (dtype, values, letter) in arrays.items():
    packed = struct.pack("<%d%s" % (len(values), letter), *values)
    header[name] = {"dtype": dtype, "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
    data += packed
text = json.dumps(header).encode()
open("signed.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
END
mdla-enc --codes-in signed.safetensors -o cache-signed.mdla -q
finish cache-signed
