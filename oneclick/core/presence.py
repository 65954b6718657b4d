"""Changes of the number of boxes over time: what lasts, and what flickers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

SMOOTH_SECONDS = 1.0
"""Changes in the number of boxes that are undone within so long are flicker."""


def count_changes(numbers: NDArray[np.int32], fps: float) -> tuple[int, int]:
    """Return rises of the number of boxes that last, and changes that are undone.

    Args:
        numbers: boxes of each frame of a stretch, (n,).
        fps: frames per second.
    """
    window = max(3, round(SMOOTH_SECONDS * fps) | 1)
    smooth = median_filter(numbers, window, mode="nearest")
    rises = np.diff(smooth, prepend=0)
    all_changes = int(np.abs(np.diff(numbers)).sum())
    lasting = int(np.abs(np.diff(smooth)).sum())
    return int(rises[rises > 0].sum()), max(0, all_changes - lasting) // 2
