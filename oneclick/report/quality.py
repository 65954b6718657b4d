"""How good reviews are: errors caught, agreement of two reviewers, and what remains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oneclick.core import statistics
from oneclick.feedback import review_quality
from oneclick.feedback.review_quality import SecondLook
from oneclick.storage import control_outcomes, seeded_outcomes
from oneclick.storage.control_outcomes import ControlOutcome
from oneclick.storage.second_looks import LookResult, SecondLooks
from oneclick.storage.seeded_outcomes import SeededOutcome
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class CatchRate:
    """Share of the errors seeded into labels that a reviewer corrected, with its 95% interval."""

    name: str
    """Of the reviewer; empty for all together."""
    seeded: int
    caught: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class MissedErrors:
    """Errors that remain in an accepted clip, with the 95% interval of the estimate."""

    per_clip: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class UnaskedErrors:
    """Share of the boxes that no question was about and that were wrong or missing."""

    pictures: int
    """Pictures that were looked at as a whole."""
    boxes: int
    missed: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LookAgreement:
    """Means over the clips that two people reviewed; shares of 1."""

    boxes: float
    mean_iou: float
    identities: float
    classes: float


@dataclass(frozen=True, kw_only=True)
class ReviewQuality:
    """What seeded errors and second looks say about the reviews."""

    team: CatchRate | None
    """None without a seeded error."""
    by_kind: tuple[CatchRate, ...]
    """Of the team, by kind of error."""
    people: tuple[CatchRate, ...]
    """By name."""
    looks: int
    """Clips that two people reviewed."""
    agreement: LookAgreement | None
    remaining: MissedErrors | None
    """None without a second look."""
    unasked: UnaskedErrors | None
    """None without a picture that was looked at as a whole."""
    unsettled: int
    """Clips whose two reviews differ, and that no lead compared yet."""

    def of(self, name: str) -> ReviewQuality:
        """Return what this annotator may see: the team as a whole, and themselves."""
        return replace(self, people=tuple(person for person in self.people if person.name == name))


def review_quality_report(home: Path) -> ReviewQuality:
    """Return what seeded errors and second looks say about the reviews in a workspace."""
    workspace = Workspace(home)
    outcomes = seeded_outcomes.read_all(workspace.review_dir())
    looks = SecondLooks(workspace)
    results = [result for result in looks.results() if result.decision == "accept"]
    return ReviewQuality(
        team=catch_rate("", outcomes),
        by_kind=_rates({outcome.kind for outcome in outcomes}, "kind", outcomes),
        people=_rates({outcome.by for outcome in outcomes}, "by", outcomes),
        looks=len(results),
        agreement=_mean_agreement(results),
        remaining=missed_errors(results),
        unasked=unasked_errors(control_outcomes.read_all(workspace.review_dir())),
        unsettled=len(looks.unsettled()),
    )


def quality_lines(quality: ReviewQuality) -> list[str]:
    """Return what is known about the reviews of the team, in sentences."""
    lines = []
    if team := quality.team:
        lines.append(
            f"{team.rate:.0%} of {team.seeded:,} seeded errors were found "
            f"(95%: {team.low:.0%} to {team.high:.0%})"
        )
    if agreement := quality.agreement:
        lines.append(
            f"{quality.looks:,} clips were reviewed twice: boxes agree to {agreement.boxes:.1%}, "
            f"identities to {agreement.identities:.1%}, classes to {agreement.classes:.1%}"
        )
    if remaining := quality.remaining:
        lines.append(
            f"{remaining.per_clip:.2f} errors remain in an accepted clip "
            f"(95%: {remaining.low:.2f} to {remaining.high:.2f})"
        )
    if unasked := quality.unasked:
        lines.append(
            f"{unasked.rate:.1%} of the labels that no question was about were wrong or missing, "
            f"by {unasked.pictures:,} whole pictures (95%: {unasked.low:.1%} to {unasked.high:.1%})"
        )
    if quality.unsettled:
        lines.append(f"{quality.unsettled:,} of them wait for a lead: oneclick review looks")
    return lines


def catch_rate(name: str, outcomes: Sequence[SeededOutcome]) -> CatchRate | None:
    """Return the share of seeded errors that were caught; None without any."""
    estimate = review_quality.catch_rate([outcome.caught for outcome in outcomes])
    if estimate is None:
        return None
    return CatchRate(
        name=name,
        seeded=len(outcomes),
        caught=sum(outcome.caught for outcome in outcomes),
        rate=estimate.value,
        low=estimate.low,
        high=estimate.high,
    )


def unasked_errors(outcomes: Sequence[ControlOutcome]) -> UnaskedErrors | None:
    """Estimate how many labels are wrong that no question is about; None without any."""
    missed, boxes = ([getattr(each, name) for each in outcomes] for name in ("missed", "boxes"))
    estimate = statistics.ratio(missed, boxes)
    if estimate is None:
        return None
    return UnaskedErrors(
        pictures=sum(len(outcome.frames) for outcome in outcomes),
        boxes=sum(boxes),
        missed=sum(missed),
        rate=estimate.value,
        low=estimate.low,
        high=estimate.high,
    )


def missed_errors(results: Sequence[LookResult]) -> MissedErrors | None:
    """Estimate the errors that remain in a clip after the first review."""
    looks: dict[str, list[SecondLook]] = {
        kind: [
            SecondLook(counts.first, counts.second, counts.both)
            for result in results
            for each, counts in result.corrections.items()
            if each == kind
        ]
        for kind in review_quality.KINDS
    }
    estimate = review_quality.residual_errors(looks)
    if estimate is None:
        return None
    return MissedErrors(per_clip=estimate.value, low=estimate.low, high=estimate.high)


def _rates(names: set[str], field: str, outcomes: Sequence[SeededOutcome]) -> tuple[CatchRate, ...]:
    """Return a rate for each value of a field, by that."""
    rates = (
        catch_rate(name, [outcome for outcome in outcomes if getattr(outcome, field) == name])
        for name in sorted(names)
    )
    return tuple(rate for rate in rates if rate)


def _mean_agreement(results: Sequence[LookResult]) -> LookAgreement | None:
    if not results:
        return None
    parts = [result.agreement for result in results]
    return LookAgreement(
        boxes=sum(part.boxes for part in parts) / len(parts),
        mean_iou=sum(part.mean_iou for part in parts) / len(parts),
        identities=sum(part.identities for part in parts) / len(parts),
        classes=sum(part.classes for part in parts) / len(parts),
    )
