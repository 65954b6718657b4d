"""Records that the catalog returns, and conversions between them and database rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa

from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit, HitBox
from oneclick.core.spans import Span
from oneclick.core.timing import CONSTANT, Timing
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

if TYPE_CHECKING:  # it loads numpy, which listings do without
    from oneclick.core.labels import LabelSet

T = TypeVar("T")
_hits_decoder = JsonDecoder[tuple[Hit, ...]](tuple[Hit, ...])
_boxes_decoder = JsonDecoder[tuple[HitBox, ...]](tuple[HitBox, ...])
_origins_decoder = JsonDecoder[dict[str, int]](dict[str, int])
_notes_decoder = JsonDecoder[tuple[str, ...]](tuple[str, ...])
_timing_decoder = JsonDecoder[Timing](Timing)
_card_decoder = JsonDecoder[dict[str, Any]](dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """One Clip with its stage, lease and latest label revision."""

    clip: Clip
    stage: ClipStage
    revision: int
    """Latest label revision; 0 before the first."""
    error: str
    """Why the clip is QUARANTINED; empty otherwise."""
    attempts: int
    """Number of claims since the last change of stage."""
    lease_owner: str | None
    lease_until: datetime | None
    """UTC."""
    moved_at: datetime
    """UTC."""
    created_at: datetime
    """UTC."""
    failed_from: ClipStage | None
    """Stage that `retry` restores for a QUARANTINED clip; None if it was never cut."""


@dataclass(frozen=True, kw_only=True)
class ClipEvent:
    """One change of stage of one Clip."""

    id: int
    clip: str
    at: datetime
    old: ClipStage | None
    """None for the event that added the Clip to the catalog."""
    new: ClipStage
    by: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class LabelRevisionRecord:
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
    """Number of boxes by origin letter."""


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """One review decision about one Clip."""

    clip: str
    decision: str
    by: str
    at: datetime
    seconds: float
    edits: int
    images: int
    """Number of frames of the reviewed Clip."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class LabelCostRecord:
    """Review effort of one day, one reviewer and one labeller, summed over the verdicts."""

    day: date
    """UTC."""
    made_by: str | None
    """Labeller of the newest automatic revision of these clips; None where there is none."""
    by: str
    clips: int
    images: int
    edits: int
    seconds: float
    boxes: int
    """Boxes in the newest labels of the accepted clips."""


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """Summary of one DatasetVersion."""

    name: str
    digest: str
    parent: str | None
    clips: int
    images: int
    made_at: datetime


@dataclass(frozen=True)
class ModelRecord:
    """Row of a trained model; the rest of its card is in `card`."""

    id: str
    dataset: str | None
    made_at: datetime
    card: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class FlowRunRecord:
    """Row of one run of a Prefect flow."""

    id: str
    flow: str
    state: str
    started: datetime | None
    ended: datetime | None
    detail: str
    progress: float | None = None
    """Completed share of a running flow, 0 to 1; None if it has not been reported."""


def to_json(value: Any) -> str:
    """Encode builtins and dataclasses of the core to compact, deterministic JSON text."""
    return msgspec.json.encode(value, order="deterministic").decode()


def from_json(decoder: JsonDecoder[T], text: str) -> T:
    """Decode a column.

    Raises:
        BadInput: it was damaged.
    """
    try:
        return decoder.decode(text)
    except BrokenJson as error:
        raise BadInput(
            f"a row of the catalog is broken ({error}): oneclick catalog rebuild"
        ) from None


def whole_rows(convert: Callable[[sa.Row[Any]], T]) -> Callable[[sa.Row[Any]], T]:
    """Let the conversion of a row raise BadInput where a value of it was damaged."""

    @functools.wraps(convert)
    def checked(row: sa.Row[Any]) -> T:
        try:
            return convert(row)
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"a row of the catalog is broken ({error}): oneclick catalog rebuild"
            ) from None

    return checked


def origins_from_json(text: str) -> dict[str, int]:
    """Return the number of boxes by origin letter. Raises as `from_json`."""
    return from_json(_origins_decoder, text)


def card_from_json(text: str) -> dict[str, Any]:
    """Return the card of a model. Raises as `from_json`."""
    return from_json(_card_decoder, text)


def timing_from_json(text: str | None) -> Timing:
    """Return the true times of frames; None stands for even ones. Raises as `from_json`."""
    return from_json(_timing_decoder, text) if text else CONSTANT


def video_columns(video: Video) -> dict[str, Any]:
    """Return the columns of a row of `videos`, except `added_at`."""
    timing = to_json(video.timing) if video.timing != CONSTANT else None
    notes = to_json(video.notes) if video.notes else None
    return vars(video) | {"timing": timing, "notes": notes, "ended_at": video.ended_at}


@whole_rows
def video_from_row(row: sa.Row[Any]) -> Video:
    """Convert a row of `videos` to a Video."""
    columns = dict(row._mapping)
    # When it was added is no property of the recording, and its end follows from its frames.
    del columns["added_at"], columns["ended_at"]
    timing, notes = columns.pop("timing"), columns.pop("notes")
    return Video(
        **columns,
        timing=timing_from_json(timing),
        notes=from_json(_notes_decoder, notes) if notes else (),
    )


def clip_columns(clip: Clip) -> dict[str, Any]:
    """Return the columns that `selections` and `clips` share."""
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


@whole_rows
def clip_from_row(row: sa.Row[Any]) -> Clip:
    """Convert a row of `selections` or `clips` to a Clip."""
    return Clip(
        id=row.id,
        camera=row.camera,
        video=row.video,
        span=Span(row.start, row.stop),
        fps=row.fps,
        width=row.width,
        height=row.height,
        chosen_by=ChosenBy(row.chosen_by),
        hits=from_json(_hits_decoder, row.hits),
        split=row.split,
        digest=row.digest,
        led_by=row.led_by,
        stands_for=row.stands_for,
    )


@whole_rows
def clip_record(row: sa.Row[Any]) -> ClipRecord:
    """Convert a row of `clips` to a ClipRecord."""
    return ClipRecord(
        clip=clip_from_row(row),
        stage=ClipStage(row.stage),
        revision=row.revision,
        error=row.error,
        attempts=row.attempts,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        moved_at=row.moved_at,
        created_at=row.created_at,
        failed_from=ClipStage(row.failed_from) if row.failed_from else None,
    )


@whole_rows
def clip_event(row: sa.Row[Any]) -> ClipEvent:
    """Convert a row of `clip_events` to a ClipEvent."""
    return ClipEvent(
        id=row.id,
        clip=row.clip,
        at=row.at,
        old=ClipStage(row.old) if row.old else None,
        new=ClipStage(row.new),
        by=row.by,
        detail=row.detail,
    )


@whole_rows
def label_revision(row: sa.Row[Any]) -> LabelRevisionRecord:
    """Convert a row of `label_revisions` to a LabelRevisionRecord."""
    columns = dict(row._mapping)
    return LabelRevisionRecord(**columns | {"origins": origins_from_json(row.origins)})


def revision_record(labels: LabelSet, digest: str) -> LabelRevisionRecord:
    """Return the record of a label file with this sha256."""
    return LabelRevisionRecord(
        clip=labels.clip,
        revision=labels.revision,
        kind=labels.kind,
        parent=labels.parent,
        made_by=labels.made_by,
        made_at=labels.made_at,
        digest=digest,
        boxes=labels.boxes(),
        origins=labels.counts(),
    )


def hit_columns(video_id: str, key: str, hit: Hit) -> dict[str, Any]:
    """Return the columns of a row of `hits`."""
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


@whole_rows
def hit_from_row(row: sa.Row[Any]) -> Hit:
    """Convert a row of `hits` to a Hit."""
    return Hit(
        trigger=row.trigger,
        span=Span(row.start, row.stop),
        score=row.score,
        boxes=from_json(_boxes_decoder, row.boxes),
        why=row.why,
    )
