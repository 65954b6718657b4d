"""Motion of the camera, estimated from boxes alone, and boxes as a camera at rest would show them.

Boxes of people and things that stand still move together when the camera moves. The mode of all
displacements between neighbouring frames shows that motion without any links, which a fast pan
breaks; links made with it refine it to a zoom and a shift a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

REACH = 4.0
"""Largest displacement from frame to frame, in box heights."""
SAME_SIZE = 0.3
"""Largest change of log height and width of one object from frame to frame."""
CELL = 0.5
"""Side of the cells of displacement in which pairs vote, in median box heights."""
NEARNESS = 0.15
"""Share of its votes that a displacement loses per box height: of two alike the smaller holds."""
PAIRS_PER_FRAME = 400
"""Most pairs that vote in a frame; in a crowd the largest boxes do."""
LEAST_GAINED = 5
"""Least boxes that a motion of the camera links in addition; with fewer it may be chance."""
LEAST_FRAMES = 10
"""Least frames over which such boxes are counted: at few frames a second people jump too."""
ZOOM_RIDGE = 7.0
"""Ridge of the zoom in squared box heights: noise of 0.08 heights against zooms of 3% a frame."""
ZOOM_LEAK_SECONDS = 10.0
"""Time in which an accumulated zoom fades to 1/e, so that its errors do not add up."""


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Where a moving camera shows what a camera at rest would show: `zoom · place + shift`."""

    zoom: FloatArray
    """(length,) of each frame."""
    shift: FloatArray
    """(length, 2) px."""

    @classmethod
    def at_rest(cls, length: int) -> CameraPath:
        """Create the path of a camera that does not move."""
        return cls(np.ones(length), np.zeros((length, 2)))

    def stabilise(self, detections: Detections) -> Detections:
        """Return boxes as a camera at rest would show them."""
        zoom = self.zoom[detections.frames][:, None]
        shift = np.tile(self.shift[detections.frames], 2)
        return replace(detections, boxes=((detections.boxes - shift) / zoom).astype(np.float32))

    def stabilise_states(self, tracks: TrackStates) -> TrackStates:
        """Return tracks as a camera at rest would show them."""
        zoom = self.zoom[tracks.frames][:, None]
        centres = (tracks.states[:, :2] - self.shift[tracks.frames]) / zoom
        states = np.concatenate([centres, tracks.states[:, 2:] / zoom], 1)
        return replace(tracks, states=states)

    def restore(self, tracks: TrackStates) -> TrackStates:
        """Return tracks of a camera at rest as the moving camera shows them."""
        zoom = self.zoom[tracks.frames][:, None]
        centres = tracks.states[:, :2] * zoom + self.shift[tracks.frames]
        return replace(tracks, states=np.concatenate([centres, tracks.states[:, 2:] * zoom], 1))


def linked_share(tracks: TrackStates) -> float:
    """Return the share of boxes with a box of their track in the frame before or after, 0 … 1."""
    return float(_linked(tracks).mean()) if len(tracks) else 1.0


def gain(tracks: TrackStates, voted: TrackStates) -> float:
    """Return the share of all boxes that only `voted` links, 0 … 1.

    Fewer boxes than LEAST_GAINED tell nothing.
    """
    gained = int(_linked(voted).sum()) - int(_linked(tracks).sum())
    return gained / len(tracks) if gained >= LEAST_GAINED else 0.0


def largest_gain(tracks: TrackStates, voted: TrackStates | None, length: int, fps: float) -> float:
    """Return the largest gain within a second, or LEAST_FRAMES, 0 … 1.

    A camera that is knocked for a second is one at rest in the mean over a clip. Where `voted`
    links fewer boxes in all, its links are chance.

    Args:
        tracks: linked in the picture.
        voted: linked along the motion of the camera; None tells the most that they could gain.
        length: of the clip, frames.
        fps: frames per second.
    """
    if not length or (voted and linked_share(voted) < linked_share(tracks)):
        return 0.0
    boxes = np.bincount(tracks.frames, minlength=length)
    before = np.bincount(tracks.frames, _linked(tracks), length)
    after = np.bincount(voted.frames, _linked(voted), length) if voted else boxes
    window = np.ones(min(max(LEAST_FRAMES, round(fps)), length))
    gained, shown = (np.convolve(each, window, "valid") for each in (after - before, boxes))
    share = gained / np.maximum(shown, 1)
    return float(share[gained > LEAST_GAINED - 0.5].max(initial=0.0))


def _linked(tracks: TrackStates) -> NDArray[np.bool_]:
    """Return whether each box has one of its track in the frame before or after, `(n,)`."""
    linked = (np.diff(tracks.tracks) == 0) & (np.diff(tracks.frames) == 1)
    both: NDArray[np.bool_] = np.append(linked, False) | np.append(False, linked)
    return both[: len(tracks)]


def vote(detections: Detections) -> CameraPath:
    """Return the shifts from frame to frame that most boxes agree on, without any links."""
    i, j = neighbours(detections)
    steps = np.zeros((detections.length, 2))
    if not len(i):
        return CameraPath.at_rest(detections.length)
    sides = detections.boxes.astype(np.float64)
    centres, size = (sides[:, :2] + sides[:, 2:]) / 2, np.maximum(sides[:, 2:] - sides[:, :2], 1)
    ratio = np.abs(np.log(size[j] / size[i])).max(1)
    displacement = centres[j] - centres[i]
    height = np.sqrt(size[i, 1] * size[j, 1])
    near = (ratio < SAME_SIZE) & (np.abs(displacement).max(1) < REACH * height)
    i, j, displacement, ratio = i[near], j[near], displacement[near], ratio[near]
    if not len(i):
        return CameraPath.at_rest(detections.length)
    frame = detections.frames[j].astype(np.intp)
    unit = _medians(height[near], frame, detections.length)[frame]
    cells = displacement / (CELL * unit[:, None])
    weight = 1 - ratio / SAME_SIZE / 2
    best = np.zeros(detections.length)
    for offset in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        cell = np.clip(np.floor(cells + offset), -32, 31).astype(np.intp)
        key = (frame * 64 + cell[:, 0] + 32) * 64 + cell[:, 1] + 32
        unique, inverse = np.unique(key, return_inverse=True)
        votes = np.bincount(inverse, weight)
        mean = np.stack(
            [np.bincount(inverse, weight * column) / votes for column in displacement.T], 1
        )
        at = unique // 4096
        length = np.linalg.norm(mean, axis=1) / np.maximum(_first(unit, inverse), 1)
        score = votes / (1 + NEARNESS * length)
        order = np.lexsort((score, at))
        last = order[np.append(np.diff(at[order]) > 0, True)]
        better = score[last] > best[at[last]] + 1e-9
        rows = last[better]
        best[at[rows]], steps[at[rows]] = score[rows], mean[rows]
    return CameraPath(np.ones(detections.length), np.cumsum(steps, axis=0))


def neighbours(detections: Detections) -> tuple[IndexArray, IndexArray]:
    """Return all pairs of boxes of one class in neighbouring frames, `(k,)` rows each."""
    offsets, frames = detections.offsets, detections.frames.astype(np.intp)
    counts = np.diff(offsets)
    most = max(1, int(PAIRS_PER_FRAME**0.5))
    rows = np.arange(len(frames))
    if counts.max(initial=0) > most:
        area = np.prod(detections.boxes[:, 2:] - detections.boxes[:, :2], axis=1)
        order = np.lexsort((-area, frames))
        rank = np.empty(len(frames), np.intp)
        rank[order] = rows - offsets[frames[order]]
        rows = rows[rank < most]
        counts = np.bincount(frames[rows], minlength=detections.length)
    begin = np.concatenate([[0], np.cumsum(counts)])
    following = np.append(counts[1:], 0)[frames[rows]]
    i = np.repeat(rows, following)
    low = begin[np.minimum(frames[rows] + 1, detections.length)]
    step = np.arange(len(i)) - np.repeat(np.cumsum(following) - following, following)
    j = rows[np.repeat(low, following) + step]
    same = detections.classes[i] == detections.classes[j]
    return i[same], j[same]


def fit(tracks: TrackStates, length: int, fps: float) -> CameraPath:
    """Return zoom and shift of each frame from linked boxes.

    A frame with few people says little about the camera: the fewer it shows, the more its motion is
    shrunk to none, by how far the people of this clip move together and how far by themselves.
    """
    linked = (np.diff(tracks.tracks) == 0) & (np.diff(tracks.frames) == 1)
    i = np.flatnonzero(linked)
    if not len(i):
        return CameraPath.at_rest(length)
    at = tracks.frames[i + 1]
    here, there = tracks.states[i], tracks.states[i + 1]
    height = np.maximum(here[:, 3], 1)
    # Nearer people are as noisy as further ones in box heights.
    weight = height**-2
    step = there[:, :2] - here[:, :2]
    for _ in range(3):
        total = np.maximum(np.bincount(at, weight, length), 1e-12)
        mean = _mean(weight, step, at, total)
        centre = _mean(weight, here[:, :2], at, total)
        place = here[:, :2] - centre[at]
        growth = np.log(np.maximum(there[:, 3], 1) / height)
        moment = (place * (step - mean[at])).sum(1) + height**2 * np.clip(growth, -0.2, 0.2)
        spread = (place**2).sum(1) + height**2
        zoom = np.bincount(at, weight * moment, length) / (
            np.bincount(at, weight * spread, length) + ZOOM_RIDGE
        )
        error = step - mean[at] - zoom[at][:, None] * place
        distance = np.linalg.norm(error, axis=1) / height
        weight = height**-2 / (1 + (distance / 0.15) ** 2)
    counts = np.bincount(at, minlength=length)
    shrink = _shared_motion(step / height[:, None], at, counts)
    mean, zoom = mean * shrink[:, None], zoom * shrink
    return _accumulate(mean, zoom, centre, counts > 0, fps)


def _accumulate(
    mean: FloatArray, zoom: FloatArray, centre: FloatArray, shown: NDArray[np.bool_], fps: float
) -> CameraPath:
    """Return the path that motions from frame to frame add up to."""
    keep = np.exp(-1 / (ZOOM_LEAK_SECONDS * fps))
    path = CameraPath.at_rest(len(zoom))
    size, shift = 0.0, np.zeros(2)
    for frame in range(1, len(zoom)):
        if shown[frame]:
            grown = keep * size + zoom[frame]
            factor = np.exp(grown - size)
            shift = factor * shift + centre[frame] * (1 - factor) + mean[frame]
            size = grown
        path.zoom[frame], path.shift[frame] = np.exp(size), shift
    return path


def _shared_motion(step: FloatArray, at: IndexArray, counts: IndexArray) -> FloatArray:
    """Return the share of the mean motion of each frame that is the camera's, `(length,)`."""
    step = np.clip(step, -REACH, REACH)
    crowd = counts[at] >= 2
    total = np.stack([np.bincount(at, column, len(counts)) for column in step.T], 1)
    others = (total[at] - step)[crowd] / (counts[at][crowd] - 1)[:, None]
    if not crowd.any():
        return np.zeros(len(counts))
    shared = max(float((step[crowd] * others).mean()), 0.0)
    own = max(float((step[crowd] ** 2).mean()) - shared, 1e-9)
    share: FloatArray = counts * shared / np.maximum(counts * shared + own, 1e-12)
    return share


def _mean(weight: FloatArray, values: FloatArray, at: IndexArray, total: FloatArray) -> FloatArray:
    """Return the weighted mean of the columns of `values` in each frame."""
    columns = [np.bincount(at, weight * column, len(total)) / total for column in values.T]
    return np.stack(columns, 1)


def _medians(values: FloatArray, group: IndexArray, groups: int) -> FloatArray:
    """Return the median of the values of each group; 1 where there is none."""
    order = np.lexsort((values, group))
    counts = np.bincount(group, minlength=groups)
    middle = np.minimum(np.cumsum(counts) - counts + counts // 2, len(values) - 1)
    return np.where(counts > 0, values[order][middle], 1.0)


def _first(values: FloatArray, inverse: IndexArray) -> FloatArray:
    """Return one of the values of each group of `inverse`."""
    first = np.empty(int(inverse.max()) + 1)
    first[inverse] = values
    return first
