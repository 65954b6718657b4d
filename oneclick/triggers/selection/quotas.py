"""How much is to be selected, of what, and from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import ChosenBy
from oneclick.core.datasets import Split
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import Part
from oneclick.triggers import priors
from oneclick.triggers.calibrate import Calibration

SIDES: tuple[Split, ...] = ("train", "test")
Per = Literal["frame", "box"]


@dataclass(frozen=True)
class Options:
    """How much to select, and how far apart."""

    budget: float = 0.001
    """Share of the video seconds to select."""
    per_day: int = 0
    """Clips of each day, in place of `budget` and `min_clips`; 0 is no such number."""
    min_clips: int = 16
    """Select at least this many clips, as far as they fit."""
    control: float = 0.1
    """Share of the clips drawn at random; at least one of five."""
    novelty: float = 0.1
    """Share of the clips for what no error score speaks of; unused, it falls to the errors."""
    max_camera: float = 1.0
    """Largest share of the clips that one camera may get; control clips are not counted."""
    max_day: float = 1.0
    """Largest share of the clips that one day may get; control clips are not counted."""
    alike: float = 0.8
    """IoU of two boxes in one place: the same trouble in the same place is not taken again."""
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
class Known:
    """What was known before: beliefs about triggers, and what they were charged for."""

    beliefs: Calibration = priors.BELIEFS
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of the budget by trigger; none before the first reviews."""
    floor: float = 0.0
    """Share that every trigger keeps: so many clips go to those that were tried least."""
    charged: Mapping[str, int] = field(default_factory=dict)
    """Clips so far by trigger."""
    days: Mapping[str, int] = field(default_factory=dict)
    """Clips so far by day."""
    novel: frozenset[str] = frozenset()
    """Triggers that are paid from the share of novelty, never from that of errors."""


@dataclass(frozen=True)
class Earlier:
    """What a clip of before showed on a camera."""

    side: str
    """Of the split."""
    trigger: str
    boxes: NDArray[np.float32]
    """Of its Hits, `(n, 4)`."""


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
    camera: str = ""
    day: str = ""
    """UTC day."""
    earlier: tuple[Earlier, ...] = ()
    """What was selected of this camera lately."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.length / self.fps


@dataclass(frozen=True)
class Choice:
    """One Span that will become a Clip."""

    video: str
    span: Span
    chosen_by: ChosenBy
    hits: tuple[Hit, ...]
    """All that overlap the Span, whoever chose it."""
    split: Split
    led_by: str = ""
    """Trigger that is charged for it."""
    stands_for: float = 0.0
    """Seconds of video that a control clip speaks for."""


@dataclass(frozen=True)
class Quota:
    """Clips of one side of the split."""

    clips: int
    """All together."""
    control: int
    novelty: int
    tries: int
    """For triggers that were tried least."""
    least: int
    """So many even where nothing was found."""


def quotas(candidates: Sequence[Candidate], options: Options, known: Known) -> tuple[Quota, Quota]:
    """Clips for train and for test, divided by their time."""
    wanted, least = _wanted(candidates, options, known)
    control = max(round(options.control * wanted), int(options.control > 0 and wanted >= 5))
    novelty = round(options.novelty * wanted) if known.novel else 0
    errors = max(wanted - control - novelty, 0)
    tries = round(min(known.floor * len(known.shares), 1) * errors)
    seconds = [
        sum(len(part.span) / one.fps for one, part in places(candidates, side, options))
        for side in SIDES
    ]
    counts = [_divide(count, seconds) for count in (wanted, control, novelty, tries, least)]
    train, test = (Quota(*of_side) for of_side in zip(*counts, strict=True))
    return train, test


def places(
    candidates: Sequence[Candidate], side: Split, options: Options
) -> list[tuple[Candidate, Part]]:
    """Parts on one side that hold a clip; a video in one part is taken even if it is shorter."""
    return [
        (candidate, part)
        for candidate in candidates
        for part in candidate.parts
        if part.split == side
        and (len(candidate.parts) == 1 or len(part.span) >= size(candidate, options))
    ]


def size(candidate: Candidate, options: Options) -> int:
    """Frames of a clip."""
    return max(1, round(options.clip_seconds * candidate.fps))


def _wanted(candidates: Sequence[Candidate], options: Options, known: Known) -> tuple[int, int]:
    """Clips to select, and how many of them even where nothing was found."""
    if options.per_day:
        days = {candidate.day for candidate in candidates}
        return sum(max(options.per_day - known.days.get(day, 0), 0) for day in days), 0
    total = sum(candidate.seconds for candidate in candidates)
    share = round(options.budget * total / options.clip_seconds)
    return max(options.min_clips, share), options.min_clips


def _divide(count: int, seconds: Sequence[float]) -> tuple[int, int]:
    """Clips for train and for test; each side that has time gets one, if there are two."""
    train, test = seconds
    if not train or not test:
        return (count, 0) if train else (0, count)
    of_test = min(max(round(count * test / (train + test)), 1), max(count - 1, 0))
    return count - of_test, of_test
