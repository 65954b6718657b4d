"""Comparison of Candidate and Champion, slice by slice, each with a judgement of the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oneclick.core import training_defaults
from oneclick.core.evaluation import SliceComparison, SliceJudgement
from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.evaluation.slices import EvaluationSlice, SliceScore
from oneclick.training.gate import significance
from oneclick.training.gate.significance import GainEstimates

WHOLE = "all"
"""Name of the row of the whole test set."""
ORDER: tuple[SliceJudgement, ...] = (
    "worse",
    "unclear",
    "no worse",
    "better",
    "too small",
    "not judged",
)


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Margins, confidence levels and least sizes."""

    margin: float = training_defaults.MARGIN
    """mAP by which the candidate must beat the champion."""
    min_test_images: int = training_defaults.MIN_TEST_IMAGES
    """Fewer test images are not enough evidence."""
    floor: float = 0.02
    """mAP the very first champion must reach."""
    confidence: float = 0.9
    """With which the whole must be better."""
    draws: int = 1000
    """Bootstrap draws of the test clips."""
    seed: int = 0
    slice_margin: float = 0.015
    """Non-inferiority margin: mAP that a slice may lose."""
    slice_confidence: float = 0.8
    """With which a slice must lose less than that."""
    certainty: float = 0.95
    """Family-wise confidence that no slice of an equal model is called worse; also of each bound
    of an interval."""
    least_clips: int = 8
    """Clips from which a slice is judged."""
    least_boxes: int = 50
    """True boxes from which a slice is judged."""
    named: tuple[str, ...] = ()
    """Families of slices that are judged, such as "camera"; empty judges all."""


def compare(
    candidate: Evaluation, champion: Evaluation, options: GateOptions
) -> tuple[tuple[SliceComparison, ...], float]:
    """Compare two models: the whole, then the slices, worst first.

    Also returns the confidence that the gain on the whole is more than `options.margin`.
    """
    champion_slices = {s.score.name: s for s in (_whole(champion), *champion.slices)}
    pairs = [
        (candidate_slice, champion_slices[candidate_slice.score.name])
        for candidate_slice in (_whole(candidate), *candidate.slices)
        if candidate_slice.score.name in champion_slices
    ]
    maps = np.array([[a.score.map, b.score.map] for a, b in pairs], float)  # None becomes NaN
    matches = [(a.matches, b.matches) for a, b in pairs]
    gains = significance.estimate_gains(matches, maps, options.draws, options.seed)
    scores = [candidate_slice.score for candidate_slice, _ in pairs]
    low, high = gains.bounds(options.certainty)
    rows = [
        replace(
            _row(score, judgement),
            champion=_rounded(gains.champion[k]),
            candidate=_rounded(gains.candidate[k]),
            gain=_rounded(gains.gain[k]),
            low=_rounded(low[k]),
            high=_rounded(high[k]),
        )
        for k, (score, judgement) in enumerate(
            zip(scores, judge_slices(gains, scores, options), strict=True)
        )
    ]
    rows[1:] = sorted(
        rows[1:], key=lambda row: (ORDER.index(row.word), 1.0 if row.gain is None else row.gain)
    )
    return tuple(rows), float(gains.confidence(options.margin)[0])


def uncompared(candidate: Evaluation) -> tuple[SliceComparison, ...]:
    """Return the rows of a model without a champion: the whole, then the lowest mAP first."""
    scores = [_whole(candidate).score, *(part.score for part in candidate.slices)]
    rows = [_row(score, "not judged") for score in scores]
    return (rows[0], *sorted(rows[1:], key=lambda row: (row.candidate is None, row.candidate)))


def judge_slices(
    gains: GainEstimates, scores: Sequence[SliceScore], options: GateOptions
) -> list[SliceJudgement]:
    """Return a judgement of each slice; the first is the whole, which is never "no worse"."""
    judgements: list[SliceJudgement | None] = [exclude(score, options) for score in scores]
    judged = [k for k, judgement in enumerate(judgements) if judgement is None]
    worse = gains.worse(options.certainty, judged)
    better = gains.confidence(0.0) > options.certainty
    non_inferior = gains.confidence(-options.slice_margin) > options.slice_confidence
    non_inferior[0] = False  # the whole must be better
    for k in judged:
        if better[k]:
            judgements[k] = "better"
        elif non_inferior[k]:
            judgements[k] = "no worse"
        else:
            judgements[k] = "worse" if worse[k] else "unclear"
    return [judgement for judgement in judgements if judgement is not None]


def exclude(score: SliceScore, options: GateOptions) -> SliceJudgement | None:
    """Return the reason why a slice is not judged; None where it is."""
    if score.name == WHOLE:
        return None
    if options.named and score.name.partition("=")[0] not in options.named:
        return "not judged"
    small = score.clips < options.least_clips or score.boxes < options.least_boxes
    return "too small" if small else None


def _row(score: SliceScore, judgement: SliceJudgement) -> SliceComparison:
    """Return the row of the candidate alone."""
    return SliceComparison(
        name=score.name,
        champion=None,
        candidate=score.map,
        gain=None,
        low=None,
        high=None,
        images=score.images,
        clips=score.clips,
        boxes=score.boxes,
        word=judgement,
    )


def _whole(evaluation: Evaluation) -> EvaluationSlice:
    """Return the whole test set as a slice."""
    metrics = evaluation.metrics
    has_truth = metrics.boxes > 0
    score = SliceScore(
        name=WHOLE,
        map=metrics.map if has_truth else None,
        ap50=metrics.ap50 if has_truth else None,
        recall=metrics.recall if has_truth else None,
        alarms=0.0,
        images=metrics.images,
        clips=len(evaluation.clips),
        boxes=metrics.boxes,
    )
    return EvaluationSlice(score, evaluation.matches)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
