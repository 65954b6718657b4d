"""Smoothing: local linear regression with Gaussian weights, robust against single outliers.

Unlike a Gaussian mean it does not lag behind at the ends of a track, and unlike a Kalman smoother
it needs no noise model. Cleveland, "Robust locally weighted regression", JASA 74 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

REACH = 3
"""Half width of the kernel in sigmas; boxes further away would weigh below 0.012."""
SHRINK = 0.01
"""Regularisation of the slope towards 0, in squared sigmas: stabilises tracks of a few boxes."""
MIN_WEIGHT = 0.0025
"""Least weight of an outlier, so that it counts where it is alone."""

WIDTHS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15)
"""Kernel widths that are tried, as shares of those of the options."""
FOLLOW_SECONDS = 0.4
"""Width of the kernel over which errors of centres and sizes are compared."""
FOLLOW_RATIO = 1.1
"""Error of centres, as a multiple of that of sizes, up to which it is one of the detector: at
most 1.1 in 99% of the seconds on static cameras (7 detector files), 2 to 10 in a shaken one."""
SIZE_FLOOR = 0.005
"""Least error of sizes, longer sides of boxes."""
MIN_LENGTH = 5
"""Boxes of a track from which on it tells about the width."""


def smooth(
    tracks: TrackStates, weights: FloatArray, fps: float, options: HindsightOptions
) -> FloatArray:
    """Return the smoothed states of all tracks, `(n, 4)`.

    Args:
        tracks: the tracks.
        weights: `(n,)` weight of each box.
        fps: frames per second.
        options: kernel widths and the distance of outliers.
    """
    if not len(tracks):
        return tracks.states
    initial = _regress(tracks, weights, fps, options)
    error = np.abs(tracks.states - initial).max(1) / np.maximum(initial[:, 2:].max(1), 1)
    robustness = np.clip(1 - (error / options.outlier_distance) ** 2, 0, 1) ** 2
    fitted = _regress(tracks, weights * np.maximum(robustness, MIN_WEIGHT), fps, options)
    return _follow(tracks, weights, fitted, fps)


def _follow(tracks: TrackStates, weights: FloatArray, fitted: FloatArray, fps: float) -> FloatArray:
    """Return fitted states whose centres follow what moves faster than the fit, `(n, 4)`.

    Errors of a detector move the sides of a box each by itself: its size wavers more than its
    centre. Where centres stray and sizes do not, the camera shakes or somebody turns, and a smooth
    path would miss him. A Wiener gain, of what is motion in the error, keeps that part of it.
    """
    error = tracks.states - fitted
    axis = _FrameAxis.of_tracks(tracks, FOLLOW_SECONDS * fps)
    centre = axis.moment(weights * np.hypot(error[:, 0], error[:, 1]), 0)
    floor = SIZE_FLOOR * tracks.states[:, 2:].max(1)
    size = axis.moment(weights * np.maximum(np.hypot(error[:, 2], error[:, 3]), floor), 0)
    gain = np.clip(1 - (FOLLOW_RATIO * size / np.maximum(centre, 1e-9)) ** 4, 0, 1)
    followed = fitted.copy()
    followed[:, :2] += gain[:, None] * error[:, :2]
    return followed


def fit_widths(tracks: TrackStates, fps: float, options: HindsightOptions) -> HindsightOptions:
    """Return the options with kernels as narrow as the motion of this clip needs them.

    Each box is predicted from the others of its track (leave-one-out cross-validation). Where wide
    kernels predict much worse than narrow ones, people or the camera turn faster than they follow,
    or the boxes are tight enough to be left as they are. Errors of detectors last for some frames,
    which makes narrow kernels look better than they are: hence `options.width_loss`.
    """
    long_enough = tracks.where(((tracks.stops - tracks.starts) >= MIN_LENGTH)[tracks.track_index])
    if not len(long_enough):
        return options

    def narrowest(columns: slice, sigma: float) -> float:
        errors = np.stack(
            [_left_out_error(long_enough, columns, sigma * share * fps) for share in WIDTHS]
        )
        comparable = np.isfinite(errors).all(0)
        if comparable.sum() < MIN_LENGTH:
            return sigma
        mean = np.minimum(errors[:, comparable], options.outlier_distance).mean(1)
        return sigma * WIDTHS[int(np.flatnonzero(mean <= options.width_loss * mean.min())[0])]

    return replace(
        options,
        sigma_centre=narrowest(slice(0, 2), options.sigma_centre),
        sigma_size=narrowest(slice(2, 4), options.sigma_size),
    )


def _left_out_error(tracks: TrackStates, columns: slice, sigma: float) -> FloatArray:
    """Return the error of predicting each row from the others, box heights; NaN without any."""
    axis = _FrameAxis.of_tracks(tracks, sigma)
    ones, values = np.ones(len(tracks)), tracks.states[:, columns]
    s0, s1, s2 = (axis.moment(ones, power) for power in range(3))
    s2 = s2 + SHRINK * sigma**2 * s0
    error = np.zeros(len(tracks))
    with np.errstate(divide="ignore", invalid="ignore"):
        for column in values.T:
            t0, t1 = axis.moment(column, 0) - column, axis.moment(column, 1)
            fitted = (s2 * t0 - s1 * t1) / ((s0 - 1) * s2 - s1 * s1)
            error = np.maximum(error, np.abs(fitted - column))
    error /= np.maximum(tracks.states[:, 3], 1)
    error[s0 - 1 < 1e-6] = np.nan
    return error


def _regress(
    tracks: TrackStates, weights: FloatArray, fps: float, options: HindsightOptions
) -> FloatArray:
    centres = _local_line(tracks, tracks.states[:, :2], weights, options.sigma_centre * fps)
    sizes = _local_line(tracks, tracks.states[:, 2:], weights, options.sigma_size * fps)
    return np.concatenate([centres, sizes], 1)


def _local_line(
    tracks: TrackStates, values: FloatArray, weights: FloatArray, sigma: float
) -> FloatArray:
    """Return the value at each row of the line fitted around it, `(n, k)`; `sigma` in frames."""
    axis = _FrameAxis.of_tracks(tracks, sigma)
    s0, s1, s2 = (axis.moment(weights, power) for power in range(3))
    s2 = s2 + SHRINK * sigma**2 * s0
    fitted = np.empty_like(values)
    for k, column in enumerate(values.T):
        t0, t1 = (axis.moment(weights * column, power) for power in range(2))
        fitted[:, k] = (s2 * t0 - s1 * t1) / (s0 * s2 - s1 * s1)
    return fitted


@dataclass(frozen=True)
class _FrameAxis:
    """All tracks placed one after another on one axis of frames, out of each other's reach."""

    position: IndexArray
    """(n,) place of each row on the axis."""
    size: int
    """Length of the axis in frames."""
    steps: FloatArray
    """(s,) frames from the centre of the kernel."""
    kernel: FloatArray
    """(s,) Gaussian weight of each step."""

    @classmethod
    def of_tracks(cls, tracks: TrackStates, sigma: float) -> _FrameAxis:
        """Place tracks on an axis, with a kernel of width `sigma` in frames."""
        sigma = max(sigma, 1e-3)
        reach = int(np.ceil(REACH * sigma))
        steps = np.arange(-reach, reach + 1).astype(np.float64)
        first, last = tracks.frames[tracks.starts], tracks.frames[tracks.stops - 1]
        ends = np.cumsum(last - first + 1 + reach)
        begin = reach + np.concatenate([[0], ends[:-1]])
        position = tracks.frames + np.repeat(begin - first, tracks.stops - tracks.starts)
        size = int(reach + ends[-1]) + len(steps)
        return cls(position, size, steps, np.exp(-0.5 * (steps / sigma) ** 2))

    def moment(self, values: FloatArray, power: int) -> FloatArray:
        """Return the kernel-weighted sum of `values * distance**power` around each row, `(n,)`."""
        on_axis = np.zeros(self.size)
        on_axis[self.position] = values
        sums: FloatArray = np.correlate(on_axis, self.kernel * self.steps**power, "same")
        return sums[self.position]
