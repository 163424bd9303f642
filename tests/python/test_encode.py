"""mdla.encode and mdla.fit: the same bytes as the programs, from arrays and files of every kind."""
import gzip
import os
import pathlib
import signal
import threading
import time

import numpy as np
import pytest

import mdla

TOP = pathlib.Path(__file__).resolve().parents[2]
DIGITS = TOP / "corpus/mnist/mnist-t10k-images-idx3-ubyte.gz"
DIGITS_SAE = TOP / "corpus/saes/mnist-1024x784-l0-16"


def digits(count):
    with gzip.open(DIGITS) as f:
        return np.frombuffer(f.read(16 + count * 784)[16:], np.uint8).reshape(count, 784)


def tool_bytes(tool, *arguments):
    tool("mdla-enc", *arguments, "-f", "-o", "tool.mdla")
    return pathlib.Path("tool.mdla").read_bytes()


@pytest.mark.parametrize("options, given", [
    ({"fvu": 0.3}, ["--fvu", 0.3]),
    ({"bits_per_row": 12.5, "effort": 2}, ["--bits-per-row", 12.5, "--effort", 2]),
    ({"step": 0.7, "model": "additive"}, ["--step", 0.7, "--model", "additive"]),
    ({"fvu": 0.3, "code": "sae", "block_rows": 50}, ["--fvu", 0.3, "--code", "sae", "--block-rows", 50]),
    ({"fvu": 0.3, "index": True, "block_rows": 30}, ["--fvu", 0.3, "--index", "--block-rows", 30]),
    ({"fvu": 0.25, "note": "a note", "reference": True}, ["--fvu", 0.25, "--note", "a note", "--reference"])], ids=str)
def test_the_bytes_are_those_of_mdla_enc(example, tool, options, given):
    expected = tool_bytes(tool, example.rows_npy, "--sae", example.sae, *given)
    assert mdla.encode(example.rows, example.sae, **options) == expected
    assert mdla.encode(example.rows_npy, sae=mdla.load_sae(example.sae), threads=1, **options) == expected


def test_with_a_codebook_the_step_is_its_own(example, tool):
    expected = tool_bytes(tool, example.rows_npy, "--codebook", example.codebook)
    book = mdla.Codebook.load(example.codebook)
    assert mdla.encode(example.rows, codebook=book) == expected
    assert mdla.encode(str(example.rows_npy), codebook=str(example.codebook)) == expected
    both = tool_bytes(tool, example.rows_npy, "--codebook", example.codebook, "--sae", example.sae, "--fvu", 0.3)
    assert mdla.encode(example.rows, codebook=book, sae=example.sae, fvu=0.3) == both


def test_the_hooks_name_comes_from_the_sae_or_the_caller(example, tool):
    assert mdla.load_sae(example.sae).info.hook == "none"
    with mdla.open(mdla.encode(example.rows, sae=example.sae, fvu=0.3)) as f:
        assert f.info.hook == "none"
    report = mdla.encode(example.rows, codebook=example.codebook, hook="blocks.5.hook_r\u00e9sid", out="x.mdla")
    with mdla.open("x.mdla") as f:
        assert f.info.hook == "blocks.5.hook_r\u00e9sid"
        assert f.account()["hook"] == 8 * report.hook_nbytes == 8 * (20 + 12)
    plain = mdla.encode(example.rows, codebook=example.codebook, out="plain.mdla")
    assert plain.bits_per_row == report.bits_per_row and plain.nbytes == report.nbytes - report.hook_nbytes
    with mdla.open(example.file) as f:
        assert f.info.hook is None
    with pytest.raises(mdla.ArgumentError, match="255 bytes"):
        mdla.encode(example.rows, codebook=example.codebook, hook="x" * 256)


def test_a_fit_is_the_codebook_of_mdla_enc(example, tool):
    tool("mdla-enc", example.rows_npy, "--sae", example.sae, "--fvu", 0.3, "--codebook-out", "cb", "--prune",
         "--adapt-atoms", "--expected-rows", 5000, "--effort", 3)
    book = mdla.fit(example.rows, example.sae, fvu=0.3, prune=True, adapt_atoms=True, expected_rows=5000, effort=3)
    assert book.tobytes() == pathlib.Path("cb").read_bytes()
    assert book.info.nbytes <= pathlib.Path("cb").stat().st_size and book.info.step > 0


def test_passages_come_as_an_array_or_a_file(example, tool):
    np.save("docs.npy", example.docs)
    expected = tool_bytes(tool, example.rows_npy, "--sae", example.sae, "--fvu", 0.3, "--docs", "docs.npy")
    for docs in (example.docs, example.docs.astype(np.int32).tolist(), "docs.npy", pathlib.Path("docs.npy")):
        assert mdla.encode(example.rows, sae=example.sae, fvu=0.3, docs=docs) == expected
    with mdla.open(expected) as f:
        assert f.info.passages
    with pytest.raises(mdla.DataError, match="399 passage numbers for 400 rows"):
        mdla.encode(example.rows, sae=example.sae, fvu=0.3, docs=example.docs[:-1])
    with pytest.raises(mdla.DataError, match="integers"):
        mdla.encode(example.rows, sae=example.sae, fvu=0.3, docs=example.rows[:, 0])


@pytest.mark.parametrize("dtype, info", [
    ("<f2", "f16"), (">f2", "f16"), ("<f8", "f64"), (">f4", "f32"), ("|i1", "i8"), (">i4", "i32"), ("<u8", "u64"),
    ("<i8", "i64"), ("|u1", "u8"), ("<u2", "u16")])
def test_every_type_of_values_gives_the_programs_bytes(example, tool, dtype, info):
    rows = np.abs(example.rows * 10).astype(dtype) if dtype[1] in "iu" else example.rows.astype(dtype)
    np.save("typed.npy", rows)
    integers = ["--integers"] if info == "u16" else []
    expected = tool_bytes(tool, "typed.npy", "--codebook", example.codebook, "--step", 1, *integers)
    ours = mdla.encode(rows, codebook=example.codebook, step=1, bf16=False)
    assert ours == expected
    with mdla.open(ours) as f:
        assert f.info.dtype == info


def test_bfloat16_patterns_are_said_to_be_so(example, tool):
    patterns = (example.rows.view(np.uint32) >> 16).astype(np.uint16)
    np.save("patterns.npy", patterns)
    expected = tool_bytes(tool, "patterns.npy", "--codebook", example.codebook, "--bf16")
    assert mdla.encode(patterns, codebook=example.codebook, bf16=True) == expected
    assert mdla.encode(patterns.view(np.int16), codebook=example.codebook, bf16=True) == expected
    assert mdla.encode("patterns.npy", codebook=example.codebook, bf16=True) == expected
    for data in (patterns, patterns.view("V2")):
        with pytest.raises(ValueError, match="say bf16=True or bf16=False"):
            mdla.encode(data, codebook=example.codebook)
    with pytest.raises(ValueError, match="bfloat16"):
        mdla.encode("patterns.npy", codebook=example.codebook)


def test_layouts_in_memory_are_read_as_they_are(example):
    expected = mdla.encode(example.rows, codebook=example.codebook)
    wide = np.zeros((800, 30), np.float32)
    wide[::2, 3:27] = example.rows
    for rows in (np.asfortranarray(example.rows), wide[::2, 3:27], example.rows.reshape(20, 20, 24),
                 example.rows[::-1][::-1], example.rows.tolist()):
        encoded = mdla.encode(rows, codebook=example.codebook)
        with mdla.open(encoded) as f, mdla.open(expected) as g:
            assert np.array_equal(f[:], g[:])


def test_several_files_are_one_stream(example, tool):
    np.save("a.npy", example.rows[:150])
    np.savez("b.npz", first=example.rows[150:], other=np.zeros(3, np.int64))
    whole = mdla.encode(example.rows, codebook=example.codebook)
    assert mdla.encode(["a.npy", pathlib.Path("b.npz")], codebook=example.codebook) == whole
    np.savez("c.npz", x=example.rows, y=np.ones((4, 24), np.float32))
    assert mdla.encode("c.npz", array="x", codebook=example.codebook) == whole
    with pytest.raises(mdla.ArgumentError):
        mdla.encode("c.npz", codebook=example.codebook)
    with pytest.raises(mdla.ArgumentError, match="no file"):
        mdla.encode(example.rows, array="x", codebook=example.codebook)
    with pytest.raises(FileNotFoundError, match="missing.npy"):
        mdla.encode(["a.npy", "missing.npy"], codebook=example.codebook)


def test_digits_of_the_corpus(tool):
    rows = digits(1200)
    np.save("digits.npy", rows)
    expected = tool_bytes(tool, "digits.npy", "--sae", DIGITS_SAE, "--fvu", 0.25, "--effort", 1)
    encoded = mdla.encode(rows, sae=DIGITS_SAE, fvu=0.25, effort=1)
    assert encoded == expected
    with mdla.open(encoded) as f:
        assert f.shape == (1200, 784) and f.info.dtype == "u8"
        assert f.info.fvu == pytest.approx(0.25, rel=0.01)
        assert ((f[:] - rows) ** 2).sum() == pytest.approx(
            f.info.fvu * ((rows - rows.mean(0, dtype=float)) ** 2).sum(), rel=1e-5)


def test_a_file_appears_when_it_is_done(example):
    report = mdla.encode(example.rows, sae=example.sae, fvu=0.3, out="out.mdla")
    with mdla.open("out.mdla") as f:
        assert (report.rows, report.nbytes, report.fvu) == (400, f.info.nbytes, f.info.fvu)
        assert report.codebook_nbytes > 0 and report.l0 == pytest.approx(f.codes().nnz / 400)
        assert report.bits_per_row == 8 * report.marginal_nbytes / 400
        assert report.marginal_nbytes == report.nbytes - report.codebook_nbytes - report.hook_nbytes + 44
        assert report.postings_nbytes == 0 and not f.info.postings
    indexed = mdla.encode(example.rows, sae=example.sae, fvu=0.3, out="indexed.mdla", index=True)
    assert indexed.bits_per_row == pytest.approx(report.bits_per_row) and indexed.postings_nbytes > 0
    with mdla.open("out.mdla") as f, mdla.open("indexed.mdla") as g:
        assert g.info.postings and g.account()["postings"] == 8 * indexed.postings_nbytes
        assert all(np.array_equal(f.feature_rows(each), g.feature_rows(each)) for each in range(48))
    os.unlink("indexed.mdla")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        mdla.encode(example.rows, sae=example.sae, fvu=0.3, out="out.mdla")
    mdla.encode(example.rows, codebook=example.codebook, out=pathlib.Path("out.mdla"), overwrite=True)
    mdla.encode(example.rows, codebook=example.codebook, out="-")
    assert sorted(os.listdir()) == ["-", "out.mdla"]


def test_rows_aren_t_copied(example):
    """A view of rows that change between the passes' progress calls shows in the file."""
    rows = example.rows.copy()
    rows[:, 0] = np.nan
    with pytest.raises(mdla.DataError, match="row 0, column 0"):
        mdla.encode(rows, codebook=example.codebook)

    def mend(what, done, total):
        rows[:, 0] = example.rows[:, 0]

    rows = example.rows.copy()
    assert mdla.encode(rows, codebook=example.codebook, progress=mend) == mdla.encode(
        example.rows, codebook=example.codebook)


@pytest.mark.parametrize("options, words", [
    ({}, "give sae, or a codebook"), ({"sae": True}, "give a target"), ({"sae": True, "fvu": 0}, "fvu=0"),
    ({"sae": True, "fvu": 0.2, "step": 1}, "fvu and step: give one"), ({"sae": True, "fvu": 1.5}, "fvu=1.5"),
    ({"sae": True, "fvu": 0.2, "effort": 0}, "effort=0"), ({"sae": True, "fvu": 0.2, "model": "x"}, "joint, additive"),
    ({"codebook": True, "code": "sae"}, "needs the SAE"), ({"sae": True, "fvu": 0.2, "code": "x"}, "free, sae"),
    ({"codebook": True, "block_rows": 1 << 30}, "blocks have at most"), ({"codebook": True, "note": "x" * 2000}, "note"),
    ({"sae": True, "fvu": 0.0001}, "FVU 0.0001 can't be reached")], ids=str)
def test_options_are_checked(example, options, words):
    options = {name: getattr(example, name) if value is True else value for name, value in options.items()}
    with pytest.raises(ValueError, match=words):
        mdla.encode(example.rows, out="out.mdla", **options)
    assert os.listdir() == []


@pytest.mark.parametrize("rows, error, words", [
    (np.zeros((5, 24), np.complex64), mdla.UnsupportedError, "complex64"), (np.zeros(24), mdla.DataError, "no matrix"),
    (np.zeros((5, 23), np.float32), mdla.ArgumentError, "23"), (np.full((5, 24), np.inf), mdla.DataError, "row 0"),
    (np.full((5, 24), 1e300), mdla.DataError, "too large for float32"), (np.zeros((5, 0)), mdla.DataError, "no values"),
    (np.array([["a"]]), mdla.UnsupportedError, "<U1")], ids=str)
def test_rows_are_checked(example, rows, error, words):
    with pytest.raises(error, match=words):
        mdla.encode(rows, codebook=example.codebook)


def test_an_sae_is_an_sae_or_a_path(example):
    for use in (lambda: mdla.encode(example.rows, example.rows, fvu=0.3), lambda: mdla.fit(example.sae, example.rows, fvu=0.3)):
        with pytest.raises(TypeError, match="sae: give an mdla.SAE or its path, not ndarray"):
            use()


def test_masked_values_are_refused(example):
    rows = np.ma.masked_array(example.rows, np.zeros((400, 24), bool))
    assert mdla.encode(rows, codebook=example.codebook) == mdla.encode(example.rows, codebook=example.codebook)
    rows[3, 5] = np.ma.masked
    docs = np.ma.masked_equal(example.docs, 7)
    sae = mdla.load_sae(example.sae)
    for use in (lambda: mdla.encode(rows, codebook=example.codebook), lambda: mdla.fit(rows, sae, fvu=0.3),
                lambda: sae.encode(rows), lambda: sae.reconstruct(rows), lambda: mdla.train(rows, width=32, l0=4)):
        with pytest.raises(mdla.DataError, match=r"rows: values are masked, the first at \(3, 5\)"):
            use()
    for options in ({"docs": docs}, {"tokens": docs}):
        with pytest.raises(mdla.DataError, match=r"values are masked, the first at \(70,\)"):
            mdla.encode(example.rows, codebook=example.codebook, **options)


def test_no_rows_are_a_file_too(example):
    with mdla.open(mdla.encode(example.rows[:0], codebook=example.codebook)) as f:
        assert f.shape == (0, 24) and np.asarray(f).shape == (0, 24) and f.codes().shape == (0, 48)
        assert f.bits_per_row().shape == (0,) and list(f) == [] and f[[]].shape == (0, 24)
        with pytest.raises(IndexError):
            f[0]


def test_progress_is_told_and_may_end_the_call(example):
    told = []
    mdla.encode(example.rows, sae=example.sae, fvu=0.3, progress=lambda *call: told.append(call))
    assert {what for what, _, _ in told} >= {"encode"} and len({what for what, _, _ in told}) > 1
    assert all(isinstance(done, int) and (total is None or total > 0) for _, done, total in told)

    def stop(what, done, total):
        raise LookupError(what)

    for call in (lambda: mdla.encode(example.rows, sae=example.sae, fvu=0.3, out="out.mdla", progress=stop),
                 lambda: mdla.encode(example.rows, codebook=example.codebook, out="out.mdla", progress=stop),
                 lambda: mdla.fit(example.rows, example.sae, fvu=0.3, progress=stop)):
        with pytest.raises(LookupError):
            call()
    assert os.listdir() == []


def test_ctrl_c_ends_an_encoding_and_leaves_nothing():
    rows = np.tile(digits(2000), (10, 1))
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mdla.encode(rows, sae=DIGITS_SAE, fvu=0.1, effort=9, out="out.mdla")
    assert time.monotonic() - began < 60  # whole, it takes minutes; busy machines are slow to notice
    timer.join()
    assert os.listdir() == [] and signal.getsignal(signal.SIGINT) is before


def test_a_signal_handler_that_returns_doesn_t_end_the_call(example):
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        data = mdla.encode(example.rows, codebook=example.codebook,
                           progress=lambda *_: signal.raise_signal(signal.SIGINT))
        assert seen and data == mdla.encode(example.rows, codebook=example.codebook)
    finally:
        signal.signal(signal.SIGINT, before)


def test_encodings_run_beside_each_other(example):
    expected = mdla.encode(example.rows, codebook=example.codebook)
    book, sae, done = mdla.Codebook.load(example.codebook), mdla.load_sae(example.sae), []
    workers = [threading.Thread(target=lambda: done.append(
        (mdla.encode(example.rows, codebook=book), sae.encode(example.rows).nnz))) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert done == [(expected, sae.encode(example.rows).nnz)] * 4
