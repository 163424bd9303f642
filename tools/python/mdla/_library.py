"""Finds the shared library and declares its functions."""
import ctypes
import os
import pathlib

from ._layout import PROTOTYPES

__version__ = "0.3.0"

_SONAME = "libmdla.so." + ".".join(__version__.split(".")[:2])


def _load() -> ctypes.CDLL:
    """MDLA_LIBRARY where it is set, else the library beside the package, else the system's."""
    named = os.environ.get("MDLA_LIBRARY")
    beside = pathlib.Path(__file__).parent / _SONAME
    path = named or (str(beside) if beside.exists() else _SONAME)
    try:
        loaded = ctypes.CDLL(path)
        version = ctypes.CFUNCTYPE(ctypes.c_char_p)(("mdla_version", loaded))()
    except (OSError, AttributeError) as error:
        raise ImportError(
            f"mdla's shared library can't be loaded: {error}; build it with CMake and set "
            f"PYTHONPATH to build/python, install it with cmake --install, or name it in "
            f"MDLA_LIBRARY") from None
    if version.decode().split(".")[:2] != __version__.split(".")[:2]:
        raise ImportError(
            f"{path} is mdla {version.decode()}, but this Python package is of {__version__}; "
            f"install both from one build")
    for name, (result, parameters) in PROTOTYPES.items():
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = parameters
    return loaded


lib = _load()
