"""Pick: a span of time that a person chose on the timeline becomes a selection, to be cut."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor

from oneclick.catalog import Catalog
from oneclick.core import ids, splits
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.errors import Unavailable, UsageError
from oneclick.core.spans import Span
from oneclick.storage import incidents, locks, sealed_files
from oneclick.storage.incidents import Incident, IncidentPart
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

MOST_SECONDS = 60.0
"""A clip of a person lasts no longer: reviewers take it as a whole."""
LEAST_SECONDS = 0.2
LONGEST_INCIDENT = timedelta(days=1)
_ATTEMPTS, _PAUSE_SECONDS = 10, 0.2


@dataclass(frozen=True)
class PickOptions:
    """How the sides of the split are laid out; as those of the triggers."""

    test_share: float = 0.25
    clip_seconds: float = 3.0


def pick(
    catalog: Catalog, camera: str, since: datetime, until: datetime, options: PickOptions
) -> Clip:
    """Select `[since, until)` of a camera, to be cut; a span that was picked before is returned.

    Raises:
        UsageError: there is no video, or the span is too long, goes across a break or an edge of
            the split, or touches a clip that is there: the message says which.
        Unavailable: triggers select clips, or maintenance removes recordings, at this moment.
    """
    workspace = catalog.workspace
    video, span = find_span(catalog, camera, since, until)
    with _selection_lock(workspace):
        if not workspace.video_file(video).exists():  # maintenance removes it under this lock
            raise UsageError(f"the recording {video.id} is gone: only its clips were kept")
        existing = [record.clip for record in catalog.clips(video=video.id)]
        existing += [clip for clip in catalog.selections() if clip.video == video.id]
        for clip in existing:
            if clip.span == span and clip.chosen_by is ChosenBy.VIEWER:
                return clip
        _check_free(video, span, existing)
        clip = Clip(
            id=ids.clip_id(video.id, video.seconds_at(span.start)),
            camera=camera,
            video=video.id,
            span=span,
            fps=video.timing.rate_of(span, video.fps),
            width=video.width,
            height=video.height,
            chosen_by=ChosenBy.VIEWER,
            hits=tuple(hit for _, hit in catalog.hits(video.id) if hit.span.overlaps(span)),
            split=_side(catalog, video, span, options),
        )
        sealed_files.write(workspace.picked_selection(clip.id), clip)
        catalog.add_selections([clip])
    return clip


def find_span(
    catalog: Catalog, camera: str, since: datetime, until: datetime
) -> tuple[Video, Span]:
    """Return the recording and frames of a span of time, which lie in one stretch.

    Raises:
        UsageError: as `pick`.
    """
    seconds = (until - since).total_seconds()
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise UsageError(
            f"a clip lasts {LEAST_SECONDS:g} to {MOST_SECONDS:g} s, this span {seconds:.1f} s"
        )
    videos = catalog.videos_between(since, until, camera)
    if not videos:
        raise UsageError(f"{camera} has no video at {since:%Y-%m-%d %H:%M:%S} UTC")
    if len(videos) > 1:
        raise UsageError(
            f"the span goes across the end of the recording {videos[0].id} at "
            f"{_clock(videos[0].ended_at)}: end it before, or begin it after"
        )
    (video,) = videos
    span = video.span_between(since, until)
    stretch = video.timing.stretch_at(span.start, video.frames)
    if span.stop > stretch.stop:
        raise UsageError(
            f"the span goes across a break of the recording at "
            f"{_clock(video.taken_at(stretch.stop - 1))}: end it before, or begin it after"
        )
    return video, span


def mark_incident(
    catalog: Catalog,
    *,
    camera: str,
    since: datetime,
    until: datetime,
    reason: str,
    by: str,
    key: str,
) -> tuple[Incident, bool]:
    """Mark a span of time of a camera as an incident; return it, and whether it is new.

    Raises:
        UsageError: there is no video, or the span is too long.
        NoSpace, Unavailable: it cannot be written.
    """
    if not timedelta() < until - since <= LONGEST_INCIDENT:
        raise UsageError("an incident lasts up to a day, and more than nothing")
    # Retention waits: what is marked now must not be deleted meanwhile.
    with locks.file_lock(incidents.lock_file(catalog.workspace)):
        videos = catalog.videos_between(since, until, camera)
        present = [video for video in videos if catalog.workspace.video_file(video).exists()]
        if not present:
            raise UsageError(f"{camera} has no video at {since:%Y-%m-%d %H:%M:%S} UTC")
        spans = [(video, video.span_between(since, until)) for video in present]
        incident = Incident(
            id=incidents.incident_id(camera, since, until, key),
            camera=camera,
            since=since.astimezone(UTC),
            until=until.astimezone(UTC),
            parts=tuple(IncidentPart(video.id, span.start, span.stop) for video, span in spans),
            reason=reason,
            by=by,
            at=catalog.now(),
        )
        is_new = incidents.add(catalog.workspace, incident)
        return incidents.find(catalog.workspace, incident.id), is_new


def _check_free(video: Video, span: Span, existing: Sequence[Clip]) -> None:
    """Raise UsageError where the span touches a clip that is there."""
    for clip in existing:
        if clip.span.overlaps(span):
            start, stop = (
                _clock(video.taken_at(frame)) for frame in (clip.span.start, clip.span.stop)
            )
            raise UsageError(f"the clip {clip.id} is there already, from {start} to {stop}")


def _side(catalog: Catalog, video: Video, span: Span, options: PickOptions) -> str:
    """Return the side of the split that a span lies on.

    Raises:
        UsageError: it lies on none, or on both.
    """
    videos = splits.sort_by_start([each for each in catalog.videos() if each.suffix])
    clips = [record.clip for record in catalog.clips()] + catalog.selections()
    share, seconds = options.test_share, options.clip_seconds
    parts = splits.split_videos(videos, clips, share, seconds, picked_from=video)[video.id]
    for part in parts:
        if part.span.start <= span.start and span.stop <= part.span.stop:
            return part.split
    edges = ", ".join(
        f"{part.split} {_clock(video.taken_at(part.span.start))} to "
        f"{_clock(video.taken_at(part.span.stop))}"
        for part in parts
    )
    raise UsageError(
        "the span does not lie within training or test video, which a gap keeps apart: "
        f"{edges or 'this recording is too short to be divided'}"
    )


@contextmanager
def _selection_lock(workspace: Workspace) -> Iterator[None]:
    """Hold the lock of the selection, for which a person does not wait long."""
    with ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            try:
                stack.enter_context(locks.hold(workspace, WriteLock.SELECTION, wait=False))
                break
            except Unavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE_SECONDS)
        yield


def _clock(moment: datetime | None) -> str:
    """Format a time of day to the tenth of a second, UTC."""
    if moment is None:
        return "an unknown time"
    tenth = floor(moment.microsecond / 100_000)
    return f"{moment:%H:%M:%S}.{tenth} UTC"
