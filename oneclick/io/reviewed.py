"""What people found in clips, beside what the model had said there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.io import cards, labels, predictions
from oneclick.io.cards import Look
from oneclick.io.catalog import Catalog
from oneclick.io.catalog.rows import VerdictRow
from oneclick.io.workspace import Workspace


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
    verdict: VerdictRow

    @property
    def predictor(self) -> str:
        """Id of the model that was watched."""
        return self.look.predictor.id

    @property
    def rival(self) -> str | None:
        """Id of the model that it was compared with."""
        return self.look.rival.id if self.look.rival else None


def each(workspace: Workspace, catalog: Catalog) -> Iterator[Reviewed]:
    """All clips that a person accepted, in order of their ids.

    Left out is what cannot testify any more: predictions or labels that are gone or broken, and
    clips cut by hand.
    """
    decided = {v.clip: v for v in catalog.verdicts() if v.decision == "accept"}
    people = {clip: v for clip, v in decided.items() if not v.by.startswith("policy:")}
    for clip_id in sorted(people):
        try:
            found = _reviewed(workspace, catalog.clip(clip_id).clip, people[clip_id])
        except BadInput:
            continue
        if found:
            yield found


def _reviewed(workspace: Workspace, clip: Clip, verdict: VerdictRow) -> Reviewed | None:
    path = workspace.hits(clip.video)
    look = cards.load_hits(path).look_of(clip.id) if path.exists() else None
    made = labels.latest(workspace, clip.id)
    if look is None or made is None:
        return None
    said = predictions.load(workspace.predictions(clip.video, look.predictor.id))
    sure = said.above(look.predictor.threshold).cut(clip.span)
    truth = core_labels.to_tracks(made, clip.fps).detections
    hits = tuple(hit.cut(clip.span) for hit in clip.hits)
    return Reviewed(clip, look, sure, replace(truth, length=sure.length), hits, verdict)
