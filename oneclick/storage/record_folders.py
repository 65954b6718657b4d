"""Folders of small sealed files, one a clip, read as a whole again and again."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, TypeVar, cast

from oneclick.core.errors import BadInput
from oneclick.storage import sealed_files

T = TypeVar("T")
_SETTLED_NS = 1_000_000_000
"""A folder that was changed this long ago has had all changes of that moment."""
_cache: dict[tuple[Path, Any], tuple[int, list[Any]]] = {}
_lock = threading.Lock()


def read_all(folder: Path, type: type[T]) -> list[T]:
    """Read the files of a folder, by name; broken ones are left out, `catalog verify` names them.

    A folder that did not change since the last time is not read again.
    """
    try:
        changed = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return []
    key = (folder, type)
    with _lock:
        known = _cache.get(key)
    if known and known[0] == changed and time.time_ns() - changed > _SETTLED_NS:
        return cast(list[T], list(known[1]))
    records = list[T]()
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            records.append(sealed_files.read(path, type))
        except BadInput:
            continue
    with _lock:
        _cache[key] = changed, list(records)
    return records
