#!/bin/sh
# Installs the Debian packages that are named and missing, and says so. Shared by corpus/demo.sh and tests/run.sh.
#   corpus/packages.sh PACKAGE...
# Needs root or sudo where something is missing; on a system without apt-get it says what to install instead.
set -eu

missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    # Another system, where the same things have other names: present programs and headers are good enough.
    if [ -n "${MDLA_PACKAGES_PRESENT:-}" ]; then
        exit 0
    fi
    cat >&2 <<TEXT
packages.sh: this system has no apt-get, so nothing can be installed here. Please install, by its own means,
what Debian calls:
   $missing
(a C11 compiler, CMake 3.25, Python 3; the headers and libraries of zlib, libpng, OpenBLAS, cmocka, jansson),
then set MDLA_PACKAGES_PRESENT=1 and start again.
TEXT
    exit 1
fi

sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "packages.sh: needs root to install:$missing" >&2
        echo "packages.sh: run as root:  apt-get install$missing" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "packages.sh: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "packages.sh: installing failed; what apt-get said stands above" >&2
    exit 1
fi
