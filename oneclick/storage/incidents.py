"""Incidents: `incidents/<id>.json`, a sealed file each: spans of video that retention keeps.

The id begins with the camera, so that a file which cannot be read, or is lost, still says whose
recordings are to be kept.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, UnknownName
from oneclick.storage import files, inventories, locks, record_folders, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace


class IncidentPart(msgspec.Struct, frozen=True):
    """Frames of one recording."""

    video: str
    start: int
    stop: int


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time on one camera that somebody marked."""

    id: str
    camera: str
    since: datetime
    """UTC."""
    until: datetime
    """UTC."""
    parts: tuple[IncidentPart, ...]
    """What was recorded in that time, in order."""
    reason: str
    by: str
    at: datetime
    """When it was marked, UTC."""
    released_at: datetime | None = None
    """From when on retention may delete the recordings, UTC."""
    released_by: str = ""

    @property
    def videos(self) -> set[str]:
        """Return the ids of the recordings that were there when it was marked."""
        return {part.video for part in self.parts}

    def holds(self, video: Video) -> bool:
        """Check whether a recording is of the incident: one that came later may be, too."""
        if video.id in self.videos:
            return True
        start, end = video.started_at, video.ended_at
        if video.camera != self.camera or start is None or end is None:
            return False
        return start < self.until and self.since < end


def lock_file(workspace: Workspace) -> Path:
    """Return the lock that is held while incidents are marked, or recordings deleted."""
    return workspace.locks_dir / "incidents"


def incident_id(camera: str, since: datetime, until: datetime, key: str) -> str:
    """Return the id of an incident; `key` is of the request, so that doing it twice marks once."""
    text = f"{since.isoformat()}|{until.isoformat()}|{key}"
    return f"{camera}-{since:%Y%m%dT%H%M%SZ}-{sha256(text.encode()).hexdigest()[:8]}"


def add(workspace: Workspace, incident: Incident) -> bool:
    """Write a new incident; return False where it is there. Raises NoSpace or Unavailable."""
    is_new = files.create(workspace.incident_file(incident.id), sealed_files.encode(incident))
    inventories.update(workspace, Inventory.INCIDENTS)
    return is_new


def load(workspace: Workspace) -> list[Incident]:
    """Read all incidents, oldest first; broken ones are left out, and kept by `held_videos`."""
    incidents = record_folders.read_all(workspace.incidents_dir, Incident)
    return sorted(incidents, key=lambda incident: (incident.since, incident.id))


def find(workspace: Workspace, name: str) -> Incident:
    """Read one incident.

    Raises:
        UnknownName: there is no such incident.
        BadInput: its file is broken.
    """
    if name not in (names := _names(workspace)):
        raise UnknownName("incident", name, sorted(names))
    incident: Incident = sealed_files.read(workspace.incident_file(name), Incident)
    return incident


def release(workspace: Workspace, name: str, at: datetime, by: str) -> Incident:
    """Let retention delete the recordings of an incident again. Raises as `find` and `add`."""
    with locks.file_lock(lock_file(workspace)):
        incident = find(workspace, name)
        if incident.released_at is None:
            incident = msgspec.structs.replace(incident, released_at=at, released_by=by)
            sealed_files.write(workspace.incident_file(name), incident)
        return incident


def held_videos(workspace: Workspace, videos: Collection[Video]) -> set[str]:
    """Return the ids of those of the recordings that incidents keep.

    Where an incident is broken or lost, all recordings of its camera are kept.
    """
    held: set[str] = set()
    lost = [path.stem for path in inventories.lost_files(workspace, Inventory.INCIDENTS)]
    for name in [*_names(workspace), *lost]:
        try:
            incident = find(workspace, name)
        except (BadInput, UnknownName):
            camera = name.split("-", 1)[0]
            held |= {video.id for video in videos if video.camera == camera}
            continue
        if incident.released_at is None:
            held |= {video.id for video in videos if incident.holds(video)}
    return held


def _names(workspace: Workspace) -> list[str]:
    return [name.removesuffix(".json") for name in files.json_names(workspace.incidents_dir)]
