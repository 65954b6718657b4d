"""Folders of small sealed files, one a clip, read as a whole again and again."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from oneclick.core.errors import BadInput
from oneclick.storage import sealed_files

T = TypeVar("T")
Stamp = tuple[int, int, int]
"""Inode, size and time of change of a file; writing it atomically makes another one."""
_SETTLED_NS = 1_000_000_000
"""A folder that was changed this long ago has had all changes of that moment."""


@dataclass(frozen=True)
class _FolderContent:
    changed: int
    """Time of change of the folder, in ns."""
    records: dict[str, tuple[Stamp, Any]]
    """By file name; None in place of a broken one."""


_cache: dict[tuple[Path, Any], _FolderContent] = {}
_lock = threading.Lock()


def read_all(folder: Path, type: type[T]) -> list[T]:
    """Read the files of a folder, by name; broken ones are left out, `catalog verify` names them.

    A folder that did not change since the last time is not read again, nor is a file in one that
    did.
    """
    try:
        changed = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return []
    key = (folder, type)
    with _lock:
        content = _cache.get(key)
    is_settled = time.time_ns() - changed > _SETTLED_NS
    if content is None or content.changed != changed or not is_settled:
        content = _FolderContent(changed, _read(folder, type, content.records if content else {}))
        with _lock:
            _cache[key] = content
    return [cast(T, record) for _, record in content.records.values() if record is not None]


def _read(
    folder: Path, type: type[T], earlier: dict[str, tuple[Stamp, Any]]
) -> dict[str, tuple[Stamp, Any]]:
    stamps = dict[str, Stamp]()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                try:
                    stat = entry.stat()
                except FileNotFoundError:  # removed meanwhile
                    continue
                stamps[entry.name] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    records = dict[str, tuple[Stamp, Any]]()
    for name, stamp in sorted(stamps.items()):
        if name in earlier and earlier[name][0] == stamp:
            records[name] = earlier[name]
            continue
        try:
            records[name] = stamp, sealed_files.read(folder / name, type)
        except BadInput:
            records[name] = stamp, None
    return records
