"""The gate: a Candidate is promoted only if it is shown to be better, and nowhere worse.

Pure functions of evaluations. Candidate and Champion are compared on the same test clips, as a
whole and on every slice. Test clips that show the moment of a training clip are none of them: who
evaluates leaves them out (`training.decision`), because only the catalog knows the times.

    refuse                if a test clip was in training, if the mAP is not higher, or if a slice is
                          shown to be worse
    promote               if the whole is shown to be better, and every slice with enough data is
                          shown to lose less than `slice_margin`
    not enough evidence   otherwise; the reasons name what is missing

"Shown" is always by a bootstrap over clips (significance.py). A slice is *worse* only beyond what
the worst of all slices would be by chance: the family-wise confidence is 95%, so two equal models
are told apart wrongly once in twenty comparisons, over all slices together. It is *no worse* if it
loses less than the non-inferiority margin `slice_margin` with `slice_confidence`: here the burden
of proof lies with the candidate, noise delays a promotion and never makes one. What few clips cost
is time: a gain waits until it stands out from the noise of every slice. The large gains of the
first weeks do so with a dozen clips, for a slice of fewer than `least_clips` clips or `least_boxes`
true boxes is listed and does not block: it is too small to judge, and a slight loss there passes.

`tests/bench/gate.py` measures this on simulated pairs, 200 a cell. A model that loses 3 mAP points
by night and gains 3 by day is promoted in 8%, 2%, 0%, 0.5% and 0% of the cases with 12, 30, 60, 120
and 200 test clips; refused by name rather than left to wait in 88% with 200. A model better by 3
points everywhere is promoted in 49%, 51%, 42%, 82% and 99%, one better by 14 points always.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from oneclick.core.evaluation import ModelScore, SliceComparison
from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.gate import comparison, reasons
from oneclick.training.gate.comparison import GateOptions

__all__ = ["GateDecision", "GateOptions", "GateVerdict", "decide"]

GateVerdict = Literal["promote", "refuse", "not enough evidence"]
DEFAULT = GateOptions()


@dataclass(frozen=True)
class GateDecision:
    """What to do with a candidate, and why."""

    verdict: GateVerdict
    reasons: tuple[str, ...]
    rows: tuple[ModelScore, ...]
    """Candidate, then champion."""
    slices: tuple[SliceComparison, ...] = ()
    """The whole, then the slices, worst first."""


def decide(
    candidate: Evaluation,
    champion: Evaluation | None,
    trained_on: Collection[str] = (),
    options: GateOptions = DEFAULT,
) -> GateDecision:
    """Judge a candidate on frozen test clips.

    Args:
        candidate, champion: evaluations on the same images; None where nothing is in service.
        trained_on: clips that either model was trained on; none may be a test clip.

    Raises:
        ValueError: the two were not evaluated on the same images.
    """
    models = {"candidate": candidate} | ({"champion": champion} if champion else {})
    rows = tuple(model_score(name, evaluation) for name, evaluation in models.items())
    slices: tuple[SliceComparison, ...] = ()
    if unusable := check_test_set(candidate, trained_on, options):
        verdict, texts = unusable
    elif champion is None:
        verdict, texts = judge_first(candidate, options)
        slices = comparison.uncompared(candidate)
    elif candidate.clips != champion.clips or candidate.metrics.images != champion.metrics.images:
        raise ValueError("candidate and champion were evaluated on different images")
    else:
        slices, confidence = comparison.compare(candidate, champion, options)
        gain = candidate.metrics.map - champion.metrics.map
        verdict, texts = judge(gain, confidence, slices, options)
        change = f"mAP {champion.metrics.map:.3f} → {candidate.metrics.map:.3f}"
        texts = [reasons.describe_gain(change, gain, slices[0], options), *texts]
    return GateDecision(verdict, tuple(texts), rows, slices)


def model_score(name: str, evaluation: Evaluation) -> ModelScore:
    """Return one model's row of the table that goes with the decision."""
    metrics = evaluation.metrics
    return ModelScore(
        name=name,
        map=metrics.map,
        ap50=metrics.ap50,
        recall=metrics.recall,
        images=metrics.images,
        recall_at_01=metrics.recall_at_01,
        recall_at_1=metrics.recall_at_1,
    )


def check_test_set(
    candidate: Evaluation, trained_on: Collection[str], options: GateOptions
) -> tuple[GateVerdict, list[str]] | None:
    """Check that the test set allows a decision; None if it does, else verdict and reasons."""
    leaked = sorted(set(candidate.clips) & set(trained_on))
    if leaked:
        return "refuse", [f"{len(leaked)} test clips were in training, the first is {leaked[0]}"]
    images, least = candidate.metrics.images, max(1, options.min_test_images)
    if images < least:
        return "not enough evidence", [f"{images} test images, at least {least} are needed"]
    if not candidate.metrics.boxes:
        return "not enough evidence", ["no test image shows anything to detect"]
    return None


def judge_first(candidate: Evaluation, options: GateOptions) -> tuple[GateVerdict, list[str]]:
    """Judge a candidate without a champion by the floor of mAP; verdict and reasons."""
    map_ = candidate.metrics.map
    if map_ < options.floor:
        return "refuse", [f"first model: mAP {map_:.3f} is below the floor of {options.floor}"]
    return "promote", [f"first model: mAP {map_:.3f} reaches the floor of {options.floor}"]


def judge(
    gain: float, confidence: float, slices: Sequence[SliceComparison], options: GateOptions
) -> tuple[GateVerdict, list[str]]:
    """Judge a candidate against the champion; verdict and reasons.

    Args:
        gain: in mAP on the whole.
        confidence: that the gain is more than `options.margin`, 0 … 1.
        slices: the whole, then the slices.
    """
    worse = reasons.list_slices("worse", [row for row in slices[1:] if row.word == "worse"])
    if gain <= options.margin:
        return "refuse", [f"not better than the champion by more than {options.margin}", *worse]
    if worse:
        return "refuse", worse
    if slices[0].clips < 2:
        return "not enough evidence", ["one test clip cannot show how much is chance"]
    text = f"better by more than {options.margin} with {confidence:.0%} confidence"
    if confidence < options.confidence:
        return "not enough evidence", [f"{text}, {options.confidence:.0%} are needed"]
    if unclear := [row for row in slices[1:] if row.word == "unclear"]:
        label = f"may lose more than {options.slice_margin}"
        return "not enough evidence", [text, *reasons.list_slices(label, unclear)]
    return "promote", [reasons.describe_slices(slices, options), text]
