"""mdla.numcodecs: chunks of rows for zarr."""
import subprocess
import sys

import numpy as np
import pytest

import mdla


def test_without_numcodecs_the_error_says_what_to_install():
    code = "import sys; sys.modules['numcodecs'] = None\ntry:\n import mdla.numcodecs\nexcept ImportError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install it" in done.stdout


@pytest.fixture
def codecs():
    pytest.importorskip("numcodecs")
    import mdla.numcodecs
    return mdla.numcodecs


def test_a_chunk_is_a_file_that_names_its_codebook(example, codecs):
    codec = codecs.MdlaCodec(example.codebook, fvu=0.3)
    data = codec.encode(example.rows)
    assert data == mdla.encode(example.rows, codebook=example.codebook, fvu=0.3, reference=True)
    with mdla.open(data, example.codebook) as f:
        assert np.array_equal(codec.decode(data), f[:])
    for dtype in (np.float16, np.float64, np.float32):
        rows = example.rows.astype(dtype)
        again = codec.decode(codec.encode(rows.reshape(20, 20, 24)))
        assert again.dtype == dtype and again.shape == (400, 24)
        assert np.array_equal(codec.decode(codec.encode(rows.ravel())), again)
        out = np.empty((20, 20, 24), dtype)
        codec.decode(codec.encode(rows), out=out)
        assert np.array_equal(out.reshape(400, 24), again)


def test_the_configuration_makes_the_same_codec(example, codecs):
    import numcodecs
    codec = codecs.MdlaCodec(example.codebook, step=1.5, effort=2)
    config = codec.get_config()
    assert config == {"id": "mdla", "codebook_sha256": mdla.Codebook.load(example.codebook).sha256, "step": 1.5,
                      "effort": 2}
    again = numcodecs.get_codec(dict(config))
    assert again == codec and again.encode(example.rows) == codec.encode(example.rows)
    assert "mdla" in repr(codec).lower()


def test_an_unknown_codebook_is_a_clear_error(example, codecs):
    codec = codecs.MdlaCodec(codebook_sha256="ab" * 32)
    for use in (lambda: codec.encode(example.rows), lambda: codec.decode(b"")):
        with pytest.raises(mdla.ArgumentError, match="abab.* isn't known here; .*mdla.numcodecs.register"):
            use()
    with pytest.raises(mdla.ArgumentError, match="give a codebook"):
        codecs.MdlaCodec()
    with pytest.raises(mdla.ArgumentError, match="give one of them"):
        codecs.MdlaCodec(example.codebook, fvu=0.2, step=1)


def test_what_isn_t_rows_of_floats_is_refused(example, codecs):
    codec = codecs.MdlaCodec(example.codebook)
    with pytest.raises(mdla.DataError, match="int64"):
        codec.encode(np.zeros((4, 24), np.int64))
    with pytest.raises(mdla.DataError, match="no rows of 24"):
        codec.encode(np.zeros(25, np.float32))
    with pytest.raises(mdla.ArgumentError):
        codec.encode(np.zeros((4, 25), np.float32))


def test_masked_values_are_refused(example, codecs):
    with pytest.raises(mdla.DataError, match="masked"):
        codecs.MdlaCodec(example.codebook).encode(np.ma.masked_greater(example.rows, 1.0))


def test_the_codebook_of_a_file_outlives_it(example, codecs):
    with mdla.open(example.file) as f:
        codec = codecs.MdlaCodec(f.codebook)
    assert codec.decode(codec.encode(example.rows)).shape == (400, 24)


def test_a_zarr_array_of_rows(example, codecs):
    zarr = pytest.importorskip("zarr")
    stored = zarr.open("acts.zarr", mode="w", shape=(400, 24), chunks=(150, 24), dtype="f4",
                       compressor=codecs.MdlaCodec(example.codebook))
    stored[:] = example.rows
    again = zarr.open("acts.zarr", mode="r")
    padded = np.zeros((450, 24), np.float32)
    padded[:400] = example.rows
    for first in (0, 150, 300):
        with mdla.open(mdla.encode(padded[first:first + 150], codebook=example.codebook)) as f:
            assert np.array_equal(again[first:first + 150], f[:min(150, 400 - first)])
    assert again.compressor.codebook_sha256 == mdla.Codebook.load(example.codebook).sha256
    assert np.abs(again[:] - example.rows).mean() < 0.5
