"""The closing summary of a lap; `oneclick status` shows the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from oneclick.catalog import Catalog
from oneclick.platforms.options import Name
from oneclick.report import numbers, scores

LOCAL = "local"


@dataclass(frozen=True)
class Lap:
    """Where the whole workspace stands."""

    home: Path
    kept: numbers.Kept
    hits: list[numbers.HitRow]
    funnel: list[numbers.FunnelRow]
    origins: dict[str, int]
    """Boxes by origin letter."""
    effort: numbers.Effort
    dataset: str | None
    """Latest DatasetVersion."""
    dataset_clips: int
    dataset_images: int
    champion: str | None
    training: scores.Training | None
    """The newest Candidate, what it was compared with, and the decision."""
    next_step: str
    """What a person would do now."""


def lap(home: Path) -> Lap:
    """All numbers of the summary, read from the catalog and the model cards."""
    with Catalog.open(home) as catalog:
        datasets = catalog.datasets()
        elsewhere = catalog.in_review(get_args(Name))
    elsewhere.pop(LOCAL, None)
    newest = datasets[-1] if datasets else None
    funnel = numbers.funnel(home)
    return Lap(
        home,
        numbers.kept(home),
        numbers.hits(home),
        funnel,
        numbers.origins(home),
        numbers.effort(home),
        newest.name if newest else None,
        newest.clips if newest else 0,
        newest.images if newest else 0,
        scores.champion(home),
        scores.training(home),
        _next_step({row.stage: row.clips for row in funnel}, elsewhere),
    )


def _next_step(clips: dict[str, int], elsewhere: dict[str, int]) -> str:
    here = clips["IN_REVIEW"] - sum(elsewhere.values())
    if here > 0:
        waiting = "clip waits" if here == 1 else "clips wait"
        return (
            f"{here} {waiting} for review: oneclick review list, then "
            "oneclick review accept CLIP (or --all), then the same run again"
        )
    if elsewhere:
        counts = " and ".join(f"{number} on {name}" for name, number in sorted(elsewhere.items()))
        return (
            f"clips wait for review, {counts}: the same run again takes in what is finished there"
        )
    if clips["QUARANTINED"]:
        return (
            f"{clips['QUARANTINED']} clips are quarantined: oneclick clips list --stage QUARANTINED"
        )
    if clips["PUBLISHED"]:
        return "add more video: oneclick run VIDEO"
    if sum(clips.values()):
        return "clips are on their way: run the same command again"
    return "no clips yet: oneclick run VIDEO"
