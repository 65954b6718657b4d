"""Origin of a model, down to the video, and the models and versions that contain a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.datasets import DatasetVersion
from oneclick.report import scores
from oneclick.storage import datasets
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """A clip that a model was trained or tested on."""

    clip: str
    split: str
    """train or test."""
    revision: int
    """Label revision that was frozen."""
    made_by: str
    """Author of that revision."""
    chosen_by: str
    triggers: tuple[str, ...]
    """Triggers whose hits chose it."""
    video: str
    """Empty where the clip is no longer in the catalog."""
    start: int
    """First frame of the video, 0-based."""
    stop: int


@dataclass(frozen=True, kw_only=True)
class ModelLineage:
    """A model with its ancestors, its dataset and its clips."""

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
        """Return the number of recordings that its clips were cut from."""
        return len({clip.video for clip in self.clips if clip.video})


@dataclass(frozen=True)
class ClipUse:
    """Dataset versions and models that a clip is part of."""

    datasets: tuple[str, ...]
    """Versions that contain it, oldest first."""
    learned: tuple[str, ...]
    """Models that were trained on it, oldest first."""
    measured: tuple[str, ...]
    """Models that were tested on it."""


def model_lineage(home: Path, model_id: str) -> ModelLineage:
    """Trace a model back to its parents, its dataset, its clips and their videos.

    Raises:
        UnknownName: there is no such model. BadInput: its dataset is broken.
    """
    workspace = Workspace(home)
    card = scores.card(home, model_id)
    cards = {other.id: other for other in scores.cards(home)}
    versions = set(datasets.names(workspace))
    version = datasets.find(workspace, card.dataset.name)

    def parent_model(name: str) -> str | None:
        return cards[name].parent if name in cards else None

    def parent_version(name: str) -> str | None:
        older = datasets.find(workspace, name) if name in versions else None
        return older.parent if older else None

    return ModelLineage(
        model=card.id,
        parents=ancestors(card.parent, parent_model),
        dataset=card.dataset.name,
        dataset_digest=card.dataset.digest,
        dataset_parents=ancestors(version.parent if version else None, parent_version),
        code=card.code,
        weights=card.weights,
        clips=source_clips(home, version) if version else (),
    )


def clip_use(home: Path, clip_id: str) -> ClipUse:
    """Return the dataset versions and models that a clip is part of."""
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        names = tuple(sorted(catalog.datasets_of(clip_id)))
    splits = {}
    for name in names:
        version = datasets.find(workspace, name)
        lines = version.clips if version else ()
        splits[name] = next((line.split for line in lines if line.clip == clip_id), "")
    cards = [card for card in scores.cards(home) if card.dataset.name in splits]
    trained, tested = (
        tuple(card.id for card in cards if splits[card.dataset.name] == split)
        for split in ("train", "test")
    )
    return ClipUse(names, trained, tested)


def source_clips(home: Path, version: DatasetVersion) -> tuple[SourceClip, ...]:
    """Return the clips of a dataset version with what the catalog says of each."""
    with Catalog.open(home) as catalog:
        clips = {record.clip.id: record.clip for record in catalog.clips()}
        authors = {(row.clip, row.revision): row.made_by for row in catalog.revision_rows()}
    sources = []
    for line in version.clips:
        clip = clips.get(line.clip)
        source = SourceClip(
            clip=line.clip,
            split=line.split,
            revision=line.revision,
            made_by=authors.get((line.clip, line.revision), ""),
            chosen_by=line.chosen_by,
            triggers=tuple(sorted({hit.trigger for hit in clip.hits})) if clip else (),
            video=clip.video if clip else "",
            start=clip.span.start if clip else 0,
            stop=clip.span.stop if clip else 0,
        )
        sources.append(source)
    return tuple(sources)


def ancestors(parent: str | None, parent_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """Follow parents until there is none or one repeats; return their names, nearest first."""
    line: list[str] = []
    while parent and parent not in line:
        line.append(parent)
        parent = parent_of(parent)
    return tuple(line)
