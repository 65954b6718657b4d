"""Which moments are worth a human's time: the best under a budget, and a few at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import ChosenBy
from oneclick.core.datasets import Split
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import Part
from oneclick.triggers import expect, priors, windows
from oneclick.triggers.calibrate import Calibration
from oneclick.triggers.windows import Lane

SIDES: tuple[Split, ...] = ("train", "test")
Per = Literal["frame", "box"]


@dataclass(frozen=True)
class Options:
    """How much to select, and how far apart."""

    budget: float = 0.001
    """Share of the video seconds to select."""
    min_clips: int = 16
    """Select at least this many clips, as far as they fit."""
    control: float = 0.1
    """Share of the clips drawn at random; at least one of five."""
    clip_seconds: float = 3.0
    """Length of a selected Span; a shorter video gives one Span."""
    gap: float = 1.0
    """Least seconds between two Spans of one video."""
    test_share: float = 0.25
    """Share of camera-days, or of a lone camera-day's time, held out (core.splits)."""
    seed: int = 0
    """Another seed draws other control clips."""
    per: Per = "frame"
    """What a reviewer's time goes into: frames, or boxes. Per box prefers small failing scenes."""


@dataclass(frozen=True)
class Candidate:
    """One video to select from."""

    video: str
    length: int
    """Frames."""
    fps: float
    hits: Sequence[Hit]
    parts: tuple[Part, ...]
    """What lies on which side of the split; the rest is not selected."""
    taken: tuple[Span, ...] = ()
    """Spans of clips that exist already: nothing is selected within a gap of them."""
    boxes: NDArray[np.integer] | None = None
    """Boxes of the model per frame; only `per` box asks for them."""


@dataclass(frozen=True)
class Choice:
    """One Span that will become a Clip."""

    video: str
    span: Span
    chosen_by: ChosenBy
    hits: tuple[Hit, ...]
    """All that overlap the Span, whoever chose it."""
    split: Split


def select(
    candidates: Sequence[Candidate], options: Options, beliefs: Calibration = priors.BELIEFS
) -> list[Choice]:
    """Choose Spans over all videos together; the same input in any order gives the same output.

    The number of clips is the budget's share of the seconds, at least `min_clips`, divided between
    the sides of the split by their time. On each side the control clips are drawn first, uniformly
    over all windows and blind to the Hits, so that they can testify about what triggers miss; then
    the windows with most expected errors are taken greedily. Where Hits run out, random windows
    fill up to `min_clips`; they count as control.
    """
    ordered = sorted(candidates, key=lambda candidate: candidate.video)
    places = {side: _places(ordered, side, options) for side in SIDES}
    seconds = [sum(len(part.span) / c.fps for c, part in places[side]) for side in SIDES]
    total = sum(candidate.length / candidate.fps for candidate in ordered)
    wanted = max(options.min_clips, round(options.budget * total / options.clip_seconds))
    control = max(round(options.control * wanted), int(options.control > 0 and wanted >= 5))
    scores = {c.video: _scores(c, options.per, beliefs) for c in ordered}
    shares = zip(*(_divide(n, seconds) for n in (wanted, control, options.min_clips)), strict=True)
    chosen: list[Choice] = []
    for side, quota in zip(SIDES, shares, strict=True):
        chosen += _side(places[side], scores, quota, options)
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


def _scores(one: Candidate, per: Per, beliefs: Calibration) -> NDArray[np.float64]:
    errors = expect.errors(one.hits, one.length, beliefs)
    if per == "frame" or one.boxes is None:
        return errors
    return expect.per_box(errors, one.boxes)


def _divide(count: int, seconds: Sequence[float]) -> tuple[int, int]:
    """Clips for train and for test; each side that has time gets one, if there are two."""
    train, test = seconds
    if not train or not test:
        return (count, 0) if train else (0, count)
    of_test = min(max(round(count * test / (train + test)), 1), max(count - 1, 0))
    return count - of_test, of_test


def _places(
    candidates: Sequence[Candidate], side: Split, options: Options
) -> list[tuple[Candidate, Part]]:
    """Parts on one side that hold a clip; a video in one part is taken even if it is shorter."""
    return [
        (candidate, part)
        for candidate in candidates
        for part in candidate.parts
        if part.split == side
        and (len(candidate.parts) == 1 or len(part.span) >= _size(candidate, options))
    ]


def _size(candidate: Candidate, options: Options) -> int:
    return max(1, round(options.clip_seconds * candidate.fps))


def _lane(candidate: Candidate, part: Part, options: Options) -> Lane:
    size = min(_size(candidate, options), len(part.span))
    gap = round(options.gap * candidate.fps)
    return Lane(candidate.video, part.span, size, gap, candidate.fps, candidate.taken)


def _side(
    places: Sequence[tuple[Candidate, Part]],
    scores: Mapping[str, NDArray[np.float64]],
    quota: tuple[int, int, int],
    options: Options,
) -> list[Choice]:
    """Control, then triggered, then filling, on one side; quota = clips, control, at least."""
    wanted, control, least = quota
    if not places or not wanted:
        return []
    lanes = [_lane(candidate, part, options) for candidate, part in places]
    board, blind = windows.Board(lanes), windows.at_random(lanes, options.seed)
    by = dict.fromkeys(board.take(blind, min(control, wanted)), ChosenBy.CONTROL)
    best = windows.best_first(lanes, [scores[lane.video] for lane in lanes])
    by |= dict.fromkeys(board.take(best, wanted - len(by)), ChosenBy.TRIGGER)
    by |= dict.fromkeys(board.take(blind, least - len(by)), ChosenBy.CONTROL)
    return [_choice(places, *board.where(k), chosen_by) for k, chosen_by in by.items()]


def _choice(
    places: Sequence[tuple[Candidate, Part]], number: int, span: Span, chosen_by: ChosenBy
) -> Choice:
    candidate, part = places[number]
    hits = tuple(hit for hit in candidate.hits if hit.span.overlaps(span))
    return Choice(candidate.video, span, chosen_by, hits, part.split)
