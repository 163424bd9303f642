"""A codec for zarr and other users of numcodecs: chunks of activation rows as .mdla files.

A chunk is coded lossily with a codebook that many chunks share, so the codebook isn't in the chunks. The codec's
configuration has its SHA-256, and whoever opens the array must have registered that codebook in the process:

    mdla.numcodecs.register(mdla.Codebook.load("my.codebook"))
    zarr.open("acts.zarr")[1000:2000]
"""
from typing import Any, Dict, Optional, Union

import numpy as np

from ._calls import Path, target
from ._codebook import Codebook, codebook_of
from ._encode import encode
from ._errors import ArgumentError, DataError
from ._file import open as open_file
from ._rows import check_mask, matrix

try:
    import numcodecs
    from numcodecs.abc import Codec
    from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy
except ImportError:
    raise ImportError("mdla.numcodecs needs numcodecs; install it (Debian: python3-numcodecs)"
                      ) from None

_registered: Dict[str, Codebook] = {}


def register(codebook: Union[Codebook, Path]) -> Codebook:
    """Makes a codebook known to codecs that are made from their configuration, until the process ends."""
    book = codebook_of(codebook)
    if book._owner is not None:  # of a file that may be closed
        book = Codebook.load(book.tobytes())
    _registered[book.sha256] = book
    return book


class MdlaCodec(Codec):  # type: ignore[misc]
    """Rows (n, dims) of float16, float32 or float64 to a .mdla file that names its codebook, and back.

    A chunk may have more axes: the last one is dims. What isn't 2-D any more when it comes here (a flat buffer) is
    taken as rows of the codebook's dims. Decoded values have the chunk's type. Lossy: fill values of chunks at an
    array's edge are coded as rows too, and NaN is refused.

    codebook: a Codebook, its file, or the SHA-256 of one that was registered; it is registered.
    fvu, bits_per_row, step: the target for every chunk; none: the codebook's step, the same accuracy
        everywhere.
    effort: 1 to 9.

    >>> import mdla.numcodecs, numpy
    >>> codec = mdla.numcodecs.MdlaCodec(example.codebook)
    >>> data = codec.encode(example.rows)
    >>> again = codec.decode(data)
    >>> again.shape, str(again.dtype), sorted(codec.get_config())
    ((400, 24), 'float32', ['codebook_sha256', 'effort', 'id'])
    """

    codec_id = "mdla"

    def __init__(self, codebook: Union[Codebook, Path, None] = None, *,
                 codebook_sha256: Optional[str] = None, fvu: Optional[float] = None,
                 bits_per_row: Optional[float] = None, step: Optional[float] = None,
                 effort: int = 5) -> None:
        if (codebook is None) == (codebook_sha256 is None):
            raise ArgumentError("give a codebook, or the codebook_sha256 of one that is registered")
        target(fvu, bits_per_row, step)  # at most one
        if codebook is not None:
            codebook_sha256 = register(codebook).sha256
        self.codebook_sha256 = codebook_sha256
        self.fvu = fvu
        self.bits_per_row = bits_per_row
        self.step = step
        self.effort = effort

    def _book(self) -> Codebook:
        book = _registered.get(self.codebook_sha256 or "")
        if book is None:
            raise ArgumentError(
                f"the codebook {self.codebook_sha256} of this array isn't known here; load its file "
                f"and call mdla.numcodecs.register(mdla.Codebook.load(FILE)) first")
        return book

    def get_config(self) -> Dict[str, Any]:
        """What zarr keeps beside the array."""
        config = {"id": self.codec_id, "codebook_sha256": self.codebook_sha256, "fvu": self.fvu,
                  "bits_per_row": self.bits_per_row, "step": self.step, "effort": self.effort}
        return {name: value for name, value in config.items() if value is not None}

    def encode(self, buf: Any) -> bytes:
        """A chunk of rows to the bytes of a file that names its codebook."""
        book = self._book()
        check_mask(buf, "rows")
        values = ensure_ndarray(buf)
        if values.dtype.kind != "f":
            raise DataError(f"rows of {values.dtype}; the mdla codec takes floats of 16, 32 or 64 bits")
        if values.ndim < 2:
            if values.size % book.dims != 0:
                raise DataError(f"{values.size} values are no rows of {book.dims}")
            values = values.reshape(-1, book.dims)
        rows, _ = matrix(values)
        return encode(rows, codebook=book, fvu=self.fvu, bits_per_row=self.bits_per_row,
                      step=self.step, effort=self.effort, reference=True)

    def decode(self, buf: Any, out: Optional[Any] = None) -> Any:
        """The rows (n, dims) of an encoded chunk in its own type; into out where it is given."""
        with open_file(ensure_bytes(buf), self._book()) as f:
            kinds = {"f16": np.float16, "f64": np.float64}
            rows = np.asarray(f, dtype=kinds.get(f.info.dtype, np.float32))
        return rows if out is None else ndarray_copy(rows, out)


numcodecs.register_codec(MdlaCodec)
