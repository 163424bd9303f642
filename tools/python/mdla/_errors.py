"""The library's statuses as exceptions, with its own sentences."""
import ctypes
from typing import Dict, Type

from ._layout import STATUS, mdla_error
from ._library import lib


class Error(Exception):
    """What the library refused or failed at; str() is its sentence: what, where, what to do.

    >>> import mdla
    >>> try:
    ...     mdla.open(b"no such thing")
    ... except mdla.Error as error:
    ...     print(type(error).__name__, isinstance(error, ValueError))
    FormatError True
    """

    status = 0
    """The mdla_status behind it."""


class ArgumentError(Error, ValueError):
    """An option out of range, dims that differ, a codebook that is missing or not the one named."""

    status = STATUS["ARGUMENT"]


class OutOfMemoryError(Error, MemoryError):
    """No memory."""

    status = STATUS["MEMORY"]


class LimitError(Error, ValueError):
    """Well formed, but above a limit of the library."""

    status = STATUS["LIMIT"]


class FormatError(Error, ValueError):
    """Not a file of the expected kind."""

    status = STATUS["FORMAT"]


class UnsupportedError(Error, ValueError):
    """A newer version, or a variant that is refused by name."""

    status = STATUS["UNSUPPORTED"]


class CorruptError(Error, ValueError):
    """Damaged: a CRC, a count or a symbol is wrong."""

    status = STATUS["CORRUPT"]


class TruncatedError(Error, ValueError):
    """The data end before they should."""

    status = STATUS["TRUNCATED"]


class SpaceError(Error):
    """A destination that is too small."""

    status = STATUS["SPACE"]


class FileError(Error, OSError):
    """Reading or writing failed."""

    status = STATUS["IO"]


class MissingFileError(FileError, FileNotFoundError):
    """No file of that name."""


class ExistingFileError(Error, FileExistsError):
    """The output exists already; give overwrite=True or another name."""

    status = STATUS["ARGUMENT"]


class DataError(Error, ValueError):
    """Readable, but values that can't be coded: a NaN, an infinity, constant rows."""

    status = STATUS["DATA"]


class TargetError(Error, ValueError):
    """The accuracy or rate asked for can't be reached."""

    status = STATUS["TARGET"]


class InterruptedCallError(Error):
    """A long call was asked to stop, and nobody raised an exception of his own."""

    status = STATUS["INTERRUPTED"]


_CLASSES: Dict[int, Type[Error]] = {
    each.status: each for each in (
        ArgumentError, OutOfMemoryError, LimitError, FormatError, UnsupportedError, CorruptError,
        TruncatedError, SpaceError, FileError, DataError, TargetError, InterruptedCallError)}


def error_of(status: int, error: mdla_error) -> Error:
    """The exception for a failed call."""
    text = error.text.decode("utf-8", "replace") if error.status == status else ""
    if not text:
        text = ctypes.cast(lib.mdla_status_text(status), ctypes.c_char_p).value.decode()  # type: ignore[union-attr]
    return _CLASSES.get(status, Error)(text)


def check(status: int, error: mdla_error) -> None:
    """Raises what a failed call left; nothing on success."""
    if status != 0:
        raise error_of(status, error)
