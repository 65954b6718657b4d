"""A shuffle of any length that holds nothing: the place of each element is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 6


def permute(
    places: NDArray[np.integer], length: int, key: int | tuple[int, ...]
) -> NDArray[np.int64]:
    """Where a shuffle of 0 … length - 1 puts these places; one key, one shuffle.

    A Feistel network over the next power of four, walked until it lands inside (Black and
    Rogaway 2002): ten million elements are shuffled without a list of them.

    Args:
        places: (n,) in 0 … length - 1.
        key: numbers that seed it, not negative.
    """
    half = max(1, (max(length - 1, 1).bit_length() + 1) // 2)
    keys = np.random.default_rng(key).integers(0, 1 << 63, ROUNDS, np.uint64)
    moved = _rounds(np.asarray(places, np.uint64), half, keys)
    while (outside := moved >= length).any():
        moved[outside] = _rounds(moved[outside], half, keys)
    return moved.astype(np.int64)


def _rounds(values: NDArray[np.uint64], half: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = values >> bits, values & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right, key) & mask)
    return (left << bits) | right


def _mixed(values: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    """Every bit of the input moves every bit of the output; overflow is meant."""
    with np.errstate(over="ignore"):
        mixed = (values ^ key) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))
