"""Small JSON cards beside the files they describe: from them the catalog can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from oneclick.core.clips import Clip, Video
from oneclick.core.hits import Hit
from oneclick.io import files
from oneclick.io.workspace import Workspace


class Found(msgspec.Struct, frozen=True):
    """`hits/<video>.json`: what the triggers found in one Video and what was selected of it."""

    video: str
    key: str
    """The look that made `hits`: models, triggers and parameters as one key."""
    hits: tuple[Hit, ...]
    looks: dict[str, tuple[Clip, ...]]
    """What every look so far has selected, by key."""

    @property
    def selections(self) -> tuple[Clip, ...]:
        """All that was ever selected, each Clip once."""
        chosen = [clip for _, clips in sorted(self.looks.items()) for clip in clips]
        return tuple({clip.id: clip for clip in chosen}.values())


class Quarantine(msgspec.Struct, frozen=True):
    """`quarantine.json`: why a Clip was put aside."""

    clip: str
    reason: str


def save_video_card(workspace: Workspace, video: Video) -> Path:
    """Write `videos/<camera>/<id>.json`. All writers here raise NoSpace or Unavailable."""
    path = workspace.video_card(video.camera, video.id)
    files.write_json(path, video)
    return path


def load_video_card(path: Path) -> Video:
    """Read a Video back. All readers here raise BadInput for a missing or broken card."""
    return files.read_json(path, Video)


def save_clip_card(where: Workspace | Path, clip: Clip) -> Path:
    """Write a Clip to its place in the workspace, or to the path of a card still being built."""
    path = where.clip_card(clip.id) if isinstance(where, Workspace) else where
    files.write_json(path, clip)
    return path


def load_clip_card(path: Path) -> Clip:
    """Read a Clip back."""
    return files.read_json(path, Clip)


def save_hits(
    workspace: Workspace,
    video_id: str,
    key: str,
    hits: Sequence[Hit],
    selections: Sequence[Clip],
) -> Path:
    """Replace the Hits of a Video and what the look `key` selected; earlier looks stay."""
    path = workspace.hits(video_id)
    looks = dict(load_hits(path).looks) if path.exists() else {}
    looks[key] = tuple(selections)
    files.write_json(path, Found(video_id, key, tuple(hits), looks))
    return path


def load_hits(path: Path) -> Found:
    """Read Hits and selections back."""
    return files.read_json(path, Found)


def save_quarantine(workspace: Workspace, clip_id: str, reason: str) -> Path:
    """Write the reason beside the Clip, which may have no other file yet."""
    path = workspace.quarantine_card(clip_id)
    files.write_json(path, Quarantine(clip_id, reason))
    return path


def load_quarantine(path: Path) -> Quarantine:
    """Read a reason back."""
    return files.read_json(path, Quarantine)
