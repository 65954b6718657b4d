"""Expected errors: what the Hits of a video are worth together, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core import detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration, Objects


@dataclass(frozen=True, eq=False)
class Evidence:
    """The Hits of one video, weighed by what is believed of them.

    Each object counts with P(wrong | all the triggers that fired on it), shared between them as
    each is believed alone. A Hit without boxes is one object in every frame of its span.
    """

    hits: Sequence[Hit]
    length: int
    """Frames of the video."""
    beliefs: Calibration = priors.BELIEFS

    @cached_property
    def objects(self) -> Objects:
        """What the Hits with boxes are about; their frames never fall."""
        return calibrate.objects(self.hits, self.length)

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """Expected number of objects in each frame that the model gets wrong, `(length,)`."""
        return self._spread(self._shares.sum(1), self._whole)

    def errors_of(self, trigger: str) -> NDArray[np.float64]:
        """The part of `errors` that one trigger has found, `(length,)`."""
        if trigger not in self.names:
            return np.zeros(self.length)
        own = [hit for hit in self._whole if hit.trigger == trigger]
        return self._spread(self._shares[:, self.names.index(trigger)], own)

    def leader(self, span: Span) -> str:
        """The trigger that has found most of the errors in a span; empty where there is none."""
        if not self.names:
            return ""
        first, stop = np.searchsorted(self.objects.frames, detections.ends(span))
        seen = np.bincount(self.objects.fired[first:stop], minlength=len(self._shares))
        total = seen @ self._shares
        for hit in self._whole:
            frames = min(hit.span.stop, span.stop) - max(hit.span.start, span.start)
            total[self.names.index(hit.trigger)] += max(frames, 0) * self._alone(hit.trigger)
        return self.names[int(total.argmax())] if total.any() else ""

    def places(self, span: Span) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Boxes `(n, 4)` of the Hits in a span, and what the object of each is worth, `(n,)`."""
        found = self.objects
        first, stop = np.searchsorted(found.boxes.frames, detections.ends(span))
        worth = self._shares.sum(1)[found.fired[found.which[first:stop]]]
        return found.boxes.boxes[first:stop], worth

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All triggers that fired, by name."""
        return tuple(sorted({hit.trigger for hit in self.hits}))

    @cached_property
    def _whole(self) -> list[Hit]:
        return [hit for hit in self.hits if not hit.boxes]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """What an object is worth to each trigger, `(sets, names)`."""
        shares = np.zeros((len(self.objects.sets), len(self.names)))
        for row, fired in zip(shares, self.objects.sets, strict=True):
            names = [self.names.index(name) for name in sorted(fired)]
            alone = np.array([self._alone(name) for name in sorted(fired)])
            row[names] = self.beliefs.wrong(fired) * alone / alone.sum()
        return shares

    def _alone(self, trigger: str) -> float:
        return self.beliefs.wrong(frozenset([trigger]))

    def _spread(self, worth: NDArray[np.float64], whole: Sequence[Hit]) -> NDArray[np.float64]:
        """Per frame: objects by the `worth` of what fired on them, and Hits without boxes."""
        found, total = self.objects, np.zeros(self.length)
        if len(worth):
            total += np.bincount(found.frames, worth[found.fired], self.length)
        for hit in whole:
            total[hit.span.start : hit.span.stop] += self._alone(hit.trigger)
        return total


def errors(
    hits: Sequence[Hit], length: int, beliefs: Calibration = priors.BELIEFS
) -> NDArray[np.float64]:
    """`Evidence.errors` of some Hits."""
    return Evidence(hits, length, beliefs).errors


def per_box(errors: NDArray[np.float64], boxes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Expected errors per box that a reviewer looks at: an empty frame costs one look too.

    Args:
        errors: expected errors per frame.
        boxes: boxes of the model per frame.
    """
    shares: NDArray[np.float64] = errors / (boxes + 1)
    return shares
