"""Time stamps as recorders write them, checked and repaired.

A stamp that disagrees with both its sides is mad and is replaced; where time jumps and goes on from
there, one stretch of the recording ends and the next begins.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

MOST_REORDERED = 16
"""Frames by which the order of presentation may differ from that of the file (H.264, HEVC)."""
LONGEST_PAUSE = 1.0
"""Seconds between two frames that are no break, whatever the rate."""
PAUSE_STEPS = 5.0
"""Steps between two frames that are no break."""
LONGEST_GAP = 7 * 86400.0
"""Seconds that a gap may last; a greater jump says nothing about its length."""
SHORTEST_STEP = 1e-6
"""Seconds between two frames below which they share a stamp: sums of times would lose less."""
_MOST_MAD = 8
"""Stamps in a row that may be mad."""
LONG_STEP = 1.5
"""Median steps from which on a step counts as long."""
FEW = 0.05
"""Share of long steps up to which they are accidents, and not the way that a camera records."""
_NEAR = 9
"""Steps whose median is the local one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameTimes:
    """Times of the frames of a video, and what had to be done for them."""

    seconds: NDArray[np.float64]
    """(N,) from the first frame, strictly ascending."""
    breaks: NDArray[np.int64]
    """First frames of the stretches after the first."""
    repaired: int
    """Frames whose own stamp was missing or mad."""
    step: float
    """Mean seconds between two frames within stretches; 0 where no two frames tell."""
    long_steps: int = 0
    """Steps within stretches that are longer than the others."""
    is_irregular: bool = False
    """Whether long steps are the way that the camera records, and not accidents."""
    is_worthless: bool = False
    """Whether the stamps say nothing, so that the frames are evenly spaced by assumption."""


def order_is_sound(stamps: NDArray[np.float64]) -> bool:
    """Check that sorted stamps are the order of presentation, as far as stamps can tell.

    They are where every stamp differs, none leads or lags by more frames than codecs reorder, and
    no frame is moved over a jump in time.

    Args:
        stamps: (N,) seconds in the order of the file.
    """
    order = np.argsort(stamps, kind="stable")
    ordered = stamps[order]
    if not np.isfinite(stamps).all() or (np.diff(ordered) < SHORTEST_STEP).any():
        return False
    if len(order) and np.abs(order - np.arange(len(order))).max() > MOST_REORDERED:
        return False
    jumps = np.flatnonzero(~_is_steady(ordered))
    latest_before = np.maximum.accumulate(order)[jumps]
    return bool((latest_before == jumps).all())


def settle(stamps: NDArray[np.float64], assumed_step: float) -> FrameTimes:
    """Return true times for stamps in the order of presentation.

    Args:
        stamps: (N,) seconds; NaN where there is none.
        assumed_step: seconds between frames where the stamps do not tell.
    """
    count = len(stamps)
    is_known = np.isfinite(stamps)
    frames = np.arange(count)
    stamps = complete(stamps)
    is_steady = _is_steady(stamps)
    if count < 2 or is_known.sum() < 2 or is_steady.sum() * 2 < count - 1:
        return FrameTimes(
            seconds=frames.astype(np.float64) * assumed_step,
            breaks=np.empty(0, np.int64),
            repaired=count if count > 1 else 0,
            step=assumed_step,
            is_worthless=count > 1,
        )
    times = stamps.copy()
    steps = np.where(is_steady, np.diff(stamps), np.nan)
    typical = float(np.nanmedian(steps))
    breaks: list[int] = []
    for at in np.flatnonzero(~is_steady).tolist():
        if np.isnan(times[at : at + 2]).any():
            continue  # one of them is mad, and gone already
        near = steps[max(0, at - _NEAR) : at + _NEAR]
        near = near[np.isfinite(near)]
        mad = _mad_frames(times, at, float(np.median(near)) if len(near) else typical)
        if mad is None:
            breaks.append(at + 1)
        else:
            times[mad] = np.nan
    return _joined(times, breaks, typical, int((np.isnan(times) | ~is_known).sum()))


def complete(stamps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return stamps in which those that are missing lie evenly between and beyond the others.

    Where more time has passed than they fill, they lie before the next: what is lost was earlier.
    Fewer than two known stamps complete nothing.
    """
    is_known = np.isfinite(stamps)
    frames, known = np.arange(len(stamps)), np.flatnonzero(is_known)
    if len(known) < 2 or is_known.all():
        return stamps
    step = float(np.median(np.diff(stamps[known]) / np.diff(known)))
    beyond = np.minimum(frames - known[0], 0) + np.maximum(frames - known[-1], 0)
    completed: NDArray[np.float64] = np.interp(frames, known, stamps[known]) + beyond * step
    missing = np.flatnonzero(~is_known & (frames > known[0]) & (frames < known[-1]))
    after = known[np.searchsorted(known, missing)]
    before = known[np.searchsorted(known, missing) - 1]
    is_hole = stamps[after] - stamps[before] > LONG_STEP * (after - before) * step
    rows, later = missing[is_hole], after[is_hole]
    completed[rows] = stamps[later] - (later - rows) * step
    return completed


def _is_steady(stamps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each two neighbours whether time goes on from one to the other, (N - 1,)."""
    steps = np.diff(stamps)
    with np.errstate(invalid="ignore"):
        is_forward = steps >= SHORTEST_STEP
    if not is_forward.any():
        return is_forward
    typical = float(np.median(steps[is_forward]))
    local = median_filter(np.where(is_forward, steps, typical), size=_NEAR, mode="mirror")
    with np.errstate(invalid="ignore"):
        result: NDArray[np.bool_] = is_forward & (
            steps <= np.maximum(LONGEST_PAUSE, PAUSE_STEPS * local)
        )
    return result


def _mad_frames(times: NDArray[np.float64], at: int, step: float) -> slice | None:
    """Return the frames around a jump after `at` without which time goes on evenly.

    None if no few of them explain it.
    """
    best: tuple[int, float, slice] | None = None
    for before in range(_MOST_MAD + 1):
        for after in range(_MOST_MAD + 1 - before):
            low, high = at - before, at + 1 + after
            if before + after == 0 or low < 0 or high >= len(times):
                continue
            if best and before + after > best[0]:
                continue
            expected = (high - low) * step
            error = abs(times[high] - times[low] - expected)
            if error <= 0.5 * expected and (best is None or (before + after, error) < best[:2]):
                best = before + after, error, slice(low + 1, high)
    return best[2] if best else None


def _joined(
    times: NDArray[np.float64], breaks: list[int], typical: float, repaired: int
) -> FrameTimes:
    """Fill in replaced stamps and put the stretches one after the other.

    Args:
        times: (N,) seconds; NaN where a stamp is replaced.
        breaks: first frames of the stretches after the first.
        typical: seconds between two frames.
        repaired: frames without a stamp of their own.
    """
    count = len(times)
    seconds = np.empty(count)
    end = last_stamp = 0.0
    edges = [0, *breaks, count]
    for start, stop in itertools.pairwise(edges):
        own, numbers = times[start:stop], np.arange(stop - start)
        known = np.flatnonzero(np.isfinite(own))
        low, high = (int(known[0]), int(known[-1])) if len(known) else (0, 0)
        filled = np.interp(numbers, known, own[known]) if len(known) else numbers * typical
        filled += (np.minimum(numbers - low, 0) + np.maximum(numbers - high, 0)) * (
            typical if len(known) else 0.0
        )
        jump = filled[0] - last_stamp
        gap = jump if typical < jump <= LONGEST_GAP else typical
        seconds[start:stop] = filled - filled[0] + (end + gap if start else 0.0)
        end, last_stamp = float(seconds[stop - 1]), float(filled[-1])
    steps = np.delete(np.diff(seconds), np.array(breaks, np.int64) - 1)
    return FrameTimes(
        seconds=seconds,
        breaks=np.array(breaks, np.int64),
        repaired=repaired,
        step=robust_mean(steps) if len(steps) else typical,
        long_steps=int((steps > LONG_STEP * np.median(steps)).sum()) if len(steps) else 0,
        is_irregular=has_many_long(steps),
    )


def robust_mean(steps: NDArray[np.float64]) -> float:
    """Return the mean step, without the few that a lost frame made long."""
    if has_many_long(steps):
        return float(steps.mean())
    return float(steps[steps <= LONG_STEP * np.median(steps)].mean())


def has_many_long(steps: NDArray[np.float64]) -> bool:
    """Check whether more than a few steps are longer than the others."""
    return bool(len(steps) and (steps > LONG_STEP * np.median(steps)).mean() > FEW)


def is_uneven(steps: NDArray[np.float64], tick: float) -> bool:
    """Check whether steps in seconds differ by more than a fifth, and than rounding to ticks."""
    step = float(np.median(steps)) if len(steps) else 0.0
    tolerance = max(min(1.01 * tick, 0.5 * step), 0.2 * step)
    return bool(len(steps) and np.abs(steps - step).max() > tolerance)
