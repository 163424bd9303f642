"""A .mdla file: rows by index, codes, and what they cost."""
import ctypes
import operator
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple, Union, cast

import numpy as np
import numpy.typing as npt

from . import _layout
from ._calls import (Path, Watch, config, file_source, is_path, memory_source, path_bytes, text_of)
from ._codebook import Codebook, codebook_of
from ._errors import ArgumentError, UnsupportedError, check
from ._library import lib
from ._rows import check_mask
from ._sae import csr_module

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    FloatRows = npt.NDArray[np.float32]

_READ_ROWS = 1 << 16  # of what stands beside rows, at a time
_READ_VALUES = 1 << 22  # of one call, so that Ctrl-C comes through between them
_CODED = cast("np.dtype[np.void]", np.dtype(_layout.mdla_coded_feature))
_FEATURE_ROW = cast("np.dtype[np.void]", np.dtype(_layout.mdla_feature_row))
_SYMBOL_BITS = cast("np.dtype[np.void]", np.dtype(_layout.mdla_symbol_bits))
_EXPLAINED = np.dtype([("feature", np.uint32), ("level", np.int32), ("strength", np.float64),
                       ("amount", np.float64), ("index_bits", np.float64),
                       ("level_bits", np.float64), ("bits", np.float64)])
_CODE_VALUES = {"strengths": ("strength", np.float32), "amounts": ("amount", np.float32),
                "levels": ("level", np.int32)}


@dataclass(frozen=True)
class FileInfo:
    """What a file says of itself."""

    version: Tuple[int, int]
    """Of the format: major, minor."""
    rows: int
    dims: int
    """Values of a row."""
    width: int
    """Features."""
    blocks: int
    block_rows: int
    """Rows that decode together, at most."""
    nbytes: int
    dtype: str
    """Of the rows that were encoded: "f32", "f16", "bf16", "u8" ..."""
    step: float
    """The quantisation step, in units of strength."""
    model: str
    """"joint" or "additive"."""
    passages: bool
    """Whether starts of passages are coded."""
    embedded: bool
    """Whether the codebook is inside."""
    postings: bool
    """Whether it has posting lists, for `feature_rows` and `top_rows`."""
    codebook_sha256: str
    fvu: float
    """Fraction of variance unexplained, as the encoder recorded it; NaN where none is."""
    decoded_sha256: Optional[str]
    """SHA-256 of all decoded float32 values, little-endian."""
    note: Optional[str]
    """Provenance."""
    cache: bool = False
    """Whether it is a latent cache: codes without atoms and without rows; `dims` is 0, `dtype` the
    strengths', `step` 0 where they are exact."""
    tokens: bool = False
    """Whether token ids travel with the rows, for `tokens`."""
    hook: Optional[str] = None
    """Where in the model the rows stood, such as "blocks.5.hook_resid_post"."""


class File:
    """A .mdla file, open for reading: a sequence of float32 rows. Made by `mdla.open`.

    Only blocks that hold wanted rows are read. Threads may share a File: its calls are done one at
    a time, without the GIL. A process that was forked must open its own.

    >>> import mdla
    >>> with mdla.open(example.file) as f:
    ...     print(f.shape, f.dtype, f[5].shape, f[10:20].shape, f[[3, 1, -1]].shape)
    (400, 24) float32 (24,) (10, 24) (3, 24)
    """

    ndim = 2
    dtype = np.dtype(np.float32)
    """Of decoded rows; `info.dtype` says what was encoded."""

    def __init__(self, source: Union[Path, bytes], codebook: Union[Codebook, Path, None],
                 threads: int) -> None:
        """As `mdla.open`."""
        self._lock = threading.RLock()
        self._handle = ctypes.c_void_p()
        self._process = os.getpid()
        self._kept: object = None
        self._named = codebook_of(codebook) if codebook is not None else None
        self._starts: "Optional[npt.NDArray[np.int64]]" = None
        error, settings = _layout.mdla_error(), config(threads)
        if is_path(source):
            opened = file_source(source)  # type: ignore[arg-type]
            name = path_bytes(source)  # type: ignore[arg-type]
        else:
            opened, self._kept = memory_source(source, "a .mdla file")
            name = b"bytes"
        check(lib.mdla_decoder_open(settings, opened, name,
                                    self._named._use() if self._named else None, self._handle,
                                    error), error)
        self.info = self._query()
        if self.info.rows == _layout.UNKNOWN:
            self.close()
            raise UnsupportedError(f"{text_of(name)}: rows of a pipe can't be indexed; save it to a "
                                   f"file, or read it into bytes")

    def _query(self) -> FileInfo:
        c = _layout.mdla_file_info()
        lib.mdla_decoder_query(self._handle, c)
        models = {number: name for name, number in _layout.MODELS.items()}
        return FileInfo((c.version_major, c.version_minor), c.rows, c.dims, c.width, c.blocks,
                        c.block_rows, c.nbytes, _layout.DTYPES[c.dtype], c.step, models[c.model],
                        bool(c.passages), bool(c.embedded), bool(c.postings), bytes(c.codebook_sha256).hex(), c.fvu,
                        bytes(c.decoded_sha256).hex() if c.has_decoded_sha256 else None,
                        text_of(c.note) if c.note is not None else None, bool(c.cache), bool(c.tokens),
                        text_of(c.hook) if c.hook is not None else None)

    # ---- Life ----

    def close(self) -> None:
        """Gives the file back; any number of times."""
        with self._lock:
            lib.mdla_decoder_close(self._handle)
            self._handle = ctypes.c_void_p()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._handle

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) and self._process == os.getpid():
            lib.mdla_decoder_close(self._handle)

    def _use(self) -> ctypes.c_void_p:
        if self.closed:
            raise ValueError("the file is closed")
        if self._process != os.getpid():
            raise ArgumentError("the file was opened by another process; open it again in this one")
        return self._handle

    # ---- Rows ----

    def __len__(self) -> int:
        return self.info.rows

    @property
    def shape(self) -> Tuple[int, int]:
        """(rows, dims)."""
        return self.info.rows, self.info.dims

    def _read(self, first: int, out: "FloatRows") -> None:
        """Decodes len(out) rows from first on, into out, which is contiguous."""
        error, got = _layout.mdla_error(), ctypes.c_size_t()
        most = max(_READ_VALUES // max(self.info.dims, 1), 1)
        with self._lock:
            check(lib.mdla_decoder_seek(self._use(), first, error), error)
            for at in range(0, len(out), most):
                part = out[at:at + most]
                check(lib.mdla_decoder_read_rows(self._use(), part.ctypes.data, len(part), got,
                                                 error), error)

    def _take(self, rows: "npt.NDArray[np.int64]") -> "FloatRows":
        """Decodes rows in any order, block by block."""
        out = np.empty((len(rows), self.info.dims), np.float32)
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        span = self.info.block_rows
        at = 0
        with self._lock:
            while at < len(order):
                first = int(ascending[at])
                end = int(np.searchsorted(ascending, (first // span + 1) * span))
                wanted = ascending[at:end] - first
                block = np.empty((int(wanted[-1]) + 1, self.info.dims), np.float32)
                self._read(first, block)
                out[order[at:end]] = block[wanted]
                at = end
        return out

    def _row(self, number: int) -> int:
        """A row's number from 0; from the end where it is negative."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        return number % len(self)

    def _indices(self, key: Any) -> "npt.NDArray[np.int64]":
        """Integers or a mask to row numbers from 0."""
        check_mask(key, "rows to choose")
        rows = np.asarray(key)
        if rows.ndim != 1:
            raise IndexError("rows are chosen by an integer, a slice, or a 1-D array of integers or "
                             "booleans")
        if rows.size == 0:
            return np.zeros(0, np.int64)
        if rows.dtype == bool:
            if len(rows) != len(self):
                raise IndexError(f"a mask of {len(rows)} for {len(self)} rows")
            return np.flatnonzero(rows)
        if rows.dtype.kind not in "iu":
            raise IndexError(f"rows can't be chosen by {rows.dtype}")
        wrong = (rows >= len(self)) | (rows < -len(self))
        if wrong.any():
            raise IndexError(f"row {rows[wrong][0]} of {len(self)}")
        numbers = rows.astype(np.int64)
        return np.where(numbers < 0, numbers + len(self), numbers)

    def __getitem__(self, key: Any) -> "FloatRows":
        """Decoded rows: f[5] (dims,), f[a:b:s] or f[[3, 1]] (n, dims), f[rows, columns]."""
        if isinstance(key, tuple) and len(key) == 2:
            part: "FloatRows" = self[key[0]][..., key[1]]
            return part
        if isinstance(key, slice):
            start, stop, stride = key.indices(len(self))
            if stride != 1:
                return self._take(np.arange(start, stop, stride, dtype=np.int64))
            out = np.empty((max(stop - start, 0), self.info.dims), np.float32)
            self._read(min(start, len(self)), out)
            return out
        try:
            number = operator.index(key)
        except TypeError:
            return self._take(self._indices(key))
        row = np.empty((1, self.info.dims), np.float32)
        self._read(self._row(number), row)
        only: "FloatRows" = row[0]
        return only

    def __iter__(self) -> "Iterator[FloatRows]":
        for first in range(0, len(self), self.info.block_rows):
            yield from self[first:first + self.info.block_rows]

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> "np.ndarray[Any, Any]":
        if copy is False:
            raise ValueError("rows are decoded into new memory; copy=False can't be had")
        return self[:].astype(dtype or np.float32, copy=False)

    # ---- Beside the rows ----

    def tokens(self, start: int = 0, stop: Optional[int] = None) -> "npt.NDArray[np.int64]":
        """Token ids of rows start .. stop - 1: int64 (n,). ArgumentError where none travel.

        >>> import mdla, numpy
        >>> data = mdla.encode(example.rows, sae=example.sae, fvu=0.3, tokens=numpy.arange(400) % 7)
        >>> with mdla.open(data) as f:
        ...     print(f.tokens(5, 9))
        [5 6 0 1]
        """
        first, end = self._bounds(start, stop)
        error, out = _layout.mdla_error(), np.empty(end - first, np.int64)
        with self._lock:
            check(lib.mdla_decoder_read_tokens(self._use(), first, len(out), out.ctypes.data, error), error)
        return out

    def passages(self, start: int = 0, stop: Optional[int] = None) -> "npt.NDArray[np.int64]":
        """Passage numbers of rows start .. stop - 1, as `mdla.encode(docs=...)` had them: int64 (n,).

        ArgumentError where starts of passages aren't coded. Passages of a file that keeps no numbers are
        counted from 0 at its first row.

        >>> import mdla
        >>> with mdla.open(mdla.encode(example.rows, sae=example.sae, fvu=0.3, docs=example.docs)) as f:
        ...     print(f.passages(8, 12))
        [0 0 1 1]
        """
        first, end = self._bounds(start, stop)
        error, out = _layout.mdla_error(), np.empty(end - first, np.int64)
        with self._lock:
            check(lib.mdla_decoder_read_passages(self._use(), first, len(out), out.ctypes.data, error), error)
        return out

    def token_rows(self, token: int) -> "npt.NDArray[np.int64]":
        """The rows of a token id, ascending: int64 (n,). ArgumentError where no token ids travel.

        >>> import mdla, numpy
        >>> data = mdla.encode(example.rows, example.sae, fvu=0.3, tokens=numpy.arange(400) % 150)
        >>> with mdla.open(data) as f:
        ...     print(f.token_rows(7), f.explain(f.token_rows(7)[0])["bits"].sum() > 0)
        [  7 157 307] True
        """
        wanted = operator.index(token)
        parts = [np.flatnonzero(self.tokens(first, first + _READ_ROWS) == wanted) + first
                 for first in range(0, max(len(self), 1), _READ_ROWS)]
        rows: "npt.NDArray[np.int64]" = np.concatenate(parts)
        return rows

    def _row_at(self, passage: int, position: int) -> int:
        """The row at a position of a passage, both from the end where they are negative."""
        if self._starts is None:
            numbers = self.passages()
            changes = np.flatnonzero(np.diff(numbers)) + 1
            self._starts = np.concatenate([[0], changes, [len(numbers)] * (len(numbers) > 0)]).astype(np.int64)
        count = len(self._starts) - 1
        if not -count <= passage < count:
            raise IndexError(f"passage {passage} of {count}")
        passage %= count
        first, end = int(self._starts[passage]), int(self._starts[passage + 1])
        if not first - end <= position < end - first:
            raise IndexError(f"position {position} of {end - first} in passage {passage}")
        return first + position % (end - first)

    # ---- Codes and bits ----

    def _bounds(self, start: int, stop: Optional[int]) -> Tuple[int, int]:
        first, end, _ = slice(start, stop).indices(len(self))
        return first, max(first, end)

    def _visit(self, first: int, end: int, take: Callable[[int, int, int, int], object]) -> None:
        """Shows the codes of rows: take(row, code, count, bits), the middle and the last pointers."""
        error = _layout.mdla_error()
        with self._lock, Watch() as watch:
            visitor = _layout.RowVisitor(
                lambda _ctx, row, code, count, bits: watch.run(
                    lambda: take(row, code, count, bits)))
            status = lib.mdla_decoder_visit_rows(self._use(), first, end - first, visitor, None,
                                                 error)
        check(status, error)

    def codes(self, start: int = 0, stop: Optional[int] = None, *,
              values: str = "strengths") -> "csr_matrix":
        """The codes of rows start .. stop - 1 (as in a slice): CSR (rows, width).

        values: "strengths", float32, for atoms as `codebook.atoms()` gives them (of unit norm);
            "amounts", float32: strengths times the row's scale, where an SAE normalises rows one by
            one (else the same); "levels", int32: the integers that stand in the file, which a
            latent cache of exact strengths hasn't got.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     codes = f.codes(10, 20)
        ...     print(codes.shape, (f.codes(values="levels").data >= 1).all())
        (10, 48) True
        """
        sparse = csr_module()
        if values not in _CODE_VALUES:
            raise ArgumentError(f"values={values!r}: give one of {', '.join(_CODE_VALUES)}")
        if values == "levels" and self.info.cache and self.info.step == 0:
            raise ArgumentError("values='levels': the strengths of this latent cache are exact")
        first, end = self._bounds(start, stop)
        counts = np.zeros(end - first + 1, np.int64)
        coded = bytearray()

        def take(row: int, code: int, count: int, _bits: int) -> None:
            counts[row - first + 1] = count
            coded.extend(ctypes.string_at(code, count * _CODED.itemsize))

        self._visit(first, end, take)
        pairs = np.frombuffer(coded, _CODED)
        field, dtype = _CODE_VALUES[values]
        data = pairs[field].astype(dtype)
        if values == "levels":  # of a cache they have the strengths' signs
            data = np.copysign(data, pairs["strength"]).astype(dtype)
        matrix = sparse.csr_matrix((data, pairs["feature"].astype(np.int32), np.cumsum(counts)),
                                   shape=(end - first, self.info.width))
        matrix.sort_indices()
        return matrix

    def explain(self, row: Union[int, Tuple[int, int]]) -> "npt.NDArray[np.void]":
        """The features that explain a row, with what they cost: a structured array (active features,).

        row: its number, or (passage, position) where starts of passages are coded; the first such
            call decodes all codes to find them. Negative ones count from the end.

        Its fields: feature, ascending; level; strength; amount, strength times the row's scale
        where an SAE normalises rows one by one (else the same); index_bits and level_bits, and
        their sum, bits. What the row cost beside its features is in `bits_by_class(row, row + 1)`.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     why = f.explain(5)
        ...     print(why.dtype.names, why["bits"].sum() <= f.bits_per_row(5, 6)[0])
        ('feature', 'level', 'strength', 'amount', 'index_bits', 'level_bits', 'bits') True
        """
        number = self._row_at(*map(operator.index, row)) if isinstance(row, tuple) else self._row(
            operator.index(row))
        coded = bytearray()
        self._visit(number, number + 1, lambda _row, code, count, _bits: coded.extend(
            ctypes.string_at(code, count * _CODED.itemsize)))
        found = np.sort(np.frombuffer(coded, _CODED), order="feature")
        explained = np.empty(len(found), _EXPLAINED)
        for name in found.dtype.names or ():
            explained[name] = found[name]
        explained["bits"] = found["index_bits"] + found["level_bits"]
        return explained

    def bits_per_row(self, start: int = 0, stop: Optional[int] = None) -> "npt.NDArray[np.float64]":
        """What each row of start .. stop - 1 was charged, -log2 of the model's probabilities.

        The sum of `bits_by_class`; container, codebook and the coder's own overhead stand in
        `account` alone.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     print(f.bits_per_row(0, 3).shape)
        (3,)
        """
        total: "npt.NDArray[np.float64]" = np.sum(
            list(self.bits_by_class(start, stop).values()), axis=0)
        return total

    def bits_by_class(self, start: int = 0,
                      stop: Optional[int] = None) -> "Dict[str, npt.NDArray[np.float64]]":
        """Bits of each row of start .. stop - 1: "passages" (where they start), "row norms" (scales and offsets of rows
        that an SAE normalises one by one), "indices" and "levels", (rows,) each.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     print(sorted(f.bits_by_class()))
        ['indices', 'levels', 'passages', 'row norms']
        """
        first, end = self._bounds(start, stop)
        charged = bytearray()
        self._visit(first, end, lambda row, code, count, bits: charged.extend(
            ctypes.string_at(bits, _SYMBOL_BITS.itemsize)))
        rows = np.frombuffer(charged, _SYMBOL_BITS)
        return {"passages": rows["passage"].copy(), "row norms": rows["norm"].copy(),
                "indices": rows["header"] + rows["indices"], "levels": rows["levels"].copy()}

    def feature_rows(self, feature: int) -> "npt.NDArray[np.void]":
        """The rows where a feature is active, ascending: a structured array (n,).

        Its fields: row, level, strength, and index_bits and level_bits, what the feature was
        charged there. Codes are decoded, no rows; with posting lists (`mdla.encode(index=True)`) only
        of blocks that have the feature.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     found = f.feature_rows(7)
        ...     print(f.codes()[found["row"], 7].nnz == len(found))
        True
        """
        self._check_feature(feature)
        error, found = _layout.mdla_error(), bytearray()
        with self._lock, Watch() as watch:
            visitor = _layout.FeatureVisitor(lambda _ctx, at: watch.run(
                lambda: found.extend(ctypes.string_at(at, _FEATURE_ROW.itemsize))))
            status = lib.mdla_decoder_visit_feature(self._use(), feature, visitor, None, error)
        check(status, error)
        return np.frombuffer(found, _FEATURE_ROW)

    def top_rows(self, feature: int, count: int = 10) -> "npt.NDArray[np.void]":
        """The rows where a feature is strongest, strongest first: as `feature_rows`, at most count.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     best = f.top_rows(7, 3)
        ...     print(f[best["row"]].shape, (np.diff(best["strength"]) <= 0).all())
        (3, 24) True
        """
        self._check_feature(feature)
        rows, got = np.empty(min(count, len(self)), _FEATURE_ROW), ctypes.c_size_t()
        error = _layout.mdla_error()
        with self._lock:
            check(lib.mdla_decoder_top_rows(self._use(), feature, rows.ctypes.data, len(rows), got,
                                            error), error)
        return rows[:got.value]

    def _check_feature(self, feature: int) -> None:
        if not 0 <= feature < self.info.width:
            raise IndexError(f"feature {feature} of {self.info.width}")

    def _account(self) -> _layout.mdla_account:
        account, error = _layout.mdla_account(), _layout.mdla_error()
        with self._lock:
            check(lib.mdla_decoder_account(self._use(), account, error), error)
        return account

    def account(self) -> Dict[str, float]:
        """Bits of the whole file by class; the sum is 8 x its size in bytes. Decodes all codes.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     print(round(sum(f.account().values())) == 8 * f.info.nbytes)
        True
        """
        account = self._account()
        return {text_of(lib.mdla_bit_class_name(each)): account.bits[each]
                for each in range(_layout.BIT_CLASSES)}

    def independence_gap(self) -> float:
        """Bits that the file's indices would cost more if features were independent of each other.

        >>> import mdla
        >>> with mdla.open(example.file) as f:
        ...     gap_per_row = f.independence_gap() / len(f)
        """
        account = self._account()
        names = [text_of(lib.mdla_bit_class_name(each)) for each in range(_layout.BIT_CLASSES)]
        gap: float = account.additive_indices - account.bits[names.index("indices")]
        return gap

    @property
    def codebook(self) -> Codebook:
        """The codebook in use; one that is inside the file is gone when the file is closed."""
        if self._named is not None and not self.info.embedded:
            return self._named
        return Codebook(ctypes.c_void_p(lib.mdla_decoder_codebook(self._use())), self)

    def __repr__(self) -> str:
        if self.closed:
            return "<mdla.File, closed>"
        info = self.info
        return (f"<mdla.File of {info.rows} rows x {info.dims} dims, {info.width} features, "
                f"{info.nbytes} bytes>")


def open(path: Union[Path, bytes], codebook: Union[Codebook, Path, None] = None, *,  # pylint: disable=redefined-builtin
         threads: int = 0) -> File:
    """Opens a .mdla file: its name, or its bytes in memory (which aren't copied).

    codebook: for a file that only names its codebook: a Codebook, or the name of its file.
    threads: that decode; 0: one a core.

    >>> import mdla, numpy
    >>> with mdla.open(example.file) as f:
    ...     part = f[100:200]
    ...     everything = numpy.asarray(f)
    >>> bool((everything[100:200] == part).all())
    True
    """
    return File(path, codebook, threads)
