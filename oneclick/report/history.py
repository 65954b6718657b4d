"""The learning curve: models, data and review effort of every week."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.catalog.rows import LabelCostRecord
from oneclick.report import numbers, scores
from oneclick.report.weeks import week
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class WeekRow:
    """One ISO week; None where a number is not known."""

    week: str
    """ISO year and week, 2026-W09."""
    trained: int
    """Models trained."""
    champion: str | None
    """Model in service at its end."""
    map: float | None
    """COCO mAP of that champion on the test clips of the dataset it was judged on."""
    clips: int
    """Clips published by its end."""
    images: int
    """Images in these clips."""
    edits_per_100_boxes: float | None
    """Edits of reviewers per 100 boxes of automatic labels."""
    seconds_per_image: float | None
    """Time of reviewers per image."""


CURVES = {
    "map": "mAP of the champion",
    "images": "labelled images",
    "edits_per_100_boxes": "edits per 100 boxes",
}
"""Fields of WeekRow that are drawn, and the titles of their charts."""


def weekly_history(home: Path) -> list[WeekRow]:
    """Return all weeks in which something was trained, published or reviewed; oldest first.

    Raises:
        BadInput: a card is broken.
    """
    cards = {card.id: card for card in scores.cards(home)}
    registry = model_registry.read(Workspace(home))
    periods = registry.history if registry else ()
    with Catalog.open(home) as catalog:
        versions, costs = catalog.datasets(), catalog.costs()
    weeks = {
        *(week(card.made_at) for card in cards.values()),
        *(week(version.made_at) for version in versions),
        *(week(cost.day) for cost in costs),
        *(week(period.since) for period in periods),
    }
    costs_by_week: dict[str, list[LabelCostRecord]] = defaultdict(list)
    for cost in costs:
        costs_by_week[week(cost.day)].append(cost)
    rows = []
    for name in sorted(weeks):
        champions = [period.model for period in periods if week(period.since) <= name]
        champion = champions[-1] if champions else None
        champion_card = cards.get(champion) if champion else None
        published = [version for version in versions if week(version.made_at) <= name]
        newest = max(published, key=lambda version: version.made_at, default=None)
        effort = numbers.effort_of_costs(costs_by_week[name])
        row = WeekRow(
            week=name,
            trained=sum(week(card.made_at) == name for card in cards.values()),
            champion=champion,
            map=champion_card.metrics["map"] if champion_card else None,
            clips=newest.clips if newest else 0,
            images=newest.images if newest else 0,
            edits_per_100_boxes=effort.edits_per_100_boxes,
            seconds_per_image=effort.seconds_per_image,
        )
        rows.append(row)
    return rows
