"""Examples in docstrings run as printed; type hints hold. (Those of README.md: tests/readme.)"""
import doctest
import importlib
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

import mdla

TOP = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = pathlib.Path(mdla.__file__).parent


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKAGE.glob("*.py")))
def test_docstrings(example, name):
    needs = {"torch": "torch", "numcodecs": "numcodecs", "_codes": "scipy", "_file": "scipy", "_sae": "scipy"}.get(name)
    if needs:
        pytest.importorskip(needs)
    module = importlib.import_module(f"mdla.{name}" if name != "__init__" else "mdla")
    failed, tried = doctest.testmod(module, extraglobs={"example": example})
    assert failed == 0
    assert tried > 0 or name in ("__init__", "_layout", "_library", "_rows")


def test_everything_public_has_a_docstring():
    assert [name for name in mdla.__all__ if isinstance(getattr(mdla, name), type) and not getattr(mdla, name).__doc__] == []
    for cls in (mdla.File, mdla.Codebook, mdla.SAE):
        assert [name for name, value in vars(cls).items()
                if not name.startswith("_") and callable(value) and not value.__doc__] == []


def test_type_hints():
    if "MDLA_TEST_FULL" not in os.environ:
        pytest.skip("type hints are checked by tests/run.sh --full")
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is missing (Debian: mypy)")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file",
                           TOP / "tools/python/pyproject.toml", "--cache-dir", pathlib.Path(os.environ["MDLA_BUILD"]) / "mypy", TOP / "tools/python/mdla"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_library_names_no_options_of_the_programs():
    """Its sentences are read from C and from Python too."""
    for folder in ("codec", "format"):
        for path in (TOP / folder).rglob("*.c"):
            for text in re.findall(r'"(?:[^"\\\n]|\\.)*"', path.read_text()):
                assert not re.search(r"(?<!\w)--\w|mdla-(enc|dec|info|eval|train|sweep|report|cat)\b(?!\.)|FILE:", text), (path.name, text)
