"""Expected errors per frame: what the Hits of a video are worth together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oneclick.core.hits import Hit
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration


def errors(
    hits: Sequence[Hit], length: int, beliefs: Calibration = priors.BELIEFS
) -> NDArray[np.float64]:
    """Expected number of objects in each frame that the model gets wrong, `(length,)`.

    Each object counts with P(wrong | all the triggers that fired on it). A Hit without boxes is
    one object in every frame of its span.
    """
    found = calibrate.objects(hits, length)
    worth = np.array([beliefs.wrong(fired) for fired in found.sets] or [0.0])
    total = np.bincount(found.frames, worth[found.fired], length).astype(np.float64)
    for hit in hits:
        if not hit.boxes:
            total[hit.span.start : hit.span.stop] += beliefs.wrong(frozenset([hit.trigger]))
    return total


def per_box(errors: NDArray[np.float64], boxes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Expected errors per box that a reviewer looks at: an empty frame costs one look too.

    Args:
        errors: expected errors per frame.
        boxes: boxes of the model per frame.
    """
    shares: NDArray[np.float64] = errors / (boxes + 1)
    return shares
