"""Models: what they are worth, and what the gate said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.catalog import Catalog
from oneclick.core.errors import UnknownName
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training import gate, model
from oneclick.training.evaluation.error_analysis import WorstClip
from oneclick.training.evaluation.evaluate import ClassScore


@dataclass(frozen=True)
class ModelRow:
    """One model in a list."""

    id: str
    dataset: str
    map: float
    """COCO mAP on the test clips of its dataset."""
    ap50: float
    verdict: str
    """What the gate said; empty if it was not asked."""
    champion: bool
    labels: bool
    """Whether it is the labeller of its kind."""
    made_at: datetime


@dataclass(frozen=True)
class Training:
    """A Candidate beside the Champion of its day, and the decision."""

    model: str
    dataset: str
    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[gate.Row, ...]
    seconds: float
    slices: tuple[gate.SliceRow, ...] = ()
    """The whole test set, then its slices, worst first; none on cards of earlier versions."""
    classes: tuple[ClassScore, ...] = ()
    worst: tuple[WorstClip, ...] = ()
    """Test clips with the lowest F1."""


class _Ruled(msgspec.Struct):
    """What is shown of a card's decision (stages/train.py)."""

    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[gate.Row, ...]
    slices: tuple[gate.SliceRow, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    worst: tuple[WorstClip, ...] = ()


@dataclass(frozen=True)
class DatasetRow:
    """One DatasetVersion in a list."""

    name: str
    parent: str | None
    clips: int
    images: int
    made_at: datetime


def champion(home: Path) -> str | None:
    """The model in service."""
    return model_registry.champion(Workspace(home))


def models(home: Path) -> list[ModelRow]:
    """All complete models, oldest first."""
    serving = champion(home)
    return [
        ModelRow(
            card.id,
            card.dataset.name,
            card.metrics["map"],
            card.metrics["ap50"],
            (card.decision or {}).get("verdict", ""),
            card.id == serving,
            card.id == model_registry.champion(Workspace(home), card.arch),
            card.made_at,
        )
        for card in cards(home)
    ]


def training(home: Path, model_id: str | None = None) -> Training | None:
    """The decision about one model, by default the newest that the gate judged."""
    judged = [card for card in cards(home) if card.decision and model_id in (None, card.id)]
    if not judged:
        return None
    card = judged[-1]
    decision = msgspec.convert(card.decision, _Ruled)
    return Training(
        card.id,
        card.dataset.name,
        decision.verdict,
        decision.reasons,
        decision.rows,
        card.seconds,
        decision.slices,
        decision.classes,
        decision.worst,
    )


def slice_columns(slices: Sequence[gate.SliceRow]) -> list[dict[str, Any]]:
    """Slices as the rows of a table; a model that nothing stood beside has only its own mAP."""
    rows = []
    for row in slices:
        compared = {"champion": row.champion, "mAP": row.candidate, "gain": row.gain}
        compared |= {"at least": row.low, "at most": row.high}
        if slices[0].champion is None:
            compared = {"mAP": row.candidate}
        sizes = {"clips": row.clips, "images": row.images, "boxes": row.boxes}
        said = {} if slices[0].champion is None else {"": row.word}
        rows.append({"slice": row.name, **compared, **sizes, **said})
    return rows


def model_card(home: Path, model_id: str) -> dict[str, Any]:
    """Everything a model testifies about itself. Raises as `card`."""
    found: dict[str, Any] = msgspec.to_builtins(card(home, model_id))
    return found


def card(home: Path, model_id: str) -> model.Card:
    """The card of one model.

    Raises:
        UnknownName: if there is no such model.
    """
    found = {card.id: card for card in cards(home)}
    if model_id not in found:
        raise UnknownName("model", model_id, sorted(found))
    return found[model_id]


def datasets(home: Path) -> list[DatasetRow]:
    """All versions, oldest first."""
    with Catalog.open(home) as catalog:
        return [
            DatasetRow(row.name, row.parent, row.clips, row.images, row.made_at)
            for row in catalog.datasets()
        ]


def cards(home: Path) -> list[model.Card]:
    """All complete models as they testify of themselves, oldest first."""
    cards = [card for card in map(model.read_card, folders(home)) if card]
    return sorted(cards, key=lambda card: (card.made_at, card.id))


def folders(home: Path) -> list[Path]:
    """Of all complete models."""
    return [path.parent for path in (home / "models").glob(f"*/{model.CARD}")]
