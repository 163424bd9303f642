#!/usr/bin/python3
"""Runs the recipes of README.md as they are printed, so that they go on working.

    recipes.py BUILD NUMBER        runs one recipe in an empty folder beside a link to corpus/, with the programs of BUILD
    recipes.py BUILD names         the options and programs that README.md names exist, and no program is left out
    recipes.py --print TITLE       the shell and Python blocks below that heading as a shell script, to paste anywhere

A recipe is a `###` section: its ```sh and ```python blocks, one after the other. It fails where a command does, where a
file of try/ that it names isn't there afterwards, or where what README.md says of the result isn't so (CLAIMS).
"""
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")

# What the words around a recipe say of a file it makes: title, file, pattern that must be found in it.
CLAIMS = (
    ("Compare three SAEs", "try/compare/report.md", r"\| 10,000 \| w256 \| 256 \|.*\| yes \|"),
    ("The bits of one explanation", "try/text.html", r"^<!DOCTYPE html>"),
)
FOREIGN_OPTIONS = {"--build", "--install", "--no-install-recommends", "--preset"}  # CMake's, apt-get's


def sections(level):
    """Title to text of the headings of a level, in order."""
    found = re.split(rf"^{'#' * level} (.+)$", README, flags=re.M)
    return {title: re.split(r"^#{1,%d} " % level, text, flags=re.M)[0] for title, text in zip(found[1::2], found[2::2])}


def script(text):
    """The blocks of a section as one shell script."""
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", text, flags=re.M | re.S)
    return "".join(body if language == "sh" else f"python3 - <<'PYTHON'\n{body}PYTHON\n" for language, body in blocks)


def promised(commands):
    """The files and folders of try/ that a script names in full."""
    return {name.rstrip("/") for name in re.findall(r"\btry/[\w./-]*\w", commands)}


def run_recipe(build, number):
    title, text = list(sections(3).items())[number - 1]
    commands = script(text)
    if not commands:
        return [f"{title}: no commands"]
    with tempfile.TemporaryDirectory(prefix="mdla-readme-") as name:
        folder = pathlib.Path(name, "clone")
        programs = pathlib.Path(name, "bin")
        for path in (folder, programs):
            path.mkdir()
        (folder / "corpus").symlink_to(TOP / "corpus")
        (programs / "python3").symlink_to(sys.executable)
        environment = dict(os.environ, PATH=f"{programs}:{build / 'tools'}:{os.environ['PATH']}",
                           PYTHONPATH=str(build / "python"), PYTHONDONTWRITEBYTECODE="1")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            return [f"{title}: ended with {done.returncode}"]
        bad = [f"{title}: {path} isn't there" for path in sorted(promised(commands)) if not (folder / path).exists()]
        for claimed, path, pattern in CLAIMS:
            if claimed == title and not re.search(pattern, (folder / path).read_text(encoding="utf-8"), flags=re.M):
                bad.append(f"{title}: nothing like '{pattern}' in {path}")
        return bad + sorted(f"{path.name}: beside try/" for path in folder.iterdir() if path.name not in ("corpus", "try"))


def check_names(build):
    programs = {path.name for path in (build / "tools").glob("mdla-*") if path.is_file()}
    known = set(FOREIGN_OPTIONS)
    for path in (build / "tools/documents/bash").iterdir():
        known.update(re.findall(r"--[a-z][a-z0-9-]*", path.read_text(encoding="utf-8")))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README))
    table = set(re.findall(r"^\| `(mdla-[a-z]+)` \|", README, flags=re.M))
    pictures = [path for path in re.findall(r"!\[.*?\]\((.*?)\)", README) if not (TOP / path).exists()]
    return ([f"no program has {option}" for option in sorted(named - known)] +
            [f"{name} isn't in the table of programs" for name in sorted(programs - table)] +
            [f"there is no {name}" for name in sorted(table - programs)] +
            [f"CLAIMS: no recipe {title}" for title, _, _ in CLAIMS if title not in sections(3)] +
            [f"no picture {path}" for path in pictures])


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--print":
        print(script({**sections(2), **sections(3)}[sys.argv[2]]), end="")
        return 0
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for module in ("numpy", "scipy"):
        if importlib.util.find_spec(module) is None:
            print(f"skipped: {module} is missing (Debian: python3-{module})")
            return 77
    build = pathlib.Path(sys.argv[1]).resolve()
    bad = check_names(build) if sys.argv[2] == "names" else run_recipe(build, int(sys.argv[2]))
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
