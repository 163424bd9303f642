"""Sparse autoencoders: loading, their own forward pass, training."""
import ctypes
import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _layout
from ._calls import Path, Watch, choice, config, folder, is_path, path_bytes, text_of
from ._errors import ArgumentError, ExistingFileError, check
from ._library import lib
from ._rows import Data, float_rows, rows_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_PASS_ROWS = 4096  # of a forward pass at a time


def csr_module() -> Any:
    """scipy.sparse, which codes come as."""
    try:
        import scipy.sparse
    except ImportError:
        raise ImportError("codes are scipy.sparse matrices; install scipy (Debian: python3-scipy)"
                          ) from None
    return scipy.sparse


@dataclass(frozen=True)
class SAEInfo:
    """What was understood of an SAE."""

    dims: int
    width: int
    """Features."""
    kind: str
    """"saelens", "gemma-scope" ...; "mdla" where it was trained here."""
    activation: str
    """"relu", "topk" ..."""
    k: int
    """Of topk and groupmax; else 0."""
    pre_bias: bool
    """Whether the decoder's bias is taken off before encoding."""
    normalisation: str
    """"none", or what is done to every row by itself and undone."""
    signed_code: bool
    """Whether strengths below zero can occur."""
    notes: str
    """What else a user should know, a sentence a line."""
    hook: Optional[str]
    """Where in the model its rows stand, where its files say so."""


@dataclass(frozen=True)
class TrainReport:
    """How a training ended, measured on the rows held out; NaN where there are none."""

    steps: int
    train_rows: int
    holdout_rows: int
    fvu: float
    l0: float
    dead: int
    """Features that hadn't fired for long."""


@dataclass(frozen=True)
class TrainState:
    """How a training stands; loss, fvu and l0 are running means over some 50 steps."""

    step: int
    steps: int
    rows: int
    """Rows trained on so far, each pass counted."""
    loss: float
    fvu: float
    l0: float
    dead: int


class SAE:
    """A sparse autoencoder. It may be shared by threads.

    >>> import mdla
    >>> sae = mdla.load_sae(example.sae)
    >>> codes = sae.encode(example.rows)
    >>> codes.shape == (len(example.rows), sae.width)
    True
    >>> sae.decode(codes).shape == example.rows.shape
    True
    """

    def __init__(self, handle: ctypes.c_void_p) -> None:
        """Internal: takes over the handle, which may be NULL."""
        self.handle = handle
        self.report: Optional[TrainReport] = None
        """Of the training, where it was trained here."""

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            lib.mdla_sae_free(self.handle)

    @classmethod
    def load(cls, path: Path, kind: Optional[str] = None, act_scale: float = 0.0) -> "SAE":
        """As `mdla.load_sae`."""
        settings, error, handle = config(0), _layout.mdla_error(), ctypes.c_void_p()
        options = _layout.mdla_sae_options(kind.encode() if kind else None, act_scale)
        check(lib.mdla_sae_load(settings, folder(path, False), path_bytes(path), options, handle,
                                error), error)
        return cls(handle)

    @property
    def info(self) -> SAEInfo:
        """What was understood of it."""
        c = _layout.mdla_sae_info()
        lib.mdla_sae_query(self.handle, c)
        return SAEInfo(c.dims, c.width, text_of(c.kind), text_of(c.activation), c.k,
                       bool(c.pre_bias), text_of(c.normalisation), bool(c.signed_code),
                       text_of(c.notes), text_of(c.hook) if c.hook is not None else None)

    @property
    def dims(self) -> int:
        """Values of a row."""
        return self.info.dims

    @property
    def width(self) -> int:
        """Features."""
        return self.info.width

    def encode(self, rows: npt.ArrayLike, threads: int = 0) -> "csr_matrix":
        """The SAE's own code of rows (n, dims): float32 CSR (n, width), strengths in its own scale.

        Features ascend in a row, and no strength is zero. Rows with NaN or infinities are refused.
        """
        sparse = csr_module()
        values = float_rows(rows, self.dims)
        settings, error = config(threads), _layout.mdla_error()
        counts = np.zeros(len(values) + 1, np.int64)
        features, strengths = bytearray(), bytearray()
        first = 0

        def take(row: int, feature: int, strength: int, count: int) -> None:
            counts[first + row + 1] = count
            features.extend(ctypes.string_at(feature, 4 * count))
            strengths.extend(ctypes.string_at(strength, 4 * count))

        with Watch() as watch:
            visitor = _layout.StrengthVisitor(
                lambda _ctx, row, feature, strength, count: watch.run(
                    lambda: take(row, feature, strength, count)))
            status = 0
            for first in range(0, len(values), _PASS_ROWS):
                part = values[first:first + _PASS_ROWS]
                status = lib.mdla_sae_encode(settings, self.handle, part.ctypes.data, len(part),
                                             None, visitor, None, error)
                if status != 0:
                    break
        check(status, error)
        return sparse.csr_matrix(
            (np.frombuffer(strengths, np.float32),
             np.frombuffer(features, np.uint32).astype(np.int32), np.cumsum(counts)),
            shape=(len(values), self.width))

    def decode(self, codes: "csr_matrix") -> "npt.NDArray[np.float32]":
        """Rows from codes (n, width), such as `encode` gives: float32 (n, dims).

        Refused where the SAE normalises every row by itself: see `reconstruct`.
        """
        matrix = csr_module().csr_matrix(codes)
        if matrix.shape[1] != self.width:
            raise ArgumentError(f"codes of {matrix.shape[1]} features; the SAE has {self.width}")
        error = _layout.mdla_error()
        starts = np.ascontiguousarray(matrix.indptr, np.uintp)
        features = np.ascontiguousarray(matrix.indices, np.uint32)
        strengths = np.ascontiguousarray(matrix.data, np.float32)
        out = np.empty((matrix.shape[0], self.dims), np.float32)
        check(lib.mdla_sae_decode(self.handle, starts.ctypes.data, features.ctypes.data,
                                  strengths.ctypes.data, len(out), out.ctypes.data, error), error)
        return out

    def reconstruct(self, rows: npt.ArrayLike, threads: int = 0) -> "npt.NDArray[np.float32]":
        """Rows (n, dims) through the SAE, normalisation done and undone: float32 (n, dims)."""
        values = float_rows(rows, self.dims)
        settings, error = config(threads), _layout.mdla_error()
        out = np.empty_like(values)
        for first in range(0, len(values), _PASS_ROWS):
            part, into = values[first:first + _PASS_ROWS], out[first:first + _PASS_ROWS]
            check(lib.mdla_sae_forward(settings, self.handle, part.ctypes.data, len(part),
                                       into.ctypes.data, None, error), error)
        return out

    def atoms(self) -> "npt.NDArray[np.float32]":
        """Decoder directions in the SAE's own scale: float32 (width, dims)."""
        info = self.info
        out = np.empty((info.width, info.dims), np.float32)
        for feature in range(info.width):
            ctypes.memmove(out[feature].ctypes.data, lib.mdla_sae_atom(self.handle, feature),
                           4 * info.dims)
        return out

    def save(self, path: Path, overwrite: bool = False) -> None:
        """Writes the folder that SAELens loads: cfg.json and sae_weights.safetensors (F32).

        Of relu, jumprelu and topk SAEs without normalisation; others are refused.
        """
        for name in ("cfg.json", "sae_weights.safetensors"):
            if not overwrite and (pathlib.Path(path) / name).exists():
                raise ExistingFileError(f"{pathlib.Path(path) / name}: exists already; give "
                                        f"overwrite=True, or another folder")
        error = _layout.mdla_error()
        check(lib.mdla_sae_save(self.handle, folder(path, True), error), error)

    def __repr__(self) -> str:
        info = self.info
        return f"<mdla.SAE: {info.kind}, {info.activation}, {info.width} features x {info.dims} dims>"


def load_sae(path: Path, kind: Optional[str] = None, act_scale: float = 0.0) -> SAE:
    """Loads an SAE as its source laid it out: a folder, or the file in it that is meant.

    kind: what the files can't say of themselves, such as "saelens", "gemma-scope"; None: detect.
    act_scale: rows were multiplied by this in training, and the weights don't hold it yet; 0: as
        the files say.

    >>> import mdla
    >>> mdla.load_sae(example.sae).info.activation
    'relu'
    """
    return SAE.load(path, kind, act_scale)


def sae_of(given: Union[SAE, Path]) -> SAE:
    """An SAE, loaded where it is named."""
    if isinstance(given, SAE):
        return given
    if not is_path(given):
        raise TypeError(f"sae: give an mdla.SAE or its path, not {type(given).__name__}")
    return SAE.load(given)


def train(data: Data, *, width: int, l0: int, arch: str = "batchtopk", passes: int = 3,
          batch: int = 64, rate: float = 0.0, holdout: float = 0.03, seed: int = 0,
          checkpoint: Optional[Path] = None, resume: bool = False, array: Optional[str] = None,
          bf16: Optional[bool] = None, threads: int = 0,
          progress: Optional[Callable[[TrainState], object]] = None) -> SAE:
    """Trains an SAE on rows; `report` of the result says how it went.

    data: rows as for `mdla.encode`. width: features. l0: features a row.
    arch: "batchtopk", "topk" or "relu". passes: over the rows. batch: rows a step.
    rate: highest learning rate; 0: the architecture's own. holdout: part kept from training.
    checkpoint: a folder for states of the training; resume: go on from the one there. After Ctrl-C
        a state is written too.
    progress: called after every step with a TrainState.

    >>> import mdla
    >>> sae = mdla.train(example.rows, width=32, l0=4, passes=1)
    >>> sae.width, sae.report.train_rows
    (32, 400)
    """
    settings, error, handle = config(threads), _layout.mdla_error(), ctypes.c_void_p()
    options, report = _layout.mdla_train_options(), _layout.mdla_train_report()
    lib.mdla_train_options_init(options)
    options.arch = choice("arch", arch, _layout.ARCHS)
    options.width, options.l0, options.passes, options.batch = width, l0, passes, batch
    options.rate, options.holdout, options.seed, options.resume = rate, holdout, seed, int(resume)
    checkpoints = None
    if checkpoint is not None:
        checkpoints = folder(checkpoint, True)
        options.checkpoint = ctypes.cast(ctypes.pointer(checkpoints), ctypes.c_void_p)

    def tell(state: int) -> None:
        if progress is not None:
            s = ctypes.cast(state, ctypes.POINTER(_layout.mdla_train_state)).contents
            progress(TrainState(s.step, s.steps, s.rows, s.loss, s.fvu, s.l0, s.dead))

    try:
        with rows_of(data, settings, array, bf16, None) as rows, Watch() as watch:
            options.progress = _layout.TrainProgress(
                lambda _ctx, state: watch.run(lambda: tell(state)))
            status = lib.mdla_train(settings, rows, options, handle, report, error)
            made = SAE(handle)
        check(status, error)
    finally:
        if checkpoints is not None and checkpoints.close:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(checkpoints.close)(checkpoints.ctx)
    made.report = TrainReport(report.steps, report.train_rows, report.holdout_rows, report.fvu,
                              report.l0, report.dead)
    return made
