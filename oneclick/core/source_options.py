"""How sources of recordings are searched, and how their names are read."""

from __future__ import annotations

from dataclasses import dataclass

SKIPPED_FOLDERS = (
    # Storage boxes: previews, snapshots and what was deleted.
    *("@eaDir", "#recycle", "@Recycle", "#snapshot", "@Snapshot", "@Recently-Snapshot"),
    *("@tmp", "@sharebin", "@Recently-Deleted"),
    # Operating systems.
    *(".Trash*", "$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information"),
    *("lost+found", "LOST.DIR", "FOUND.[0-9][0-9][0-9]", "__MACOSX", ".thumbnails"),
    # Frigate's small copies of its recordings.
    *("clips/previews", "clips/thumbs"),
)
"""Folders that are not searched: names, or ends of paths, with * and ? as in a shell."""


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How sources are searched and their names are read."""

    patterns: tuple[str, ...] = ()
    """Regular expressions for paths, before the known layouts; see `layouts.read_path`."""
    timezone: str = ""
    """IANA zone of the times in names without an offset; empty takes them as UTC."""
    skip: tuple[str, ...] = SKIPPED_FOLDERS
    """Folders that are not searched."""
    settle_s: float = 0.0
    """Seconds for which a file must not have changed; a younger one is looked at twice."""
