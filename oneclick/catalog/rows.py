"""What the catalog answers with, and how it becomes rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.hits import Hit, HitBox
from oneclick.core.spans import Span

_hits = msgspec.json.Decoder(tuple[Hit, ...])
_boxes = msgspec.json.Decoder(tuple[HitBox, ...])


@dataclass(frozen=True)
class ClipRow:
    """One Clip and where it stands."""

    clip: Clip
    stage: ClipStage
    revision: int
    """Latest label revision; 0 before the first."""
    error: str
    """Why it is QUARANTINED; else empty."""
    attempts: int
    """How often it was claimed since its last move."""
    lease_owner: str | None
    lease_until: datetime | None
    """UTC."""
    moved_at: datetime
    """UTC."""
    created_at: datetime
    """UTC."""
    failed_from: ClipStage | None
    """Where a QUARANTINED clip goes on `retry`; None if it was never cut."""


@dataclass(frozen=True)
class Event:
    """One move of one Clip."""

    id: int
    clip: str
    at: datetime
    old: ClipStage | None
    """None where the Clip came into the catalog."""
    new: ClipStage
    by: str
    detail: str


@dataclass(frozen=True)
class RevisionRow:
    """One label revision of one Clip."""

    clip: str
    revision: int
    kind: str
    parent: int | None
    made_by: str
    made_at: datetime
    digest: str
    """sha256 of the label file."""
    boxes: int
    origins: dict[str, int]
    """Boxes by origin letter."""


@dataclass(frozen=True)
class VerdictRow:
    """One decision about one Clip."""

    clip: str
    decision: str
    by: str
    at: datetime
    seconds: float
    edits: int
    images: int
    """Frames of the Clip that was decided on."""
    reason: str


@dataclass(frozen=True)
class CostRow:
    """Verdicts of one day and one reviewer on labels of one making, summed up."""

    day: date
    """UTC."""
    made_by: str | None
    """Maker of the newest automatic labels of these clips; None where there are none."""
    by: str
    clips: int
    images: int
    edits: int
    seconds: float
    boxes: int
    """Left in the clips that were accepted."""


@dataclass(frozen=True)
class DatasetRow:
    """One DatasetVersion in numbers."""

    name: str
    digest: str
    parent: str | None
    clips: int
    images: int
    made_at: datetime


@dataclass(frozen=True)
class ModelRow:
    """One trained model."""

    id: str
    dataset: str | None
    made_at: datetime
    card: dict[str, Any]


@dataclass(frozen=True)
class RunRow:
    """One flow run."""

    id: str
    flow: str
    state: str
    started: datetime | None
    ended: datetime | None
    detail: str
    progress: float | None = None
    """0 to 1, as far as a running one has said; None where nobody knows."""


def to_json(value: Any) -> str:
    """Compact JSON text of builtins and of the core's dataclasses."""
    return msgspec.json.encode(value, order="deterministic").decode()


def from_video(video: Video) -> dict[str, Any]:
    """Columns of `videos`."""
    return dict(vars(video))


def video(row: sa.Row[Any]) -> Video:
    """A row of `videos`."""
    values = dict(row._mapping)
    del values["added_at"]  # when it came in is no part of the recording
    return Video(**values)


def from_clip(clip: Clip) -> dict[str, Any]:
    """Columns that `selections` and `clips` share."""
    return {
        "id": clip.id,
        "camera": clip.camera,
        "video": clip.video,
        "start": clip.span.start,
        "stop": clip.span.stop,
        "fps": clip.fps,
        "width": clip.width,
        "height": clip.height,
        "chosen_by": clip.chosen_by.value,
        "hits": to_json(clip.hits),
        "split": clip.split,
        "digest": clip.digest,
        "led_by": clip.led_by,
        "stands_for": clip.stands_for,
    }


def clip(row: sa.Row[Any]) -> Clip:
    """A row of `selections` or `clips`."""
    return Clip(
        row.id,
        row.camera,
        row.video,
        Span(row.start, row.stop),
        row.fps,
        row.width,
        row.height,
        ChosenBy(row.chosen_by),
        _hits.decode(row.hits),
        row.split,
        row.digest,
        row.led_by,
        row.stands_for,
    )


def clip_row(row: sa.Row[Any]) -> ClipRow:
    """A row of `clips`."""
    return ClipRow(
        clip(row),
        ClipStage(row.stage),
        row.revision,
        row.error,
        row.attempts,
        row.lease_owner,
        row.lease_until,
        row.moved_at,
        row.created_at,
        ClipStage(row.failed_from) if row.failed_from else None,
    )


def event(row: sa.Row[Any]) -> Event:
    """A row of `clip_events`."""
    old = ClipStage(row.old) if row.old else None
    return Event(row.id, row.clip, row.at, old, ClipStage(row.new), row.by, row.detail)


def from_hit(video_id: str, key: str, hit: Hit) -> dict[str, Any]:
    """Columns of `hits`."""
    return {
        "video": video_id,
        "key": key,
        "trigger": hit.trigger,
        "start": hit.span.start,
        "stop": hit.span.stop,
        "score": hit.score,
        "boxes": to_json(hit.boxes),
        "why": hit.why,
    }


def hit(row: sa.Row[Any]) -> Hit:
    """A row of `hits`."""
    boxes = _boxes.decode(row.boxes)
    return Hit(row.trigger, Span(row.start, row.stop), row.score, boxes, row.why)
