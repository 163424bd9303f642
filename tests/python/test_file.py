"""mdla.open: rows by index, codes, bits, life."""
import hashlib
import json
import multiprocessing
import threading

import numpy as np
import pytest

import mdla


@pytest.fixture
def decoded(example, tool):
    """What mdla-dec gives."""
    tool("mdla-dec", example.file, "-o", "decoded.npy")
    return np.load("decoded.npy")


@pytest.fixture
def file(example):
    with mdla.open(example.file) as f:
        yield f


def test_a_file_is_its_rows(file, decoded):
    assert (len(file), file.shape, file.ndim, file.dtype) == (400, (400, 24), 2, np.float32)
    everything = np.asarray(file)
    assert everything.dtype == np.float32 and np.array_equal(everything, decoded)
    assert hashlib.sha256(everything.tobytes()).hexdigest() == file.info.decoded_sha256
    assert np.array_equal(np.stack(list(file)), decoded)
    assert np.array_equal(np.asarray(file, dtype=np.float16), decoded.astype(np.float16))


@pytest.mark.parametrize("key", [
    0, 5, -1, np.int16(64), np.uint8(200), slice(100, 200), slice(0, 0), slice(None), slice(63, 65), slice(-10, None),
    slice(300, 100), slice(500, 600), slice(None, None, 7), slice(350, 20, -3), slice(10, 400, 100),
    [3, 1, -1, 399, 3, 63, 64], np.array([], int), np.arange(400)[::-1], np.array([7], np.uint64),
    np.arange(400) % 50 == 3, (slice(5, 9), 3), (7, slice(2, 5)), ([1, 300], slice(None, None, 2)), (4, -1)],
    ids=str)
def test_indexing_is_numpys(file, decoded, key):
    part = file[key]
    assert part.shape == decoded[key].shape and part.dtype == np.float32
    assert np.array_equal(part, decoded[key])


@pytest.mark.parametrize("key, error", [
    (400, IndexError), (-401, IndexError), ([0, 400], IndexError), ([-401], IndexError), ("a", IndexError),
    ([0.5], IndexError), ([[1]], IndexError), (np.zeros(3, bool), IndexError), (2.0, IndexError),
    (slice(None, None, 0), ValueError)], ids=str)
def test_wrong_indices_are_refused(file, key, error):
    with pytest.raises(error):
        file[key]


def test_random_access_reads_any_row_after_any_other(file, decoded):
    rng = np.random.default_rng(3)
    for row in rng.integers(0, 400, 300):
        stop = row + rng.integers(1, 200)
        assert np.array_equal(file[int(row)], decoded[row])
        assert np.array_equal(file[row:stop], decoded[row:stop])


def test_only_blocks_with_wanted_rows_are_read(example, decoded, tmp_path):
    data = bytearray(example.file.read_bytes())
    with mdla.open(example.file) as f:
        assert f.info.blocks == 7
    # Damage in a block is noticed by those who read it, and by nobody else.
    marks = [at for at in range(len(data)) if data[at:at + 4] == b"BLCK"]
    assert len(marks) == 7
    data[marks[3] + 20] ^= 1
    (tmp_path / "damaged.mdla").write_bytes(data)
    for threads in (1, 4):
        with mdla.open(tmp_path / "damaged.mdla", threads=threads) as f:
            for key in (slice(0, 192), 5, slice(256, 400), [0, 399], 70, 191, slice(100, 192), 256, 3):
                assert np.array_equal(f[key], decoded[key])
            for key in (192, slice(190, 193), [200], slice(None), 255):
                with pytest.raises(mdla.CorruptError, match="block"):
                    f[key]
            assert np.array_equal(f[:192], decoded[:192])
            assert f.codes(0, 192).shape == (192, 48)
            with pytest.raises(mdla.CorruptError):
                f.codes()


def test_info_tells_the_file(file, example):
    info = file.info
    assert (info.rows, info.dims, info.width, info.block_rows, info.blocks) == (400, 24, 48, 64, 7)
    assert (info.dtype, info.embedded, info.passages, info.note) == ("f32", True, False, None)
    assert info.nbytes == example.file.stat().st_size
    assert info.fvu <= 0.2 and info.step > 0
    error = ((example.rows.astype(float) - np.asarray(file)) ** 2).sum()
    spread = ((example.rows - example.rows.mean(0, dtype=float)) ** 2).sum()
    assert info.fvu == pytest.approx(error / spread, rel=1e-6)


def test_codes_are_those_of_mdla_dec(file, example, tool):
    sparse = pytest.importorskip("scipy.sparse")
    tool("mdla-dec", example.file, "--codes", "-o", "codes.npz")
    tool("mdla-dec", example.file, "--codes", "--strengths", "levels", "-o", "levels.npz")
    strengths, levels = sparse.load_npz("codes.npz"), sparse.load_npz("levels.npz")
    codes = file.codes()
    assert codes.dtype == np.float32 and codes.shape == (400, 48) and codes.nnz > 400
    assert (codes != strengths).nnz == 0
    ours = file.codes(values="levels")
    assert ours.dtype == np.int32 and (ours != levels).nnz == 0 and ours.data.min() >= 1
    for start, stop in ((100, 200), (-50, None), (0, 0), (399, 1000), (65, 66)):
        part = file.codes(start, stop)
        assert (part != codes[start:stop]).nnz == 0 and part.shape == codes[start:stop].shape
        assert part.has_sorted_indices
    with pytest.raises(mdla.ArgumentError, match="strengths"):
        file.codes(values="bits")


def test_codes_times_atoms_are_the_rows_but_for_rounding(file, example):
    pytest.importorskip("scipy")
    sae = mdla.load_sae(example.sae)
    bias = sae.decode(file.codes() * 0)[0]
    again = file.codes() @ file.codebook.atoms() + bias
    assert np.abs(again - np.asarray(file)).max() < 0.02


def test_bits_are_those_of_mdla_info(file, example, tool):
    per_row = file.bits_per_row()
    by_class = file.bits_by_class()
    account = file.account()
    assert per_row.shape == (400,) and per_row.dtype == np.float64
    assert np.allclose(per_row, sum(by_class.values()), rtol=1e-12)
    assert sum(account.values()) == pytest.approx(8 * file.info.nbytes, rel=1e-12)
    assert account["indices"] == pytest.approx(by_class["indices"].sum())
    assert account["levels"] == pytest.approx(by_class["levels"].sum())
    assert np.array_equal(file.bits_per_row(70, 75), per_row[70:75])
    told = json.loads(tool("mdla-info", example.file, "--json"))["bits"]
    assert account == pytest.approx({name.replace("_", " "): bits for name, bits in told.items()})
    bill = json.loads(tool("mdla-info", example.file, "--row", 3, "--json"))
    assert per_row[3] == pytest.approx(bill["bits"])
    assert by_class["levels"][3] == pytest.approx(bill["level_bits"])
    assert np.isfinite(file.independence_gap())


def test_features_are_found_in_the_codes(file, tool, example):
    pytest.importorskip("scipy")
    codes, levels = file.codes().tocsc(), file.codes(values="levels").tocsc()
    spent = np.zeros(400)
    for feature in range(48):
        found = file.feature_rows(feature)
        assert found["row"].tolist() == codes[:, feature].indices.tolist()
        assert np.array_equal(found["strength"].astype(np.float32), codes[:, feature].data)
        assert np.array_equal(found["level"], levels[:, feature].data)
        spent[found["row"]] += found["level_bits"]
        best = file.top_rows(feature, 5)
        order = np.lexsort((found["row"], -found["strength"]))[:5]
        assert np.array_equal(best, found[order])
    assert np.allclose(spent, file.bits_by_class()["levels"])
    assert len(file.top_rows(0, 0)) == 0 and len(file.top_rows(0, 10**9)) == len(file.feature_rows(0))
    for use in (file.feature_rows, file.top_rows):
        for feature in (48, -1):
            with pytest.raises(IndexError, match="of 48"):
                use(feature)


def test_a_row_is_explained_as_mdla_info_does(file, example, tool):
    for row in (0, 63, 64, 399, -1, np.int64(5)):
        bill = json.loads(tool("mdla-info", example.file, "--row", row % 400, "--json"))
        told = sorted(bill["code"], key=lambda line: line["feature"])
        found = file.explain(row)
        assert found["feature"].tolist() == [line["feature"] for line in told]
        assert found["level"].tolist() == [line["level"] for line in told]
        for field in ("strength", "index_bits", "level_bits", "bits"):
            assert found[field] == pytest.approx([line[field] for line in told])
        others = bill["passage_bits"] + bill["norm_bits"] + bill["header_bits"]
        assert found["bits"].sum() + others == pytest.approx(file.bits_per_row()[row])
        assert np.array_equal(found["amount"], found["strength"])
    for row in (400, -401):
        with pytest.raises(IndexError, match=f"row {row} of 400"):
            file.explain(row)
    with pytest.raises(TypeError):
        file.explain("5")
    with pytest.raises(mdla.ArgumentError, match="no starts of passages"):
        file.explain((0, 1))


def test_rows_are_found_by_passage_and_by_token(example):
    ids = np.random.default_rng(2).integers(0, 30, 400)
    docs = np.repeat([7, 8, 9], [250, 1, 149])
    with mdla.open(mdla.encode(example.rows, codebook=example.codebook, block_rows=50, tokens=ids, docs=docs)) as f:
        for place, row in (((0, 0), 0), ((0, 249), 249), ((1, 0), 250), ((1, -1), 250), ((2, 3), 254), ((-1, -1), 399),
                           ((-3, 60), 60)):
            assert np.array_equal(f.explain(place), f.explain(row))
        for place, words in (((3, 0), "passage 3 of 3"), ((-4, 0), "passage -4 of 3"),
                             ((1, 1), "position 1 of 1 in passage 1"), ((0, -251), "position -251 of 250")):
            with pytest.raises(IndexError, match=words):
                f.explain(place)
        for token in (0, 29, np.int32(4), 30, -1):
            assert np.array_equal(f.token_rows(token), np.flatnonzero(ids == token))
        assert f.token_rows(4).dtype == np.int64
    with mdla.open(example.file) as f:
        with pytest.raises(mdla.ArgumentError, match="no token ids"):
            f.token_rows(4)
    with mdla.open(mdla.encode(example.rows[:0], codebook=example.codebook)) as f:
        with pytest.raises(IndexError, match="row 0 of 0"):
            f.explain(0)


def test_the_codebook_is_the_files(file, example):
    book, loaded = file.codebook, mdla.Codebook.load(example.codebook)
    assert book.sha256 == loaded.sha256 == file.info.codebook_sha256 and len(book.sha256) == 64
    assert (book.width, book.dims) == (48, 24)
    atoms = book.atoms()
    assert atoms.shape == (48, 24) and atoms.dtype == np.float32
    assert np.allclose(np.linalg.norm(atoms, axis=1), 1, atol=0.2)  # few bits an atom at this rate
    assert np.array_equal(book.atom(7), atoms[7])
    with pytest.raises(IndexError):
        book.atom(48)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        book.atoms()
    assert loaded.tobytes() == example.codebook.read_bytes()
    loaded.save("again.codebook")
    assert mdla.Codebook.load("again.codebook").sha256 == loaded.sha256
    with pytest.raises(mdla.ExistingFileError):
        loaded.save("again.codebook")
    loaded.save("again.codebook", overwrite=True)
    assert mdla.Codebook.load(example.file).sha256 == loaded.sha256  # from inside a file
    assert mdla.Codebook.load(loaded.tobytes()).sha256 == loaded.sha256


def test_a_file_that_names_its_codebook_needs_it(example):
    for codebook in (example.codebook, str(example.codebook), mdla.Codebook.load(example.codebook)):
        with mdla.open(example.named, codebook) as f:
            assert not f.info.embedded and f.codebook.sha256 == f.info.codebook_sha256
            assert f[3].shape == (24,)
    with pytest.raises(mdla.ArgumentError, match="codebook"):
        mdla.open(example.named)
    other = mdla.fit(example.rows, example.sae, fvu=0.4)
    with pytest.raises(ValueError, match="codebook"):
        mdla.open(example.named, other)


def test_bytes_in_memory_are_a_file(example, decoded):
    for data in (example.file.read_bytes(), bytearray(example.file.read_bytes()),
                 memoryview(example.file.read_bytes())):
        with mdla.open(data) as f:
            del data
            assert np.array_equal(f[10:20], decoded[10:20])


def test_a_closed_file_says_so(example):
    f = mdla.open(example.file)
    f.close()
    f.close()
    assert f.closed and "closed" in repr(f)
    for use in (lambda: f[0], lambda: f[:], lambda: f[[1]], f.codes, f.account, f.bits_per_row,
                lambda: f.feature_rows(1), lambda: f.top_rows(1), lambda: f.codebook, lambda: f.explain(1)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_threads_share_a_file(example, decoded):
    wrong = []
    with mdla.open(example.file) as f:
        def work(seed):
            rng = np.random.default_rng(seed)
            for first in rng.integers(0, 390, 60):
                if not np.array_equal(f[first:first + 10], decoded[first:first + 10]):
                    wrong.append(first)
        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
    assert wrong == []


def try_row(f, queue):
    try:
        queue.put(f[0].tolist())
    except mdla.Error as error:
        queue.put(str(error))


def test_a_forked_process_must_open_its_own(file):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=try_row, args=(file, queue))
    child.start()
    assert "opened by another process" in queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0 and file[0].shape == (24,)


def test_an_exception_in_a_visitor_is_raised(file, monkeypatch):
    def fail(*_):
        raise RuntimeError("from inside")
    monkeypatch.setattr("mdla._file.ctypes.string_at", fail)
    with pytest.raises(RuntimeError, match="from inside"):
        file.bits_per_row()


def test_errors_are_what_python_users_expect(example, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.mdla"):
        mdla.open("nothing.mdla")
    with pytest.raises(mdla.FileError, match="folder"):
        mdla.open(tmp_path)
    with pytest.raises(mdla.FormatError, match="rows.npy"):
        mdla.open(example.rows_npy)
    with pytest.raises(mdla.FormatError):
        mdla.open(b"")
    with pytest.raises(mdla.TruncatedError):
        mdla.open(example.file.read_bytes()[:-40])
    with pytest.raises(mdla.CorruptError) as caught:
        mdla.open(example.file.read_bytes()[:200] + b"\0" * 50 + example.file.read_bytes()[250:])
    assert isinstance(caught.value, ValueError) and caught.value.status == 6
    for wrong in (None, 5):
        for use, what in ((mdla.open, "a .mdla file"), (mdla.Codebook.load, "a codebook")):
            with pytest.raises(TypeError, match=f"{what}: give the name of a file, or its bytes, not "):
                use(wrong)
    with pytest.raises(TypeError, match="a codebook: give .* not int"):
        mdla.open(example.named, 5)
    with pytest.raises(ValueError, match="threads=-1"):
        mdla.open(example.file, threads=-1)


def test_a_latent_cache_has_codes_and_no_rows(example, tool):
    sparse = pytest.importorskip("scipy.sparse")
    codes = mdla.load_sae(example.sae).encode(example.rows)
    sparse.save_npz("codes.npz", codes)
    tool("mdla-enc", "--codes-in", "codes.npz", "-o", "cache.mdla")
    with mdla.open("cache.mdla") as f:
        assert f.info.cache and f.shape == (400, 0) and f.info.width == 48
        assert (f.codes() != codes).nnz == 0 and (f.codes(50, 60) != codes[50:60]).nnz == 0
        assert f.feature_rows(3)["row"].tolist() == codes.tocsc()[:, 3].indices.tolist()
        assert sum(f.account().values()) == pytest.approx(8 * f.info.nbytes)
        with pytest.raises(mdla.UnsupportedError, match="cache"):
            f[0]
        with pytest.raises(mdla.ArgumentError, match="exact"):
            f.codes(values="levels")
