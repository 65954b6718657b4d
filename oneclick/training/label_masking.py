"""Masking of labels that training trusts only in part, or not at all.

A box that hindsight interpolated may be wrong, and a loss that treats it like a human box teaches
the mistake. Masked at random it counts in part, whatever the network: where it is masked, its
pixels are grey, so that it is an example of neither a person nor an empty floor. Regions to ignore
are always grey.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

GREY = 114


def sample_masked(
    origins: str, trust: Mapping[str, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw which boxes are masked this time, (n,).

    Args:
        origins: n letters.
        trust: probability that a box of that origin stays, 0 … 1; 1 for letters that are absent.
    """
    probability = np.array([trust.get(letter, 1.0) for letter in origins])
    masked: NDArray[np.bool_] = rng.random(len(origins)) >= probability
    return masked


def grey_out(
    image: NDArray[np.uint8], hide: NDArray[np.float32], keep: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return a copy with grey boxes; where a box to keep overlaps them, its pixels stay.

    Args:
        image: `(h, w, 3)`.
        hide: `(n, 4)` px of the image.
        keep: `(k, 4)` px.
    """
    hidden = np.zeros(image.shape[:2], np.bool_)
    for is_hidden, boxes in ((True, hide), (False, keep)):
        for x1, y1, x2, y2 in np.maximum(boxes, 0):
            hidden[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = is_hidden
    masked = image.copy()
    masked[hidden] = GREY
    return masked
