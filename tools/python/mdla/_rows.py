"""Activation rows for the library: arrays by pointer, files by name."""
import ctypes
import io
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _layout
from ._calls import Path, file_source, is_path, memory_source, path_bytes, paths_of
from ._errors import ArgumentError, DataError, UnsupportedError, check
from ._library import lib

Data = Union[npt.ArrayLike, Path, Sequence[Path]]
"""Rows: an array of two axes or more, or the name of an array file, or several names."""

_CHECK_ROWS = 4096  # at a time
_NAMES = {np.dtype(numpy_name): name for numpy_name, name in (
    ("float32", "f32"), ("float16", "f16"), ("float64", "f64"), ("uint8", "u8"), ("int8", "i8"),
    ("uint16", "u16"), ("int16", "i16"), ("uint32", "u32"), ("int32", "i32"), ("uint64", "u64"),
    ("int64", "i64"), ("bool", "bool"))}


def check_mask(data: Any, what: str) -> None:
    """Refuses an array whose mask says that values of it don't count."""
    mask = np.asarray(data.mask if isinstance(data, np.ma.MaskedArray) else False)
    if mask.any():
        at = tuple(map(int, np.argwhere(mask)[0]))
        raise DataError(f"{what}: values are masked, the first at {at}; fill them "
                        f"(numpy.ma.filled), or leave their rows out")


def _name_of(dtype: "np.dtype[Any]", bf16: Optional[bool]) -> str:
    """How the library calls values of this type."""
    if dtype.name == "bfloat16":
        return "bf16"
    if dtype.kind in "iuV" and dtype.itemsize == 2:
        if bf16:
            return "bf16"
        if bf16 is None or dtype.kind == "V":
            raise ArgumentError(f"{dtype} values may be bfloat16 bit patterns or integers; "
                                f"say bf16=True or bf16=False")
    name = _NAMES.get(dtype.newbyteorder("="))
    if name is None:
        raise UnsupportedError(f"rows of {dtype}; give floats of 16, 32 or 64 bits, or integers")
    return name


def matrix(data: npt.ArrayLike, bf16: Optional[bool] = None) -> Tuple["np.ndarray[Any, Any]", str]:
    """An array as contiguous rows in the machine's byte order, (rows, dims), and its type's name.

    Copied only where it isn't so already.
    """
    check_mask(data, "rows")
    values = np.asarray(data)
    name = _name_of(values.dtype, bf16)
    if values.ndim < 2:
        raise DataError(f"an array of shape {values.shape} is no matrix of rows; give (rows, dims)")
    if values.dtype.byteorder != "|" and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    dims = values.shape[-1]
    rows = values.size // dims if dims else 0
    return np.ascontiguousarray(values).reshape(rows, dims), name


def float_rows(data: npt.ArrayLike, dims: int) -> "npt.NDArray[np.float32]":
    """float32 rows in memory for a forward pass, all of them finite."""
    values, name = matrix(data, False)
    if values.shape[1] != dims:
        raise ArgumentError(f"rows of {values.shape[1]} values; the SAE takes {dims}")
    if name == "bf16":
        values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        rows = values.astype(np.float32, copy=False)
    for first in range(0, len(rows), _CHECK_ROWS):
        wrong = ~np.isfinite(rows[first:first + _CHECK_ROWS])
        if wrong.any():
            row, column = np.argwhere(wrong)[0] + (first, 0)
            value = values[row, column]
            what = ("NaN" if np.isnan(value) else
                    "infinite" if np.isinf(value) else "too large for float32")
            raise DataError(f"row {row}, column {column} is {what}; remove the row or mend the value")
    return rows


def _open_file(path: Path, settings: _layout.mdla_config,
               options: _layout.mdla_array_options) -> ctypes.c_void_p:
    handle, error = ctypes.c_void_p(), _layout.mdla_error()
    check(lib.mdla_rows_open(settings, file_source(path), path_bytes(path), options, handle, error),
          error)
    return handle


def _open_files(paths: List[Path], settings: _layout.mdla_config,
                options: _layout.mdla_array_options) -> ctypes.c_void_p:
    parts: List[ctypes.c_void_p] = []
    try:
        for path in paths:
            parts.append(_open_file(path, settings, options))
    except BaseException:
        for part in parts:
            lib.mdla_rows_close(part)
        raise
    if len(parts) == 1:
        return parts[0]
    handle, error = ctypes.c_void_p(), _layout.mdla_error()
    handles = (ctypes.c_void_p * len(parts))(*parts)
    check(lib.mdla_rows_concat(settings, handles, len(parts), handle, error), error)
    return handle


def numbers_of(given: Union[npt.ArrayLike, Path], what: str,
               settings: _layout.mdla_config) -> Tuple[ctypes.c_void_p, object]:
    """Integers beside the rows, one a row, and what must be kept."""
    error, handle = _layout.mdla_error(), ctypes.c_void_p()
    kept: object = None
    if is_path(given):
        source, name = file_source(given), path_bytes(given)  # type: ignore[arg-type]
    else:
        check_mask(given, what)
        written = io.BytesIO()
        np.save(written, np.ascontiguousarray(given))
        source, kept = memory_source(written.getbuffer())
        name = what.encode()
    check(lib.mdla_rows_open(settings, source, name, _layout.mdla_array_options(numbers=1), handle, error),
          error)
    return handle, kept


@contextmanager
def rows_of(data: Data, settings: _layout.mdla_config, array: Optional[str], bf16: Optional[bool],
            docs: Union[npt.ArrayLike, Path, None],
            tokens: Union[npt.ArrayLike, Path, None] = None) -> Iterator[ctypes.c_void_p]:
    """A mdla_rows handle over the data, which live as long."""
    kept: List[object] = []
    paths = paths_of(data)
    if paths is not None:
        options = _layout.mdla_array_options(
            0, 0 if bf16 is None else 1 if bf16 else -1, array.encode() if array else None)
        handle = _open_files(paths, settings, options)
    else:
        if array is not None:
            raise ArgumentError(f"array={array!r} names an array of a file, and data is no file")
        values, name = matrix(data, bf16)  # type: ignore[arg-type]
        kept.append(values)
        handle, error = ctypes.c_void_p(), _layout.mdla_error()
        check(lib.mdla_rows_from_values(settings, values.ctypes.data, _layout.DTYPES.index(name),
                                        values.shape[0], values.shape[1], handle, error), error)
    try:
        for given, what, put in ((docs, "docs", lib.mdla_rows_set_passages),
                                 (tokens, "tokens", lib.mdla_rows_set_tokens)):
            if given is not None:
                error = _layout.mdla_error()
                numbers, bytes_ = numbers_of(given, what, settings)
                kept.append(bytes_)
                check(put(handle, numbers, error), error)
        yield handle
    finally:
        lib.mdla_rows_close(handle)
