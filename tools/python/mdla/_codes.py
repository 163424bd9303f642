"""Latent caches: codes without activations, from scipy.sparse or from other tools' files."""
import ctypes
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Optional, Union, overload

import numpy.typing as npt

from . import _layout
from ._calls import (Path, ProgressCallback, Watch, choice, config, file_source, folder, is_path,
                     memory_source, path_bytes, sink_to, text_of)
from ._codebook import Codebook, codebook_of
from ._encode import EncodeReport, report_of
from ._errors import ArgumentError, check
from ._library import lib
from ._rows import numbers_of
from ._sae import csr_module

if TYPE_CHECKING:
    from scipy.sparse import spmatrix

    Codes = Union[spmatrix, Path]
    """A sparse matrix (rows, width) of strengths, or the name of a file or folder of codes."""


def _read(codes: "Codes", width: int, context: int, settings: _layout.mdla_config) -> ctypes.c_void_p:
    handle, error = ctypes.c_void_p(), _layout.mdla_error()
    shape = _layout.mdla_codes_shape(width=width, context=context)
    if is_path(codes):
        name = path_bytes(codes)
        if os.path.isdir(codes):
            members = [os.fsencode(member) for member in sorted(os.listdir(codes))]
            names = (ctypes.c_char_p * max(len(members), 1))(*members)
            check(lib.mdla_codes_read_folder(settings, folder(codes, False), names, len(members), name,
                                             shape, handle, error), error)
            return handle
        source, kept = file_source(codes), None
    else:
        if not csr_module().issparse(codes):
            raise TypeError(f"codes: give a scipy.sparse matrix (rows, width), or the name of a file or folder of "
                            f"codes, not {type(codes).__name__}; scipy.sparse.csr_matrix makes one of an array")
        written = io.BytesIO()
        csr_module().save_npz(written, codes, compressed=False)
        source, kept = memory_source(written.getbuffer())
        name = b"codes"
    check(lib.mdla_codes_read(settings, source, name, shape, handle, error), error)
    del kept
    return handle


@contextmanager
def codes_of(codes: "Codes", width: int, context: int, settings: _layout.mdla_config) -> Iterator[ctypes.c_void_p]:
    """A mdla_codes handle over them."""
    handle = _read(codes, width, context, settings)
    try:
        yield handle
    finally:
        lib.mdla_codes_free(handle)


def fit_codes(codes: "Codes", *, model: str = "joint", block_rows: int = 0, expected_rows: int = 0,
              width: int = 0, context: int = 0, threads: int = 0,
              progress: Optional[ProgressCallback] = None) -> Codebook:
    """Makes a codebook of priors from a latent cache, for any number of caches of the same SAE.

    codes: a scipy.sparse matrix (rows, width) of strengths, or the name of a SciPy .npz, of
        coordinates in safetensors, or of a delphi cache, file or folder.
    model: "joint", or "additive": every feature by itself.
    expected_rows: rows that will share the codebook; 0: those given.
    block_rows, width, context, threads, progress: as for `encode_codes`.

    >>> import mdla
    >>> codes = mdla.load_sae(example.sae).encode(example.rows)
    >>> book = mdla.fit_codes(codes, expected_rows=100000)
    >>> book.width, book.dims
    (48, 0)
    """
    settings, error, handle = config(threads), _layout.mdla_error(), ctypes.c_void_p()
    options = _layout.mdla_fit_options(model=choice("model", model, _layout.MODELS), block_rows=block_rows,
                                       expected_rows=expected_rows)
    with codes_of(codes, width, context, settings) as given, Watch() as watch:
        options.progress = watch.progress(progress)
        status = lib.mdla_codebook_fit_codes(settings, given, options, handle, error)
        made = Codebook(handle)
    check(status, error)
    return made


@overload
def encode_codes(codes: "Codes", *, codebook: Union[Codebook, Path, None] = ..., step: Optional[float] = ...,
                 out: None = ..., overwrite: bool = ..., model: str = ..., reference: bool = ...,
                 block_rows: int = ..., note: Optional[str] = ..., hook: Optional[str] = ...,
                 tokens: Union[npt.ArrayLike, Path, None] = ..., width: int = ..., context: int = ..., threads: int = ..., progress: Optional[ProgressCallback] = ...) -> bytes: ...


@overload
def encode_codes(codes: "Codes", *, codebook: Union[Codebook, Path, None] = ..., step: Optional[float] = ...,
                 out: Path, overwrite: bool = ..., model: str = ..., reference: bool = ...,
                 block_rows: int = ..., note: Optional[str] = ..., hook: Optional[str] = ...,
                 tokens: Union[npt.ArrayLike, Path, None] = ..., width: int = ..., context: int = ..., threads: int = ...,
                 progress: Optional[ProgressCallback] = ...) -> EncodeReport: ...


def encode_codes(codes: "Codes", *, codebook: Union[Codebook, Path, None] = None, step: Optional[float] = None,
                 out: Optional[Path] = None, overwrite: bool = False, model: str = "joint",
                 reference: bool = False, block_rows: int = 0, note: Optional[str] = None,
                 hook: Optional[str] = None, tokens: Union[npt.ArrayLike, Path, None] = None, width: int = 0,
                 context: int = 0, threads: int = 0,
                 progress: Optional[ProgressCallback] = None) -> Union[bytes, EncodeReport]:
    """Packs a latent cache, (row, feature, strength) without activations; as `mdla-enc --codes-in`.

    codes: a scipy.sparse matrix (rows, width), or a name, as for `fit_codes`. Strengths are kept as
        float32, or as they are where they are float16 or bfloat16; with no step, a value that
        float32 doesn't hold is refused. Entries in one place are summed, zeros dropped.
    codebook: of `fit_codes`, or the name of its file; None: one is made for these codes.
    step: None keeps strengths exactly; else they are the nearest of its multiples, 0 excepted.
    out, overwrite, model, reference, block_rows, threads, progress: as for `encode`.
    note, hook: provenance text, at most 1,024 bytes; where in the model the rows stood. None: as a
        delphi folder says.
    tokens: token ids, one integer a row, or a file of them, where the codes hold none: a delphi
        cache's own are kept.
    width: features, where a delphi cache that isn't divided doesn't tell.
    context: rows of a sequence that belong together in order; 0: as a delphi cache says, else none.

    `mdla.open` reads what is returned: `codes()` gives the matrix again.

    >>> import mdla
    >>> codes = mdla.load_sae(example.sae).encode(example.rows)
    >>> with mdla.open(mdla.encode_codes(codes)) as f:
    ...     print(f.info.cache, (f.codes() != codes).nnz)
    True 0
    """
    if step is not None and not 0 < step < 1e30:
        raise ArgumentError(f"step={step}: give a number between 0 and 1e+30, or None for exact strengths")
    settings, error, report = config(threads), _layout.mdla_error(), _layout.mdla_encode_report()
    with sink_to(out, overwrite) as sink:
        if codebook is None:
            book = fit_codes(codes, model=model, block_rows=block_rows, width=width, context=context,
                             threads=threads, progress=progress)
        else:
            book = codebook_of(codebook)
        with codes_of(codes, width, context, settings) as given, Watch() as watch:
            if tokens is not None:
                numbers, kept = numbers_of(tokens, "tokens", settings)
                check(lib.mdla_codes_set_tokens(given, numbers, error), error)
                del kept
            if hook is None:
                hook = text_of(lib.mdla_codes_hook(given)) or None
            if note is None:
                note = text_of(lib.mdla_codes_note(given)) or None
            options = _layout.mdla_encode_options(
                target=_layout.mdla_target(step=step or 0.0), model=choice("model", model, _layout.MODELS),
                reference=int(reference), block_rows=block_rows,
                note=note.encode() if note is not None else None,
                hook=hook.encode() if hook is not None else None, progress=watch.progress(progress))
            status = lib.mdla_encode_codes(settings, book._use(), given, options, sink.give(), report, error)
        check(status, error)
        written: Any = sink.take()
    return written or b"" if out is None else report_of(report)
