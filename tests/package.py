#!/usr/bin/python3
"""The Debian package: made by cpack, unpacked into a folder, looked at and run from there.

    package.py BUILD CPACK
"""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1])
CPACK = sys.argv[2]


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check(truth, message):
    if not truth:
        sys.exit(f"package.py: {message}")


def check_files(root):
    programs = sorted(p.name for p in (BUILD / "tools").glob("mdla-*") if p.is_file())
    check(len(programs) >= 5, f"few programs in {BUILD}")
    for name in programs:
        version = output(root / "bin" / name, "--version")
        check(re.fullmatch(rf"{name} \d+\.\d+\.\d+\n", version), f"{name} --version: {version}")
        page = gzip.decompress((root / "share" / "man" / "man1" / f"{name}.1.gz").read_bytes())
        check(page == (BUILD / "tools/documents/man" / f"{name}.1").read_bytes(), f"{name}.1.gz is another page")
        for path in (f"bash-completion/completions/{name}", f"zsh/vendor-completions/_{name}"):
            check((root / "share" / path).is_file(), f"no {path}")
    for path in ("include/mdla/mdla.h", "lib/libmdla_dec.a", "lib/libmdla.so", "lib/pkgconfig/mdla.pc",
                 "lib/python3/dist-packages/mdla/__init__.py", "share/doc/mdla/copyright"):
        check((root / path).exists(), f"no {path}, or it leads nowhere")
    for link in (p for p in root.rglob("*") if p.is_symlink()):
        check(link.exists(), f"{link} leads nowhere")


def main():
    for program in ("dpkg-deb", "dpkg-shlibdeps", "gzip"):
        if not shutil.which(program):
            print(f"skipped: no {program} here (Debian: dpkg-dev)")
            sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="mdla-package-") as folder:
        output(CPACK, "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", folder)
        packages = list(pathlib.Path(folder).glob("*.deb"))
        check(len(packages) == 1, f"made {packages}")
        needs = output("dpkg-deb", "-f", packages[0], "Depends")
        for library in ("libc6", "zlib1g", "libjansson4", "libopenblas"):
            check(library in needs, f"{library} isn't among Depends: {needs}")
        root = pathlib.Path(folder) / "root"
        output("dpkg-deb", "-x", packages[0], root)
        check([p.name for p in root.iterdir()] == ["usr"], "something lies outside of /usr")
        check_files(root / "usr")
        if shutil.which("lintian"):
            said = subprocess.run(["lintian", "--allow-root", packages[0]], capture_output=True, text=True, check=False)
            errors = [line for line in said.stdout.splitlines() if line.startswith("E:")]
            check(not errors, "\n".join(errors))


if __name__ == "__main__":
    main()
