#!/usr/bin/env bash
# Builds one variant of the decoder and decodes every vector with it: all must give the recorded floats.
#   tests/decoders.sh VARIANT FOLDER     VARIANT: gcc-O0 gcc-O3 clang-O0 clang-O3 scalar aarch64 s390x
# FOLDER takes the build. Vectors: tests/vectors/NAME.mdla with NAME.sha256, the SHA-256 of all its rows as
# little-endian float32 (of a latent cache, cache*: of its codes as CSV), and NAME.codebook where the file only names its codebook.
# Exits 77, with a line that begins "skipped:", where a compiler or emulator is missing. The cross variants
# need zlib for their architecture, which is fetched without being installed; that only happens under
# MDLA_TEST_FULL=1 (tests/run.sh --full).
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
variant=$1
folder=$2
vectors=$top/tests/vectors
emulator=()
options=(-DMDLA_DECODER_ONLY=ON)

skip() {
    echo "skipped: $*"
    exit 77
}

need() {
    command -v "$1" >/dev/null 2>&1 || skip "$1 isn't installed"
}

# Sets $sysroot to a folder with zlib for a Debian architecture, unpacked and not installed. Apt works in a
# state folder of its own, so neither the system's package lists nor its architectures change.
fetch_zlib() { # DEBIAN-ARCHITECTURE
    local arch=$1 state=$folder/apt
    sysroot=$folder/zlib
    [ -f "$sysroot/ready" ] && return
    command -v apt-get >/dev/null 2>&1 || skip "zlib for $arch comes by apt-get, which isn't here"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$sysroot"
    local apt=(apt-get -q -o "APT::Architecture=$arch" -o "APT::Architectures=$arch"
        -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o "Dir::State::status=/dev/null"
        -o "APT::Sandbox::User=root" -o "Acquire::Languages=none")
    "${apt[@]}" update >"$state/log" 2>&1 &&
        (cd "$state" && "${apt[@]}" download "zlib1g-dev:$arch" >>log 2>&1) || {
        tail -n 20 "$state/log"
        echo "decoders.sh: can't fetch zlib1g-dev for $arch; what apt-get said stands above" >&2
        exit 1
    }
    for package in "$state"/*.deb; do
        dpkg -x "$package" "$sysroot"
    done
    touch "$sysroot/ready"
}

cross() { # TRIPLET DEBIAN-ARCHITECTURE QEMU-PROCESSOR
    need "$1-gcc"
    need "qemu-$3"
    [ "${MDLA_TEST_FULL:-}" = 1 ] || skip "needs zlib for $2; tests/run.sh --full fetches it"
    fetch_zlib "$2"
    emulator=("qemu-$3" -L "/usr/$1")
    options+=(-DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$3" "-DCMAKE_C_COMPILER=$1-gcc"
        "-DZLIB_INCLUDE_DIR=$sysroot/usr/include" "-DZLIB_LIBRARY=$sysroot/usr/lib/$1/libz.a")
}

native() { # COMPILER FLAGS
    need "$1"
    options+=("-DCMAKE_C_COMPILER=$1" -DCMAKE_BUILD_TYPE=None "-DCMAKE_C_FLAGS=$2")
}

mkdir -p "$folder"
case $variant in
gcc-O0) native gcc -O0 ;;
gcc-O3) native gcc "-O3 -march=native" ;;
clang-O0) native clang -O0 ;;
clang-O3) native clang "-O3 -march=native" ;;
scalar)
    native gcc -O2
    options+=(-DMDLA_SIMD=OFF)
    ;;
aarch64) cross aarch64-linux-gnu arm64 aarch64 ;;
s390x) cross s390x-linux-gnu s390x s390x ;;
*)
    echo "decoders.sh: unknown variant $variant" >&2
    exit 2
    ;;
esac

if ! { cmake -S "$top" -B "$folder/build" "${options[@]}" && cmake --build "$folder/build" -j 2; } >"$folder/log" 2>&1; then
    tail -n 30 "$folder/log"
    echo "decoders.sh: $variant doesn't build" >&2
    exit 1
fi

decoded=0
wrong=0
out=$folder/decoded.f32
for file in "$vectors"/*.mdla; do
    [ -f "$file" ] || continue
    name=${file%.mdla}
    codebook=()
    [ -f "$name.codebook" ] && codebook=(--codebook "$name.codebook")
    what=(--raw --dtype f32)
    [[ $(basename "$name") != cache* ]] || what=(--codes --format csv)
    expected=$(cut -d ' ' -f 1 "$name.sha256")
    for threads in 1 2; do
        rm -f "$out"
        "${emulator[@]}" "$folder/build/tools/mdla-dec" "$file" "${codebook[@]}" "${what[@]}" -o "$out" \
            -T "$threads" -q && got=$(sha256sum <"$out" | cut -d ' ' -f 1) || got="an error"
        decoded=$((decoded + 1))
        if [ "$got" != "$expected" ]; then
            wrong=$((wrong + 1))
            echo "$(basename "$file"), -T $threads: $got where $expected is right"
        fi
    done
done
rm -f "$out"
[ "$decoded" -gt 0 ] || echo "decoders.sh: no vectors in tests/vectors" >&2
echo "$variant: $decoded decoded, $wrong wrong"
[ "$wrong" -eq 0 ] && [ "$decoded" -gt 0 ]
