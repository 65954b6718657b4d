"""The learning curve: what every week brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.catalog.rows import CostRow, DatasetRow
from oneclick.report import numbers, scores
from oneclick.report.numbers import Effort
from oneclick.report.weeks import week
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training import model


@dataclass(frozen=True)
class Week:
    """One ISO week; None where nothing is known of it."""

    week: str
    """ISO year and week, 2026-W09."""
    trained: int
    """Models trained."""
    champion: str | None
    """In service at its end."""
    map: float | None
    """COCO mAP of that champion on the test clips of the dataset it was judged on."""
    clips: int
    """Published by its end."""
    images: int
    """In these clips."""
    edits_per_100_boxes: float | None
    """What people changed in automatic labels."""
    seconds_per_image: float | None
    """Of reviewing."""


CURVES = {
    "map": "mAP of the champion",
    "images": "labelled images",
    "edits_per_100_boxes": "edits per 100 boxes",
}
"""What is drawn, and its title."""


def history(home: Path) -> list[Week]:
    """All weeks in which something was trained, published or reviewed; oldest first.

    Raises:
        BadInput: a card is broken.
    """
    cards = {card.id: card for card in scores.cards(home)}
    found = model_registry.read(Workspace(home))
    terms = found.history if found else ()
    with Catalog.open(home) as catalog:
        versions, costs = catalog.datasets(), catalog.costs()
    times = [*(c.made_at for c in cards.values()), *(v.made_at for v in versions)]
    every = {week(at) for at in (*times, *(row.day for row in costs), *(t.since for t in terms))}
    by_week: dict[str, list[CostRow]] = defaultdict(list)
    for row in costs:
        by_week[week(row.day)].append(row)
    return [
        _row(
            name,
            [card for card in cards.values() if week(card.made_at) == name],
            _champion(cards, terms, name),
            [version for version in versions if week(version.made_at) <= name],
            numbers.effort_in(by_week[name]),
        )
        for name in sorted(every)
    ]


def _row(
    name: str,
    trained: list[model.Card],
    champion: tuple[str | None, float | None],
    published: list[DatasetRow],
    effort: Effort,
) -> Week:
    last = max(published, key=lambda version: version.made_at, default=None)
    return Week(
        name,
        len(trained),
        *champion,
        last.clips if last else 0,
        last.images if last else 0,
        effort.edits_per_100_boxes,
        effort.seconds_per_image,
    )


def _champion(
    cards: dict[str, model.Card], terms: Sequence[model_registry.Term], name: str
) -> tuple[str | None, float | None]:
    """Who served at the end of a week, and what it is worth."""
    serving = [term.model for term in terms if week(term.since) <= name]
    card = cards.get(serving[-1]) if serving else None
    return (serving[-1] if serving else None), (card.metrics["map"] if card else None)


def columns(weeks: list[Week]) -> dict[str, list[object]]:
    """For tables, heading to values."""
    return {part.name: [getattr(row, part.name) for row in weeks] for part in fields(Week)}
