"""Messages between a camera that runs its own model and the server that takes its predictions in.

A batch comes as MessagePack, one `EdgeBatch`; or as NDJSON, whose first line is an `EdgeBatch`
without frames, and each further line an `EdgeFrame`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

EdgeBox: TypeAlias = tuple[float, float, float, float, float, int]
"""x1 y1 x2 y2 px, score in 0 … 1, index into `classes`."""
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+ -]{0,99}$")]
"""Of a camera, model, class or signal; safe in a path."""
Sequence = Annotated[int, Meta(ge=0, le=1 << 53)]
SpanState = Literal["open", "uploaded", "adopted", "refused"]

OVERHANG = 1.0
"""Pixels by which a box may reach over the edge of its picture: models round."""


class EdgeSource(msgspec.Struct, frozen=True, kw_only=True):
    """Camera and model that predictions come from."""

    camera: Name
    model: Name
    threshold: Annotated[float, Meta(ge=0, le=1)]
    """Operating point of the model."""
    classes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=1000)]
    width: Annotated[int, Meta(ge=1, le=1 << 15)]
    """Pixels of the pictures that the boxes are in."""
    height: Annotated[int, Meta(ge=1, le=1 << 15)]
    fps: Annotated[float, Meta(gt=0, le=240)]
    """Predictions per second that the device aims at."""


class EdgeFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What the model saw in one picture."""

    seq: Sequence
    """Number of the picture: each is one more than the last, for the life of the camera."""
    time: float
    """Unix seconds when the picture was taken."""
    boxes: tuple[EdgeBox, ...] = ()
    signals: Annotated[dict[Name, float], Meta(max_length=64)] = {}
    """Numbers about the picture, by name."""


class EdgeBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive pictures of one camera."""

    source: EdgeSource
    sent_at: float
    """Unix seconds by the device's clock."""
    oldest: Sequence = 0
    """Smallest number that the device still has: what lies before it can never come."""
    frames: Annotated[tuple[EdgeFrame, ...], Meta(max_length=10_000)] = ()


class IntakeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server did with a batch; all of it is on its disk."""

    next: int
    """Number that the server wants next."""
    stored: int = 0
    replayed: int = 0
    """Pictures that were there already."""
    quarantined: dict[str, int] = {}
    """Pictures that are not used, by reason; sending them again changes nothing."""
    spans: int = 0
    """Requests for video that wait for this camera."""


class SpanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Raw video that the server asks a device for."""

    id: str
    camera: str
    start: float
    """Unix seconds."""
    stop: float
    moment: float
    """Unix seconds of what is to be seen."""
    video: str = ""
    """Predictions in which something was found."""
    why: str = ""
    state: SpanState = "open"
    reason: str = ""
    """Why it was refused."""
    recording: str = ""
    """Video that it became."""


@dataclass(frozen=True, kw_only=True)
class FrameLimits:
    """What a picture may hold, and when it may have been taken."""

    max_boxes: int
    newest: float
    """Unix seconds after which no picture can have been taken."""
    oldest: float


def frame_problem(
    frame: EdgeFrame, source: EdgeSource, limits: FrameLimits, last_time: float
) -> str:
    """Return why a picture cannot be used, in a few words that many share; empty where it can.

    Args:
        frame: the picture.
        source: of its batch.
        limits: for all cameras.
        last_time: of the picture before it.
    """
    if not math.isfinite(frame.time):
        return "the time is no number"
    if frame.time > limits.newest:
        return "the time lies in the future"
    if frame.time < limits.oldest:
        return "the picture is too old"
    if frame.time <= last_time:
        return "time goes back"
    if len(frame.boxes) > limits.max_boxes:
        return f"more than {limits.max_boxes} boxes"
    if not all(map(math.isfinite, frame.signals.values())):
        return "a signal is no finite number"
    return _boxes_problem(frame, source)


def _boxes_problem(frame: EdgeFrame, source: EdgeSource) -> str:
    right, bottom = source.width + OVERHANG, source.height + OVERHANG
    for x1, y1, x2, y2, score, class_id in frame.boxes:
        if not all(map(math.isfinite, (x1, y1, x2, y2, score))):
            return "a box has NaN or infinity"
        if not (-OVERHANG <= x1 <= x2 <= right and -OVERHANG <= y1 <= y2 <= bottom):
            return "a box lies outside the picture or is turned inside out"
        if not 0 <= score <= 1:
            return "a score is not in 0 … 1"
        if not 0 <= class_id < len(source.classes):
            return "a class has no name"
    return ""


def order_problem(batch: EdgeBatch) -> str:
    """Return why the pictures of a batch are not consecutive; empty where they are."""
    first = batch.frames[0].seq if batch.frames else 0
    for place, frame in enumerate(batch.frames):
        if frame.seq != first + place:
            return (
                f"sequence numbers are not consecutive: {frame.seq} stands where "
                f"{first + place} belongs"
            )
    return ""


def count_reasons(reasons: Mapping[int, str]) -> dict[str, int]:
    """Return the number of pictures by reason, from reasons by sequence number."""
    counts: dict[str, int] = {}
    for reason in reasons.values():
        counts[reason] = counts.get(reason, 0) + 1
    return counts
