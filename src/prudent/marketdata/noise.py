"""Numbered noise for synthetic series: the same text and counter give the same number on every machine and version."""

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from prudent.ports import Floats

Counters = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_16 = np.uint64(0xFFFF)
_ALL_64 = 2**64 - 1
_UNIT = 2.0**-53


@cache
def seed(*words: str) -> int:
    """A 64-bit seed from words."""
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], "big")


def counters(numbers: NDArray[np.int64] | int, *, slot: int = 0, slots: int = 1) -> Counters:
    """Counters that differ for each number and slot."""
    return (np.atleast_1d(np.asarray(numbers, dtype=np.int64)) * slots + slot).astype(np.uint64)


def _splitmix(start: int, count: Counters) -> Counters:
    # SplitMix64 by counter: wraps modulo 2^64 on purpose, which numpy does for arrays in silence.
    z: Counters = np.uint64(start) + (count + np.uint64(1)) * _STEP
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def uniforms(start: int, count: Counters) -> Floats:
    """Numbers in [0, 1), one a counter."""
    return (_splitmix(start, count) >> np.uint64(11)).astype(np.float64) * _UNIT


def bells(start: int, count: Counters) -> Floats:
    """Bell-shaped numbers of mean 0 and deviation 1 within [-3.47, 3.47], one a counter.

    Sums of four uniforms rather than normals: no logarithm or cosine, whose last bit differs between processors.
    """
    z = _splitmix(start, count)
    total = (
        (z & _LOW_16)
        + ((z >> np.uint64(16)) & _LOW_16)
        + ((z >> np.uint64(32)) & _LOW_16)
        + (z >> np.uint64(48))
    ).astype(np.float64)  # fmt: skip
    out: Floats = (total / 65_536.0 - 2.0 + 2.0**-15) * 1.7320508075688772
    return out


def uniform(start: int, number: int) -> float:
    """One number in [0, 1): the same as `uniforms` gives for that counter, without an array."""
    z = (start + (number + 1) * int(_STEP)) & _ALL_64
    z = ((z ^ (z >> 30)) * int(_MIX_1)) & _ALL_64
    z = ((z ^ (z >> 27)) * int(_MIX_2)) & _ALL_64
    return float((z ^ (z >> 31)) >> 11) * _UNIT
