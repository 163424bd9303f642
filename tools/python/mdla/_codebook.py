"""Codebooks: what the decoder needs and no row tells, shared by any number of files."""
import ctypes
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _layout
from ._calls import (Path, ProgressCallback, Watch, choice, config, file_source, is_path,
                     memory_source, path_bytes, sink_to, target)
from ._errors import ArgumentError, check
from ._library import lib
from ._rows import Data, rows_of
from ._sae import SAE, sae_of


@dataclass(frozen=True)
class CodebookInfo:
    """What a codebook is."""

    dims: int
    """Values of an atom."""
    width: int
    """Features."""
    stride: int
    """Row length of the images that atoms look like; 0: none."""
    sha256: str
    """Of its canonical bytes: its name, in hexadecimal."""
    step: float
    """The quantisation step it was fitted at, in units of strength."""
    nbytes: int
    """Size of its canonical bytes."""
    atom_bits: float
    bias_bits: float
    prior_bits: float
    """Rates and level distributions, in bits."""
    weight_bits: float
    """The joint model, in bits."""
    weights: int
    """Weights of the joint model; 0 where it has none."""
    basis: str
    """What the features are: those of an "sae", or a baseline, "dense", "pca", "onehot" or "rvq"."""
    stages: int
    """Of "rvq"; else 1."""


class Codebook:
    """Atoms in integers, and what is known of codes. Made by `mdla.fit`, or read by `load`.

    It may be shared by threads. The codebook of a File is gone when the file is closed.

    >>> import mdla
    >>> book = mdla.Codebook.load(example.codebook)
    >>> book.atoms().shape == (book.width, book.dims)
    True
    """

    def __init__(self, handle: ctypes.c_void_p, owner: Optional[Any] = None) -> None:
        """Internal: owner is the File that the handle belongs to; None: the codebook's own."""
        self._handle = handle
        self._owner = owner

    def _use(self) -> ctypes.c_void_p:
        if self._owner is not None and self._owner.closed:
            raise ValueError("the file that this codebook belongs to is closed")
        return self._handle

    def __del__(self) -> None:
        if getattr(self, "_owner", self) is None:
            lib.mdla_codebook_free(self._handle)

    @classmethod
    def load(cls, path: Union[Path, bytes]) -> "Codebook":
        """Reads a codebook file, or the codebook inside a .mdla file; its name or its bytes."""
        settings, error = config(0), _layout.mdla_error()
        handle = ctypes.c_void_p()
        kept = None
        if is_path(path):
            source, name = file_source(path), path_bytes(path)  # type: ignore[arg-type]
        else:
            source, kept = memory_source(path, "a codebook")
            name = b"codebook"
        check(lib.mdla_codebook_read(settings, source, name, handle, error), error)
        del kept
        return cls(handle)

    def save(self, path: Path, overwrite: bool = False) -> None:
        """Writes it to a file of its own, as `mdla-enc --codebook` takes it."""
        error = _layout.mdla_error()
        with sink_to(path, overwrite) as sink:
            check(lib.mdla_codebook_write(self._use(), sink.give(), error), error)

    def tobytes(self) -> bytes:
        """The bytes that `save` writes and `load` takes."""
        error = _layout.mdla_error()
        with sink_to(None, False) as sink:
            check(lib.mdla_codebook_write(self._use(), sink.give(), error), error)
            return sink.take() or b""

    @property
    def info(self) -> CodebookInfo:
        """Shape, name, and where its bits are."""
        c = _layout.mdla_codebook_info()
        lib.mdla_codebook_query(self._use(), c)
        return CodebookInfo(c.dims, c.width, c.stride, bytes(c.sha256).hex(), c.step, c.nbytes, c.atom_bits,
                            c.bias_bits, c.prior_bits, c.weight_bits, c.weights,
                            list(_layout.BASES)[c.basis], c.stages)

    @property
    def dims(self) -> int:
        """Values of an atom."""
        return self.info.dims

    @property
    def width(self) -> int:
        """Features."""
        return self.info.width

    @property
    def sha256(self) -> str:
        """Its name: SHA-256 of its canonical bytes, in hexadecimal."""
        return self.info.sha256

    def atom(self, feature: int) -> "npt.NDArray[np.float32]":
        """The decoded atom of a feature at the norm that strengths refer to: float32 (dims,)."""
        info = self.info
        if not 0 <= feature < info.width:
            raise IndexError(f"feature {feature} of {info.width}")
        out = np.empty(info.dims, np.float32)
        check(lib.mdla_codebook_atom(self._handle, feature, out.ctypes.data), _layout.mdla_error())
        return out

    def atoms(self) -> "npt.NDArray[np.float32]":
        """All atoms at the norm that strengths refer to: float32 (width, dims)."""
        info = self.info
        out = np.empty((info.width, info.dims), np.float32)
        for feature in range(info.width):
            check(lib.mdla_codebook_atom(self._handle, feature, out[feature].ctypes.data),
                  _layout.mdla_error())
        return out

    def __repr__(self) -> str:
        info = self.info
        return (f"<mdla.Codebook of {info.width} features x {info.dims} dims, "
                f"{info.sha256[:12]}>")


def fit(data: Data, sae: Union[SAE, Path], *, fvu: Optional[float] = None,
        bits_per_row: Optional[float] = None, step: Optional[float] = None, code: str = "free",
        model: str = "joint", effort: int = 5, prune: bool = False, adapt_atoms: bool = False,
        block_rows: int = 0, expected_rows: int = 0, docs: Union[npt.ArrayLike, Path, None] = None,
        array: Optional[str] = None, bf16: Optional[bool] = None, threads: int = 0,
        progress: Optional[ProgressCallback] = None) -> Codebook:
    """Makes a codebook from an SAE and rows: atoms in integers, priors, a joint model.

    data: rows as for `mdla.encode`; they are read several times.
    sae: an `mdla.SAE`, or its folder or file.
    fvu, bits_per_row, step: the target, one of them. Fraction of variance unexplained in (0, 1);
        file bits a row; quantisation step in units of strength.
    code: "free" (the search chooses features) or "sae" (those that the SAE switches on).
    model: "joint", or "additive": every feature by itself.
    effort: 1 to 9, how long to search.
    prune, adapt_atoms: drop features that don't pay; move atoms to suit the codes.
    block_rows: rows of a block of the files to come; 0: 1,024.
    expected_rows: rows that will share the codebook; 0: those given.
    docs: passage numbers, one integer a row, or a .npy file of them.
    array, bf16: as for `mdla.encode`. threads: 0 is one a core; the result is the same for any.
    progress: called as (what, rows done, rows in all or None); Ctrl-C works without it too.

    >>> import mdla
    >>> book = mdla.fit(example.rows, example.sae, fvu=0.3)
    >>> book.width
    48
    """
    sae = sae_of(sae)
    settings, error, handle = config(threads), _layout.mdla_error(), ctypes.c_void_p()
    goal = target(fvu, bits_per_row, step)
    if not goal.fvu and not goal.bits_per_row and not goal.step:
        raise ArgumentError("give a target: fvu, bits_per_row or step")
    options = _layout.mdla_fit_options(
        target=goal, code=choice("code", code, _layout.CODES),
        model=choice("model", model, _layout.MODELS), effort=effort_of(effort), prune=int(prune),
        adapt_atoms=int(adapt_atoms), block_rows=block_rows, expected_rows=expected_rows)
    with rows_of(data, settings, array, bf16, docs) as rows, Watch() as watch:
        options.progress = watch.progress(progress)
        status = lib.mdla_codebook_fit(settings, sae.handle, rows, options, handle, error)
        made = Codebook(handle)
    check(status, error)
    return made


def effort_of(effort: int) -> int:
    """Checks an effort."""
    if not 1 <= effort <= 9:
        raise ArgumentError(f"effort={effort}: give 1 to 9")
    return effort


def codebook_of(given: Union[Codebook, Path]) -> Codebook:
    """A codebook, read where it is named."""
    return given if isinstance(given, Codebook) else Codebook.load(given)
