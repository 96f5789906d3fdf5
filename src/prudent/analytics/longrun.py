"""The standard error of a mean whose terms depend on their neighbours."""

import math

import numpy as np

from prudent.domain.performance import Floats

# A first-order dependence beyond this is not told from a series that never returns; Andrews and Monahan (1992).
DEPENDENCE_MAX = 0.97


def error_of_mean(values: Floats) -> float:
    """The standard error of the mean of `values`, with dependence between neighbours; 0 where they never differ.

    Quadratic-spectral kernel on prewhitened values with the automatic bandwidth of Andrews (1991) and Andrews and
    Monahan (1992), as Ledoit and Wolf (2008) use it.
    """
    n = len(values)
    if n < 2 or float(np.ptp(values)) == 0.0:
        return 0.0
    off = values - values.mean()
    slope = _slope(off)
    left = off[1:] - slope * off[:-1]
    variance = _kernel_variance(left)
    # Mean square over n first: the kernel speaks of the whitened series, the slope turns it back.
    return math.sqrt(max(variance, 0.0) / n) / (1.0 - slope)


def autocovariances(off: Floats) -> Floats:
    """Autocovariances of a centred series at lags 0 to n-1, each divided by n."""
    n = len(off)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(off, size)
    return np.fft.irfft(np.abs(spectrum) ** 2, size)[:n] / n


def _slope(off: Floats) -> float:
    below = float(off[:-1] @ off[:-1])
    slope = float(off[1:] @ off[:-1]) / below if below > 0.0 else 0.0
    return min(max(slope, -DEPENDENCE_MAX), DEPENDENCE_MAX)


def _kernel_variance(left: Floats) -> float:
    covariances = autocovariances(left)
    slope = _slope(left)
    width = 1.3221 * (4.0 * slope**2 / (1.0 - slope) ** 4 * len(left)) ** 0.2
    if width < 1e-8:
        return float(covariances[0])
    x = 6.0 * math.pi / 5.0 * np.arange(1, len(left)) / width
    weights = 3.0 / x**2 * (np.sin(x) / x - np.cos(x))
    return float(covariances[0] + 2.0 * weights @ covariances[1:])
