"""Inputs and outcome of a selection, and how many clips each part of it may take."""

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
from oneclick.core.splits import SplitPart
from oneclick.triggers import priors
from oneclick.triggers.calibrate import Calibration

SIDES: tuple[Split, ...] = ("train", "test")
EffortUnit = Literal["frame", "box"]


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """How much to select, and how far apart."""

    budget: float = 0.001
    """Share of the video seconds to select."""
    per_day: int = 0
    """Clips of each day, in place of `budget` and `min_clips`; 0 switches this off."""
    min_clips: int = 16
    """Select at least this many clips, as far as they fit."""
    control: float = 0.1
    """Share of the clips drawn at random; at least one of five."""
    novelty: float = 0.1
    """Share of the clips for unusual images; unused, it goes to expected errors."""
    max_camera: float = 1.0
    """Largest share of the clips that one camera may get; control clips are not counted."""
    max_day: float = 1.0
    """Largest share of the clips that one day may get; control clips are not counted."""
    alike: float = 0.8
    """IoU of two boxes in one place: the same error in the same place is not selected again."""
    clip_seconds: float = 3.0
    """Length of a selected Span; a shorter video gives one Span."""
    gap: float = 1.0
    """Smallest number of seconds between two Spans of one video."""
    test_share: float = 0.25
    """Share of camera-days, or of a single camera-day's time, held out (core.splits)."""
    seed: int = 0
    """Another seed draws other control clips."""
    per: EffortUnit = "frame"
    """Unit of a reviewer's effort; per box, small scenes with errors come first."""


@dataclass(frozen=True, kw_only=True)
class SelectionHistory:
    """Calibration of the triggers, and what was selected before."""

    calibration: Calibration = priors.BELIEFS
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of the budget by trigger; empty before the first reviews."""
    min_share: float = 0.0
    """Smallest share of a trigger, which reserves clips for those that were selected least."""
    clips_by_trigger: Mapping[str, int] = field(default_factory=dict)
    """Clips so far, by the trigger that was charged."""
    clips_by_day: Mapping[str, int] = field(default_factory=dict)
    """Clips so far, by UTC day."""
    novelty_triggers: frozenset[str] = frozenset()
    """Triggers that are charged to the share of novelty, never to that of errors."""
    has_learned: bool = True
    """Whether the predictor was trained. Where one that was not errs says nothing about a model:
    windows with errors are then taken in random order, for the worst ones cost most to label."""


@dataclass(frozen=True)
class EarlierClip:
    """A clip that was selected before on the same camera."""

    side: str
    """Side of the split."""
    trigger: str
    """Trigger that was charged."""
    boxes: NDArray[np.float32]
    """Boxes of its Hits, `(n, 4)` px."""


@dataclass(frozen=True, kw_only=True)
class CandidateVideo:
    """One video to select from."""

    video: str
    """Id."""
    length: int
    """Frames."""
    fps: float
    hits: Sequence[Hit]
    parts: tuple[SplitPart, ...]
    """Parts on either side of the split; the rest is not selected."""
    existing_clips: tuple[Span, ...] = ()
    """Spans of clips that exist already: nothing is selected within a gap of them."""
    boxes: NDArray[np.integer] | None = None
    """Boxes of the model per frame, `(length,)`; needed if the effort is counted per box."""
    camera: str = ""
    day: str = ""
    """UTC day."""
    earlier_clips: tuple[EarlierClip, ...] = ()
    """Recent clips of this camera."""

    @property
    def seconds(self) -> float:
        """Return the length in seconds."""
        return self.length / self.fps


@dataclass(frozen=True, kw_only=True)
class SelectedSpan:
    """One Span that will become a Clip."""

    video: str
    span: Span
    chosen_by: ChosenBy
    hits: tuple[Hit, ...]
    """All Hits that overlap the Span, of any trigger."""
    split: Split
    led_by: str = ""
    """Trigger that is charged for it."""
    stands_for: float = 0.0
    """Seconds of video that a control clip represents."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Clips of one side of the split."""

    clips: int
    """All together."""
    control: int
    novelty: int
    exploration: int
    """For triggers that were selected least."""
    minimum: int
    """Even where there are too few Hits."""


def clip_quotas(
    candidates: Sequence[CandidateVideo], options: SelectionOptions, history: SelectionHistory
) -> tuple[Quota, Quota]:
    """Return the clips for train and for test, divided by the video time of each side."""
    clips, minimum = clips_to_select(candidates, options, history)
    control = max(round(options.control * clips), int(options.control > 0 and clips >= 5))
    novelty = round(options.novelty * clips) if history.novelty_triggers else 0
    errors = max(clips - control - novelty, 0)
    exploration = round(min(history.min_share * len(history.shares), 1) * errors)
    train_seconds, test_seconds = (
        sum(
            len(part.span) / video.fps
            for video, part in selectable_parts(candidates, side, options)
        )
        for side in SIDES
    )
    counts = {
        "clips": clips,
        "control": control,
        "novelty": novelty,
        "exploration": exploration,
        "minimum": minimum,
    }
    train = {
        name: train_share(count, train_seconds, test_seconds) for name, count in counts.items()
    }
    test = {name: count - train[name] for name, count in counts.items()}
    return Quota(**train), Quota(**test)


def selectable_parts(
    candidates: Sequence[CandidateVideo], side: Split, options: SelectionOptions
) -> list[tuple[CandidateVideo, SplitPart]]:
    """Return the parts on one side that hold a clip, or most of one; a whole video may be short."""
    return [
        (candidate, part)
        for candidate in candidates
        for part in candidate.parts
        if part.split == side
        and (
            len(part.span) == candidate.length
            or 2 * len(part.span) > clip_frames(candidate, options)
        )
    ]


def clip_frames(candidate: CandidateVideo, options: SelectionOptions) -> int:
    """Return the length of a clip in frames of the video."""
    return max(1, round(options.clip_seconds * candidate.fps))


def clips_to_select(
    candidates: Sequence[CandidateVideo], options: SelectionOptions, history: SelectionHistory
) -> tuple[int, int]:
    """Return the number of clips to select, and how many of them even where Hits run out."""
    if options.per_day:
        days = {candidate.day for candidate in candidates}
        missing_clips = (options.per_day - history.clips_by_day.get(day, 0) for day in days)
        return sum(max(count, 0) for count in missing_clips), 0
    total = sum(candidate.seconds for candidate in candidates)
    share = round(options.budget * total / options.clip_seconds)
    return max(options.min_clips, share), options.min_clips


def train_share(count: int, train_seconds: float, test_seconds: float) -> int:
    """Return how many of `count` clips are for train; each side with video gets one of two."""
    if not train_seconds or not test_seconds:
        return count if train_seconds else 0
    test = round(count * test_seconds / (train_seconds + test_seconds))
    return count - min(max(test, 1), max(count - 1, 0))
