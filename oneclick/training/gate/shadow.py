"""The demand of the gate on what a Candidate did in shadow, before it serves.

Test clips are few and chosen; in shadow both models look at hours of ordinary video that nobody
labelled. So nothing here shows that a candidate is better: it can only show that it flickers more,
loses tracks, sees nobody where something moves, or is wrong where the two disagree.

Evidence comes in units of ten minutes of one camera, drawn with replacement like the test clips of
the gate (significance.py): the same draws for both models, all measures and all cameras. A measure
is *worse* where the loss is beyond what the worst of all would be by chance, and *no worse* where
the candidate is shown to stay within the margin, a share of the champion's own rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import training_defaults
from oneclick.core.evaluation import (
    ShadowComparison,
    ShadowEvidence,
    ShadowState,
    SliceJudgement,
)
from oneclick.core.shadow_measures import MEASURES, WAITS_IN_SHADOW
from oneclick.training.gate import bootstrap, significance
from oneclick.training.gate.comparison import ORDER, GateOptions
from oneclick.training.gate.reasons import MAX_LISTED
from oneclick.training.gate.significance import GainEstimates, Numbers
from oneclick.training.shadow.counts import ModelCounts, ShadowPiece

HOUR = 3600
DEFAULT = GateOptions()


@dataclass(frozen=True, kw_only=True)
class ShadowOptions:
    """What the gate demands of a candidate in shadow."""

    hours: float = training_defaults.SHADOW_HOURS
    """Time that both models must have looked at, over all cameras."""
    margin: float = training_defaults.SHADOW_MARGIN
    """Share of the champion's rate by which the candidate may be worse."""
    gate: GateOptions = DEFAULT
    """Confidence levels, draws and seed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredRow:
    """One measure on one camera or on all, unit by unit."""

    measure: str
    camera: str
    champion: Numbers
    """(units,) numerators."""
    candidate: Numbers
    weights: Numbers
    """(units,) denominators; 0 where the unit says nothing."""
    hours: float

    @property
    def pieces(self) -> int:
        """Return the number of units that say something."""
        return int((self.weights > 0).sum())


def judge_shadow(
    pieces: Sequence[ShadowPiece], champion: str, options: ShadowOptions
) -> ShadowEvidence:
    """Judge what a candidate did in shadow: it waits, is no worse, or is worse."""
    hours = sum(piece.seconds for piece in pieces) / HOUR
    rows = compare(pieces, options) if pieces else []
    state, texts = _decide(rows, hours, champion, options)
    return ShadowEvidence(
        state=state,
        champion=champion,
        hours=hours,
        needed=options.hours,
        reasons=tuple(texts),
        rows=tuple(rows),
    )


def _decide(
    rows: Sequence[ShadowComparison], hours: float, champion: str, options: ShadowOptions
) -> tuple[ShadowState, list[str]]:
    progress = f"{WAITS_IN_SHADOW}: {_hours(hours)} of {options.hours:g} hours looked at"
    if hours < options.hours:
        return "waits", [progress]
    if worse := [row for row in rows if row.word == "worse"]:
        return "worse", _list("worse in shadow", worse)
    unclear = [row for row in rows if row.word == "unclear"]
    if unclear or not rows:
        label = f"may be worse by more than {options.margin:.0%}"
        return "waits", [progress, *_list(label, unclear)]
    text = f"no worse in shadow than {champion}: {_hours(hours)} hours looked at"
    return "no worse", [text]


def compare(pieces: Sequence[ShadowPiece], options: ShadowOptions) -> list[ShadowComparison]:
    """Compare two models: all cameras by measure, then each camera, worst first."""
    measured = measure(pieces)
    units = len(measured[0].weights)
    draws = bootstrap.draw_clips(units, options.gate.draws, options.gate.seed).astype(np.float64)
    gains = estimate(measured, draws)
    slack = estimate(measured, draws, options.margin)
    words = judge_rows(measured, gains, slack, options)
    low, high = gains.bounds(options.gate.certainty)
    rows = [
        ShadowComparison(
            measure=row.measure,
            camera=row.camera,
            champion=_rounded(-gains.champion[k]),
            candidate=_rounded(-gains.candidate[k]),
            gain=_rounded(gains.gain[k]),
            low=_rounded(low[k]),
            high=_rounded(high[k]),
            hours=row.hours,
            pieces=row.pieces,
            word=words[k],
        )
        for k, row in enumerate(measured)
    ]
    names = list(MEASURES)
    return sorted(
        rows,
        key=lambda row: (
            bool(row.camera),
            ORDER.index(row.word) if row.camera else 0,
            row.camera,
            names.index(row.measure),
        ),
    )


def measure(pieces: Sequence[ShadowPiece]) -> list[MeasuredRow]:
    """Return all measures, of all cameras together and, where there are several, of each."""
    keys = sorted({piece.key for piece in pieces})
    places = {key: place for place, key in enumerate(keys)}
    cameras = sorted({piece.camera for piece in pieces})
    rows = []
    for camera in ["", *(cameras if len(cameras) > 1 else [])]:
        own = [piece for piece in pieces if camera in ("", piece.camera)]
        hours = sum(piece.seconds for piece in own) / HOUR
        where = np.array([places[piece.key] for piece in own])
        for name in MEASURES:
            numbers = np.array([_numbers(name, piece) for piece in own], np.float64)
            champion, candidate, weights = (
                np.bincount(where, column, len(keys)).astype(np.float64) for column in numbers.T
            )
            rows.append(
                MeasuredRow(
                    measure=name,
                    camera=camera,
                    champion=champion,
                    candidate=candidate,
                    weights=weights,
                    hours=hours,
                )
            )
    return rows


def _numbers(name: str, piece: ShadowPiece) -> tuple[float, float, float]:
    """Return the numerators of champion and candidate, and the denominator."""
    weight = piece.seconds / HOUR
    if name == "unseen":
        weight = piece.frames
    elif name == "review":
        weight = piece.review_boxes

    def number(counts: ModelCounts) -> float:
        return {
            "flickers": counts.flickers,
            "gaps": counts.gaps,
            "unseen": counts.unseen_frames,
            "decided": counts.wrong_seconds,
            "review": counts.review_errors,
            "people": counts.appearances,
        }[name]

    return number(piece.champion), number(piece.candidate), weight


def estimate(
    rows: Sequence[MeasuredRow], draws: NDArray[np.float64], margin: float | None = None
) -> GainEstimates:
    """Return the gains of a candidate; rates count as negative, so that more is better.

    Args:
        rows: the measures.
        draws: (n, units) how often each unit is drawn.
        margin: share of the champion's rate that the candidate is given for free; None is no
            margin.
    """
    values, deviations, units = [], [], []
    for row in rows:
        least = MEASURES[row.measure].least
        once = np.ones((1, len(row.weights)))
        champion, candidate = _rates(row, once, margin, least)
        values.append((-champion[0], -candidate[0]))
        champion, candidate = _rates(row, draws, margin, least)
        gains = champion - candidate
        is_known = ~np.isnan(gains)
        mean = gains[is_known].mean() if is_known.any() else 0.0
        deviations.append(np.where(is_known, gains - mean, 0.0))
        square = float(row.weights @ row.weights)
        units.append(float(row.weights.sum()) ** 2 / max(square, 1e-12))
    table, effective = np.array(values), np.array(units)
    spread = np.stack(deviations, 1)
    return significance.from_deviations(table[:, 1], table[:, 0], spread, effective, largest=np.inf)


def _rates(
    row: MeasuredRow, draws: NDArray[np.float64], margin: float | None, least: float
) -> tuple[Numbers, Numbers]:
    """Return the rates of champion, with its margin, and candidate in each draw, (n,) each."""
    weights = draws @ row.weights
    with np.errstate(divide="ignore", invalid="ignore"):
        champion, candidate = draws @ row.champion / weights, draws @ row.candidate / weights
    if margin is not None:
        champion = champion + margin * np.maximum(champion, least)
    return champion, candidate


def judge_rows(
    rows: Sequence[MeasuredRow], gains: GainEstimates, slack: GainEstimates, options: ShadowOptions
) -> list[SliceJudgement]:
    """Return a judgement of each row."""
    words: list[SliceJudgement | None] = [_exclude(row, options) for row in rows]
    judged = [k for k, word in enumerate(words) if word is None]
    worse = gains.worse(options.gate.certainty, judged)
    better = gains.confidence(0.0) > options.gate.certainty
    no_worse = slack.confidence(0.0) > options.gate.slice_confidence
    for k in judged:
        if worse[k] and not no_worse[k]:
            words[k] = "worse"
        elif no_worse[k]:
            words[k] = "better" if better[k] and gains.gain[k] > 0 else "no worse"
        else:
            words[k] = "unclear"
    return [word for word in words if word is not None]


def _exclude(row: MeasuredRow, options: ShadowOptions) -> SliceJudgement | None:
    """Return the reason why a row is not judged; None where it is."""
    if not MEASURES[row.measure].judged:
        return "not judged"
    is_small = row.pieces < options.gate.least_clips
    # Reviews are few, and the whole is judged whatever its size: the hours say what is enough.
    return "too small" if is_small and (row.camera or row.measure == "review") else None


def _list(label: str, rows: Sequence[ShadowComparison]) -> list[str]:
    """Return a line for each of the first MAX_LISTED rows, and the number of the others."""
    lines = [
        f"{label}: {MEASURES[row.measure].title} {row.champion:.3g} → {row.candidate:.3g} on "
        f"{row.camera or 'all cameras'} ({_interval(row)}{_hours(row.hours)} hours)"
        for row in rows[:MAX_LISTED]
    ]
    more = len(rows) - MAX_LISTED
    return [*lines, *([f"and {more} measures more"] if more > 0 else [])]


def _interval(row: ShadowComparison) -> str:
    """Return the interval of the change; nothing where too few pieces give none."""
    if row.low is None or row.high is None:
        return ""
    return f"{-row.high:+.3g} … {-row.low:+.3g}, "


def _hours(hours: float) -> str:
    """Return hours with a decimal, rounded down: what is lacking is not called there."""
    return f"{np.floor(hours * 10 + 1e-9) / 10:g}"


def _rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 6) + 0.0
