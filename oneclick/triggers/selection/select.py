"""Selection of the spans to review: the best ones under a budget, and a few drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import ChosenBy
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.triggers import windows
from oneclick.triggers.selection import expected_errors, quotas
from oneclick.triggers.selection.diversity_caps import CandidateWindow, DiversityCaps
from oneclick.triggers.selection.expected_errors import ExpectedErrors
from oneclick.triggers.selection.quotas import (
    CandidateVideo,
    EarlierClip,
    EffortUnit,
    Quota,
    SelectedSpan,
    SelectionHistory,
    SelectionOptions,
)
from oneclick.triggers.windows import PartWindows

__all__ = [
    "CandidateVideo",
    "EarlierClip",
    "EffortUnit",
    "SelectedSpan",
    "SelectionHistory",
    "SelectionOptions",
    "best_frames",
    "select",
]

SHARE_SLACK = 2
"""A trigger may be charged for this many times its share of the clips."""


def select(
    candidates: Sequence[CandidateVideo],
    options: SelectionOptions,
    history: SelectionHistory | None = None,
) -> list[SelectedSpan]:
    """Select Spans over all videos together; the order of the videos does not matter.

    The number of clips is the budget's share of the seconds, at least `min_clips`, divided between
    the sides of the split by their time. On each side the control clips are drawn first, uniformly
    over all time and independent of the Hits, so that they estimate what triggers miss; only videos
    without a clip take part, or the draw would not be uniform. Then come a few clips for the
    triggers that were selected least, the best of novelty, and the windows with most expected
    errors, greedily; while the predictor has learned nothing, windows with errors in random order.
    Where Hits run out, random windows fill up to `min_clips`.
    """
    history = history or SelectionHistory()
    ordered = sorted(candidates, key=lambda candidate: candidate.video)
    scores = {candidate.video: _VideoScores(candidate, options, history) for candidate in ordered}
    side_quotas = quotas.clip_quotas(ordered, options, history)
    total = sum(quota.clips for quota in side_quotas)
    caps = diversity_caps(ordered, total, options, history)
    spans: list[SelectedSpan] = []
    for side, quota in zip(quotas.SIDES, side_quotas, strict=True):
        places = quotas.selectable_parts(ordered, side, options)
        if places and quota.clips:
            parts = [(scores[candidate.video], part) for candidate, part in places]
            spans += _SideSelector(parts, quota, options, history, caps).select()
    return sorted(spans, key=lambda selected: (selected.video, selected.span))


def best_frames(
    scores: NDArray[np.float64], fps: float, budget: float, gap: float = 1.0
) -> list[tuple[int, float]]:
    """Return the best frames with their scores, best first.

    Args:
        scores: `(length,)` scores of the frames; those without a positive score are left out.
        fps: frames per second.
        budget: largest share of the frames, at least one frame.
        gap: smallest number of seconds between two frames.
    """
    length = len(scores)
    positive = np.flatnonzero(scores > 0)
    order = positive[np.argsort(-scores[positive], kind="stable")]
    free, reach = bytearray(b"\1") * length, max(1, round(gap * fps))

    def excluded(k: int) -> tuple[int, int]:
        return max(0, k - reach + 1), min(length, k + reach)

    frames = windows.pick_greedily(order, free, max(1, round(budget * length)), excluded)
    return [(frame, round(float(scores[frame]), 4)) for frame in frames]


def diversity_caps(
    candidates: Sequence[CandidateVideo],
    clips: int,
    options: SelectionOptions,
    history: SelectionHistory,
) -> DiversityCaps:
    """Return the caps of a selection of `clips`, with the recent clips of each camera."""

    def largest(share: float) -> int:
        return max(1, ceil(share * clips))

    caps = DiversityCaps(alike=options.alike)
    if options.max_camera < 1:
        caps.cameras = {video.camera: largest(options.max_camera) for video in candidates}
    if options.max_day < 1:
        caps.days = {video.day: largest(options.max_day) for video in candidates}
    caps.triggers = {name: largest(SHARE_SLACK * share) for name, share in history.shares.items()}
    for video in candidates:
        for clip in video.earlier_clips:
            caps.remember(video.camera, clip.side, clip.trigger, clip.boxes)
    return caps


@dataclass(frozen=True, eq=False)
class _VideoScores:
    """Scores of one candidate's frames, computed once."""

    candidate: CandidateVideo
    options: SelectionOptions
    history: SelectionHistory

    @cached_property
    def errors(self) -> ExpectedErrors:
        """Return the expected errors from the Hits that are not of novelty triggers."""
        novelty_triggers = self.history.novelty_triggers
        hits = [hit for hit in self.candidate.hits if hit.trigger not in novelty_triggers]
        return ExpectedErrors(hits, self.candidate.length, self.history.calibration)

    def error_scores(self, trigger: str = "") -> NDArray[np.float64]:
        """Return the score of each frame, `(length,)`, by expected errors of one trigger or all."""
        errors = self.errors.errors_of(trigger) if trigger else self.errors.errors
        if self.options.per == "frame" or self.candidate.boxes is None:
            return errors
        return expected_errors.per_box(errors, self.candidate.boxes)

    @cached_property
    def novelty_scores(self) -> NDArray[np.float64]:
        """Return the sum of the scores of novelty Hits in each frame, `(length,)`."""
        total = np.zeros(self.candidate.length)
        for hit in self._novelty_hits:
            total[hit.span.start : hit.span.stop] += hit.score
        return total

    def error_leader(self, span: Span) -> str:
        """Return the trigger with most expected errors in a span."""
        return self.errors.leader(span)

    def novelty_leader(self, span: Span) -> str:
        """Return the novelty trigger with the highest score in a span."""
        hits = [hit for hit in self._novelty_hits if hit.span.overlaps(span)]
        return max(hits, key=lambda hit: (hit.score, hit.trigger)).trigger if hits else ""

    @cached_property
    def _novelty_hits(self) -> list[Hit]:
        return [hit for hit in self.candidate.hits if hit.trigger in self.history.novelty_triggers]


Leader = Callable[[_VideoScores, Span], str]
"""Returns the trigger that is charged for a span."""


class _SideSelector:
    """Selection on one side of the split."""

    def __init__(
        self,
        parts: Sequence[tuple[_VideoScores, SplitPart]],
        quota: Quota,
        options: SelectionOptions,
        history: SelectionHistory,
        caps: DiversityCaps,
    ) -> None:
        self.parts, self.quota = parts, quota
        self.history, self.caps = history, caps
        self.windows = [
            PartWindows(
                video=scores.candidate.video,
                part=part.span,
                size=min(quotas.clip_frames(scores.candidate, options), len(part.span)),
                gap=round(options.gap * scores.candidate.fps),
                fps=scores.candidate.fps,
                existing_clips=scores.candidate.existing_clips,
            )
            for scores, part in parts
        ]
        self.pool = windows.WindowPool(self.windows)
        self.random_order = windows.random_order(self.windows, options.seed)
        self.spans: list[SelectedSpan] = []

    def select(self) -> list[SelectedSpan]:
        """Select control clips, exploration, novelty, errors, then random windows.

        Errors are selected within the shares of their triggers first, then beyond them.
        """
        self.draw_control()
        self.explore()
        if count := self._remaining(self.quota.novelty):
            novelty = [scores.novelty_scores for scores, _ in self.parts]
            order = windows.best_first_order(self.windows, novelty)
            self._take(order, count, ChosenBy.NOVELTY, _VideoScores.novelty_leader)
        errors = [scores.error_scores() for scores, _ in self.parts]
        order = windows.best_first_order(self.windows, errors)
        if not self.history.has_learned:
            order = self.random_order[np.isin(self.random_order, order)]
        for beyond_share in (False, True) if self.history.shares else (True,):
            count = self._remaining(self.quota.clips)
            leader = _VideoScores.error_leader
            self._take(order, count, ChosenBy.TRIGGER, leader, beyond_share)
        for k in self.pool.take(self.random_order, self.quota.minimum - len(self.spans)):
            self._add(k, ChosenBy.FLOOR)
        return self.spans

    def draw_control(self) -> None:
        """Draw the control clips from the videos that have no clip yet."""
        eligible = [not part.existing_clips for part in self.windows]
        seconds = sum(part.seconds for part in self.windows if not part.existing_clips)
        count = self._remaining(self.quota.control)
        places = self.pool.take(
            self.random_order, count, lambda k: eligible[self.pool.locate(k)[0]]
        )
        for k in places:
            self._add(k, ChosenBy.CONTROL, stands_for=seconds / len(places))

    def explore(self) -> None:
        """Take one clip for each of the triggers that were selected least, if they have Hits."""
        triggers = {name for scores, _ in self.parts for name in scores.errors.names}
        clips = self.history.clips_by_trigger
        remaining = self._remaining(self.quota.exploration)
        for trigger in sorted(triggers, key=lambda name: (clips.get(name, 0), name)):
            if remaining > 0:
                errors = [scores.error_scores(trigger) for scores, _ in self.parts]
                order = windows.best_first_order(self.windows, errors)
                remaining -= self._take(order, 1, ChosenBy.TRIGGER, lambda *_, name=trigger: name)

    def _remaining(self, count: int) -> int:
        return min(count, self.quota.clips - len(self.spans))

    def _take(
        self,
        order: windows.Order,
        count: int,
        chosen_by: ChosenBy,
        leader: Leader,
        beyond_share: bool = False,
    ) -> int:
        """Select the first windows of `order` within the caps; return how many there were."""
        if count <= 0:
            return 0
        places = self.pool.take(
            order,
            count,
            lambda k: self.caps.accept(self._candidate_window(k, leader), beyond_share),
        )
        for k in places:
            self._add(k, chosen_by, self._candidate_window(k, leader).trigger)
        return len(places)

    def _candidate_window(self, k: int, leader: Leader) -> CandidateWindow:
        number, span = self.pool.locate(k)
        scores, part = self.parts[number]
        boxes, errors = scores.errors.boxes_in(span)
        return CandidateWindow(
            camera=scores.candidate.camera,
            day=scores.candidate.day,
            side=part.split,
            trigger=leader(scores, span),
            boxes=boxes,
            expected_errors=errors,
        )

    def _add(self, k: int, chosen_by: ChosenBy, led_by: str = "", stands_for: float = 0.0) -> None:
        number, span = self.pool.locate(k)
        scores, part = self.parts[number]
        self.spans.append(
            SelectedSpan(
                video=scores.candidate.video,
                span=span,
                chosen_by=chosen_by,
                hits=tuple(hit for hit in scores.candidate.hits if hit.span.overlaps(span)),
                split=part.split,
                led_by=led_by,
                stands_for=stands_for,
            )
        )
