"""Does the camera move? Judged from the tracks alone."""

from __future__ import annotations

import numpy as np

from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths, Rows

LAG_SECONDS = 0.3
FEWEST = 20
"""Motions seen at the same time as another; fewer are no evidence, and cameras mostly stand."""
MOST = 0.5
"""Motions are cut at this many box heights: a wrong link must not outvote the others."""


def moves(paths: Paths, fps: float, options: Options) -> bool:
    """True if the tracks go up and down together.

    People walk left or right together, but only a camera lifts and lowers them all. Measured:
    agreement at most .11 on static cameras (4 sequences, 11 detector files), .17 to .50 on moving.
    """
    return agreement(paths, fps) > options.moving_agreement


def agreement(paths: Paths, fps: float) -> float:
    """Correlation, -1 … 1, of each track's vertical motion with the mean of the others' then."""
    frames, motion = _vertical(paths, max(1, round(LAG_SECONDS * fps)))
    count = np.bincount(frames)[frames] if len(frames) else np.zeros(0)
    together = count >= 2
    if together.sum() < FEWEST:
        return 0.0
    total = np.bincount(frames, motion)[frames]
    own, others = motion[together], ((total - motion) / np.maximum(count - 1, 1))[together]
    norm = np.sqrt((own**2).sum() * (others**2).sum())
    return float((own * others).sum() / norm) if norm > 0 else 0.0


def _vertical(paths: Paths, lag: int) -> tuple[Rows, Numbers]:
    """Frame and motion of the centre over `lag` frames, in heights, wherever no box is missing."""
    same = paths.tracks[lag:] == paths.tracks[:-lag]
    whole = same & (paths.frames[lag:] - paths.frames[:-lag] == lag)
    rows = np.flatnonzero(whole)
    height = np.maximum(paths.states[rows, 3], 1)
    motion = (paths.states[rows + lag, 1] - paths.states[rows, 1]) / height
    return paths.frames[rows], np.clip(motion, -MOST, MOST)
