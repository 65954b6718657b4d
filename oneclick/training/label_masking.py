"""What training believes only in part, or not at all.

A box that hindsight filled in may be wrong, and a loss that treats it like a drawn one teaches the
mistake. Left out at random it counts in part, whatever the network: where it is left out, its
place is greyed, so that it is an example of neither a person nor an empty floor. Regions to ignore
are greyed always.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

GREY = 114


def left_out(
    origins: str, counts: Mapping[str, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(n,) which boxes are left out this time.

    Args:
        origins: n letters.
        counts: how much a box of that origin counts, 0 … 1; 1 where it is silent.
    """
    share = np.array([counts.get(letter, 1.0) for letter in origins])
    out: NDArray[np.bool_] = rng.random(len(origins)) >= share
    return out


def greyed(
    image: NDArray[np.uint8], hide: NDArray[np.float32], keep: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """A copy without these places; the boxes to keep stay whole.

    Args:
        image: `(h, w, 3)`.
        hide: `(n, 4)` px of the image.
        keep: `(k, 4)` px.
    """
    hidden = np.zeros(image.shape[:2], np.bool_)
    for mark, rows in ((True, hide), (False, keep)):
        for x1, y1, x2, y2 in np.maximum(rows, 0):
            hidden[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = mark
    made = image.copy()
    made[hidden] = GREY
    return made
