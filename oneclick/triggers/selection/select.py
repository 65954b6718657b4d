"""Which moments are worth a human's time: the best under a budget, and a few at random."""

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
from oneclick.core.splits import Part
from oneclick.triggers import windows
from oneclick.triggers.selection import expected_errors, quotas
from oneclick.triggers.selection.diversity_caps import Allowance, Moment
from oneclick.triggers.selection.expected_errors import Evidence
from oneclick.triggers.selection.quotas import (
    Candidate,
    Choice,
    Earlier,
    Known,
    Options,
    Per,
    Quota,
)
from oneclick.triggers.windows import Lane

__all__ = ["Candidate", "Choice", "Earlier", "Known", "Options", "Per", "frames", "select"]

SLACK = 2
"""A trigger may lead this many times its share of the clips."""


def select(
    candidates: Sequence[Candidate], options: Options, known: Known | None = None
) -> list[Choice]:
    """Choose Spans over all videos together; the same input in any order gives the same output.

    The number of clips is the budget's share of the seconds, at least `min_clips`, divided between
    the sides of the split by their time. On each side the control clips are drawn first, uniformly
    over all time and blind to the Hits, so that they can testify about what triggers miss; only
    videos without a clip yet take part, or the draw would not be uniform. Then come a few clips for
    the triggers that were tried least, the best of novelty, and the windows with most expected
    errors, greedily. Where Hits run out, random windows fill up to `min_clips`.
    """
    known = known or Known()
    ordered = sorted(candidates, key=lambda candidate: candidate.video)
    views = {one.video: _View(one, options, known) for one in ordered}
    sides = quotas.quotas(ordered, options, known)
    allowance = _allowance(ordered, sum(quota.clips for quota in sides), options, known)
    chosen: list[Choice] = []
    for side, quota in zip(quotas.SIDES, sides, strict=True):
        here = [(views[one.video], part) for one, part in quotas.places(ordered, side, options)]
        if here and quota.clips:
            chosen += _Side(here, quota, options, known, allowance).choose()
    return sorted(chosen, key=lambda choice: (choice.video, choice.span))


def frames(
    scores: NDArray[np.float64], fps: float, budget: float, gap: float = 1.0
) -> list[tuple[int, float]]:
    """The best frames with their scores, best first, at least `gap` seconds apart.

    At most `budget` × their number (one at least); frames that score nothing are never taken.
    """
    length = len(scores)
    found = np.flatnonzero(scores > 0)
    order = found[np.argsort(-scores[found], kind="stable")]
    free, reach = bytearray(b"\1") * length, max(1, round(gap * fps))

    def near(k: int) -> tuple[int, int]:
        return max(0, k - reach + 1), min(length, k + reach)

    picked = windows.walk(order, free, max(1, round(budget * length)), near)
    return [(frame, round(float(scores[frame]), 4)) for frame in picked]


@dataclass(frozen=True, eq=False)
class _View:
    """A candidate and what is computed of it once."""

    of: Candidate
    options: Options
    known: Known

    @cached_property
    def evidence(self) -> Evidence:
        wrong = [hit for hit in self.of.hits if hit.trigger not in self.known.novel]
        return Evidence(wrong, self.of.length, self.known.beliefs)

    def worth(self, trigger: str = "") -> NDArray[np.float64]:
        """Frames by expected errors, of one trigger or of all together."""
        found = self.evidence
        errors = found.errors_of(trigger) if trigger else found.errors
        if self.options.per == "frame" or self.of.boxes is None:
            return errors
        return expected_errors.per_box(errors, self.of.boxes)

    @cached_property
    def novelty(self) -> NDArray[np.float64]:
        """Frames by the scores of what is new."""
        total = np.zeros(self.of.length)
        for hit in self._novel:
            total[hit.span.start : hit.span.stop] += hit.score
        return total

    def leader(self, span: Span) -> str:
        """The trigger that has found most of the errors in a span."""
        return self.evidence.leader(span)

    def newest(self, span: Span) -> str:
        """The trigger with most novelty in a span."""
        near = [hit for hit in self._novel if hit.span.overlaps(span)]
        return max(near, key=lambda hit: (hit.score, hit.trigger)).trigger if near else ""

    @cached_property
    def _novel(self) -> list[Hit]:
        return [hit for hit in self.of.hits if hit.trigger in self.known.novel]


Name = Callable[[_View, Span], str]
"""Which trigger is charged for a span."""


class _Side:
    """The choice on one side of the split."""

    def __init__(
        self,
        places: Sequence[tuple[_View, Part]],
        quota: Quota,
        options: Options,
        known: Known,
        allowance: Allowance,
    ) -> None:
        self.places, self.quota = places, quota
        self.known, self.allowance = known, allowance
        self.lanes = [_lane(view.of, part, options) for view, part in places]
        self.board = windows.Board(self.lanes)
        self.blind = windows.at_random(self.lanes, options.seed)
        self.chosen: list[Choice] = []

    def choose(self) -> list[Choice]:
        """Control, tries, novelty, errors, then filling.

        Errors are taken within the shares of their triggers first; what is left goes to anyone.
        """
        self._control()
        self._tries()
        novel = [view.novelty for view, _ in self.places]
        self._take(novel, self._room(self.quota.novelty), ChosenBy.NOVELTY, _View.newest)
        errors = [view.worth() for view, _ in self.places]
        for beyond_share in (False, True) if self.known.shares else (True,):
            room = self._room(self.quota.clips)
            self._take(errors, room, ChosenBy.TRIGGER, _View.leader, beyond_share)
        for k in self.board.take(self.blind, self.quota.least - len(self.chosen)):
            self._add(k, ChosenBy.FLOOR)
        return self.chosen

    def _control(self) -> None:
        """Over the videos that have no clip yet."""
        fresh = [not lane.taken for lane in self.lanes]
        seconds = sum(lane.seconds for lane, new in zip(self.lanes, fresh, strict=True) if new)
        count = self._room(self.quota.control)
        drawn = self.board.take(self.blind, count, lambda k: fresh[self.board.where(k)[0]])
        for k in drawn:
            self._add(k, ChosenBy.CONTROL, stands_for=seconds / len(drawn))

    def _tries(self) -> None:
        """One clip for each of the triggers that were tried least, if they have found anything."""
        fired = {name for view, _ in self.places for name in view.evidence.names}
        left = self._room(self.quota.tries)
        charged = self.known.charged
        for trigger in sorted(fired, key=lambda name: (charged.get(name, 0), name)):
            if left > 0:
                scores = [view.worth(trigger) for view, _ in self.places]
                left -= self._take(scores, 1, ChosenBy.TRIGGER, lambda *_, name=trigger: name)

    def _room(self, count: int) -> int:
        return min(count, self.quota.clips - len(self.chosen))

    def _take(
        self,
        scores: Sequence[NDArray[np.float64]],
        count: int,
        by: ChosenBy,
        name: Name,
        beyond_share: bool = False,
    ) -> int:
        """Choose the best windows that are allowed; how many."""
        if count <= 0:
            return 0
        order = windows.best_first(self.lanes, scores)
        taken = self.board.take(
            order, count, lambda k: self.allowance.allows(self._moment(k, name), beyond_share)
        )
        for k in taken:
            self._add(k, by, self._moment(k, name).trigger)
        return len(taken)

    def _moment(self, k: int, name: Name) -> Moment:
        number, span = self.board.where(k)
        view, part = self.places[number]
        boxes, worth = view.evidence.places(span)
        return Moment(view.of.camera, view.of.day, part.split, name(view, span), boxes, worth)

    def _add(self, k: int, by: ChosenBy, led_by: str = "", stands_for: float = 0.0) -> None:
        number, span = self.board.where(k)
        view, part = self.places[number]
        hits = tuple(hit for hit in view.of.hits if hit.span.overlaps(span))
        self.chosen.append(Choice(view.of.video, span, by, hits, part.split, led_by, stands_for))


def _lane(candidate: Candidate, part: Part, options: Options) -> Lane:
    size = min(quotas.size(candidate, options), len(part.span))
    gap = round(options.gap * candidate.fps)
    return Lane(candidate.video, part.span, size, gap, candidate.fps, candidate.taken)


def _allowance(
    candidates: Sequence[Candidate], clips: int, options: Options, known: Known
) -> Allowance:
    """Caps of this selection, and what was selected lately."""

    def most(share: float) -> int:
        return max(1, ceil(share * clips))

    made = Allowance(alike=options.alike)
    if options.max_camera < 1:
        made.cameras = {one.camera: most(options.max_camera) for one in candidates}
    if options.max_day < 1:
        made.days = {one.day: most(options.max_day) for one in candidates}
    made.triggers = {name: most(SLACK * share) for name, share in known.shares.items()}
    for one in candidates:
        for before in one.earlier:
            made.remember(one.camera, before.side, before.trigger, before.boxes)
    return made
