"""False positives and false negatives: in all, at a given rate of false positives, and by clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oneclick.core.evaluation import WorstClip
from oneclick.training.evaluation.average_precision import Matches

MAX_WORST = 20
"""Worst clips that are listed."""


def count_matches(matches: Matches, threshold: float) -> tuple[int, int]:
    """Count true and false positives at IoU 0.5 with at least the operating score."""
    rows = matches.scores >= threshold
    true_positives = int(matches.hits[rows, 0].sum())
    return true_positives, int(matches.considered[rows, 0].sum()) - true_positives


def recall_at(matches: Matches, images: int, rate: float) -> float:
    """Return the largest recall at IoU 0.5 with at most `rate` false positives an image.

    0 without true boxes. Boxes of equal score are accepted together.
    """
    hits = matches.hits[:, 0]
    false_positives = np.cumsum(matches.considered[:, 0] & ~hits)
    last_of_score = np.append(matches.scores[1:] != matches.scores[:-1], True)[: len(hits)]
    allowed = last_of_score & (false_positives <= rate * images)
    true_positives = np.cumsum(hits)[allowed].max(initial=0)
    return float(true_positives / max(int(matches.truth_counts.sum()), 1))


def worst_clips(
    matches: Matches,
    keys: Sequence[tuple[str, int]],
    threshold: float,
    most: int = MAX_WORST,
) -> tuple[WorstClip, ...]:
    """Return the clips with the lowest F1, of equals those with most mistakes first.

    Clips without a mistake are not among them.

    Args:
        keys: clip and frame of each image.
        threshold: operating score.
    """
    rows = np.flatnonzero(matches.scores >= threshold)
    hit_rows, box_rows = rows[matches.hits[rows, 0]], rows[matches.considered[rows, 0]]
    hits = np.bincount(matches.images[hit_rows], minlength=len(keys))
    missed = np.bincount(matches.truths.images, minlength=len(keys)) - hits
    alarms = np.bincount(matches.images[box_rows], minlength=len(keys)) - hits
    clips = list(dict.fromkeys(clip for clip, _ in keys))
    number = {clip: k for k, clip in enumerate(clips)}
    groups = np.array([number[clip] for clip, _ in keys], np.int64)
    clip_missed, clip_alarms, clip_hits = (
        np.bincount(groups, column, len(clips)) for column in (missed, alarms, hits)
    )
    mistakes = clip_missed + clip_alarms
    f1 = 2 * clip_hits / np.maximum(2 * clip_hits + mistakes, 1)
    worst = []
    for k in [k for k in np.lexsort((-mistakes, f1)).tolist() if mistakes[k]][:most]:
        images = np.flatnonzero(groups == k)
        worst.append(
            WorstClip(
                clip=clips[k],
                frame=keys[int(images[(missed + alarms)[images].argmax()])][1],
                f1=round(float(f1[k]), 4),
                missed=int(clip_missed[k]),
                alarms=int(clip_alarms[k]),
            )
        )
    return tuple(worst)
