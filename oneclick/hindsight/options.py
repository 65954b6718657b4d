"""The parameters of the hindsight pass: one set for every camera, in seconds and box heights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Lengths are seconds, distances box heights, overlaps IoU, strengths multiples of a threshold.

    A strength of 1 is a box at the operating threshold of its model.
    """

    floor: float = 0.3
    """Boxes weaker than this are not evidence of anything."""
    weak: float = 0.6
    same: float = 0.6
    """Two boxes of one frame that overlap more are one object."""
    agree: float = 0.5
    link_iou: float = 0.3
    link_seconds: float = 0.5
    gap_static: float = 3.0
    gap_moving: float = 1.0
    stitch_cost: float = 1.0
    stitch_near: float = 0.35
    stitch_far: float = 0.35
    stitch_rounds: int = 2
    state_seconds: float = 1.0
    recover_iou: float = 0.6
    min_seconds: float = 0.4
    min_boxes: int = 3
    min_strength: float = 1.0
    sigma: float = 0.2
    sigma_size: float = 0.3
    filled_weight: float = 0.3
    robust: int = 1
    grow: float = 0.0
    grow_iou: float = 0.5
