"""How good reviews are: agreement of two reviewers, errors caught, and errors that remain.

Two people review the same labels without seeing each other's work. What both correct tells how much
each of them finds, and what only the second corrects how much the first one missed (capture and
recapture; Chapman, 1951). Seeded errors (editing/seeded_errors.py) tell the same of one alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oneclick.core import boxes as geometry
from oneclick.core import statistics
from oneclick.core.labels import IGNORE, LabelTrack

CorrectionKind = Literal["added", "removed", "moved", "renamed", "identity"]
KINDS: tuple[CorrectionKind, ...] = ("added", "removed", "moved", "renamed", "identity")
SAME_PLACE = 0.5
"""IoU from which on two boxes are of one person."""
JOIN_FRAMES = 3
"""Longest break between boxes of one correction."""
NEAR_FRAMES = 10
"""Two changes of identity at most this far apart are the same."""
PRIOR = 4.0
"""Corrections that the prior of the share found of one kind counts for."""
DRAWS = 20_000
"""Random draws of an interval."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A run of the same correction of one person."""

    kind: CorrectionKind
    frames: NDArray[np.int32]
    """(n,) rising."""
    boxes: NDArray[np.float64]
    """(n, 4) px: those added, or those removed or renamed."""

    def equals(self, other: Correction) -> bool:
        """Check whether another reviewer corrected the same."""
        if self.kind != other.kind:
            return False
        if self.kind == "identity":
            near = abs(int(self.frames[0]) - int(other.frames[0])) <= NEAR_FRAMES
            overlap = geometry.iou_pairs(self.boxes[:1], other.boxes[:1])[0]
            return near and bool(overlap > 0)
        _, rows, other_rows = np.intersect1d(
            self.frames, other.frames, assume_unique=True, return_indices=True
        )
        if not len(rows):
            return False
        overlaps = geometry.iou_pairs(self.boxes[rows], other.boxes[other_rows])
        return bool(np.median(overlaps) >= SAME_PLACE)


@dataclass(frozen=True, kw_only=True)
class ReviewAgreement:
    """How far two reviews of one clip agree."""

    boxes: float
    """F1 of the boxes at IoU 0.5; 1 where neither has one."""
    mean_iou: float
    """Of the boxes that both have; 1 without any."""
    identities: float
    """F1 of the boxes that keep one identity in both (IDF1)."""
    classes: float
    """Share of the boxes that both have under the same class."""


@dataclass(frozen=True)
class SecondLook:
    """Corrections of two reviewers of one clip, who did not see each other's."""

    first: int
    """Corrections of the first reviewer."""
    second: int
    """Corrections of the second one."""
    both: int
    """Corrections that both made."""


@dataclass(frozen=True)
class ResidualErrors:
    """Errors per clip that remain after the first review."""

    value: float
    low: float
    high: float
    """Limits of the 95% interval."""
    clips: int
    """Clips that were looked at twice."""


def compare(first: Sequence[LabelTrack], second: Sequence[LabelTrack]) -> ReviewAgreement:
    """Compare the labels of two reviewers."""
    pairs = _pair_boxes(first, second)
    sizes = [
        sum(len(track.frames) for track in tracks if track.cls != IGNORE)
        for tracks in (first, second)
    ]
    if not sum(sizes):
        return ReviewAgreement(boxes=1.0, mean_iou=1.0, identities=1.0, classes=1.0)
    overlaps = [overlap for *_, overlap in pairs]
    counts: dict[tuple[int, int], int] = {}
    for a, _, b, _, _ in pairs:
        counts[a.id, b.id] = counts.get((a.id, b.id), 0) + 1
    ids, other_ids = (sorted({key[side] for key in counts}) for side in (0, 1))
    table = np.array([[counts.get((a, b), 0) for b in other_ids] for a in ids]).reshape(
        len(ids), len(other_ids)
    )
    rows, columns = linear_sum_assignment(-table)
    same_class = [a.cls == b.cls for a, _, b, _, _ in pairs]
    return ReviewAgreement(
        boxes=2 * len(pairs) / sum(sizes),
        mean_iou=float(np.mean(overlaps)) if overlaps else 1.0,
        identities=2 * float(table[rows, columns].sum()) / sum(sizes),
        classes=float(np.mean(same_class)) if same_class else 1.0,
    )


def find_corrections(before: Sequence[LabelTrack], after: Sequence[LabelTrack]) -> list[Correction]:
    """Return what a reviewer corrected, one item a run of the same correction of one person."""
    pairs = _pair_boxes(before, after)
    paired_before = {(a.id, row) for a, row, _, _, _ in pairs}
    paired_after = {(b.id, row) for _, _, b, row, _ in pairs}
    old = {
        (track.id, int(frame))
        for track in before
        for row, frame in enumerate(track.frames)
        if (track.id, row) not in paired_before
    }
    corrections = []
    moved_places = set()
    for track in after:
        rows = [row for row in range(len(track.frames)) if (track.id, row) not in paired_after]
        for run in _runs(track, rows):
            places = {(track.id, int(frame)) for frame in track.frames[run]}
            is_moved = len(places & old) * 2 > len(places)
            moved_places |= places & old if is_moved else set()
            corrections.append(_correction("moved" if is_moved else "added", track, run))
    for track in before:
        rows = [
            row
            for row, frame in enumerate(track.frames)
            if (track.id, int(frame)) in old - moved_places
        ]
        corrections += [_correction("removed", track, run) for run in _runs(track, rows)]
    renamed_rows: dict[int, list[int]] = {}
    for a, _, b, row, _ in pairs:
        if a.cls != b.cls:
            renamed_rows.setdefault(b.id, []).append(row)
    for track in after:
        rows = sorted(renamed_rows.get(track.id, []))
        corrections += [_correction("renamed", track, run) for run in _runs(track, rows)]
    return corrections + _identity_changes(pairs)


def count_common(first: Iterable[Correction], second: Iterable[Correction]) -> int:
    """Count the corrections that two reviewers both made, one to one."""
    unmatched, common = list(second), 0
    for correction in first:
        twin = next((other for other in unmatched if correction.equals(other)), None)
        if twin is not None:
            unmatched.remove(twin)
            common += 1
    return common


def catch_rate(outcomes: Sequence[bool]) -> statistics.RatioEstimate | None:
    """Return the share of seeded errors that were caught, with its interval; None without any."""
    return statistics.ratio([float(caught) for caught in outcomes], np.ones(len(outcomes)))


def residual_errors(
    looks: Mapping[str, Sequence[SecondLook]], seed: int = 0
) -> ResidualErrors | None:
    """Estimate the errors per clip that remain after the first review.

    For each kind of error the second reviewer's share of the first one's corrections tells how many
    errors they find; what only they found is divided by it. The interval is that of draws from the
    posteriors of both, widened where clips differ more than chance allows; the prior of a kind's
    share is that of all kinds together.

    Args:
        looks: by kind of correction, one item for each clip that was looked at twice.
        seed: of the draws.

    Returns:
        The estimate, or None where no clip was looked at twice.
    """
    clips = max((len(items) for items in looks.values()), default=0)
    if not clips:
        return None
    rng, value, draws = np.random.default_rng(seed), 0.0, np.zeros(DRAWS)
    everything = [item for items in looks.values() for item in items]
    common = sum(item.both for item in everything) + 0.5
    prior_share = common / (sum(item.first for item in everything) + 1)
    for _, items in sorted(looks.items()):
        counts = np.array([(item.first, item.second, item.both) for item in items], np.float64)
        first, second, both = counts.sum(0)
        missed = counts[:, 1] - counts[:, 2]
        total = (first + 1) * (second + 1) / (both + 1) - 1
        value += max(total - first, 0.0)
        spread = 1.0
        if len(missed) > 1 and missed.mean() > 0:
            spread = max(1.0, float(missed.var(ddof=1) / missed.mean()))
        if first or second:
            found_share = rng.beta(
                both + PRIOR * prior_share, first - both + PRIOR * (1 - prior_share), DRAWS
            )
            draws += rng.gamma((missed.sum() + 0.5) / spread, spread, DRAWS) / found_share
    low, high = np.quantile(draws / clips, (0.025, 0.975))
    return ResidualErrors(float(value) / clips, float(low), float(high), clips)


_Pair = tuple[LabelTrack, int, LabelTrack, int, float]
"""Track and row of a box in the first labels, track and row in the second ones, their IoU."""


def _pair_boxes(first: Sequence[LabelTrack], second: Sequence[LabelTrack]) -> list[_Pair]:
    """Pair boxes of the same place in every frame, one to one by the largest total IoU."""
    by_frame: dict[int, tuple[list[tuple[LabelTrack, int]], list[tuple[LabelTrack, int]]]] = {}
    for side, tracks in enumerate((first, second)):
        for track in tracks:
            if track.cls != IGNORE:
                for row, frame in enumerate(track.frames.tolist()):
                    by_frame.setdefault(frame, ([], []))[side].append((track, row))
    pairs: list[_Pair] = []
    for _, (own, others) in sorted(by_frame.items()):
        if not own or not others:
            continue
        corners, other_corners = (
            np.array([track.boxes[row] for track, row in items], np.float64)
            for items in (own, others)
        )
        overlaps = geometry.iou(corners, other_corners)
        # Boxes of one id go together where places alone do not decide.
        same_id = [[a.id == b.id for b, _ in others] for a, _ in own]
        worth = np.where(overlaps >= SAME_PLACE, overlaps + 1e-3 * np.array(same_id), 0)
        for i, j in zip(*linear_sum_assignment(-worth), strict=True):
            if overlaps[i, j] >= SAME_PLACE:
                pairs.append((*own[i], *others[j], float(overlaps[i, j])))
    return pairs


def _runs(track: LabelTrack, rows: Sequence[int]) -> list[NDArray[np.intp]]:
    """Divide rows of a track where more than JOIN_FRAMES lie between two of them."""
    if not rows:
        return []
    order = np.array(rows, np.intp)
    breaks = np.flatnonzero(np.diff(track.frames[order]) > JOIN_FRAMES) + 1
    return np.split(order, breaks)


def _correction(kind: CorrectionKind, track: LabelTrack, rows: NDArray[np.intp]) -> Correction:
    return Correction(kind, track.frames[rows], track.boxes[rows].astype(np.float64))


def _identity_changes(pairs: Sequence[_Pair]) -> list[Correction]:
    """Return where a track continues as another one after the review, or two became one."""
    changes = []
    for side in (0, 2):
        last: dict[int, int] = {}
        for pair in pairs:
            own, other = (pair[0], pair[2]) if side == 0 else (pair[2], pair[0])
            row = pair[1] if side == 0 else pair[3]
            if last.get(own.id, other.id) != other.id:
                changes.append(_correction("identity", own, np.array([row])))
            last[own.id] = other.id
    # A swap shows in both versions of both tracks; it is one correction for each of them.
    distinct: list[Correction] = []
    for change in changes:
        if not any(change.equals(other) for other in distinct):
            distinct.append(change)
    return distinct
