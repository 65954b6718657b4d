"""What people found in clips, beside what the model had said there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import msgspec

from oneclick.catalog import Catalog
from oneclick.catalog.rows import ClipRow, VerdictRow
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.core.review import POLICY
from oneclick.feedback import trigger_calibration
from oneclick.feedback.trigger_calibration import Tallies
from oneclick.storage import cards, files, labels, predictions
from oneclick.storage.cards import Look
from oneclick.storage.workspace import Workspace
from oneclick.triggers import hit_evaluation
from oneclick.triggers.calibrate import Tally
from oneclick.triggers.hit_evaluation import Testimony

Read = Callable[[Path], Detections]


@dataclass(frozen=True, eq=False)
class Reviewed:
    """One clip that a person accepted; all frames are counted in the clip."""

    clip: Clip
    look: Look
    """Whose predictions chose it."""
    sure: Detections
    """Boxes of the predictor at its operating point."""
    truth: Detections
    """Boxes as the person left them."""
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Witness:
    """One clip that a person accepted, and what it says."""

    clip: Clip
    verdict: VerdictRow
    revision: int
    """Of the labels it was compared with."""
    pair: str
    """The two models that were compared (cards.Look.pair)."""
    said: Testimony

    @property
    def seconds(self) -> float:
        """Length of its video."""
        return len(self.clip.span) / self.clip.fps


@dataclass(frozen=True)
class Witnesses:
    """All that people decided, as far as it can testify."""

    heard: Sequence[Witness]
    """In order of their ids."""
    silent: Sequence[str]
    """Accepted clips that cannot testify: predictions or labels are gone or broken, or the clip
    was cut by hand."""
    rejected: Sequence[str]
    """Clips that people rejected."""


def witnesses(workspace: Workspace, catalog: Catalog) -> Witnesses:
    """Hear all clips that people decided on; what was `kept` is not computed again.

    Raises:
        BadInput: the kept file is broken.
    """
    people = {v.clip: v for v in catalog.verdicts() if not v.by.startswith(POLICY)}
    rows, old = {row.clip.id: row for row in catalog.clips()}, _kept(workspace)
    # Clips of one video follow each other: it is read once.
    read = lru_cache(maxsize=1)(predictions.load)
    heard: list[Witness] = []
    silent: list[str] = []
    for clip_id, verdict in sorted(people.items()):
        if verdict.decision == "accept" and clip_id in rows:
            found = _hear(workspace, rows[clip_id], verdict, old.get(clip_id), read)
            heard += [found] if found else []
            silent += [] if found else [clip_id]
    rejected = sorted(clip for clip, v in people.items() if v.decision != "accept")
    return Witnesses(heard, silent, rejected)


def keep(workspace: Workspace, heard: Sequence[Witness]) -> None:
    """Write what was heard, so that it need not be computed again.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    clips = {one.clip.id: _written(one) for one in heard}
    files.write_json(workspace.testimonies, _File(clips))


def load(workspace: Workspace, clip: Clip, read: Read = predictions.load) -> Reviewed | None:
    """One clip's predictions, labels and Hits; None where the clip was cut by hand.

    Args:
        read: how predictions are read.

    Raises:
        BadInput: one of them is broken or gone.
    """
    path = workspace.hits(clip.video)
    look = cards.load_hits(path).look_of(clip.id) if path.exists() else None
    made = labels.latest(workspace, clip.id)
    if look is None or made is None:
        return None
    said = read(workspace.predictions(clip.video, look.predictor.id))
    sure = said.above(look.predictor.threshold).cut(clip.span)
    truth = core_labels.to_tracks(made, clip.fps).detections
    hits = tuple(part for hit in clip.hits if (part := hit.cut(clip.span)))
    return Reviewed(clip, look, sure, replace(truth, length=sure.length), hits)


class _Kept(msgspec.Struct, frozen=True):
    revision: int
    pair: str
    objects: int
    errors: int
    caught: int
    tallies: Tallies
    hits: dict[str, tuple[int, int]]
    alone: dict[str, int]


class _File(msgspec.Struct, frozen=True):
    clips: dict[str, _Kept]


def _kept(workspace: Workspace) -> Mapping[str, _Kept]:
    path = workspace.testimonies
    if not path.exists():
        return {}
    found: _File = files.read_json(path, _File)
    return found.clips


def _hear(
    workspace: Workspace, row: ClipRow, verdict: VerdictRow, old: _Kept | None, read: Read
) -> Witness | None:
    if old and old.revision == row.revision:
        return Witness(row.clip, verdict, old.revision, old.pair, _said(old))
    try:
        found = load(workspace, row.clip, read)
    except BadInput:
        return None
    if found is None:
        return None
    said = hit_evaluation.testify(found.hits, found.sure, found.truth)
    return Witness(row.clip, verdict, row.revision, found.look.pair, said)


def _said(old: _Kept) -> Testimony:
    hits = {name: Tally(*counts) for name, counts in old.hits.items()}
    tallies = trigger_calibration.from_text(old.tallies)
    return Testimony(old.objects, old.errors, old.caught, tallies, hits, old.alone)


def _written(one: Witness) -> _Kept:
    said = one.said
    hits = {name: (tally.events, tally.wrong) for name, tally in said.hits.items()}
    tallies = trigger_calibration.to_text(said.tallies)
    return _Kept(
        one.revision,
        one.pair,
        said.objects,
        said.errors,
        said.caught,
        tallies,
        hits,
        dict(said.alone),
    )
