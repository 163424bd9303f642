"""What theory and PCA say about bits against FVU, for rows of shape (n, dims)."""
import numpy as np

SEARCH_STEPS = 24
ROUNDING = 0.4  # below one half: a dead zone, which is what an entropy coder wants


def gaussian(test, fvus):
    """Bits a row of the Gaussian bound at each FVU: reverse water-filling over the variances of the test rows' own covariance.
    No code of Gaussian rows with this covariance can be below; real rows aren't Gaussian, so a code can."""
    variances = np.maximum(np.linalg.eigvalsh(np.cov(test.T.astype(np.float64))), 1e-12)
    return [water_fill(variances, fvu) for fvu in fvus]


def water_fill(variances, fvu):
    low, high = 0.0, variances.max()
    for _ in range(200):
        water = (low + high) / 2
        if np.minimum(variances, water).sum() > variances.sum() * fvu:
            high = water
        else:
            low = water
    return float(0.5 * np.log2(np.maximum(variances / water, 1)).sum())


class Pca:
    """Test rows along the principal axes of the train rows, uniformly quantised with one step for all axes."""

    def __init__(self, train, test):
        axes = np.linalg.eigh(covariance(train))[1]
        self.values = (test - train.mean(0, dtype=np.float64)) @ axes  # (n, dims)
        self.energy = float(np.square(test - test.mean(0, dtype=np.float64)).sum())

    def quantise(self, step):
        """Levels (n, dims), and the FVU once all nonzero levels are moved by the best common amount."""
        size = np.abs(self.values)
        levels = np.floor(size / step + ROUNDING)
        nonzero = levels > 0
        shift = (size - levels * step)[nonzero].mean() if nonzero.any() else 0.0
        error = np.square(size - np.where(nonzero, levels * step + shift, 0)).sum()
        return (np.sign(self.values) * levels).astype(np.int32), float(error / self.energy)

    def bits(self, fvu):
        """(bits a row, FVU reached): the sum over axes of the empirical entropy of the test rows' own levels, so without what
        it costs to send those distributions, and without the axes."""
        root = np.sqrt(self.energy / len(self.values))
        low, high = 1e-4 * root, 4 * root
        for _ in range(SEARCH_STEPS):
            step = np.sqrt(low * high)
            levels, reached = self.quantise(step)
            low, high = (low, step) if reached > fvu else (step, high)
        return float(sum(entropy(column) for column in levels.T)), reached


def covariance(rows):
    """(dims, dims), float64, without a float64 copy of all rows."""
    mean = rows.mean(0, dtype=np.float64)
    total = np.zeros((rows.shape[1],) * 2)
    for i in range(0, len(rows), 16384):
        part = rows[i:i + 16384] - mean
        total += part.T @ part
    return total / max(len(rows) - 1, 1)


def entropy(levels):
    """Bits a value of integers (n) under their own counts."""
    found = np.bincount(levels - levels.min())
    p = found[found > 0] / len(levels)
    return float(-(p * np.log2(p)).sum())
