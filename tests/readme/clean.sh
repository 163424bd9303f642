#!/usr/bin/env bash
# README.md on a clean Debian 12: what it says to install is done in a bare system; the .deb that this makes is installed
# in another bare one, where programs, manual pages, completions, the Python package and every recipe are tried.
#   tests/readme/clean.sh FOLDER
# Needs root, debootstrap, a mirror, 3 GB in FOLDER and some minutes; FOLDER/built and FOLDER/installed stay for a look.
# The commit that is checked out is what is tried.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ $# != 1 ] || [[ $1 == -* ]]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
printed() { /usr/bin/python3 "$top/tests/readme/recipes.py" --print "$1"; }

bare() { # ROOT: a new system that holds nothing but a clone
    debootstrap --variant=minbase bookworm "$1" >"$1.log"
    cp /etc/resolv.conf "$1/etc/"
    git clone -q "$top" "$1/root/mdla"
}

inside() { # ROOT COMMAND...
    unshare -m -p -f --mount-proc="$1/proc" chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "${@:2}" </dev/null
}

echo "== built: the commands of README.md, to a .deb"
bare "$folder/built"
{ echo "set -e; cd /root/mdla" && printed Install; } >"$folder/built/root/install.sh"
inside "$folder/built" bash /root/install.sh >"$folder/built.log" 2>&1 || {
    tail -n 30 "$folder/built.log"
    exit 1
}

echo "== installed: the .deb alone"
bare "$folder/installed"
cp "$folder"/built/root/mdla/build/mdla_*.deb "$folder/installed/root/mdla.deb"
# shellcheck disable=SC2016
inside "$folder/installed" bash -ec 'apt-get update && apt-get install -y --no-install-recommends /root/mdla.deb
    mdla-enc --version && mdla-sweep --version
    apt-get install -y --no-install-recommends python3-numpy python3-scipy man-db bash-completion zsh
    man mdla-enc | grep -q MDLA-ENC
    . /usr/share/bash-completion/bash_completion && _completion_loader mdla-enc && complete -p mdla-enc
    zsh -fc "autoload -Uz compinit; compinit -u; [ \$_comps[mdla-enc] = _mdla-enc ]"
    python3 -c "import mdla; print(mdla.__version__)"' >"$folder/installed.log" 2>&1 || {
    tail -n 30 "$folder/installed.log"
    exit 1
}
sed -n 's/^### //p' "$top/README.md" | while IFS= read -r title; do
    echo "== $title"
    { echo "cd /root/mdla && rm -rf try" && printed "$title"; } >"$folder/installed/root/recipe.sh"
    inside "$folder/installed" bash -euo pipefail /root/recipe.sh >"$folder/installed.log" 2>&1 || {
        tail -n 30 "$folder/installed.log"
        exit 1
    }
done
echo "clean.sh: all of README.md works"
