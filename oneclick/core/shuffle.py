"""A shuffle of any length in constant memory: the position of each element is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 6


def permute(
    positions: NDArray[np.integer], length: int, key: int | tuple[int, ...]
) -> NDArray[np.int64]:
    """Return the positions after a pseudo-random permutation of 0 … length - 1, `(n,)`.

    A Feistel network over the next power of four, iterated until it lands inside (cycle walking:
    Black and Rogaway, 2002): ten million elements are shuffled without a list of them.

    Args:
        positions: `(n,)` in 0 … length - 1.
        length: number of elements.
        key: seed, not negative; equal keys give equal permutations.
    """
    half_bits = max(1, (max(length - 1, 1).bit_length() + 1) // 2)
    round_keys = np.random.default_rng(key).integers(0, 1 << 63, ROUNDS, np.uint64)
    permuted = _feistel(np.asarray(positions, np.uint64), half_bits, round_keys)
    while (outside := permuted >= length).any():
        permuted[outside] = _feistel(permuted[outside], half_bits, round_keys)
    return permuted.astype(np.int64)


def _feistel(
    values: NDArray[np.uint64], half_bits: int, round_keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Apply a Feistel network with a multiply-xorshift hash to values of 2 · `half_bits` bits."""
    bits, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    high, low = values >> bits, values & mask
    for key in round_keys:
        with np.errstate(over="ignore"):
            mixed = (low ^ key) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        high, low = low, high ^ ((mixed ^ (mixed >> np.uint64(32))) & mask)
    return (high << bits) | low
