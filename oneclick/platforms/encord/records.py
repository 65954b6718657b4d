"""What we know of each clip on Encord: one small JSON file, written when the clip is ready there.

Only speed, erasure and the title in `oneclick clips show` need these files: a lost one is rebuilt.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core import ids
from oneclick.core.errors import BadInput
from oneclick.platforms.encord.options import EncordOptions
from oneclick.storage import sealed_files


class EncordRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What Encord's ids and titles of one clip are."""

    clip: str
    title: str
    item: str
    """UUID of the storage item."""
    data: str
    """Hash of the data unit."""
    branch: str
    revision: int
    """Revision of the labels that were sent."""
    sent_at: datetime


class EncordRecords:
    """The records of clips on Encord, a JSON file a clip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, clip_id: str) -> EncordRecord | None:
        """Return the record of a clip, or None where it is missing or broken."""
        path = self._path(clip_id)
        if not path.exists():
            return None
        try:
            record: EncordRecord = sealed_files.read(path, EncordRecord)
        except BadInput:
            return None
        return record

    def save(self, record: EncordRecord) -> None:
        """Write a record atomically."""
        sealed_files.write(self._path(record.clip), record)

    def delete(self, clip_id: str) -> None:
        """Delete the record of a clip, if there is one."""
        self._path(clip_id).unlink(missing_ok=True)

    def _path(self, clip_id: str) -> Path:
        return self._folder / f"{clip_id}.json"


def clip_title(clip_id: str, options: EncordOptions) -> str:
    """Return the title of a clip on Encord."""
    return f"{clip_id if options.titles == 'clip' else ids.pseudonym(clip_id)}.mp4"
