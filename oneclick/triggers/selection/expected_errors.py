"""Expected errors of the model per frame, from the Hits of a video and the calibration."""

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
from oneclick.triggers.calibrate import Calibration, FlaggedObjects


@dataclass(frozen=True, eq=False)
class ExpectedErrors:
    """The Hits of one video, weighted by the error probability of their triggers.

    Each object counts with P(wrong | all triggers that fired on it), which is divided between the
    triggers in proportion to their own probabilities. A Hit without boxes is one object in every
    frame of its span.
    """

    hits: Sequence[Hit]
    length: int
    """Frames of the video."""
    calibration: Calibration = priors.BELIEFS

    @cached_property
    def objects(self) -> FlaggedObjects:
        """Return the objects of the Hits with boxes, in order of frames."""
        return calibrate.group_hits(self.hits, self.length)

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """Return the expected number of wrong objects in each frame, `(length,)`."""
        return self._sum_per_frame(self._shares.sum(1), self._frame_hits)

    def errors_of(self, trigger: str) -> NDArray[np.float64]:
        """Return the part of `errors` that is due to one trigger, `(length,)`."""
        if trigger not in self.names:
            return np.zeros(self.length)
        hits = [hit for hit in self._frame_hits if hit.trigger == trigger]
        return self._sum_per_frame(self._shares[:, self.names.index(trigger)], hits)

    def leader(self, span: Span) -> str:
        """Return the trigger with most expected errors in a span; empty where there is none."""
        if not self.names:
            return ""
        first, stop = np.searchsorted(self.objects.frames, detections.span_bounds(span))
        counts = np.bincount(self.objects.set_ids[first:stop], minlength=len(self._shares))
        total = counts @ self._shares
        for hit in self._frame_hits:
            frames = min(hit.span.stop, span.stop) - max(hit.span.start, span.start)
            total[self.names.index(hit.trigger)] += max(frames, 0) * self._probability(hit.trigger)
        return self.names[int(total.argmax())] if total.any() else ""

    def boxes_in(self, span: Span) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return boxes `(n, 4)` of the Hits in a span, and the expected errors of each, `(n,)`."""
        objects = self.objects
        first, stop = np.searchsorted(objects.boxes.frames, detections.span_bounds(span))
        errors = self._shares.sum(1)[objects.set_ids[objects.object_ids[first:stop]]]
        return objects.boxes.boxes[first:stop], errors

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of all triggers that fired, sorted."""
        return tuple(sorted({hit.trigger for hit in self.hits}))

    @cached_property
    def _frame_hits(self) -> list[Hit]:
        """Return the Hits without boxes."""
        return [hit for hit in self.hits if not hit.boxes]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Return the expected errors of an object by trigger set and trigger, `(sets, names)`."""
        shares = np.zeros((len(self.objects.trigger_sets), len(self.names)))
        for row, triggers in zip(shares, self.objects.trigger_sets, strict=True):
            columns = [self.names.index(name) for name in sorted(triggers)]
            weights = np.array([self._probability(name) for name in sorted(triggers)])
            probability = self.calibration.error_probability(triggers)
            row[columns] = probability * weights / weights.sum()
        return shares

    def _probability(self, trigger: str) -> float:
        return self.calibration.error_probability(frozenset([trigger]))

    def _sum_per_frame(
        self, errors_by_set: NDArray[np.float64], frame_hits: Sequence[Hit]
    ) -> NDArray[np.float64]:
        objects, total = self.objects, np.zeros(self.length)
        if len(errors_by_set):
            total += np.bincount(objects.frames, errors_by_set[objects.set_ids], self.length)
        for hit in frame_hits:
            total[hit.span.start : hit.span.stop] += self._probability(hit.trigger)
        return total


def per_frame(
    hits: Sequence[Hit], length: int, calibration: Calibration = priors.BELIEFS
) -> NDArray[np.float64]:
    """Return the expected number of errors in each frame of a video, `(length,)`."""
    return ExpectedErrors(hits, length, calibration).errors


def per_box(errors: NDArray[np.float64], boxes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return expected errors per box that a reviewer checks; an empty frame costs one check too.

    Args:
        errors: `(length,)` expected errors per frame.
        boxes: `(length,)` boxes of the model per frame.
    """
    shares: NDArray[np.float64] = errors / (boxes + 1)
    return shares
