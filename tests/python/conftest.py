"""What the tests share: a small random SAE, rows that it fits, and files made of them.

Called by CTest through run.py, with the folder of the programs in MDLA_TOOLS and the package on PYTHONPATH.
"""
import os
import pathlib
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

import mdla

TOP = pathlib.Path(__file__).resolve().parents[2]
DIMS, WIDTH, ROWS = 24, 48, 400


def write_sae(folder, atoms, bias, bias_enc):
    """A SAELens folder of a relu SAE: encoder and decoder are the same unit-norm atoms (width, dims)."""
    import json
    import struct

    def f32(values):
        return np.ascontiguousarray(values, "<f4").tobytes()

    tensors = {"W_dec": (atoms.shape, f32(atoms)), "W_enc": (atoms.shape[::-1], f32(atoms.T)),
               "b_dec": (bias.shape, f32(bias)), "b_enc": (bias_enc.shape, f32(bias_enc))}
    head, at = {}, 0
    for name, (shape, data) in tensors.items():
        head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(head).encode()
    folder.mkdir()
    (folder / "sae_weights.safetensors").write_bytes(
        struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))
    (folder / "cfg.json").write_text(json.dumps({
        "architecture": "standard", "d_in": atoms.shape[1], "d_sae": atoms.shape[0],
        "dtype": "float32", "apply_b_dec_to_input": True, "normalize_activations": "none",
        "activation_fn_str": "relu", "model_name": "random", "hook_name": "none"}))


def random_rows(rng, atoms, bias, count):
    """Sums of some four atoms with strengths around 2, a little noise, and the bias."""
    strengths = (rng.random((count, len(atoms))) < 4 / len(atoms)) * rng.gamma(4, 0.5, (count, len(atoms)))
    return (strengths @ atoms + bias + 0.05 * rng.standard_normal((count, atoms.shape[1]))).astype(np.float32)


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """rows (400, 24) float32, and paths: rows_npy, docs (numbers), sae, codebook, file, named."""
    folder = tmp_path_factory.mktemp("example")
    rng = np.random.default_rng(14)
    atoms = rng.standard_normal((WIDTH, DIMS))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    bias = rng.standard_normal(DIMS)
    write_sae(folder / "sae", atoms, bias, np.full(WIDTH, -0.5))
    rows = random_rows(rng, atoms, bias, ROWS)
    np.save(folder / "rows.npy", rows)
    book = mdla.fit(rows, folder / "sae", fvu=0.2)
    book.save(folder / "example.codebook")
    mdla.encode(rows, codebook=book, fvu=0.2, out=folder / "example.mdla", block_rows=64)
    mdla.encode(rows, codebook=book, fvu=0.2, out=folder / "named.mdla", reference=True)
    return SimpleNamespace(rows=rows, rows_npy=folder / "rows.npy", docs=np.arange(ROWS) // 10,
                           sae=folder / "sae", codebook=folder / "example.codebook",
                           file=folder / "example.mdla", named=folder / "named.mdla")


@pytest.fixture
def tool(tmp_path):
    """Runs a program in the test's folder: tool("mdla-enc", ...) returns what it printed."""
    def run(name, *arguments):
        done = subprocess.run([pathlib.Path(os.environ["MDLA_TOOLS"]) / name, *map(str, arguments)],
                              cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
    return run


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    """Tests write where they stand."""
    monkeypatch.chdir(tmp_path)
