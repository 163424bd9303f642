"""Rows to .mdla files."""
import ctypes
from dataclasses import dataclass
from typing import Optional, Union, overload

import numpy.typing as npt

from . import _layout
from ._calls import Path, ProgressCallback, Watch, choice, config, sink_to, target
from ._codebook import Codebook, codebook_of, effort_of, fit
from ._errors import ArgumentError, check
from ._library import lib
from ._rows import Data, rows_of
from ._sae import SAE, sae_of


@dataclass(frozen=True)
class EncodeReport:
    """How an encoding came out."""

    rows: int
    nbytes: int
    """Of the file."""
    codebook_nbytes: int
    """Of these, the embedded codebook with its framing; 0 with reference."""
    postings_nbytes: int
    """Of these, posting lists with their framing; 0 without index."""
    tokens_nbytes: int
    """Of these, token ids with their framing."""
    passages_nbytes: int
    """Of these, passage numbers with their framing; 0 where they are 0, 1, 2 ... in this order."""
    hook_nbytes: int
    """Of these, the hook's name with its framing."""
    marginal_nbytes: int
    """What a file that only names its codebook takes, without note, token ids, passage numbers, hook and posting lists."""
    fvu: float
    """Fraction of variance unexplained, reached; NaN where rows are constant."""
    step: float
    l0: float
    """Mean active features a row."""

    @property
    def bits_per_row(self) -> float:
        """Marginal bits: 8 marginal_nbytes / rows."""
        return 8.0 * self.marginal_nbytes / self.rows if self.rows else float("nan")


def report_of(report: _layout.mdla_encode_report) -> EncodeReport:
    """The library's own."""
    return EncodeReport(report.rows, report.file_nbytes, report.codebook_nbytes,
                        report.postings_nbytes, report.tokens_nbytes, report.passages_nbytes, report.hook_nbytes,
                        report.marginal_nbytes, report.fvu, report.step, report.l0)


@overload
def encode(data: Data, sae: Union[SAE, Path, None] = ..., *, codebook: Union[Codebook, Path, None] = ...,
           fvu: Optional[float] = ..., bits_per_row: Optional[float] = ..., step: Optional[float] = ...,
           out: None = ..., overwrite: bool = ..., code: str = ..., model: str = ..., effort: int = ...,
           reference: bool = ..., index: bool = ..., block_rows: int = ..., note: Optional[str] = ..., hook: Optional[str] = ...,
           docs: Union[npt.ArrayLike, Path, None] = ..., tokens: Union[npt.ArrayLike, Path, None] = ...,
           array: Optional[str] = ...,
           bf16: Optional[bool] = ..., threads: int = ...,
           progress: Optional[ProgressCallback] = ...) -> bytes: ...


@overload
def encode(data: Data, sae: Union[SAE, Path, None] = ..., *, codebook: Union[Codebook, Path, None] = ...,
           fvu: Optional[float] = ..., bits_per_row: Optional[float] = ..., step: Optional[float] = ...,
           out: Path, overwrite: bool = ..., code: str = ..., model: str = ..., effort: int = ...,
           reference: bool = ..., index: bool = ..., block_rows: int = ..., note: Optional[str] = ..., hook: Optional[str] = ...,
           docs: Union[npt.ArrayLike, Path, None] = ..., tokens: Union[npt.ArrayLike, Path, None] = ...,
           array: Optional[str] = ...,
           bf16: Optional[bool] = ..., threads: int = ...,
           progress: Optional[ProgressCallback] = ...) -> EncodeReport: ...


def encode(data: Data, sae: Union[SAE, Path, None] = None, *, codebook: Union[Codebook, Path, None] = None,
           fvu: Optional[float] = None, bits_per_row: Optional[float] = None, step: Optional[float] = None,
           out: Optional[Path] = None, overwrite: bool = False, code: str = "free", model: str = "joint",
           effort: int = 5, reference: bool = False, index: bool = False, block_rows: int = 0,
           note: Optional[str] = None, hook: Optional[str] = None,
           docs: Union[npt.ArrayLike, Path, None] = None,
           tokens: Union[npt.ArrayLike, Path, None] = None, array: Optional[str] = None,
           bf16: Optional[bool] = None, threads: int = 0, progress: Optional[ProgressCallback] = None) -> Union[bytes, EncodeReport]:
    """Codes activation rows; the same bytes as `mdla-enc` with the same options.

    data: an array (..., dims) of floats or integers, or the name of a file (.npy, .npz,
        safetensors, Arrow stream, IDX, PNG), or several names, read one after the other. Contiguous
        arrays in the machine's byte order aren't copied.
    sae: an `mdla.SAE` or its path. Without a codebook one is made for these rows (for its own
        options, call `mdla.fit`); beside a codebook, the search starts from the SAE's code.
    codebook: a Codebook made before, or the name of its file.
    fvu, bits_per_row, step: the target, one of them: fraction of variance unexplained in (0, 1);
        file bits a row but for an embedded codebook; quantisation step in units of strength. With
        a codebook and none of them: the codebook's step.
    out: the file to write, which appears when it is complete; None: bytes are returned.
    code: "free" (the search chooses features) or "sae" (those that the SAE switches on).
    model: "joint" or "additive". effort: 1 to 9, how long to search.
    reference: name the codebook by its SHA-256 instead of embedding it.
    index: posting lists too, with which a file's `feature_rows` and `top_rows` decode few blocks.
    block_rows: rows that decode together; 0: 1,024. Fewer make access to single rows faster.
    note: provenance text, at most 1,024 bytes.
    hook: where in the model the rows stood, such as "blocks.5.hook_resid_post"; None: as the SAE's
        files say, where they do.
    docs: passage numbers, one integer a row, or a file of them: of any kind that holds integers. A passage
        starts where the number changes. Where they aren't 0, 1, 2 ... in this order they are kept, and their
        bits are a class of their own.
    tokens: token ids likewise, to keep in the file; their bits are a class of their own.
    array: which array of a file that holds several.
    bf16: what 16-bit integers are: True: bfloat16 bit patterns (also of an array of uint16, such as
        tensor.view(torch.int16).numpy()); False: integers.
    threads: 0 is one a core; the bytes are the same for any.
    progress: called as (what, rows done, rows in all or None). An exception in it, or Ctrl-C, ends
        the call, and nothing half-written stays.

    >>> import mdla
    >>> data = mdla.encode(example.rows, example.sae, fvu=0.3)
    >>> with mdla.open(data) as f:
    ...     print(f.shape, f.info.fvu <= 0.3)
    (400, 24) True
    >>> report = mdla.encode(example.rows, codebook=example.codebook, out="some.mdla", reference=True)
    >>> report.rows
    400
    """
    if sae is None and codebook is None:
        raise ArgumentError("give sae, or a codebook that was made before")
    if sae is None and code == "sae":
        raise ArgumentError("code='sae' needs the SAE; give sae too")
    goal = target(fvu, bits_per_row, step)
    if sae is not None:
        sae = sae_of(sae)
        hook = sae.info.hook if hook is None else hook
    options = _layout.mdla_encode_options(
        target=goal, code=choice("code", code, _layout.CODES),
        model=choice("model", model, _layout.MODELS), effort=effort_of(effort),
        reference=int(reference), block_rows=block_rows, postings=int(index),
        passage_numbers=int(docs is not None),
        note=note.encode() if note is not None else None, hook=hook.encode() if hook is not None else None)
    settings, error, report = config(threads), _layout.mdla_error(), _layout.mdla_encode_report()
    with sink_to(out, overwrite) as sink:
        if codebook is None:
            assert sae is not None
            book = fit(data, sae, fvu=fvu, bits_per_row=bits_per_row, step=step, code=code, model=model,
                       effort=effort, block_rows=block_rows, docs=docs, array=array, bf16=bf16,
                       threads=threads, progress=progress)
        else:
            book = codebook_of(codebook)
        if not goal.fvu and not goal.bits_per_row and not goal.step:
            options.target.step = book.info.step
        start = sae.handle if sae is not None and (codebook is not None or code == "sae") else None
        with rows_of(data, settings, array, bf16, docs, tokens) as rows, Watch() as watch:
            options.progress = watch.progress(progress)
            status = lib.mdla_encode(settings, book._use(), start, rows, options, sink.give(), report,
                                     error)
        check(status, error)
        written = sink.take()
    return written or b"" if out is None else report_of(report)
