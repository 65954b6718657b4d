"""Where a model comes from, down to the video, and what became of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import Clip
from oneclick.core.datasets import DatasetClip, DatasetVersion
from oneclick.report import scores
from oneclick.storage import datasets
from oneclick.storage.workspace import Workspace
from oneclick.training import model


@dataclass(frozen=True)
class SourceClip:
    """A clip that a model learned from or was measured on."""

    clip: str
    split: str
    """train or test."""
    revision: int
    """Label revision that was frozen."""
    made_by: str
    """Who made that revision."""
    chosen_by: str
    triggers: tuple[str, ...]
    """Triggers whose hits chose it."""
    video: str
    """Empty where the catalog no longer knows the clip."""
    start: int
    """First frame of the video, 0-based."""
    stop: int


@dataclass(frozen=True)
class Lineage:
    """A model and everything it goes back to."""

    model: str
    parents: tuple[str, ...]
    """Champions it was tuned from, the latest first."""
    dataset: str
    dataset_digest: str
    dataset_parents: tuple[str, ...]
    """Versions that the dataset grew from, the latest first."""
    code: str
    """Version of oneclick that trained it."""
    weights: str
    """sha256 of its weights."""
    clips: tuple[SourceClip, ...]

    @property
    def videos(self) -> int:
        """Recordings behind it."""
        return len({clip.video for clip in self.clips if clip.video})


@dataclass(frozen=True)
class Use:
    """What became of a clip."""

    datasets: tuple[str, ...]
    """Versions it is in, oldest first."""
    learned: tuple[str, ...]
    """Models that learned from it, oldest first."""
    measured: tuple[str, ...]
    """Models that were measured on it."""


def lineage(home: Path, model_id: str) -> Lineage:
    """Everything behind a model.

    Raises:
        UnknownName: there is no such model. BadInput: its dataset is broken.
    """
    workspace = Workspace(home)
    card = scores.card(home, model_id)
    version = datasets.find(workspace, card.dataset.name)
    clips = _sources(home, version) if version else ()
    return Lineage(
        card.id,
        _parents(home, card),
        card.dataset.name,
        card.dataset.digest,
        _older(workspace, version),
        card.code,
        card.weights,
        clips,
    )


def use(home: Path, clip_id: str) -> Use:
    """The dataset versions and models that a clip went into."""
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        versions = tuple(sorted(catalog.datasets_of(clip_id)))
    sides = {name: _side(datasets.find(workspace, name), clip_id) for name in versions}
    cards = [card for card in scores.cards(home) if card.dataset.name in sides]
    learned, measured = (
        tuple(card.id for card in cards if sides[card.dataset.name] == side)
        for side in ("train", "test")
    )
    return Use(versions, learned, measured)


def _side(version: DatasetVersion | None, clip_id: str) -> str:
    lines = version.clips if version else ()
    return next((line.split for line in lines if line.clip == clip_id), "")


def _sources(home: Path, version: DatasetVersion) -> tuple[SourceClip, ...]:
    with Catalog.open(home) as catalog:
        known = {row.clip.id: row.clip for row in catalog.clips()}
        made = {(row.clip, row.revision): row.made_by for row in catalog.revision_rows()}
    return tuple(
        _source(line, known.get(line.clip), made.get((line.clip, line.revision), ""))
        for line in version.clips
    )


def _source(line: DatasetClip, known: Clip | None, made_by: str) -> SourceClip:
    return SourceClip(
        line.clip,
        line.split,
        line.revision,
        made_by,
        line.chosen_by,
        tuple(sorted({hit.trigger for hit in known.hits})) if known else (),
        known.video if known else "",
        known.span.start if known else 0,
        known.span.stop if known else 0,
    )


def _parents(home: Path, card: model.Card) -> tuple[str, ...]:
    """The line of champions; it ends where a folder was removed."""
    known = {one.id: one for one in scores.cards(home)}
    line: list[str] = []
    while card.parent and card.parent not in line:
        line.append(card.parent)
        if card.parent not in known:
            break
        card = known[card.parent]
    return tuple(line)


def _older(workspace: Workspace, version: DatasetVersion | None) -> tuple[str, ...]:
    known, line = set(datasets.names(workspace)), []
    while version and version.parent and version.parent not in line:
        line.append(version.parent)
        version = datasets.find(workspace, version.parent) if version.parent in known else None
    return tuple(line)
