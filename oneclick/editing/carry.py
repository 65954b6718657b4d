"""A drawn box carried through a whole clip, forwards and backwards.

A person whom every model missed costs one box: along detections of any score, points followed from
picture to picture, the look of the box and what moves before the background, until the person
leaves, is lost, or would be one who is labelled already. Pure: pictures, detections and labels in,
boxes out. `tests/bench/carry.py` measures it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import HUMAN, INTERPOLATED
from oneclick.editing.carry_background import Background
from oneclick.editing.carry_evidence import (
    CarryCandidates,
    CarryEvidence,
    CarryOptions,
    FloatArray,
)
from oneclick.editing.carry_pass import CarriedBox, CarryPass
from oneclick.editing.carry_pictures import PictureSource

__all__ = [
    "Background",
    "CarriedTrack",
    "CarryEvidence",
    "CarryOptions",
    "PictureSource",
    "carry",
    "carry_keys",
    "extend",
]

AGREES = 0.3
"""IoU from which two carried boxes of one frame show the same person."""
VELOCITY_SECONDS = 1.0
"""Time at the end of a track, or between two drawn boxes, from which a velocity is taken."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CarriedTrack:
    """Boxes of one person, from one carry."""

    frames: NDArray[np.int32]
    """(n,) rising."""
    boxes: NDArray[np.float32]
    """(n, 4) px, x1 y1 x2 y2, inside the picture."""
    scores: NDArray[np.float32]
    """(n,) probability that the box is right, 0 … 1; 1 where it was drawn."""
    origins: str
    """n letters of core.tracks: h drawn, r a detection was taken, i the picture or the motion."""


def carry(
    frame: int,
    box: Sequence[float] | NDArray[np.floating],
    pictures: PictureSource | None,
    evidence: CarryEvidence,
    options: CarryOptions | None = None,
    *,
    length: int | None = None,
    background: Background | None = None,
) -> CarriedTrack:
    """Follow a person from one drawn box through the clip.

    Args:
        frame: 0-based frame in which the box was drawn.
        box: `(4,)` px, x1 y1 x2 y2.
        pictures: all frames of the clip; None carries along detections alone.
        evidence: detections, labels and measures of the clip.
        options: parameters; None takes the defaults.
        length: frames of the clip, where there are no pictures.
        background: of the same pictures, to save time where several boxes are carried.

    Raises:
        ValueError: on a frame outside the clip, or a box without an area.
    """
    keys = {frame: np.asarray(box, np.float64)}
    return carry_keys(keys, pictures, evidence, options, length=length, background=background)


def carry_keys(
    keys: Mapping[int, NDArray[np.floating]],
    pictures: PictureSource | None,
    evidence: CarryEvidence,
    options: CarryOptions | None = None,
    *,
    length: int | None = None,
    background: Background | None = None,
) -> CarriedTrack:
    """Follow a person from several drawn boxes, through the clip and between them.

    Between two drawn boxes what comes from both sides is faded into each other. A side that does
    not arrive near the other drawn box went astray and is left out; where both did, the line
    between the two boxes is taken.

    Args:
        keys: frame to box, `(4,)` px; at least one.
        pictures: as in `carry`.
        evidence: as in `carry`.
        options: as in `carry`.
        length: as in `carry`.
        background: as in `carry`.

    Raises:
        ValueError: on a frame outside the clip, or a box without an area.
    """
    clip = _Clip.of(pictures, evidence, options or CarryOptions(), length, background)
    key_boxes = [(int(frame), np.asarray(box, np.float64)) for frame, box in sorted(keys.items())]
    for frame, box in key_boxes:
        if not (0 <= frame < clip.length and box.shape == (4,) and (box[2:] > box[:2]).all()):
            raise ValueError(
                f"frame {frame}: expected a box with an area in 0 … {clip.length - 1}, got {box}"
            )
    first, last = key_boxes[0], key_boxes[-1]
    track = clip.run(*first, -1)[:0:-1]
    for start, stop in itertools.pairwise(key_boxes):
        track += [_drawn(*start), *_between(clip, start, stop)]
    track += [_drawn(*last), *clip.run(*last, clip.length)[1:]]
    return _to_track(track, evidence)


def extend(
    track: LabelTrack,
    end: Literal["start", "stop"],
    pictures: PictureSource | None,
    evidence: CarryEvidence,
    options: CarryOptions | None = None,
    *,
    length: int | None = None,
) -> CarriedTrack:
    """Follow a labelled person beyond the first or last box of a track.

    Args:
        track: the labels; `evidence.labels` may contain them.
        end: which of its ends.
        pictures: as in `carry`.
        evidence: as in `carry`.
        options: as in `carry`.
        length: as in `carry`.

    Returns:
        The boxes beyond that end alone.
    """
    others = [label for label in evidence.labels if label.id != track.id]
    evidence = replace(evidence, labels=others)
    clip = _Clip.of(pictures, evidence, options or CarryOptions(), length, None)
    row, stop = (0, -1) if end == "start" else (-1, clip.length)
    frame, box = int(track.frames[row]), track.boxes[row].astype(np.float64)
    near = np.abs(track.frames - frame) <= max(1, round(VELOCITY_SECONDS * evidence.fps))
    velocity = None
    if near.sum() > 1:
        centres = geometry.centres(track.boxes[near].astype(np.float64))
        velocity = np.polyfit(track.frames[near], centres, 1)[0] * np.sign(stop - frame)
    carried = clip.run(frame, box, stop, velocity)[1:]
    return _to_track(carried if end == "stop" else carried[::-1], evidence)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Clip:
    """All that a pass needs to know of a clip."""

    evidence: CarryEvidence
    candidates: CarryCandidates
    pictures: PictureSource | None
    background: Background | None
    options: CarryOptions
    length: int

    @classmethod
    def of(
        cls,
        pictures: PictureSource | None,
        evidence: CarryEvidence,
        options: CarryOptions,
        length: int | None,
        background: Background | None,
    ) -> _Clip:
        """Prepare a clip for passes."""
        frames = length if pictures is None else len(pictures)
        if frames is None:
            raise ValueError("length: expected the frames of the clip, for there are no pictures")
        if pictures is None or not options.use_background:
            background = None
        else:
            background = background or Background(pictures)
        return cls(
            evidence=evidence,
            candidates=CarryCandidates(evidence, frames, options),
            pictures=pictures,
            background=background if background and background.steady else None,
            options=options,
            length=frames,
        )

    def run(
        self, frame: int, box: FloatArray, stop: int, velocity: FloatArray | None = None
    ) -> list[CarriedBox]:
        """Follow a box from `frame` to before `stop`."""
        carry_pass = CarryPass(
            self.evidence, self.candidates, self.pictures, self.background, self.options
        )
        return carry_pass.run(frame, box, stop, velocity)


def _between(
    clip: _Clip, start: tuple[int, FloatArray], stop: tuple[int, FloatArray]
) -> list[CarriedBox]:
    """Return the boxes between two drawn ones."""
    velocity, count = None, stop[0] - start[0]
    if count <= VELOCITY_SECONDS * clip.evidence.fps:
        velocity = geometry.centres(np.stack([stop[1] - start[1]]))[0] / count
    # Each goes on to the frame of the other, to be compared there.
    forward = clip.run(*start, stop[0] + 1, velocity)[1:]
    backward = clip.run(*stop, start[0] - 1, None if velocity is None else -velocity)[:0:-1]
    arrives = bool(forward) and forward[-1].frame == stop[0] and _agree(forward[-1].box, stop[1])
    returns = bool(backward) and backward[0].frame == start[0] and _agree(backward[0].box, start[1])
    forward = [carried for carried in forward if carried.frame < stop[0]]
    backward = [carried for carried in backward if carried.frame > start[0]]
    frames = np.arange(start[0] + 1, stop[0])
    share = ((frames - start[0]) / count)[:, None]
    line = start[1] * (1 - share) + stop[1] * share
    if not (arrives or returns):
        score = 0.5 * np.exp(-np.minimum(frames - start[0], stop[0] - frames) / clip.evidence.fps)
        rows = zip(frames.tolist(), line, score.tolist(), strict=True)
        return [CarriedBox(*row, INTERPOLATED) for row in rows]
    pairs = zip(
        forward if arrives else backward, backward if returns else forward, share[:, 0], strict=True
    )
    return [_fade(first, second, float(part)) for first, second, part in pairs]


def _agree(box: FloatArray, other: FloatArray) -> bool:
    return bool(geometry.iou(box[None], other[None])[0, 0] >= AGREES)


def _fade(first: CarriedBox, second: CarriedBox, share: float) -> CarriedBox:
    """Return a box between two of one frame: `share` of the second."""
    box = first.box * (1 - share) + second.box * share
    nearer = first if share < 0.5 else second
    return CarriedBox(first.frame, box, nearer.score, nearer.origin)


def _drawn(frame: int, box: FloatArray) -> CarriedBox:
    return CarriedBox(frame, box, 1.0, HUMAN)


def _to_track(carried: Sequence[CarriedBox], evidence: CarryEvidence) -> CarriedTrack:
    """Return boxes as columns, cut off at the picture's edge but for the drawn ones."""
    rows = np.array([row.box for row in carried], np.float64).reshape(-1, 4)
    clipped = geometry.clip(rows, evidence.width, evidence.height)
    is_drawn = np.array([row.origin == HUMAN for row in carried], np.bool_)
    return CarriedTrack(
        frames=np.array([row.frame for row in carried], np.int32),
        boxes=np.where(is_drawn[:, None], rows, clipped).astype(np.float32),
        scores=np.array([row.score for row in carried], np.float32),
        origins="".join(row.origin for row in carried),
    )
