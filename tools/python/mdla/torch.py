"""A PyTorch Dataset over the rows of a .mdla file."""
import os
from typing import List, Optional, Sequence, Union

from ._calls import Path
from ._file import File, open as open_file

try:
    import torch
    from torch.utils.data import Dataset
except ImportError:
    raise ImportError("mdla.torch needs PyTorch; install torch (Debian: python3-torch)") from None


class RowsDataset(Dataset):  # type: ignore
    """Rows of a file as float32 tensors (dims,), by number: a map-style Dataset.

    The file is opened in each process that uses it, so workers of a DataLoader, forked or spawned, have their own.
    A row costs the decoding of its block unless the row before was of the same block: for shuffled reading, encode
    with a small block_rows, or let PyTorch 2 fetch a batch at a time, which is read block by block.

    path: a .mdla file. codebook: the name of the codebook's file, where the file only names it.
    threads: that decode in each process.

    >>> import mdla.torch, torch
    >>> rows = mdla.torch.RowsDataset(example.file)
    >>> len(rows), rows[7].shape
    (400, torch.Size([24]))
    >>> next(iter(torch.utils.data.DataLoader(rows, batch_size=32))).shape
    torch.Size([32, 24])
    """

    def __init__(self, path: Path, codebook: Optional[Path] = None, threads: int = 1) -> None:
        self._path = os.path.abspath(path)
        self._codebook = os.path.abspath(codebook) if codebook is not None else None
        self._threads = threads
        self._opened: Optional[File] = None
        self._process = 0
        self._rows = len(self.file)

    @property
    def file(self) -> File:
        """The file, open in this process."""
        if self._opened is None or self._process != os.getpid():
            self._opened = open_file(self._path, self._codebook, threads=self._threads)
            self._process = os.getpid()
        return self._opened

    def __getstate__(self) -> "dict[str, object]":
        return {**self.__dict__, "_opened": None}

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: Union[int, slice, Sequence[int]]) -> "torch.Tensor":
        return torch.from_numpy(self.file[row])

    def __getitems__(self, rows: Sequence[int]) -> "List[torch.Tensor]":
        """A batch at once, as PyTorch 2 asks for it."""
        return list(torch.from_numpy(self.file[list(rows)]))
