"""Fetch: recordings from files, folders and URLs into the workspace, each of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import ids, progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadVideo, OneclickError, Unavailable
from oneclick.core.results import BatchResult
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace
from oneclick.video import recordings
from oneclick.video.recordings import Recording


@dataclass(frozen=True)
class _Place:
    """Where recordings go, and what the caller knows about them."""

    workspace: Workspace
    catalog: Catalog
    camera: str | None
    started_at: datetime | None

    def camera_of(self, recording: Recording) -> str:
        return ids.camera_name(self.camera or recording.camera)


def fetch(
    home: Path,
    sources: Sequence[str],
    camera: str | None = None,
    started_at: datetime | None = None,
) -> BatchResult:
    """Copy every recording of the sources into the workspace and the catalog.

    A source is a file, a folder (searched to its depth), or an fsspec URL. The camera is `camera`,
    else the folder, else the file's name; the start (UTC) is `started_at`, else what the recorder
    wrote into the file, else a time in the file's name. A recording fetched before is skipped
    without reading it again; a bad one stands in `failed`, and nothing of it stays.

    Raises:
        NoSpace: the device is full. Unavailable: the workspace cannot be written, or the package
            that a kind of URL needs is missing.
    """
    workspace, result = Workspace(home), BatchResult()
    found = recordings.find(sources, result.failed)
    with Catalog.open(home) as catalog:
        place = _Place(workspace, catalog, camera, started_at)
        known = _notes(place)
        for recording in progress.track("fetch", found, len(found)):
            try:
                _fetch_one(place, recording, known, result)
            except Unavailable:
                raise
            except OneclickError as error:
                result.failed[recording.name] = str(error)
    return result


def _fetch_one(
    place: _Place, recording: Recording, known: dict[str, str], result: BatchResult
) -> None:
    note = _note(place, recording)
    if note in known:
        result.skipped.append(known[note])
        return
    folder = place.workspace.home / "videos" / place.camera_of(recording)
    with files.temporary_name(folder / Path(recording.name).name) as temporary:
        digest = _copy(recording, temporary)
        made = _identify(place, recording, temporary, digest)
        new = _settle(place, made, temporary)
    files.write_atomic(_note_file(place.workspace, made), note)
    (result.done if new else result.skipped).append(made.id)


def _copy(recording: Recording, target: Path) -> str:
    """Copy the bytes; their sha256. Raises BadVideo if the source cannot be read."""
    digest = hashlib.sha256()
    with files.guard(target.parent), target.open("wb") as file:
        for chunk in recording.chunks():
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _identify(place: _Place, recording: Recording, file: Path, digest: str) -> Video:
    info = video.probe(file, Path(recording.name).name)
    start = place.started_at or info.started_at or recording.started_at
    camera = place.camera_of(recording)
    return Video(
        id=ids.video_id(camera, start, digest),
        camera=camera,
        started_at=start,
        fps=info.fps,
        frames=info.frames,
        width=info.width,
        height=info.height,
        digest=digest,
        suffix=recording.suffix,
    )


def _settle(place: _Place, made: Video, temporary: Path) -> bool:
    """File, card, catalog: in this order, so that a row means a whole recording.

    False if it is there already. Raises BadVideo if another recording has taken its id.
    """
    card = place.workspace.video_card(made.camera, made.id)
    known = cards.load_video_card(card) if card.exists() else None
    if known and known.digest != made.digest:
        raise BadVideo(
            f"{made.id} is taken by another recording with the same camera and start: "
            "give this one another camera or start"
        )
    settled = known or made
    file = place.workspace.video_file(settled)
    if known is None or not file.exists():
        with files.guard(file):
            files.flush(temporary)
            temporary.replace(file)
        cards.save_video_card(place.workspace, settled)
    return place.catalog.add_video(settled)


def _note(place: _Place, recording: Recording) -> str:
    """What tells this state of this source, fetched with these arguments, from any other.

    A digest, because a URL may hold what nobody should read in a file.
    """
    parts = (recording.state, place.camera_of(recording), str(place.started_at))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _note_file(workspace: Workspace, made: Video) -> Path:
    return workspace.video_card(made.camera, made.id).with_suffix(".source")


def _notes(place: _Place) -> dict[str, str]:
    """Video by the note of its source, for the recordings of the catalog."""
    notes = {}
    for made in place.catalog.videos():
        try:
            notes[_note_file(place.workspace, made).read_text()] = made.id
        except (OSError, UnicodeDecodeError):
            continue  # without a note the recording is only read again
    return notes
