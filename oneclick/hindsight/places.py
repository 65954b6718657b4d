"""Questions about nobody: places where evidence says that somebody may be, and no label is.

Rival detections (low scores too), motion, turned looks and novelty give boxes with a strength. What
the labels do not explain is linked over time; the sum of its strength tells whether to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.hindsight.questions import Question

FloatArray = NDArray[np.float64]

PERSON = "person"
"""Class of whom a question calls anybody; other classes are called by their names."""


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """When to ask about a place, chosen on vtest.avi and TUD-Campus (tests/bench/questions.py)."""

    per_clip: int = 3
    """Most questions about places in one clip; 0 asks none."""
    least_chance: float = 0.4
    """Least probability that somebody is there."""
    explained_iou: float = 0.3
    """A box that overlaps a label this much is that label."""
    explained_share: float = 0.6
    """So is a box of which this share lies inside a label, or that covers this share of one."""
    sure: float = 0.8
    """Strength from which a box counts by itself, rising to its full weight at 1."""
    support: float = 0.1
    """Weight of weaker boxes by their strength: alone they are mostly noise, so they only support
    what another source says."""
    standstill: float = 0.8
    """Box widths of movement below which a place is one of a thing that never moves."""
    standstill_weight: float = 0.1
    """Weight of the evidence there: lamps and chairs deceive a model all day. People who lie still
    are asked about where a model is sure of them."""
    usual_share: float = 0.25
    """A thing that never moves, and that the source reports in this share of the recording, is
    furniture to it."""
    usual_weight: float = 0.04
    """Weight of the evidence there."""
    lying_weight: float = 0.5
    """Weight of evidence of somebody who lies, where it never moves: who lies keeps still, for the
    whole recording too."""
    least_evidence: float = 0.1
    """Places with less are noise."""
    link_iou: float = 0.3
    """IoU from frame to frame at one place."""
    hole_seconds: float = 0.5
    """Longest time without evidence at one place."""
    least_seconds: float = 0.3
    """Places with evidence for a shorter time are noise."""
    longest_seconds: float = 10.0
    """A question about a longer time is split."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PlaceEvidence:
    """What one source says about where somebody may be."""

    source: str
    """For the reviewer, such as `a model` or `motion`."""
    boxes: Detections
    """Scores are strengths: 1 is the operating point of the source."""
    seconds_for_half: float
    """Seconds at full strength after which somebody is there with a probability of a half."""
    has_classes: bool = True
    """Whether it tells objects of one class from others: then a label explains those of its own
    class only, and a box at the operating point is a sure sign. Motion does not."""
    may_lie: bool = False
    """Whether it speaks for people who lie, and so keep still."""
    usual: Detections | None = None
    """What the source says in some frames of the whole recording, or None where that is unknown;
    strengths as in `boxes`."""


def find_places(
    evidence: Sequence[PlaceEvidence],
    tracks: Tracks,
    options: PlaceOptions = PlaceOptions(),
) -> list[Question]:
    """Return questions about places without a label, most expected corrections first.

    Args:
        evidence: of all sources, over the frames of the clip.
        tracks: the labels.
        options: how much to ask.
    """
    if options.per_clip < 1:
        return []
    selection = _select(evidence, tracks, options)
    selection.sort(key=lambda place: (-place.evidence, place.span.start, place.source))
    best = sorted(
        selection[: options.per_clip], key=lambda place: (-place.expected, place.span.start)
    )
    return [place.question() for place in best]


def find_regions(
    evidence: Sequence[PlaceEvidence], tracks: Tracks, options: PlaceOptions = PlaceOptions()
) -> list[tuple[NDArray[np.int32], FloatArray]]:
    """Return where somebody may be and no label is, as rising frames and a box in each.

    However many there are, and however short: a region that is left out of training costs less than
    a person who is learned as background. Whatever a model detects at its operating point is part
    of one, where no label explains it.

    Args:
        evidence: of all sources, over the frames of the clip.
        tracks: the labels.
        options: how likely somebody must be there.
    """
    regions = [place.boxes_between() for place in _select(evidence, tracks, options)]
    for source in evidence:
        if source.has_classes:
            regions += _sure_regions(source, tracks, regions, options)
    return regions


def _sure_regions(
    source: PlaceEvidence,
    tracks: Tracks,
    regions: Sequence[tuple[NDArray[np.int32], FloatArray]],
    options: PlaceOptions,
) -> list[tuple[NDArray[np.int32], FloatArray]]:
    """Return regions of what a source is sure of and neither labels nor other regions show.

    They have the frames of these boxes only: nothing says that somebody is there in between.
    """
    sure = replace(source, boxes=source.boxes.above(1.0))
    rest = unexplained(sure, tracks, options)
    if regions:
        frames = np.concatenate([frames for frames, _ in regions])
        whole = Detections(
            frames=frames,
            boxes=np.concatenate([corners for _, corners in regions]).astype(np.float32),
            scores=np.ones(len(frames), np.float32),
            classes=np.zeros(len(frames), np.int16),
            length=rest.length,
            fps=rest.fps,
        )
        i, j, overlap = association.overlaps(rest, whole, 1e-3)
        area = boxes.area(rest.boxes[i])
        common = overlap / (1 + overlap) * (area + boxes.area(whole.boxes[j]))
        is_covered = np.zeros(len(rest), np.bool_)
        is_covered[i[common >= options.explained_share * area]] = True
        rest = rest.where(~is_covered)
    return [
        (rest.frames[rows], rest.boxes[rows].astype(np.float64)) for rows in _chains(rest, options)
    ]


def _select(
    evidence: Sequence[PlaceEvidence], tracks: Tracks, options: PlaceOptions
) -> list[_Place]:
    """Return the places where somebody is likely enough, those of all sources joined."""
    place_list = [
        replace(place, number=number)
        for number, source in enumerate(evidence)
        for place in source_places(source, tracks, options)
    ]
    place_list.sort(key=lambda place: (-place.expected, place.span.start, place.source))
    selection: list[_Place] = []
    for place in place_list:
        same = next((each for each in selection if each.is_same(place)), None)
        if same is None:
            selection.append(place)
        elif place.number not in same.numbers:
            same.numbers.add(place.number)
            same.others.add(place.source)
            same.evidence += place.evidence
            same.cls = same.cls or place.cls
    return [place for place in selection if place.chance >= options.least_chance]


@dataclass(eq=False, kw_only=True)
class _Place:
    """Linked boxes of one source that no label explains."""

    source: str
    cls: str = ""
    """Name of the class; empty where the sources tell none."""
    number: int = 0
    """Of the source."""
    others: set[str] = field(default_factory=set)
    """Names of sources that say the same."""
    numbers: set[int] = field(default_factory=set)
    """Their numbers, and that of this one."""
    span: Span
    frames: NDArray[np.int32]
    """(n,) rising, those with a box."""
    corners: FloatArray
    """(n, 4) px."""
    evidence: float
    """Of all sources, in multiples of what makes a probability of a half."""

    def __post_init__(self) -> None:
        """Count this source among those that say so."""
        self.numbers = {self.number}

    @property
    def chance(self) -> float:
        """Return the probability that somebody is there."""
        return float(1 - 0.5**self.evidence)

    @property
    def expected(self) -> float:
        """Return the expected number of missing boxes."""
        return self.chance * len(self.span)

    def box_at(self, frame: int) -> FloatArray:
        """Return where it is in a frame, interpolated."""
        return np.array([np.interp(frame, self.frames, self.corners[:, side]) for side in range(4)])

    def boxes_between(self) -> tuple[NDArray[np.int32], FloatArray]:
        """Return all frames of the span, and where it is in each, `(n, 4)` px."""
        frames = np.arange(self.span.start, self.span.stop, dtype=np.int32)
        sides = [np.interp(frames, self.frames, self.corners[:, side]) for side in range(4)]
        return frames, np.stack(sides, 1)

    def is_same(self, other: _Place) -> bool:
        """Check whether two places are the same one at the same time, and of no two classes."""
        if self.cls and other.cls and self.cls != other.cls:
            return False
        start = max(self.span.start, other.span.start)
        stop = min(self.span.stop, other.span.stop)
        if start >= stop:
            return False
        samples = np.unique(np.linspace(start, stop - 1, 5).astype(int))
        pairs = [(self.box_at(frame), other.box_at(frame)) for frame in samples]
        overlap = boxes.iou_pairs(np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]))
        return float(np.median(overlap)) > 0.2

    def question(self) -> Question:
        """Return what to ask."""
        sources = " and ".join([self.source, *sorted(self.others - {self.source})])
        whom = "anybody" if self.cls in ("", PERSON) else f"any {self.cls}"
        question = Question(
            track=None,
            span=self.span,
            expected=round(self.expected, 3),
            why=f"is {whom} here? {sources} says so",
            cls=self.cls,
        )
        corners = self.box_at(question.middle)
        x1, y1, x2, y2 = (round(float(corner), 2) for corner in corners)
        return replace(question, box=(x1, y1, x2, y2))


def source_places(evidence: PlaceEvidence, tracks: Tracks, options: PlaceOptions) -> list[_Place]:
    """Return the places of one source."""
    rest = unexplained(evidence, tracks, options)
    longest = max(1, round(options.longest_seconds * rest.fps))
    places = []
    for chain in _chains(rest, options):
        for rows in np.split(chain, _cuts(rest.frames[chain], longest)):
            seconds = len(np.unique(rest.frames[rows])) / rest.fps
            if seconds < options.least_seconds:
                continue
            strengths = np.minimum(rest.scores[rows].astype(np.float64), 1.0)
            weights = np.maximum(strengths - options.sure, 0) / (1 - options.sure)
            weights = np.maximum(weights, options.support * strengths)
            frames, corners = rest.frames[rows], rest.boxes[rows].astype(np.float64)
            amount = float(weights.sum()) / rest.fps / evidence.seconds_for_half
            if amount < options.least_evidence:
                continue
            index = int(rest.classes[rows[0]])
            if _movement(corners) < options.standstill:
                amount *= _still_weight(evidence, corners, index, options)
            places.append(
                _Place(
                    source=evidence.source,
                    cls=rest.names[index] if evidence.has_classes else "",
                    span=Span(int(frames[0]), int(frames[-1]) + 1),
                    frames=frames,
                    corners=corners,
                    evidence=amount,
                )
            )
    return places


def unexplained(evidence: PlaceEvidence, tracks: Tracks, options: PlaceOptions) -> Detections:
    """Return the boxes that no label of their frame explains, one a place, class and frame.

    A bed does not explain the man in it; motion is explained by whatever is there.
    """
    detections, labels = evidence.boxes, tracks.detections
    i, j = association.same_pairs(
        detections, labels, options.explained_iou, options.explained_share
    )
    if evidence.has_classes:
        i = i[association.is_same_class(detections, labels, i, j)]
    else:
        detections = replace(detections, classes=np.zeros(len(detections), np.int16))
    explained = np.zeros(len(detections), np.bool_)
    explained[i] = True
    candidates = detections.where(~explained)
    keep = np.zeros(len(candidates), np.bool_)
    groups = candidates.frames * np.int64(len(candidates.names)) + candidates.classes
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(rows):
            best = boxes.nms(
                candidates.boxes[rows].astype(np.float64), candidates.scores[rows], 0.4
            )
            keep[rows[best]] = True
    return candidates.where(keep)


def _chains(detections: Detections, options: PlaceOptions) -> list[NDArray[np.intp]]:
    """Return the rows of each place, in order of time."""
    numbers = association.link(detections, options.link_iou, options.hole_seconds)
    order = np.lexsort((detections.frames, numbers))
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    return [rows for rows in parts if len(rows)]


def _still_weight(
    evidence: PlaceEvidence, corners: FloatArray, index: int, options: PlaceOptions
) -> float:
    """Return the weight of what a source says about a place that never moves, of class `index`."""
    if evidence.may_lie:
        return options.lying_weight
    usual = evidence.usual
    if usual is not None and evidence.has_classes:
        usual = usual.where(usual.classes == index)
    if _is_usual(np.median(corners, axis=0), usual, options):
        return options.usual_weight
    return options.standstill_weight


def _is_usual(box: FloatArray, usual: Detections | None, options: PlaceOptions) -> bool:
    """Check whether a source reports a place in much of the recording."""
    if usual is None or not usual.length:
        return False
    strong = usual.scores >= 0.5 * options.sure
    overlap = boxes.iou(box[None], usual.boxes[strong].astype(np.float64))[0]
    frames = np.unique(usual.frames[strong][overlap >= 0.4])
    return len(frames) >= options.usual_share * usual.length


def _movement(corners: FloatArray) -> float:
    """Return how far a place moves from its begin to its end, in widths of its box."""
    centres, part = boxes.centres(corners), max(1, len(corners) // 3)
    width = float((corners[:, 2] - corners[:, 0]).mean())
    shift = np.median(centres[-part:], axis=0) - np.median(centres[:part], axis=0)
    return float(np.abs(shift).max()) / max(width, 1e-6)


def sample_usual(recording: Detections, most: int = 60) -> Detections:
    """Return the boxes in some frames all over a recording, numbered from 0 on."""
    sample = np.unique(np.linspace(0, max(recording.length - 1, 0), most).astype(np.int32))
    rows = np.isin(recording.frames, sample)
    part = recording.where(rows)
    numbers = np.searchsorted(sample, part.frames).astype(np.int32)
    return replace(part, frames=numbers, length=len(sample))


def _cuts(frames: NDArray[np.int32], longest: int) -> NDArray[np.intp]:
    """Return where to split rising frames so that no part is longer."""
    parts = (frames - frames[0]) // longest
    cuts: NDArray[np.intp] = np.flatnonzero(np.diff(parts)) + 1
    return cuts
