"""mdla.torch: rows for PyTorch."""
import pickle
import subprocess
import sys

import numpy as np
import pytest

import mdla


def test_without_torch_the_error_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None\ntry:\n import mdla.torch\nexcept ImportError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install torch" in done.stdout


def test_rows_come_as_tensors(example):
    torch = pytest.importorskip("torch")
    import mdla.torch
    rows = mdla.torch.RowsDataset(example.file)
    with mdla.open(example.file) as f:
        assert len(rows) == 400 and rows[7].dtype == torch.float32
        assert np.array_equal(rows[7].numpy(), f[7]) and np.array_equal(rows[-1].numpy(), f[-1])
        assert all(np.array_equal(a.numpy(), b) for a, b in zip(rows.__getitems__([5, 399, 2]), f[[5, 399, 2]]))
    with pytest.raises(IndexError):
        rows[400]
    with pytest.raises(FileNotFoundError):
        mdla.torch.RowsDataset("nothing.mdla")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_open_their_own(example, start):
    torch = pytest.importorskip("torch")
    import mdla.torch
    rows = mdla.torch.RowsDataset(example.named, codebook=example.codebook)
    rows[0]  # open in this process
    loader = torch.utils.data.DataLoader(rows, batch_size=64, num_workers=2, multiprocessing_context=start)
    with mdla.open(example.named, example.codebook) as f:
        assert np.array_equal(torch.cat(list(loader)).numpy(), f[:])
    assert np.array_equal(pickle.loads(pickle.dumps(rows))[3].numpy(), rows[3].numpy())


def test_shuffled_batches_are_the_rows(example):
    torch = pytest.importorskip("torch")
    import mdla.torch
    loader = torch.utils.data.DataLoader(mdla.torch.RowsDataset(example.file), batch_size=50, shuffle=True)
    got = torch.cat(list(loader)).numpy()
    with mdla.open(example.file) as f:
        assert np.array_equal(np.sort(got, axis=0), np.sort(f[:], axis=0))
