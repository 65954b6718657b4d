"""What we know of each clip on Encord: one small JSON file, written when the clip is ready there.

Nothing depends on them but speed and erasure: what is missing is found again by its title.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.platforms.options import EncordOptions
from oneclick.storage import files

PREFIX = "oneclick-"
"""How codes begin."""


class Record(msgspec.Struct, frozen=True):
    """Where a clip stands on Encord."""

    clip: str
    title: str
    item: str
    data: str
    branch: str
    revision: int
    """Of the labels sent."""
    sent_at: datetime


class Records:
    """Records in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, clip_id: str) -> Record | None:
        """None where there is none, or it is broken."""
        path = self._path(clip_id)
        if not path.exists():
            return None
        try:
            found: Record = files.read_json(path, Record)
        except BadInput:
            return None
        return found

    def keep(self, record: Record) -> None:
        """Write one, whole or not at all."""
        files.write_json(self._path(record.clip), record)

    def forget(self, clip_id: str) -> None:
        """Delete one."""
        self._path(clip_id).unlink(missing_ok=True)

    def _path(self, clip_id: str) -> Path:
        return self._folder / f"{clip_id}.json"


def code(clip_id: str) -> str:
    """A name for a clip that tells nothing about camera and time."""
    return f"{PREFIX}{hashlib.sha256(clip_id.encode()).hexdigest()[:20]}"


def title(clip_id: str, options: EncordOptions) -> str:
    """What the clip is called on Encord."""
    return f"{clip_id if options.titles == 'clip' else code(clip_id)}.mp4"
