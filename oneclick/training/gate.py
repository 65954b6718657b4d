"""The gate: a Candidate serves only if it is really better. Arrays in, a decision out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.training import precision
from oneclick.training.evaluate import Evaluation
from oneclick.training.precision import Matches

Verdict = Literal["promote", "refuse", "not enough evidence"]


@dataclass(frozen=True)
class Options:
    """What counts as better."""

    margin: float = 0.0
    """mAP by which the candidate must beat the champion."""
    min_test_images: int = 20
    """Fewer test images are not enough evidence."""
    floor: float = 0.02
    """mAP the very first champion must reach."""
    confidence: float = 0.9
    """Share of bootstrap draws in which the candidate must win."""
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table beside the decision."""

    name: str
    map: float
    ap50: float
    recall: float
    images: int


@dataclass(frozen=True)
class Decision:
    """What to do with a candidate, and why."""

    verdict: Verdict
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]
    """Candidate, then champion."""


def decide(
    candidate: Evaluation,
    champion: Evaluation | None,
    trained_on: Collection[str] = (),
    options: Options = Options(),
) -> Decision:
    """Judge a candidate on frozen test clips.

    Args:
        candidate, champion: evaluations on the same images; None where nothing is in service.
        trained_on: clips that either model was trained on; none may be a test clip.

    Raises:
        ValueError: the two were not evaluated on the same images.
    """
    rows = tuple(
        _row(name, one) for name, one in (("candidate", candidate), ("champion", champion)) if one
    )
    verdict, reasons = _judge(candidate, champion, trained_on, options)
    return Decision(verdict, tuple(reasons), rows)


def _judge(
    candidate: Evaluation,
    champion: Evaluation | None,
    trained_on: Collection[str],
    options: Options,
) -> tuple[Verdict, list[str]]:
    leaked = sorted(set(candidate.clips) & set(trained_on))
    if leaked:
        return "refuse", [f"{len(leaked)} test clips were in training, the first is {leaked[0]}"]
    images = candidate.metrics.images
    if images < max(1, options.min_test_images):
        return "not enough evidence", [
            f"{images} test images, at least {max(1, options.min_test_images)} are needed"
        ]
    if not candidate.metrics.boxes:
        return "not enough evidence", ["no test image shows anything to detect"]
    if champion is None:
        return _first(candidate, options)
    return _compare(candidate, champion, options)


def _first(candidate: Evaluation, options: Options) -> tuple[Verdict, list[str]]:
    reached = candidate.metrics.map
    if reached < options.floor:
        return "refuse", [f"first model: mAP {reached:.3f} is below the floor of {options.floor}"]
    return "promote", [f"first model: mAP {reached:.3f} reaches the floor of {options.floor}"]


def _compare(
    candidate: Evaluation, champion: Evaluation, options: Options
) -> tuple[Verdict, list[str]]:
    if candidate.clips != champion.clips or candidate.metrics.images != champion.metrics.images:
        raise ValueError("candidate and champion were evaluated on different images")
    gains = bootstrap(candidate.matches, champion.matches, options.draws, options.seed)
    gain = candidate.metrics.map - champion.metrics.map
    won = float((gains > options.margin).mean())
    low, high = np.quantile(gains, [0.05, 0.95])
    reasons = [
        f"mAP {champion.metrics.map:.3f} → {candidate.metrics.map:.3f} ({gain:+.3f}, 90% of "
        f"{options.draws} draws over {len(candidate.clips)} test clips: {low:+.3f} … {high:+.3f})"
    ]
    if gain <= options.margin:
        return "refuse", [*reasons, f"not better than the champion by more than {options.margin}"]
    if len(candidate.clips) < 2:
        return "not enough evidence", [*reasons, "one test clip cannot show how much is chance"]
    text = f"better by more than {options.margin} in {won:.0%} of the draws"
    if won < options.confidence:
        return "not enough evidence", [*reasons, f"{text}, {options.confidence:.0%} are needed"]
    return "promote", [*reasons, text]


def bootstrap(
    candidate: Matches, champion: Matches, draws: int, seed: int = 0
) -> NDArray[np.float64]:
    """(draws,) gain in mAP when the test clips are drawn anew, the same for both (Efron 1979)."""
    groups = len(candidate.truths)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), draws).astype(float)
    better, base = (precision.mean(precision.average(m, weights)) for m in (candidate, champion))
    return np.subtract(better, base)


def _row(name: str, one: Evaluation) -> Row:
    found = one.metrics
    return Row(name, found.map, found.ap50, found.recall, found.images)
