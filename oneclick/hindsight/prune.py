"""What is taken away, with the whole clip in view: false tracks, and the same object twice."""

from __future__ import annotations

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.hindsight import paths as columns
from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths


def weak(paths: Paths, fps: float, options: Options, sure: float = 0.0) -> Paths:
    """Without tracks that are too short, too rarely seen or too faint.

    Args:
        sure: probability that a strength of 1 stands for; 0 where nobody knows what they mean.
    """
    if not len(paths):
        return paths
    seen = paths.stops - paths.starts
    seconds = (paths.frames[paths.stops - 1] - paths.frames[paths.starts] + 1) / fps
    usual = float(np.median(paths.strengths))
    least = options.believed / sure if sure else 1 + options.faint * (usual - 1)
    # A mean of equal numbers may come out a rounding error below them.
    strong = paths.mean(paths.strengths) >= least - 1e-6
    keep = strong & (seen >= options.min_boxes) & (seconds >= options.min_seconds)
    return paths.where(keep[paths.track_of])


def duplicates(paths: Paths, like: Detections, options: Options) -> Paths:
    """Without boxes that overlap one of a track with more evidence, frame by frame."""
    evidence: Numbers = paths.mean(paths.strengths) * (paths.stops - paths.starts)
    found, row = columns.to_detections(paths, evidence[paths.track_of], like)
    i, j, _ = association.overlaps(found, found, options.same_iou)
    a, b = row[i], row[j]
    twice = (a != b) & (paths.classes[a] == paths.classes[b])
    a, b = a[twice], b[twice]
    rank = np.argsort(np.lexsort((np.arange(len(evidence)), -evidence)))[paths.track_of]
    keep = np.ones(len(paths), np.bool_)
    keep[b[rank[a] < rank[b]]] = False
    return paths.where(keep)
