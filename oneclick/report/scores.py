"""Models and dataset versions as rows, and the decisions of the gate."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.catalog import Catalog, withdrawals
from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.evaluation import (
    ClassScore,
    ModelScore,
    ShadowEvidence,
    SliceComparison,
    WorstClip,
)
from oneclick.core.shadow_measures import MEASURES
from oneclick.storage import model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model in a list."""

    id: str
    dataset: str
    map: float
    """COCO mAP on the test clips of its dataset."""
    ap50: float
    verdict: str
    """Decision of the gate; empty if it has not judged this model."""
    champion: bool
    labels: bool
    """Whether it is the labeller in service for its architecture."""
    made_at: datetime
    shadow: str = ""
    """What it waits for in shadow; empty where it does not wait."""


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """A Candidate beside the Champion at that time, and the decision of the gate."""

    model: str
    dataset: str
    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[ModelScore, ...]
    seconds: float
    slices: tuple[SliceComparison, ...] = ()
    """The whole test set, then its slices, worst first; none on cards of earlier versions."""
    classes: tuple[ClassScore, ...] = ()
    worst: tuple[WorstClip, ...] = ()
    """Test clips with the lowest F1."""
    shadow: ShadowEvidence | None = None
    """What it did in shadow beside the champion of that time; None where the gate did not look."""


class _GateDecision(msgspec.Struct, kw_only=True):
    """The part of a card's decision (stages/train.py) that is reported."""

    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[ModelScore, ...]
    slices: tuple[SliceComparison, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    worst: tuple[WorstClip, ...] = ()
    shadow: ShadowEvidence | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """One DatasetVersion in a list."""

    name: str
    parent: str | None
    clips: int
    images: int
    made_at: datetime
    excluded: int = 0
    """Clips of it that the next version and every training leave out."""


def champion(home: Path) -> str | None:
    """Return the id of the model in service; None before the first promotion."""
    return model_registry.champion(Workspace(home))


def models(home: Path) -> list[ModelRow]:
    """List all complete models, oldest first."""
    serving = champion(home)
    return [
        ModelRow(
            id=card.id,
            dataset=card.dataset.name,
            map=card.metrics["map"],
            ap50=card.metrics["ap50"],
            verdict=(card.decision or {}).get("verdict", ""),
            champion=card.id == serving,
            labels=card.id == model_registry.champion(Workspace(home), card.arch),
            made_at=card.made_at,
            shadow=_shadow_text(card),
        )
        for card in cards(home)
    ]


def _shadow_text(card: ModelCard) -> str:
    """Return what a model waits for in shadow, in one line; empty where it does not wait."""
    fields = (card.decision or {}).get("shadow")
    seen = msgspec.convert(fields, ShadowEvidence) if fields else None
    return seen.reasons[0] if seen and seen.state == "waits" and seen.reasons else ""


def training_report(home: Path, model_id: str | None = None) -> TrainingReport | None:
    """Return the decision about one model, by default the newest that the gate judged."""
    judged = [card for card in cards(home) if card.decision and model_id in (None, card.id)]
    if not judged:
        return None
    card = judged[-1]
    decision = msgspec.convert(card.decision, _GateDecision)
    return TrainingReport(
        model=card.id,
        dataset=card.dataset.name,
        seconds=card.seconds,
        **msgspec.structs.asdict(decision),
    )


def slice_columns(slices: Sequence[SliceComparison]) -> list[dict[str, Any]]:
    """Return slices as rows of a table, heading to value.

    A model that was compared with no champion has only its own mAP.
    """
    rows = []
    for row in slices:
        sizes = {"clips": row.clips, "images": row.images, "boxes": row.boxes}
        if slices[0].champion is None:
            rows.append({"slice": row.name, "mAP": row.candidate, **sizes})
            continue
        gains = {"gain": row.gain, "at least": row.low, "at most": row.high}
        scores = {"champion": row.champion, "mAP": row.candidate, **gains}
        rows.append({"slice": row.name, **scores, **sizes, "": row.word})
    return rows


def shadow_columns(seen: ShadowEvidence | None) -> list[dict[str, Any]]:
    """Return what two models did in shadow as rows of a table, heading to value; less is better."""
    return [
        {
            "in shadow": MEASURES[row.measure].title if row.measure in MEASURES else row.measure,
            "camera": row.camera or "all",
            "champion": row.champion,
            "candidate": row.candidate,
            "gain": row.gain,
            "at least": row.low,
            "at most": row.high,
            "hours": row.hours,
            "": row.word,
        }
        for row in (seen.rows if seen else ())
    ]


def model_card(home: Path, model_id: str) -> dict[str, Any]:
    """Return the card of one model as plain values. Raises as `card`."""
    fields: dict[str, Any] = msgspec.to_builtins(card(home, model_id))
    return fields


def card(home: Path, model_id: str) -> ModelCard:
    """Return the card of one model.

    Raises:
        UnknownName: there is no such model.
        BadInput: its card is broken.
    """
    for folder in folders(home):
        if folder.name == model_id:
            read_card(folder)
    cards_by_id = {card.id: card for card in cards(home)}
    if model_id not in cards_by_id:
        raise UnknownName("model", model_id, sorted(cards_by_id))
    return cards_by_id[model_id]


def datasets(home: Path) -> list[DatasetRow]:
    """List all dataset versions, oldest first."""
    with Catalog.open(home) as catalog:
        withdrawn = withdrawals.withdrawn_clips(catalog) & catalog.published_clips()
        versions = Counter(name for clip in withdrawn for name in catalog.datasets_of(clip))
        return [
            DatasetRow(
                name=row.name,
                parent=row.parent,
                clips=row.clips,
                images=row.images,
                made_at=row.made_at,
                excluded=versions[row.name],
            )
            for row in catalog.datasets()
        ]


def cards(home: Path) -> list[ModelCard]:
    """Read the cards of all complete models, oldest first; broken ones are left out."""
    cards = []
    for folder in folders(home):
        with contextlib.suppress(BadInput):  # named by `status` and `catalog verify`
            if card := read_card(folder):
                cards.append(card)
    return sorted(cards, key=lambda card: (card.made_at, card.id))


def broken_cards(home: Path) -> list[str]:
    """Say of each card that `cards` leaves out what is wrong with it, a line each."""
    lines = []
    for folder in sorted(folders(home)):
        try:
            read_card(folder)
        except BadInput as error:
            lines.append(str(error))
    return lines


def read_card(folder: Path) -> ModelCard | None:
    """Read a card that has what is reported; BadInput where it lacks some of it.

    The seal says that a card is as it was written, and those of trainings elsewhere have none.
    """
    card = model_cards.read(folder)
    if card is None:
        return None
    path = folder / model_cards.CARD_FILE
    if missing := [name for name in ("map", "ap50") if name not in card.metrics]:
        raise BadInput(f"{path}: its metrics lack {', '.join(missing)}: restore it")
    if card.decision:
        try:
            msgspec.convert(card.decision, _GateDecision)
        except msgspec.ValidationError as error:
            raise BadInput(f"{path}: its decision is broken ({error}): restore it") from None
    return card


def folders(home: Path) -> list[Path]:
    """Return the folders of all complete models."""
    return [path.parent for path in (home / "models").glob(f"*/{model_cards.CARD_FILE}")]
