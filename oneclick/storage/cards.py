"""Small JSON cards beside the files they describe, from which the catalog can be rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from oneclick.core.clips import Clip, Video
from oneclick.core.hits import Hit
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace

PREDICT_STEP = "predict"
"""Step by which the catalog marks a Video that a model (the mark's key) has predicted."""
MEASURE_STEP = "measure"
"""Step by which the catalog marks a Video that has a Signal (the mark's key)."""
SCAN_STEP = "trigger"
"""Step by which the catalog marks a Video that triggers have scanned."""


class ModelRef(msgspec.Struct, frozen=True):
    """A model whose predictions were scanned."""

    id: str
    """`model_id` of the detector, which names the predictions file."""
    threshold: float
    """Operating point."""


class ModelPair(msgspec.Struct, frozen=True):
    """The models whose predictions were compared."""

    predictor: ModelRef
    rival: ModelRef | None = None
    turned: str = ""
    """Name of the predictor's predictions on turned pictures; empty where there are none."""

    @property
    def files(self) -> list[str]:
        """Return the names of all predictions that were compared: predictor, rival, turned."""
        names = [self.predictor.id, self.rival.id if self.rival else "", self.turned]
        return [name for name in names if name]

    @property
    def key(self) -> str:
        """Return `predictor|rival`; verdicts about one pair say little about another."""
        return f"{self.predictor.id}|{self.rival.id if self.rival else ''}"


class HitsCard(msgspec.Struct, frozen=True, kw_only=True):
    """`hits/<video>.json`: Hits of one Video, and the Clips that were selected from it."""

    video: str
    key: str
    """Scan that produced `hits`: models, triggers and parameters as one key."""
    hits: tuple[Hit, ...]
    looks: dict[str, tuple[Clip, ...]]
    """Clips that each scan so far has selected, by key."""
    looked: dict[str, ModelPair] = {}
    """Models of each scan, by key."""

    def models_of(self, clip_id: str) -> ModelPair | None:
        """Return the models of the scan that selected a Clip; None for a Clip cut by hand."""
        for key, clips in self.looks.items():
            if key in self.looked and any(clip.id == clip_id for clip in clips):
                return self.looked[key]
        return None

    @property
    def selections(self) -> tuple[Clip, ...]:
        """Return all Clips that were ever selected, each once."""
        clips = [clip for _, selection in sorted(self.looks.items()) for clip in selection]
        return tuple({clip.id: clip for clip in clips}.values())


class QuarantineCard(msgspec.Struct, frozen=True):
    """`quarantine.json`: why a Clip was quarantined."""

    clip: str
    reason: str


def save_video_card(workspace: Workspace, video: Video) -> Path:
    """Write `videos/<camera>/<id>.json`. All writers here raise NoSpace or Unavailable."""
    path = workspace.video_card(video.camera, video.id)
    sealed_files.write(path, video)
    return path


def load_video_card(path: Path) -> Video:
    """Read a Video back. All readers here raise BadInput for a missing or broken card."""
    return sealed_files.read(path, Video)


def save_clip_card(target: Workspace | Path, clip: Clip) -> Path:
    """Write a Clip to its place in the workspace, or to the path of a card still being built."""
    path = target.clip_card(clip.id) if isinstance(target, Workspace) else target
    sealed_files.write(path, clip)
    return path


def load_clip_card(path: Path) -> Clip:
    """Read a Clip from its `clip.json`; its seal is checked."""
    return sealed_files.read(path, Clip)


def save_hits(
    workspace: Workspace,
    video_id: str,
    key: str,
    models: ModelPair,
    hits: Sequence[Hit],
    selections: Sequence[Clip],
) -> Path:
    """Replace the Hits of a Video and the selection of the scan `key`; earlier scans stay."""
    path = workspace.hits(video_id)
    card = HitsCard(
        video=video_id,
        key=key,
        hits=tuple(hits),
        looks={key: tuple(selections)},
        looked={key: models},
    )
    if path.exists():
        earlier = load_hits(path)
        looks, looked = earlier.looks | card.looks, earlier.looked | card.looked
        card = msgspec.structs.replace(card, looks=looks, looked=looked)
    sealed_files.write(path, card)
    return path


def load_hits(path: Path) -> HitsCard:
    """Read the Hits of a Video and the selections made from them."""
    return sealed_files.read(path, HitsCard)


def save_quarantine(workspace: Workspace, clip_id: str, reason: str) -> Path:
    """Write the reason beside the Clip, which may have no other file yet."""
    path = workspace.quarantine_card(clip_id)
    sealed_files.write(path, QuarantineCard(clip_id, reason))
    return path


def load_quarantine(path: Path) -> QuarantineCard:
    """Read why a Clip was quarantined."""
    return sealed_files.read(path, QuarantineCard)
