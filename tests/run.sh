#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#   tests/run.sh               what a user needs: one build, its tests
#   tests/run.sh --full        also clang, sanitizers, scalar and unoptimised decoders, cross compilers, emulators
#   tests/run.sh --coverage    the tests once, and the lines of codec/ and format/ that they reach
# Builds go to build-test* beside the sources (or below MDLA_BUILD); MDLA_JOBS=N sets the parallel jobs.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
builds=${MDLA_BUILD:-$top}
jobs=${MDLA_JOBS:-$(nproc)}
base_packages="build-essential cmake pkg-config zlib1g-dev libpng-dev libopenblas-dev libcmocka-dev libjansson-dev libcairo2-dev file python3 python3-numpy python3-scipy python3-pytest"
full_packages="clang libclang-rt-14-dev qemu-user gcc-aarch64-linux-gnu gcc-s390x-linux-gnu libc6-dev-arm64-cross libc6-dev-s390x-cross mypy python3-numcodecs python3-zarr"

mode=user
case "${1:-}" in
"") ;;
--full) mode=full ;;
--coverage) mode=coverage ;;
-h | --help)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
*)
    echo "run.sh: unknown option $1; see $0 --help" >&2
    exit 2
    ;;
esac

passed=0
failed=0
skipped=0
skips=
failures=

# Counts a ctest log; an empty test list is a failure of its own.
count_log() { # NAME LOG
    local name=$1 log=$2 line reason
    passed=$((passed + $(grep -cE 'Test +#[0-9]+: .* Passed ' "$log" || true)))
    while IFS= read -r line; do
        failed=$((failed + 1))
        failures+="  $name: $line"$'\n'
    done < <(sed -nE 's/.*Test +#[0-9]+: ([^ ]+) .*(\*\*\*[A-Za-z]+|Exception[^0-9]*|\*\*\*Not Run|Not Run).*/\1 \2/p' "$log" |
        grep -v '\*\*\*Skipped' | sed 's/ .*//')
    while IFS= read -r line; do
        skipped=$((skipped + 1))
        reason=$(sed -n "/Test *#[0-9]*: $line /,/Skipped/p" "$builds/${name}/Testing/Temporary/LastTest.log" |
            sed -nE 's/^(skipped: .*)/\1/p' | head -n 1)
        [ -n "$reason" ] ||
            reason=$(awk -v t="$line" '$0 ~ "Test: " t "$" {on = 1} on && /^skipped: / {print; exit}' \
                "$builds/${name}/Testing/Temporary/LastTest.log" 2>/dev/null || true)
        skips+="  $name: $line (${reason:-no reason given})"$'\n'
    done < <(sed -nE 's/.*Test +#[0-9]+: ([^ ]+) .*\*\*\*Skipped.*/\1/p' "$log")
    if ! grep -qE 'Test +#[0-9]+:' "$log"; then
        failed=$((failed + 1))
        failures+="  $name: no test ran"$'\n'
    fi
}

# Configures, builds and tests one variant: NAME [CMAKE OPTION...]; ctest options in ctest_options.
ctest_options=()
variant() {
    local name=$1 log
    shift
    printf '\n== %s: cmake %s\n' "$name" "$*"
    log=$builds/$name/run.log
    mkdir -p "$builds/$name"
    if ! { cmake -S "$top" -B "$builds/$name" "$@" && cmake --build "$builds/$name" -j "$jobs"; } >"$log" 2>&1; then
        tail -n 40 "$log"
        failed=$((failed + 1))
        failures+="  $name: doesn't build (the end of its log stands above)"$'\n'
        return
    fi
    ctest --test-dir "$builds/$name" --output-on-failure -j "$jobs" "${ctest_options[@]}" 2>&1 |
        tee "$builds/$name/ctest.log" || true
    count_log "$name" "$builds/$name/ctest.log"
}

# shellcheck disable=SC2086
"$top/corpus/packages.sh" $base_packages
case $mode in
user)
    variant build-test
    ;;
full)
    # shellcheck disable=SC2086
    "$top/corpus/packages.sh" $full_packages
    export MDLA_TEST_FULL=1
    variant build-test -DCMAKE_C_COMPILER=gcc -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
    # Labels: "decoders" builds its own variants, "memory" measures what sanitizers change, "bits", "bench" and "readme" take long.
    ctest_options=(-LE 'decoders|memory|bench|bits|readme')
    variant build-test-clang -DCMAKE_C_COMPILER=clang -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
    variant build-test-asan -DCMAKE_C_COMPILER=clang -DMDLA_SANITIZE=address,undefined
    ;;
coverage)
    "$top/corpus/packages.sh" gcovr
    ctest_options=(-LE 'decoders|memory|bench|bits|readme')
    variant build-test-coverage -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage
    gcovr --root "$top" --object-directory "$builds/build-test-coverage" \
        --filter "$top/codec/" --filter "$top/format/"
    ;;
esac

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ -z "$failures" ] || printf 'Failed:\n%s' "$failures"
[ -z "$skips" ] || printf 'Skipped:\n%s' "$skips"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
