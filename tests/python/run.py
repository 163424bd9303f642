#!/usr/bin/python3
"""Runs the tests of the Python package: run.py BUILD-FOLDER C-COMPILER [PYTEST ARGUMENTS]. Exits 77 where they can't run."""
import importlib.util
import os
import pathlib
import sys


def main():
    for module, package in (("numpy", "python3-numpy"), ("pytest", "python3-pytest")):
        if importlib.util.find_spec(module) is None:
            print(f"skipped: {module} is missing (Debian: {package})")
            sys.exit(77)
    import pytest

    build = pathlib.Path(sys.argv[1]).resolve()
    os.environ.update(MDLA_BUILD=str(build), MDLA_TOOLS=str(build / "tools"), MDLA_CC=sys.argv[2],
                      PYTHONPATH=str(build / "python"), PYTHONDONTWRITEBYTECODE="1")
    os.environ.pop("MDLA_LIBRARY", None)
    sys.path.insert(0, str(build / "python"))
    sys.exit(pytest.main(["-q", "-rs", "-p", "no:cacheprovider", *sys.argv[3:],
                          str(pathlib.Path(__file__).parent)]))


if __name__ == "__main__":
    main()
