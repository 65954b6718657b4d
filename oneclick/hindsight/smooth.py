"""Smoothing: local linear regression with Gaussian weights, robust against single bad boxes.

Unlike a Gaussian mean it does not lag behind at the ends of a track, and unlike a Kalman smoother
it needs no noise model. Cleveland, "Robust locally weighted regression", JASA 74 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths, Rows

REACH = 3
"""Neighbours further than this many widths weigh below 0.012."""
SHRINK = 0.01
"""Pull of the slope towards 0, in squared widths: calms tracks of a few boxes."""
LEAST_WEIGHT = 0.0025
"""Even an outlier counts, where it is alone."""


def smooth(paths: Paths, weights: Numbers, fps: float, options: Options) -> Numbers:
    """Smoothed states of all tracks, `(n, 4)`; `weights` say how far each box is believed."""
    if not len(paths):
        return paths.states
    first = _regress(paths, weights, fps, options)
    error = np.abs(paths.states - first).max(1) / np.maximum(first[:, 3], 1)
    trust = np.clip(1 - (error / options.outlier) ** 2, 0, 1) ** 2
    return _regress(paths, weights * np.maximum(trust, LEAST_WEIGHT), fps, options)


def _regress(paths: Paths, weights: Numbers, fps: float, options: Options) -> Numbers:
    centres = _local_line(paths, paths.states[:, :2], weights, options.sigma_centre * fps)
    sizes = _local_line(paths, paths.states[:, 2:], weights, options.sigma_size * fps)
    return np.concatenate([centres, sizes], 1)


def _local_line(paths: Paths, values: Numbers, weights: Numbers, sigma: float) -> Numbers:
    """Value at each row of the line fitted around it, `(n, k)`; `sigma` in frames."""
    axis = _axis(paths, sigma)
    s0, s1, s2 = (axis.gather(weights, power) for power in range(3))
    s2 = s2 + SHRINK * sigma**2 * s0
    fitted = np.empty_like(values)
    for k, column in enumerate(values.T):
        t0, t1 = (axis.gather(weights * column, power) for power in range(2))
        fitted[:, k] = (s2 * t0 - s1 * t1) / (s0 * s2 - s1 * s1)
    return fitted


@dataclass(frozen=True)
class _Axis:
    """All tracks laid end to end on one axis of frames, too far apart to reach each other."""

    place: Rows
    size: int
    steps: Numbers
    kernel: Numbers

    def gather(self, values: Numbers, power: int) -> Numbers:
        """Weighted sum of `values * distance**power` over the neighbours of each row."""
        dense = np.zeros(self.size)
        dense[self.place] = values
        summed: Numbers = np.correlate(dense, self.kernel * self.steps**power, "same")
        return summed[self.place]


def _axis(paths: Paths, sigma: float) -> _Axis:
    sigma = max(sigma, 1e-3)
    reach = int(np.ceil(REACH * sigma))
    steps = np.arange(-reach, reach + 1).astype(np.float64)
    first, last = paths.frames[paths.starts], paths.frames[paths.stops - 1]
    ends = np.cumsum(last - first + 1 + reach)
    begin = reach + np.concatenate([[0], ends[:-1]])
    place = paths.frames + np.repeat(begin - first, paths.stops - paths.starts)
    size = int(reach + ends[-1]) + len(steps)
    return _Axis(place, size, steps, np.exp(-0.5 * (steps / sigma) ** 2))
