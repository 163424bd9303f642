"""SAEs: their own forward pass, and training."""
import json
import os
import pathlib

import numpy as np
import pytest

import mdla

sparse = pytest.importorskip("scipy.sparse")


def weights(example):
    """W_dec (width, dims), b_dec and b_enc of the example's SAE."""
    data = (example.sae / "sae_weights.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8:8 + size])
    return [np.frombuffer(data[8 + size:], "<f4", offset=head[name]["data_offsets"][0],
                          count=int(np.prod(head[name]["shape"]))).reshape(head[name]["shape"])
            for name in ("W_dec", "b_dec", "b_enc")]


def test_encode_and_decode_are_the_formulas(example):
    sae = mdla.load_sae(example.sae)
    atoms, bias, bias_enc = weights(example)
    expected = np.maximum((example.rows - bias) @ atoms.T + bias_enc, 0)
    codes = sae.encode(example.rows)
    assert isinstance(codes, sparse.csr_matrix) and codes.dtype == np.float32 and codes.has_sorted_indices
    assert np.abs(codes.toarray() - expected).max() < 1e-5 and codes.nnz == (codes.toarray() > 0).sum()
    assert np.abs(sae.decode(codes) - (expected @ atoms + bias)).max() < 1e-4
    assert np.array_equal(sae.reconstruct(example.rows), sae.decode(codes))
    assert np.array_equal(sae.atoms(), atoms)
    assert (sae.encode(example.rows.astype(np.float64)) != codes).nnz == 0
    assert sae.encode(example.rows[:0]).shape == (0, 48)
    codes.sort_indices()  # owns what it can change


def test_a_pass_is_that_of_mdla_eval(example, tool):
    tool("mdla-eval", example.rows_npy, "--sae", example.sae, "--codes-out", "c.npz", "--decoded-out", "d.npy")
    sae = mdla.load_sae(example.sae)
    assert (sae.encode(example.rows) != sparse.load_npz("c.npz")).nnz == 0
    assert np.array_equal(sae.reconstruct(example.rows), np.load("d.npy"))


def test_many_rows_go_tile_by_tile(example):
    sae = mdla.load_sae(example.sae)
    rows = np.tile(example.rows, (25, 1))
    # A row's last bits depend on its place in a tile, with some processors' matrix products.
    assert abs(sae.encode(rows) - sparse.vstack([sae.encode(example.rows)] * 25)).max() < 1e-5
    assert np.abs(sae.reconstruct(rows)[9600:] - sae.reconstruct(example.rows)).max() < 1e-5


def test_info_tells_what_was_understood(example):
    info = mdla.load_sae(example.sae, kind="saelens").info
    assert (info.dims, info.width, info.kind, info.activation) == (24, 48, "saelens", "relu")
    assert info.pre_bias and not info.signed_code and info.normalisation == "none" and info.k == 0


def test_refusals(example):
    sae = mdla.load_sae(example.sae)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        mdla.load_sae("nowhere")
    with pytest.raises(mdla.Error):
        mdla.load_sae(pathlib.Path("."))
    with pytest.raises(mdla.ArgumentError, match="23"):
        sae.encode(np.zeros((3, 23)))
    with pytest.raises(mdla.ArgumentError, match="47"):
        sae.decode(sparse.csr_matrix((3, 47)))
    wrong = sparse.csr_matrix((3, 48), dtype=np.float32)
    wrong.indptr[1:] = 1
    wrong.indices, wrong.data = np.array([48], np.int32), np.array([1], np.float32)
    with pytest.raises(mdla.ArgumentError, match="feature 48 of an SAE of 48"):
        sae.decode(wrong)
    wrong.indices[:] = 3
    wrong.indptr[1:3] = 1, 0
    with pytest.raises(mdla.ArgumentError, match="row 1 ends before it starts"):
        sae.decode(wrong)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_rows_that_are_no_numbers_are_refused(example, dtype):
    sae = mdla.load_sae(example.sae)
    rows = np.tile(example.rows, (12, 1)).astype(dtype)
    for value, words in ((np.nan, "NaN"), (-np.inf, "infinite"), (1e300, "too large for float32")):
        if value == 1e300 and dtype != np.float64:
            continue
        rows[4500, 7] = value
        for use in (sae.encode, sae.reconstruct):
            with pytest.raises(mdla.DataError, match=f"row 4500, column 7 is {words}"):
                use(rows)


def layer_norm(example, folder):
    """The example's SAE as one that normalises every row by itself."""
    (folder / "layer-norm").mkdir()
    config = json.loads((example.sae / "cfg.json").read_text())
    (folder / "layer-norm/cfg.json").write_text(json.dumps({**config, "normalize_activations": "layer_norm"}))
    (folder / "layer-norm/sae_weights.safetensors").write_bytes((example.sae / "sae_weights.safetensors").read_bytes())
    return folder / "layer-norm"


def test_amounts_are_strengths_times_a_rows_scale(example, tmp_path):
    with mdla.open(mdla.encode(example.rows, sae=layer_norm(example, tmp_path), fvu=0.3)) as f:
        strengths, amounts = f.codes(), f.codes(values="amounts")
        assert f.bits_by_class()["row norms"].sum() > 0
    scale = amounts.copy()
    scale.data /= strengths.data
    lows, highs = np.full(400, np.inf), np.zeros(400)
    for row in range(400):
        if scale[row].nnz:
            lows[row], highs[row] = scale[row].data.min(), scale[row].data.max()
    assert np.allclose(lows[highs > 0], highs[highs > 0], rtol=1e-5) and np.ptp(highs[highs > 0]) > 0.1
    with mdla.open(example.file) as f:
        assert np.array_equal(f.codes().data, f.codes(values="amounts").data)


def test_rows_that_are_normalised_one_by_one_can_t_be_decoded_from_codes(example, tmp_path):
    sae = mdla.load_sae(layer_norm(example, tmp_path))
    assert sae.info.normalisation != "none"
    with pytest.raises(mdla.UnsupportedError, match="normalises"):
        sae.decode(sae.encode(example.rows))
    assert sae.reconstruct(example.rows).shape == (400, 24)


def test_training_is_that_of_mdla_train(example, tool):
    tool("mdla-train", example.rows_npy, "-o", "theirs", "--width", 32, "--l0", 4, "--seed", 3, "--arch", "topk")
    assert 0 < mdla.train(np.tile(example.rows, (20, 1)), width=32, l0=4, passes=1, holdout=0.3).report.fvu < 1
    states = []
    sae = mdla.train(example.rows, width=32, l0=4, seed=3, arch="topk", progress=states.append)
    assert (sae.width, sae.dims, sae.info.activation, sae.info.k) == (32, 24, "topk", 4)
    assert sae.report.train_rows == 400 and sae.report.dead <= 32
    assert [state.step for state in states] == list(range(1, sae.report.steps + 1))
    sae.save("ours")
    name = "sae_weights.safetensors"
    assert (pathlib.Path("ours") / name).read_bytes() == (pathlib.Path("theirs") / name).read_bytes()
    with pytest.raises(FileExistsError):
        sae.save("ours")
    assert np.array_equal(mdla.load_sae("ours").reconstruct(example.rows), sae.reconstruct(example.rows))


def test_a_training_is_stopped_and_taken_up_again(example):
    whole = mdla.train(example.rows, width=32, l0=4, passes=2)

    def stop(state):
        if state.step == 5:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        mdla.train(example.rows, width=32, l0=4, passes=2, checkpoint="states", progress=stop)
    assert os.listdir("states") == ["mdla-train.checkpoint"]
    resumed = mdla.train(example.rows, width=32, l0=4, passes=2, checkpoint="states", resume=True)
    assert np.array_equal(resumed.atoms(), whole.atoms())
    with pytest.raises(mdla.ArgumentError, match="batchtopk, topk, relu"):
        mdla.train(example.rows, width=32, l0=4, arch="x")
    with pytest.raises(ValueError):
        mdla.train(example.rows, width=32, l0=33)
