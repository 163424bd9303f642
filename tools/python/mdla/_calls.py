"""What the calls of the library share: settings, sources and sinks, long calls that can be stopped."""
import ctypes
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Callable, Iterator, List, Optional, Tuple, Type, Union
from contextlib import contextmanager

from . import _layout
from ._errors import (ArgumentError, ExistingFileError, FileError, MissingFileError, check,
                      error_of)
from ._library import lib

Path = Union[str, "os.PathLike[str]"]
ProgressCallback = Callable[[str, int, Optional[int]], object]
"""Called as (what, rows done, rows in all or None); an exception in it ends the call."""


def config(threads: int) -> _layout.mdla_config:
    """The library's defaults with this number of threads (0: one a core)."""
    if threads < 0:
        raise ArgumentError(f"threads={threads}: give 0 for all cores, or a number of them")
    settings = _layout.mdla_config()
    lib.mdla_config_init(settings)
    settings.threads = threads
    return settings


def path_bytes(path: Path) -> bytes:
    """A path as the library takes it; "-" is a file's name here."""
    name = os.fsencode(path)
    return b"./-" if name == b"-" else name


def choice(what: str, value: str, choices: "dict[str, int]") -> int:
    """The number of a named choice."""
    if value not in choices:
        raise ArgumentError(f"{what}={value!r}: give one of {', '.join(choices)}")
    return choices[value]


def target(fvu: Optional[float], bits_per_row: Optional[float],
           step: Optional[float]) -> _layout.mdla_target:
    """The one target that is given; 0 everywhere where none is."""
    given = [name for name, value in
             (("fvu", fvu), ("bits_per_row", bits_per_row), ("step", step)) if value is not None]
    if len(given) > 1:
        raise ArgumentError(f"{' and '.join(given)}: give one of them")
    for name, value, highest in (("fvu", fvu, 1.0), ("bits_per_row", bits_per_row, 1e9),
                                 ("step", step, 1e30)):
        if value is not None and not 0 < value < highest:
            raise ArgumentError(f"{name}={value}: give a number between 0 and {highest:g}")
    return _layout.mdla_target(fvu or 0.0, bits_per_row or 0.0, step or 0.0)


# ---- Sources and sinks --------------------------------------------------------------------------

def file_source(path: Path) -> _layout.mdla_source:
    """A file for reading, owned by the call that it is given to."""
    source, error = _layout.mdla_source(), _layout.mdla_error()
    status = lib.mdla_source_file(path_bytes(path), source, error)
    if status != 0:
        raised = error_of(status, error)
        raise MissingFileError(*raised.args) if (
            isinstance(raised, FileError) and not os.path.exists(path)) else raised
    return source


def memory_source(data: Any, what: str = "data") -> Tuple[_layout.mdla_source, Any]:
    """Bytes in memory as a source, and what must be kept until it is closed. No copy."""
    import numpy
    try:
        memoryview(data)
    except TypeError:
        raise TypeError(f"{what}: give the name of a file, or its bytes, not {type(data).__name__}") from None
    view = numpy.frombuffer(data, dtype=numpy.uint8) if len(data) else numpy.zeros(1, numpy.uint8)
    source = _layout.mdla_source()
    lib.mdla_source_memory(view.ctypes.data, len(data) and view.nbytes, source)
    return source, view


def folder(path: Path, create: bool) -> _layout.mdla_folder:
    """A folder on disk, owned by the call that it is given to."""
    out, error = _layout.mdla_folder(), _layout.mdla_error()
    status = lib.mdla_folder_path(path_bytes(path), int(create), out, error)
    if status != 0:
        raised = error_of(status, error)
        raise MissingFileError(*raised.args) if (
            isinstance(raised, FileError) and not os.path.exists(path)) else raised
    return out


class Sink:
    """Where a call writes: a file that appears when it is done, or memory.

    >>> sink = Sink(None, False)
    >>> sink.take() is None
    True
    """

    def __init__(self, path: Optional[Path], overwrite: bool) -> None:
        self._bytes, self._nbytes = ctypes.c_void_p(), ctypes.c_size_t()
        self._path = path
        self._sink: Optional[_layout.mdla_sink] = None
        sink, error = _layout.mdla_sink(), _layout.mdla_error()
        if path is None:
            status = lib.mdla_sink_memory(self._bytes, self._nbytes, sink)
        else:
            if os.path.isfile(path) and not overwrite:
                raise ExistingFileError(f"{os.fspath(path)}: exists already; give overwrite=True, "
                                        f"or another name")
            status = lib.mdla_sink_file(path_bytes(path), int(overwrite), sink, error)
        check(status, error)
        self._sink = sink

    def give(self) -> _layout.mdla_sink:
        """For the call that ends it, whether it succeeds or fails."""
        sink, self._sink = self._sink, None
        assert sink is not None, "a sink is given away once"
        return sink

    def take(self) -> Optional[bytes]:
        """What was written to memory; None for a file. Ends the output where no call did."""
        if self._sink is not None:
            close = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(self._sink.close)
            close(self._sink.ctx, 0)
            self._sink = None
        if not self._bytes.value:
            return None
        data = ctypes.string_at(self._bytes, self._nbytes.value)
        _free(self._bytes)
        self._bytes = ctypes.c_void_p()
        return data


_free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(("free", ctypes.CDLL(None)))


@contextmanager
def sink_to(path: Optional[Path], overwrite: bool) -> Iterator[Sink]:
    """A sink that is gone at the end, with what nobody took from it."""
    sink = Sink(path, overwrite)
    try:
        yield sink
    finally:
        sink.take()


# ---- Long calls ---------------------------------------------------------------------------------

class Watch:
    """Lets a call that runs callbacks be stopped by Ctrl-C or by an exception in a callback.

    An exception that leaves a ctypes callback is printed and lost, and Python raises KeyboardInterrupt wherever
    the main thread happens to be, at a callback's first instruction too. So while a call is watched SIGINT is only
    noted; run() asks for it, keeps any exception and ends the call, and leaving the `with` raises it.
    """

    def __init__(self) -> None:
        self._error: Optional[BaseException] = None
        self._pending: Optional[Tuple[int, Optional[FrameType]]] = None
        self._handler: Any = None

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        self._pending = (number, frame)

    def _handle(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._handler(*pending)

    def __enter__(self) -> "Watch":
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if self._error is not None:
            raise self._error
        self._handle()

    def run(self, body: Callable[[], object]) -> int:
        """A callback's body; nonzero: the call is to end."""
        try:
            self._handle()
            body()
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error
            return 1
        return 0

    def progress(self, told: Optional[ProgressCallback]) -> Any:
        """A mdla_progress that asks for Ctrl-C and tells the caller's own callback."""
        def report(_ctx: object, what: bytes, done: int, total: int) -> int:
            return self.run(lambda: told and told(what.decode(), done,
                                                  None if total == _layout.UNKNOWN else total))
        return _layout.Progress(report)


def text_of(value: Optional[bytes]) -> str:
    """A text of the library's; "" for NULL."""
    return value.decode("utf-8", "replace") if value is not None else ""


def is_path(value: object) -> bool:
    """Whether it names a file."""
    return isinstance(value, (str, os.PathLike))


def paths_of(data: object) -> Optional[List[Path]]:
    """The files that it names: one or several; None where it is data itself."""
    if is_path(data):
        return [data]  # type: ignore[list-item]
    if isinstance(data, (list, tuple)) and data and all(is_path(each) for each in data):
        return list(data)
    return None


