"""Latent caches made and read, token ids and passage numbers beside rows."""
import pathlib

import numpy as np
import pytest

import mdla

sparse = pytest.importorskip("scipy.sparse")


@pytest.fixture
def codes(example):
    return mdla.load_sae(example.sae).encode(example.rows)


def same(a, b):
    return a.shape == b.shape and (sparse.csr_matrix(a) != sparse.csr_matrix(b)).nnz == 0


@pytest.mark.parametrize("options, given", [
    ({}, []), ({"step": 0.1, "model": "additive"}, ["--step", 0.1, "--model", "additive"]),
    ({"context": 20, "note": "n", "hook": "h.3", "block_rows": 50},
     ["--shape", ",,20", "--note", "n", "--hook", "h.3", "--block-rows", 50])], ids=str)
def test_the_bytes_are_those_of_mdla_enc(codes, tool, options, given):
    sparse.save_npz("codes.npz", codes)
    tool("mdla-enc", "--codes-in", "codes.npz", "-o", "tool.mdla", *given)
    expected = pathlib.Path("tool.mdla").read_bytes()
    for what in (codes, codes.tocsc(), codes.tocoo(), "codes.npz", pathlib.Path("codes.npz")):
        assert mdla.encode_codes(what, **options) == expected


def test_codes_come_back(codes):
    report = mdla.encode_codes(codes, out="exact.mdla", hook="blocks.5")
    with mdla.open("exact.mdla") as f:
        assert same(f.codes(), codes) and f.info.hook == "blocks.5" and f.info.step == 0
        assert np.array_equal(f.explain(3)["strength"].astype(np.float32), codes[3].data)
        assert report.rows == 400 and report.nbytes == f.info.nbytes and np.isnan(report.fvu)
        assert report.l0 == codes.nnz / 400 and report.hook_nbytes == 20
    with mdla.open(mdla.encode_codes(codes, step=0.25)) as f:
        assert f.info.step == 0.25
        quantised = codes.copy()
        quantised.data = (np.maximum(np.floor(codes.data / 0.25 + 0.5), 1) * 0.25).astype(np.float32)
        assert same(f.codes(), quantised)
    with mdla.open(mdla.encode_codes(sparse.csr_matrix((30, 7), dtype=np.float32))) as f:
        assert f.codes().shape == (30, 7) and f.codes().nnz == 0


def test_one_codebook_serves_many_caches(codes):
    book = mdla.fit_codes(codes[:300], expected_rows=10 ** 6)
    book.save("priors.codebook")
    data = mdla.encode_codes(codes[300:], codebook="priors.codebook", reference=True)
    assert data == mdla.encode_codes(codes[300:], codebook=book, reference=True)
    with mdla.open(data, codebook=book) as f:
        assert same(f.codes(), codes[300:]) and not f.info.embedded and f.info.codebook_sha256 == book.sha256
    assert len(data) < len(mdla.encode_codes(codes[300:]))


def test_a_delphi_folder_is_read_with_its_hook(codes, tool):
    pathlib.Path("whole.mdla").write_bytes(mdla.encode_codes(codes, context=20, hook="h.5"))
    tool("mdla-dec", "whole.mdla", "--codes", "--format", "delphi", "-o", "layers.5")
    with mdla.open(mdla.encode_codes("layers.5")) as f:
        assert f.info.hook == "h.5" and f.info.dtype == "f16"
        assert abs(f.codes() - codes).max() < 2e-3 * codes.max()


def test_token_ids_of_caches(codes, tool):
    ids = np.random.default_rng(2).integers(0, 60000, 400)
    report = mdla.encode_codes(codes, context=20, tokens=ids, out="ids.mdla")
    with mdla.open("ids.mdla") as f:
        assert np.array_equal(f.tokens(), ids) and f.account()["tokens"] == 8 * report.tokens_nbytes > 0
    np.save("ids.npy", ids)
    assert mdla.encode_codes(codes, context=20, tokens="ids.npy") == pathlib.Path("ids.mdla").read_bytes()
    tool("mdla-dec", "ids.mdla", "--codes", "--format", "delphi", "-o", "layers.5")
    with mdla.open(mdla.encode_codes("layers.5")) as f:
        assert np.array_equal(f.tokens(), ids) and f.info.note.startswith('delphi {"n_splits":5,')
    with pytest.raises(mdla.ArgumentError, match="token ids of its own"):
        mdla.encode_codes("layers.5", tokens=ids)
    with pytest.raises(mdla.DataError, match="399 token ids for 400 rows"):
        mdla.encode_codes(codes, tokens=ids[1:])


def test_what_is_refused(example, codes):
    with pytest.raises(mdla.ArgumentError, match="step=0"):
        mdla.encode_codes(codes, step=0)
    with pytest.raises(mdla.ArgumentError, match="atoms"):
        mdla.encode_codes(codes, codebook=example.codebook)
    with pytest.raises(mdla.ArgumentError, match="codebook of 40"):
        mdla.encode_codes(codes, codebook=mdla.fit_codes(codes[:, :40]))
    for use in (mdla.encode_codes, mdla.fit_codes):
        with pytest.raises(TypeError, match=r"scipy.sparse matrix \(rows, width\).*not ndarray"):
            use(codes.toarray())
    with pytest.raises(FileNotFoundError, match="missing.npz"):
        mdla.encode_codes("missing.npz")
    with pytest.raises(mdla.DataError, match="finite"):
        mdla.encode_codes(codes * np.float32(np.inf), out="no.mdla")
    with pytest.raises(mdla.DataError, match="float32, in which exact strengths are kept, doesn't hold"):
        mdla.encode_codes(codes.astype(np.float64) / 3, out="no.mdla")
    assert not pathlib.Path("no.mdla").exists()
    with mdla.open(mdla.encode_codes(codes.astype(np.float64))) as f:
        assert same(f.codes(), codes)


def test_token_ids_travel(example, tool):
    ids = np.random.default_rng(1).integers(-3, 60000, 400)
    np.save("ids.npy", ids)
    np.savez("ids.npz", ids=ids, docs=example.docs)
    tool("mdla-enc", example.rows_npy, "--codebook", example.codebook, "--tokens", "ids.npy", "-o", "tool.mdla")
    expected = pathlib.Path("tool.mdla").read_bytes()
    for tokens in (ids, ids.tolist(), ids.reshape(20, 20), "ids.npy", pathlib.Path("ids.npy")):
        assert mdla.encode(example.rows, codebook=example.codebook, tokens=tokens) == expected
    report = mdla.encode(example.rows, codebook=example.codebook, tokens=ids.astype(np.int32), docs=example.docs, out="x.mdla")
    with mdla.open("x.mdla") as f:
        assert f.info.tokens and f.info.passages
        assert np.array_equal(f.tokens(), ids) and np.array_equal(f.tokens(-50, 390), ids[350:390])
        assert np.array_equal(f.passages(), example.docs) and np.array_equal(f.passages(15, 41), example.docs[15:41])
        assert f.account()["tokens"] == 8 * report.tokens_nbytes > 0
        assert report.bits_per_row == 8 * report.marginal_nbytes / 400
        assert report.marginal_nbytes == report.nbytes - report.codebook_nbytes - report.tokens_nbytes + (44 if report.codebook_nbytes else 0)
        assert report.passages_nbytes == 0
    numbers = 10 ** 12 - 7 * (example.docs % 3)
    report = mdla.encode(example.rows, codebook=example.codebook, docs=numbers, out="x.mdla", overwrite=True)
    with mdla.open("x.mdla") as f:
        assert np.array_equal(f.passages(), numbers) and np.array_equal(f.passages(15, 41), numbers[15:41])
        account = f.account()
        assert account["passage numbers"] == 8 * report.passages_nbytes > 0 and account["passages"] > 0
        assert round(sum(account.values())) == 8 * report.nbytes
        assert abs(f.bits_by_class()["passages"].sum() - account["passages"]) < 1e-6
        assert report.marginal_nbytes == (report.nbytes - report.codebook_nbytes - report.passages_nbytes
                                          + (44 if report.codebook_nbytes else 0))
    with mdla.open(example.file) as f:
        assert not f.info.tokens
        with pytest.raises(mdla.ArgumentError, match="no token ids"):
            f.tokens()
        with pytest.raises(mdla.ArgumentError, match="no starts of passages"):
            f.passages()
    with pytest.raises(mdla.DataError, match="399 token ids for 400 rows"):
        mdla.encode(example.rows, codebook=example.codebook, tokens=ids[1:])
    with pytest.raises(mdla.DataError, match="integers"):
        mdla.encode(example.rows, codebook=example.codebook, tokens=ids / 2)
