"""Small JSON cards beside the files they describe: from them the catalog can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from oneclick.core.clips import Clip, Video
from oneclick.core.hits import Hit
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

LOOKED = "trigger"
"""The step by which the catalog marks a Video that triggers have looked at."""


class Model(msgspec.Struct, frozen=True):
    """A model whose predictions were looked at."""

    id: str
    """`model_id` of the detector; names the predictions file."""
    threshold: float
    """Its operating point."""


class Look(msgspec.Struct, frozen=True):
    """Whose predictions a look compared."""

    predictor: Model
    rival: Model | None = None

    @property
    def pair(self) -> str:
        """`predictor|rival`: verdicts about one pair say little about another."""
        return f"{self.predictor.id}|{self.rival.id if self.rival else ''}"


class Found(msgspec.Struct, frozen=True):
    """`hits/<video>.json`: what the triggers found in one Video and what was selected of it."""

    video: str
    key: str
    """The look that made `hits`: models, triggers and parameters as one key."""
    hits: tuple[Hit, ...]
    looks: dict[str, tuple[Clip, ...]]
    """What every look so far has selected, by key."""
    looked: dict[str, Look] = {}
    """Whose predictions each look compared, by key."""

    def look_of(self, clip_id: str) -> Look | None:
        """The look that selected this Clip."""
        for key, clips in self.looks.items():
            if key in self.looked and any(clip.id == clip_id for clip in clips):
                return self.looked[key]
        return None

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
    look: Look,
    hits: Sequence[Hit],
    selections: Sequence[Clip],
) -> Path:
    """Replace the Hits of a Video and what the look `key` selected; earlier looks stay."""
    path = workspace.hits(video_id)
    old = load_hits(path) if path.exists() else Found(video_id, key, (), {})
    looks, looked = old.looks | {key: tuple(selections)}, old.looked | {key: look}
    files.write_json(path, Found(video_id, key, tuple(hits), looks, looked))
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
