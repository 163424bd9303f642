"""mdla: neural-network activations as measured bits, from Python.

    f = mdla.open("acts.mdla")          a sequence of float32 rows; codes and what they cost
    f.explain(row)                      the features that explain a row, with strengths and bits
    mdla.encode(rows, sae, fvu=...)     rows to a .mdla file or to bytes
    mdla.fit(rows, sae, fvu=...)        a codebook that many files share
    mdla.encode_codes(codes)            a latent cache, codes without activations; mdla.fit_codes
    mdla.load_sae(folder)               an SAE's own forward pass;  mdla.train(...) makes one

`mdla.torch` has a Dataset, `mdla.numcodecs` a codec for zarr. Rows are NumPy arrays (rows, dims); codes are
scipy.sparse matrices (rows, width).

Errors are `mdla.Error` with the library's sentence, and what Python users expect beside: ValueError for arguments
and data, OSError (FileNotFoundError, FileExistsError) for files, MemoryError. Long calls run without the GIL, and
Ctrl-C ends them. A File does one thing at a time and may be shared by threads; a Codebook and an SAE may be used by
several at once.
"""
from ._calls import ProgressCallback
from ._codebook import Codebook, CodebookInfo, fit
from ._codes import encode_codes, fit_codes
from ._encode import EncodeReport, encode
from ._errors import (ArgumentError, CorruptError, DataError, Error, ExistingFileError, FileError,
                      FormatError, InterruptedCallError, LimitError, MissingFileError,
                      OutOfMemoryError, SpaceError, TargetError, TruncatedError, UnsupportedError)
from ._file import File, FileInfo, open  # pylint: disable=redefined-builtin
from ._library import __version__
from ._sae import SAE, SAEInfo, TrainReport, TrainState, load_sae, train

__all__ = [
    "ArgumentError", "Codebook", "CodebookInfo", "CorruptError", "DataError", "EncodeReport", "Error",
    "ExistingFileError", "File", "FileError", "FileInfo", "FormatError", "InterruptedCallError", "LimitError",
    "MissingFileError", "OutOfMemoryError", "ProgressCallback", "SAE", "SAEInfo", "SpaceError", "TargetError",
    "TrainReport", "TrainState", "TruncatedError", "UnsupportedError", "__version__", "encode",
    "encode_codes", "fit", "fit_codes", "load_sae", "open", "train"]
