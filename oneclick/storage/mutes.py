"""Muted triggers: `mutes/<id>.json`, a sealed file each, never removed.

A mute holds for what a camera records in a span of time. Hits of the trigger are stored as ever;
they light no lamp, and no clip is selected for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec

from oneclick.core.errors import UnknownName
from oneclick.storage import files, locks, record_folders, sealed_files
from oneclick.storage.workspace import Workspace


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger on one camera that is not to be heard for a while."""

    id: str
    camera: str
    trigger: str
    since: datetime
    """UTC, of the recording."""
    until: datetime
    """UTC."""
    reason: str
    by: str
    at: datetime
    """When it was set, UTC."""
    lifted_at: datetime | None = None
    """When it was lifted before its time, UTC: from then on the trigger is heard."""
    lifted_by: str = ""

    @property
    def ends_at(self) -> datetime:
        """Return the end of the mute, UTC."""
        return self.until if self.lifted_at is None else min(self.until, self.lifted_at)

    def covers(self, camera: str, trigger: str, at: datetime) -> bool:
        """Check whether a trigger on a camera is muted for what was recorded at a time."""
        return self.camera == camera and self.trigger == trigger and self.since <= at < self.ends_at


@dataclass(frozen=True)
class Mutes:
    """All mutes of a workspace."""

    all: tuple[Mute, ...]
    """By start."""

    def covers(self, camera: str, trigger: str, at: datetime) -> bool:
        """Check whether a trigger on a camera is muted for what was recorded at a time."""
        return any(mute.covers(camera, trigger, at) for mute in self.all)

    def of_camera(self, camera: str) -> Mutes:
        """Return those of one camera."""
        return Mutes(tuple(mute for mute in self.all if mute.camera == camera))

    def running(self, at: datetime) -> list[Mute]:
        """Return the mutes that hold at a time, or will."""
        return [mute for mute in self.all if mute.ends_at > max(at, mute.since)]


def mute_id(camera: str, trigger: str, since: datetime, key: str) -> str:
    """Return the id of a mute; `key` is of the request, so that doing it twice mutes once."""
    text = f"{trigger}|{since.isoformat()}|{key}"
    return f"{camera}-{sha256(text.encode()).hexdigest()[:16]}"


def add(workspace: Workspace, mute: Mute) -> bool:
    """Write a new mute; return False where it is there. Raises NoSpace or Unavailable."""
    return files.create(workspace.mute_file(mute.id), sealed_files.encode(mute))


def load(workspace: Workspace) -> Mutes:
    """Read all mutes; broken ones are left out, `catalog verify` names them."""
    mutes = record_folders.read_all(workspace.mutes_dir, Mute)
    return Mutes(tuple(sorted(mutes, key=lambda mute: (mute.since, mute.id))))


def find(workspace: Workspace, name: str) -> Mute:
    """Read one mute.

    Raises:
        UnknownName: there is no such mute.
        BadInput: its file is broken.
    """
    names = [each.removesuffix(".json") for each in files.json_names(workspace.mutes_dir)]
    if name not in names:
        raise UnknownName("mute", name, sorted(names))
    mute: Mute = sealed_files.read(workspace.mute_file(name), Mute)
    return mute


def lift(workspace: Workspace, name: str, at: datetime, by: str) -> Mute:
    """End a mute before its time; one that has ended stays as it is. Raises as `find` and `add`."""
    with locks.file_lock(workspace.locks_dir / "mutes"):
        mute = find(workspace, name)
        if mute.ends_at <= at:
            return mute
        lifted = msgspec.structs.replace(mute, lifted_at=at, lifted_by=by)
        sealed_files.write(workspace.mute_file(name), lifted)
        return lifted
