"""Results of evaluating models on test clips, as plain records that files and reports hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SliceJudgement = Literal["better", "no worse", "unclear", "worse", "too small", "not judged"]


@dataclass(frozen=True, kw_only=True)
class DetectionMetrics:
    """Detection quality over a set of images; ratios in 0 … 1, 0 where there is no true box."""

    map: float
    """COCO mAP: mean average precision over classes and IoU 0.50 … 0.95."""
    ap50: float
    """Average precision at IoU 0.5."""
    recall: float
    """Share of true boxes matched at IoU 0.5 with at least the operating score."""
    precision: float
    """Share of boxes of at least the operating score that are true at IoU 0.5."""
    images: int
    boxes: int
    """True boxes."""
    recall_at_01: float = 0.0
    """Largest recall at IoU 0.5 with at most one false positive in ten images."""
    recall_at_1: float = 0.0
    """Largest recall at IoU 0.5 with at most one false positive an image."""


@dataclass(frozen=True)
class ClassScore:
    """Average precision of one class; None where the test set shows none of it."""

    name: str
    map: float | None
    ap50: float | None
    boxes: int


@dataclass(frozen=True, kw_only=True)
class WorstClip:
    """A clip with many mistakes, and its worst image; at the operating score and IoU 0.5."""

    clip: str
    frame: int
    """0-based frame with the most mistakes; the first of several."""
    f1: float
    missed: int
    """False negatives in the whole clip."""
    alarms: int
    """False positives in the whole clip."""


@dataclass(frozen=True, kw_only=True)
class ModelScore:
    """One model's row in the table that goes with a decision of the gate."""

    name: str
    map: float
    ap50: float
    recall: float
    images: int
    recall_at_01: float | None = None
    """With at most one false positive in ten images."""
    recall_at_1: float | None = None
    """With at most one false positive an image."""


@dataclass(frozen=True, kw_only=True)
class SliceComparison:
    """A slice of the test set under champion and candidate; None without a champion or true box."""

    name: str
    """`family=value`, or "all"."""
    champion: float | None
    """mAP."""
    candidate: float | None
    """mAP."""
    gain: float | None
    """mAP of the candidate less that of the champion."""
    low: float | None
    """Lower bound of the gain, one-sided with 95% confidence."""
    high: float | None
    """Upper bound of the gain, one-sided with 95% confidence."""
    images: int
    clips: int
    boxes: int
    word: SliceJudgement


ShadowState = Literal["waits", "no worse", "worse", "ended", "reported"]
"""Judged again, promoted, refused, no longer judged, or looked at without any demand."""


@dataclass(frozen=True, kw_only=True)
class ShadowComparison:
    """A measure of both models on the same video without labels; lower is better.

    Rates are None where there is nothing to divide by.
    """

    measure: str
    """Key of core.shadow_measures.MEASURES."""
    camera: str
    """Empty for all cameras."""
    champion: float | None
    candidate: float | None
    gain: float | None
    """Rate of the champion less that of the candidate: above 0 the candidate is better."""
    low: float | None
    """Lower bound of the gain, one-sided with 95% confidence."""
    high: float | None
    """Upper bound of the gain, one-sided with 95% confidence."""
    hours: float
    pieces: int
    """Units of evidence: ten minutes of a camera each, or clips that people reviewed."""
    word: SliceJudgement


@dataclass(frozen=True, kw_only=True)
class ShadowEvidence:
    """What a Candidate did beside the Champion on the newest video, before it served."""

    state: ShadowState
    champion: str
    hours: float
    """Looked at by both."""
    needed: float
    """Hours that the gate demands."""
    reasons: tuple[str, ...] = ()
    """What the gate said of it."""
    rows: tuple[ShadowComparison, ...] = ()
    """All cameras together, then camera by camera, worst first."""
    failed: dict[str, str] = field(default_factory=dict)
    """Videos that were left out, with the reason."""
