"""What pictures say about a box: how far its content moved, and how much it looks the same.

Pyramidal Lucas-Kanade flow with the forward-backward check (Kalal, "Forward-backward error", ICPR
2010) on points inside the box, and a template that is averaged along the way, found again by
normalised correlation. Only a window around the box is read and scaled, so that the cost does not
depend on the size of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Picture = NDArray[np.uint8]

HEIGHT = 96
"""Boxes are scaled down to this many px before points are followed."""
PATCH = (24, 48)
"""Width and height of the template in px."""
MAX_POINTS = 60
RING_STEP = 14
"""Px between the points around the box that tell how the background moves."""


class PictureSource(Protocol):
    """Pictures of one clip by frame, grey `(h, w)` or BGR `(h, w, 3)`, decoded when asked for."""

    def __getitem__(self, frame: int, /) -> Picture:
        """Return the picture of a frame."""

    def __len__(self) -> int:
        """Return the number of frames."""


@dataclass(frozen=True)
class PictureMotion:
    """How the content of a box moved from one picture to the next."""

    shift: FloatArray
    """(2,) px."""
    log_scale: float
    agreement: float
    """Share of points that were followed there and back, and agree with the shift; 0 … 1."""


NO_MOTION = PictureMotion(np.zeros(2), 0.0, 0.0)


@dataclass(frozen=True)
class Window:
    """A part of a picture, scaled, in grey."""

    pixels: Picture
    origin: FloatArray
    """(2,) px of its corner in the picture."""
    scale: float
    """Its px per px of the picture."""


def cut_window(picture: Picture, area: FloatArray, scale: float) -> Window | None:
    """Cut and scale a part of a picture; None where less than 8 px of it lie inside."""
    height, width = picture.shape[:2]
    x, y = np.maximum(np.floor(area[:2]), 0).astype(int).tolist()
    u, v = np.minimum(np.ceil(area[2:]), (width, height)).astype(int).tolist()
    if u - x < 8 or v - y < 8:
        return None
    part = picture[y:v, x:u]
    if part.ndim == 3:
        part = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
    if scale < 1:
        size = (max(8, round((u - x) * scale)), max(8, round((v - y) * scale)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return Window(np.ascontiguousarray(part), np.array([x, y], float), scale)


def measure_motion(
    before: Picture,
    after: Picture,
    box: FloatArray,
    guess: FloatArray,
    moving: Callable[[FloatArray], NDArray[np.bool_]] | None,
    others: FloatArray,
) -> PictureMotion:
    """Follow points of `box` from one picture to the next.

    Args:
        before: picture in which the box is right.
        after: picture of the next frame.
        box: `(4,)` px.
        guess: `(2,)` px, the shift expected.
        moving: which points, `(n, 2)` px, differ from the background in `before`: only they are
            followed; None follows all.
        others: `(n, 4)` px of boxes of other people in `before`; no point inside is followed.
    """
    size = box[2:] - box[:2]
    scale = min(1.0, HEIGHT / max(size.max(), 1))
    pad = 0.5 * size.min() + np.abs(guess) * 1.5 + 8
    area = box + np.concatenate([-pad, pad])
    first, second = cut_window(before, area, scale), cut_window(after, area, scale)
    if first is None or second is None:
        return NO_MOTION
    local = (box - np.tile(first.origin, 2)) * scale
    points, inside = _points(first.pixels, local)
    places = points / scale + first.origin
    valid = np.ones(len(points), np.bool_) if moving is None else ~inside | moving(places)
    for other in others:
        margin = 0.1 * (other[2] - other[0])
        valid &= (
            (places[:, 0] < other[0] + margin)
            | (places[:, 0] > other[2] - margin)
            | ((places[:, 1] < other[1]) | (places[:, 1] > other[3]))
        )
    points, inside = points[valid], inside[valid]
    if inside.sum() < 6:
        return NO_MOTION
    targets, reliable = _follow(first.pixels, second.pixels, points, guess * scale)
    flow = targets - points
    ring, core = reliable & ~inside, reliable & inside
    if core.sum() < 5:
        return NO_MOTION
    selection = core
    if ring.sum() >= 5:
        background = np.median(flow[ring], 0)
        apart = core & (np.linalg.norm(flow - background, axis=1) > 1.0)
        if apart.sum() >= max(5, 0.3 * core.sum()):
            selection = apart
    shift = np.median(flow[selection], 0)
    near = selection & (np.linalg.norm(flow - shift, axis=1) < max(1.5, 0.04 * HEIGHT))
    agreement = near.sum() / max(1, selection.sum()) * core.sum() / inside.sum()
    log_scale = _log_scale(points[near], targets[near]) if near.sum() >= 10 else 0.0
    return PictureMotion(shift / scale, log_scale, float(agreement))


def _points(pixels: Picture, box: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Choose points in and around a box, `(n, 2)` px, and which of them lie inside."""
    height, width = pixels.shape
    size = box[2:] - box[:2]
    inner = box + np.concatenate([size * (0.15, 0.05), -size * (0.15, 0.05)])
    mask = np.zeros_like(pixels)
    x, y, u, v = np.clip(inner, 0, (width, height, width, height)).astype(int)
    mask[y:v, x:u] = 255
    corners = cv2.goodFeaturesToTrack(pixels, MAX_POINTS, 0.01, 2, mask=mask, blockSize=3)
    core = np.zeros((0, 2)) if corners is None else corners.reshape(-1, 2).astype(float)
    margin = 4
    columns = np.arange(margin, width - margin, RING_STEP)
    rows = np.arange(margin, height - margin, RING_STEP)
    grid = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2).astype(float)
    outside = ((grid < box[:2] - 1) | (grid > box[2:] + 1)).any(1)
    ring = grid[outside]
    return np.concatenate([core, ring]), np.arange(len(core) + len(ring)) < len(core)


def _follow(
    before: Picture, after: Picture, points: FloatArray, guess: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Follow points there and back; return where they went and which came home within 1 px."""
    start = points.astype(np.float32).reshape(-1, 1, 2)
    initial = (points + guess).astype(np.float32).reshape(-1, 1, 2)
    options: dict[str, Any] = {
        "winSize": (13, 13),
        "maxLevel": 2,
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
    }
    targets, status, _ = cv2.calcOpticalFlowPyrLK(before, after, start, initial.copy(), **options)
    home, home_status, _ = cv2.calcOpticalFlowPyrLK(after, before, targets, start.copy(), **options)
    # The way back begins where the point was: only a point that looks like nothing else comes home.
    distance = np.linalg.norm((home - start).reshape(-1, 2), axis=1)
    reliable = (status.ravel() == 1) & (home_status.ravel() == 1) & (distance < 1)
    return targets.reshape(-1, 2).astype(float), reliable


def _log_scale(points: FloatArray, targets: FloatArray) -> float:
    """Return the median log ratio of distances between points, damped."""
    count = len(points)
    first, second = np.triu_indices(count, 1)
    before = np.linalg.norm(points[first] - points[second], axis=1)
    far = before > 10
    if far.sum() < 10:
        return 0.0
    after = np.linalg.norm(targets[first[far]] - targets[second[far]], axis=1)
    return float(np.clip(np.median(np.log(np.maximum(after, 1) / before[far])), -0.03, 0.03))


def cut_patch(picture: Picture, box: FloatArray) -> NDArray[np.float32]:
    """Return the content of a box in grey as a patch of PATCH, borders repeated."""
    size = box[2:] - box[:2]
    scale = PATCH / np.maximum(size, 1)
    matrix = np.array([[scale[0], 0, -box[0] * scale[0]], [0, scale[1], -box[1] * scale[1]]])
    return _warp(picture, box, matrix, PATCH)


def _warp(
    picture: Picture, area: FloatArray, matrix: FloatArray, size: tuple[int, int]
) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    x, y = np.clip(np.floor(area[:2]) - 2, 0, (width - 2, height - 2)).astype(int).tolist()
    u, v = np.clip(np.ceil(area[2:]) + 2, (x + 2, y + 2), (width, height)).astype(int).tolist()
    part = picture[y:v, x:u]
    if part.ndim == 3:
        part = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ (x, y)
    # Shrink by areas first: a bilinear warp alone would alias.
    factor = int(max(1, np.floor(1 / max(matrix[0, 0], matrix[1, 1]))))
    if factor > 1:
        shape = (max(1, part.shape[1] // factor), max(1, part.shape[0] // factor))
        ratio = np.array([part.shape[1] / shape[0], part.shape[0] / shape[1]])
        part = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        local[:, :2] *= ratio
    warped = cv2.warpAffine(
        part, local, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return warped.astype(np.float32)


def correlate(patch: NDArray[np.float32], template: NDArray[np.float32]) -> float:
    """Return the normalised correlation of two patches, -1 … 1, the middle weighing most."""
    weight = _taper()
    a, b = (
        patch - np.average(patch, weights=weight),
        template - np.average(template, weights=weight),
    )
    norm = np.sqrt((weight * a * a).sum() * (weight * b * b).sum())
    return float((weight * a * b).sum() / norm) if norm > 1e-6 else 0.0


def _taper() -> NDArray[np.float32]:
    x, y = (np.linspace(-1, 1, side) for side in PATCH)
    taper: NDArray[np.float32] = np.exp(-(x[None] ** 2) * 2 - (y[:, None] ** 2)).astype(np.float32)
    return taper


def find_template(
    picture: Picture,
    box: FloatArray,
    template: NDArray[np.float32],
    reach: FloatArray,
) -> tuple[FloatArray, float]:
    """Find a template near a box of the same size.

    Args:
        picture: grey or BGR.
        box: `(4,)` px where it is expected.
        template: patch of PATCH.
        reach: `(2,)` px, how far to search on each side.

    Returns:
        Shift `(2,)` px of the best place and its correlation, lessened by its distance.
    """
    size = np.maximum(box[2:] - box[:2], 1)
    scale = PATCH / size
    steps = np.maximum(np.round(reach * scale), 1).astype(int)
    area = box + np.concatenate([-steps / scale, steps / scale])
    matrix = np.array([[scale[0], 0, -area[0] * scale[0]], [0, scale[1], -area[1] * scale[1]]])
    extent = (PATCH[0] + 2 * int(steps[0]), PATCH[1] + 2 * int(steps[1]))
    window = _warp(picture, area, matrix, extent)
    inner = (slice(4, PATCH[1] - 4), slice(4, PATCH[0] - 4))
    response = cv2.matchTemplate(window, template[inner], cv2.TM_CCOEFF_NORMED)
    response = np.clip(np.nan_to_num(response[4:-4, 4:-4], posinf=0, neginf=0), -1, 1)
    y, x = np.ogrid[: response.shape[0], : response.shape[1]]
    away = ((x - steps[0]) / steps[0]) ** 2 + ((y - steps[1]) / steps[1]) ** 2
    value = np.nan_to_num(response) - 0.15 * away
    row, column = np.unravel_index(int(value.argmax()), value.shape)
    shift = (np.array([column, row], float) - steps) / scale
    return shift, float(response[row, column])
