"""Candidate beside Champion, slice by slice, each with a word for what the test clips show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.evaluation.slices import Score, Slice
from oneclick.training.gate import significance
from oneclick.training.gate.significance import Gains, Numbers

Word = Literal["better", "no worse", "unclear", "worse", "too small", "not judged"]
WHOLE = "all"
"""Name of the row of the whole test set."""
ORDER: tuple[Word, ...] = ("worse", "unclear", "no worse", "better", "too small", "not judged")


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
    """With which the whole must be better."""
    draws: int = 1000
    seed: int = 0
    slice_margin: float = 0.015
    """mAP that a slice may lose."""
    slice_confidence: float = 0.8
    """With which a slice must lose less than that."""
    certainty: float = 0.95
    """With which no slice at all of an equal model is called worse; and of each bound shown."""
    least_clips: int = 8
    """Clips from which a slice is judged."""
    least_boxes: int = 50
    """True boxes from which a slice is judged."""
    named: tuple[str, ...] = ()
    """Families of slices that are judged, such as "camera"; empty judges all."""


@dataclass(frozen=True)
class SliceRow:
    """A slice of the test set under both models; None where there is nothing to compare."""

    name: str
    """`family=value`, or "all"."""
    champion: float | None
    """mAP."""
    candidate: float | None
    gain: float | None
    low: float | None
    """The gain is more than this with 95% confidence …"""
    high: float | None
    """… and less than this with the same."""
    images: int
    clips: int
    boxes: int
    word: Word


def compare(
    candidate: Evaluation, champion: Evaluation, options: Options
) -> tuple[tuple[SliceRow, ...], float]:
    """The whole, then the slices, worst first; and the confidence that the whole is better."""
    other = {one.score.name: one for one in (_whole(champion), *champion.slices)}
    named = (_whole(candidate), *candidate.slices)
    pairs = [(one, other[one.score.name]) for one in named if one.score.name in other]
    maps = np.array([[_maybe(a.score.map), _maybe(b.score.map)] for a, b in pairs])
    matched = [(a.matches, b.matches) for a, b in pairs]
    gains = significance.gains(matched, maps, options.draws, options.seed)
    scores = [one.score for one, _ in pairs]
    words, bounds = _words(gains, scores, options), gains.bounds(options.certainty)
    rows = [_row(score, words[k], gains, bounds, k) for k, score in enumerate(scores)]
    sure = float(gains.confidence(options.margin)[0])
    return (rows[0], *sorted(rows[1:], key=_badness)), sure


def _row(
    score: Score, word: Word, gains: Gains, bounds: tuple[Numbers, Numbers], k: int
) -> SliceRow:
    columns = (gains.champion, gains.candidate, gains.gain, *bounds)
    champion, candidate, gain, low, high = (_number(column[k]) for column in columns)
    sizes = score.images, score.clips, score.boxes
    return SliceRow(score.name, champion, candidate, gain, low, high, *sizes, word)


def alone(candidate: Evaluation) -> tuple[SliceRow, ...]:
    """The rows of a model that nothing can be compared with, the lowest mAP first."""
    scores = [_whole(candidate).score, *(one.score for one in candidate.slices)]
    rows = [
        SliceRow(s.name, None, s.map, None, None, None, s.images, s.clips, s.boxes, "not judged")
        for s in scores
    ]
    return (rows[0], *sorted(rows[1:], key=lambda row: (row.candidate is None, row.candidate)))


def _whole(one: Evaluation) -> Slice:
    found = one.metrics
    mean, at_half, recall = (
        (found.map, found.ap50, found.recall) if found.boxes else (None, None, None)
    )
    score = Score(WHOLE, mean, at_half, recall, 0.0, found.images, len(one.clips), found.boxes)
    return Slice(score, one.matches)


def _words(gains: Gains, scores: list[Score], options: Options) -> list[Word]:
    fixed = [_beforehand(score, options) for score in scores]
    judged = [k for k, word in enumerate(fixed) if word is None]
    lost = gains.worse(options.certainty, judged)
    better = gains.confidence(0.0) > options.certainty
    bearable = gains.confidence(-options.slice_margin) > options.slice_confidence
    bearable[0] = False  # the whole must be better, not just hardly worse
    return [
        word or _shown(bool(lost[k]), bool(better[k]), bool(bearable[k]))
        for k, word in enumerate(fixed)
    ]


def _shown(lost: bool, better: bool, bearable: bool) -> Word:
    if better:
        return "better"
    if bearable:
        return "no worse"
    return "worse" if lost else "unclear"


def _beforehand(score: Score, options: Options) -> Word | None:
    """The word for a slice that is not judged."""
    if score.name == WHOLE:
        return None
    if options.named and score.name.partition("=")[0] not in options.named:
        return "not judged"
    small = score.clips < options.least_clips or score.boxes < options.least_boxes
    return "too small" if small else None


def _badness(row: SliceRow) -> tuple[int, float]:
    return ORDER.index(row.word), 1.0 if row.gain is None else row.gain


def _maybe(value: float | None) -> float:
    return np.nan if value is None else value


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
