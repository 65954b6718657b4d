"""Does looking at the picture again make hindsight labels better?

    python -m tests.bench.image_evidence [DETECTOR]

Both real videos with known people; DETECTOR (default YOLOX-nano, else any stateless one such as
`opencv:hog`) sees the frames, hindsight labels them, and then the pictures are asked again:

1. the detector looks closer at a window around every label, and the labels are made again;
2. its answer confirms, corrects or removes the filled boxes alone;
3. optical flow carries boxes through the holes instead of a straight line;
4. windows beyond both ends of every track;
5. which number finds the wrong boxes (area under the ROC curve).

The parameters below stood fixed before the first run; those of hindsight itself were chosen with
these videos among others. About 9,000 passes: ten minutes or more with YOLOX-nano on two cores.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from oneclick import detectors, hindsight, video
from oneclick.core import association, windows
from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections, concat
from oneclick.core.spans import Span
from oneclick.core.tracks import INTERPOLATED, RECOVERED, Tracks
from oneclick.detectors import Detector
from oneclick.detectors.base import Frame
from tests.bench import hindsight as bench

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

VIDEOS = {"PETS09-S2L1": "vtest.avi", "TUD-Campus": "TUD-Campus.mp4"}
DETECTOR = f"onnx:{bench.DATA.parent / 'weights' / 'yolox_nano.onnx'}"
CONFIRMS = 0.5
"""IoU from which what the window shows is the box it was made for."""
SURE = 0.3
"""Score from which it confirms the box."""
TILE = 0.6
"""Share of width and height of each of four tiles, the control: more pixels without hindsight."""
END_SECONDS = 1.0
VELOCITY_SECONDS = 0.8
CLIP_SECONDS, CONTEXT_SECONDS, CLIPS = 3, 5, 60


@dataclass(frozen=True, eq=False)
class Closer:
    """What a detector saw in windows."""

    found: Detections
    """All boxes of all windows, in px of the whole picture; an object may appear several times."""
    window: Rows
    """(len(found),) number of the window that showed each box."""
    passes: int
    """Windows looked at."""


class Scene:
    """A video, its truth, what the detector said and what hindsight made of it."""

    def __init__(self, name: str, model: Detector) -> None:
        self.name, self.model, self.threshold = name, model, model.threshold
        file = bench.DATA.parent / "video" / VIDEOS[name]
        self.pictures: list[Frame] = [np.asarray(frame) for frame in video.frames(file)]
        self.real = bench.truth(bench.DATA / name)
        fps, length = bench.info(bench.DATA / name)
        assert len(self.pictures) == length == self.real.people.length
        self.lead = detectors.run(model, iter(self.pictures), length, fps, ("person",))
        self.labels = self.label([self.lead])

    def label(self, parts: Sequence[Detections]) -> Tracks:
        """Hindsight labels at the detector's threshold."""
        return hindsight.label(parts, [self.threshold] * len(parts))

    @cached_property
    def closer(self) -> Closer:
        """A closer look at every label."""
        return self.look(self.labels.frames, windows.around(self.labels.boxes, *self.size))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        height, width = self.pictures[0].shape[:2]
        return width, height

    @cached_property
    def filled(self) -> NDArray[np.bool_]:
        """(len(labels),) no model saw the box at its threshold."""
        return np.isin(self.labels.origins, [INTERPOLATED, RECOVERED])

    def look(self, frames: NDArray[np.integer], places: NDArray[np.intp]) -> Closer:
        """What the detector sees in the windows `places`, `(n, 4)` px, of rising `frames`."""
        person = self.model.names.index("person")
        parts, window = [], []
        for frame in np.unique(frames):
            rows = np.flatnonzero(frames == frame)
            picture = self.pictures[frame]
            crops = [np.ascontiguousarray(picture[y:v, x:u]) for x, y, u, v in places[rows]]
            for row, (boxes, scores, classes) in zip(rows, self.model.detect(crops), strict=True):
                untruncated = (classes == person) & ~windows.is_truncated(
                    boxes, places[row], *self.size
                )
                shifted = boxes[untruncated] + np.tile(places[row, :2], 2)
                parts.append(self._seen(int(frame), shifted, scores[untruncated]))
                window.append(np.full(len(shifted), row))
        nothing = [Detections.empty(self.lead.length, self.lead.fps)]
        return Closer(
            concat(parts or nothing), np.concatenate([*window, []]).astype(int), len(places)
        )

    def _seen(self, frame: int, boxes: Floats, scores: NDArray[np.float32]) -> Detections:
        zeros, like = np.zeros(len(boxes), np.int16), self.lead
        frames = np.full(len(boxes), frame, np.int32)
        return Detections(
            frames=frames,
            boxes=boxes.astype(np.float32),
            scores=scores,
            classes=zeros,
            length=like.length,
            fps=like.fps,
        )

    def right(self, boxes: NDArray[np.floating], at: float) -> NDArray[np.bool_]:
        """(len(labels),) does each label, moved to `boxes`, match a person."""
        corrected = replace(self.labels, boxes=boxes).detections
        hit = np.zeros(len(corrected), np.bool_)
        hit[association.match_frames(corrected, self.real.people, at)[0]] = True
        return hit


def tiles(size: tuple[int, int]) -> NDArray[np.intp]:
    """Four overlapping tiles of a picture."""
    width, height = (round(side * TILE) for side in size)
    return np.array(
        [[x, y, x + width, y + height] for y in (0, size[1] - height) for x in (0, size[0] - width)]
    )


def best(scene: Scene) -> tuple[Floats, Floats]:
    """For each label the box in its window that confirms it, or itself, and the score, or 0."""
    closer, boxes = scene.closer, scene.labels.boxes.astype(float)
    scores = np.zeros(len(boxes))
    same = geometry.iou_pairs(scene.labels.boxes[closer.window], closer.found.boxes) >= CONFIRMS
    rows = np.flatnonzero(same)
    rows = rows[np.argsort(closer.found.scores[rows], kind="stable")]
    boxes[closer.window[rows]] = closer.found.boxes[rows]  # of equal windows the last, surest, wins
    scores[closer.window[rows]] = closer.found.scores[rows]
    return boxes, scores


def line(scene: Scene, name: str, detections: Detections, more: str = "") -> None:
    """Print precision, recall and F1 at IoU 0.5, F1 at 0.75."""
    values = [
        *bench.score(scene.real, detections, 0.5),
        bench.score(scene.real, detections, 0.75)[2],
    ]
    print(f"  {name:46}" + "".join(f"{value:8.3f}" for value in values) + f"  {more}", flush=True)


def again(scene: Scene) -> None:
    """Labels made again from a closer look."""
    lead, closer = scene.lead, scene.closer
    at_filled = closer.found.where(scene.filled[closer.window])
    four = np.tile(tiles(scene.size), (lead.length, 1))
    tiled = scene.look(np.repeat(np.arange(lead.length), 4), four).found
    kinds = {
        "first labels": [lead],
        "closer at all labels": [closer.found],
        "closer at all, the first look votes": [closer.found, lead],
        "closer at all, both looks as one": [concat([closer.found, lead])],
        "closer at filled labels, both looks as one": [concat([at_filled, lead])],
        "control: four tiles": [tiled],
        "control: four tiles, both looks as one": [concat([tiled, lead])],
    }
    for name, parts in kinds.items():
        line(scene, name, scene.label(parts).detections)
    all_labels, filled = closer.passes / lead.length, scene.filled.sum() / lead.length
    print(f"  windows a frame: all labels {all_labels:.1f}, filled ones {filled:.1f}, tiles 4")


def in_clips(scene: Scene) -> None:
    """Random clips, labelled with the first look around them and a closer one inside."""
    long = round(CLIP_SECONDS * scene.lead.fps)
    if scene.lead.length < 2 * long:
        print("  none: the video is hardly longer than a clip")
        return
    starts = np.random.default_rng(0).integers(0, scene.lead.length - long, CLIPS)
    spans = [Span(start, start + long) for start in starts.tolist()]
    mixed = [_mixed(scene, span) for span in spans]
    for name, looks in (("first look", [scene.lead] * CLIPS), ("closer inside", mixed)):
        counts = np.sum([_counts(scene, *pair) for pair in zip(spans, looks, strict=True)], 0)
        f1 = 2 * counts[:2] / counts[2]
        print(f"  clips of {CLIP_SECONDS} s, {name:30} F1 {f1[0]:.3f}   F1@.75 {f1[1]:.3f}")


def _counts(scene: Scene, span: Span, window_detections: Detections) -> Floats:
    """Labels of a clip made with its context: right at IoU 0.5, at 0.75; labels plus people."""
    around = span.padded(round(CONTEXT_SECONDS * window_detections.fps), window_detections.length)
    label_part = scene.label([window_detections.cut(around)])
    inside = label_part.cut(Span(span.start - around.start, span.stop - around.start)).detections
    people = scene.real.people.cut(span)
    hits = [len(association.match_frames(inside, people, at)[0]) for at in (0.5, 0.75)]
    return np.array([*hits, len(inside) + len(people)], float)


def _mixed(scene: Scene, span: Span) -> Detections:
    """The closer look inside the span, the first outside."""
    lead, closer = scene.lead, scene.closer.found
    outside = (lead.frames < span.start) | (lead.frames >= span.stop)
    inside = (closer.frames >= span.start) & (closer.frames < span.stop)
    return concat([lead.where(outside), closer.where(inside)])


def confirmation(scene: Scene) -> None:
    """The closer look as a judge of the filled boxes alone."""
    boxes, scores = best(scene)
    labels, filled = scene.labels, scene.filled
    sure = scores >= SURE
    right = scene.right(labels.boxes, 0.5)
    for name, mask in (("confirmed", filled & sure), ("not confirmed", filled & ~sure)):
        share = right[mask].mean() if mask.any() else np.nan
        print(f"  filled boxes {name:14} {mask.sum():5d}, right {share:.3f}")
    snaps = (filled & sure)[:, None]
    snapped = replace(labels, boxes=np.where(snaps, boxes, labels.boxes))
    mean = replace(labels, boxes=np.where(snaps, (boxes + labels.boxes) / 2, labels.boxes))
    confirmed = ~filled | sure
    line(scene, "confirmed take the window's box", snapped.detections)
    line(scene, "confirmed take the mean of both", mean.detections)
    line(scene, "others dropped", labels.where(confirmed).detections)
    line(scene, "mean, others dropped", mean.where(confirmed).detections)


def flow(scene: Scene) -> None:
    """Boxes carried through the holes by optical flow against the straight line."""
    line_boxes = scene.labels.boxes.astype(float)
    carried, agreed = carry(scene)
    kinds = {
        "straight line": line_boxes,
        "flow": carried,
        "mean of both": (carried + line_boxes) / 2,
        "flow where both directions agree": np.where(agreed[:, None], carried, line_boxes),
    }
    for name, boxes in kinds.items():
        right = [scene.right(boxes, at)[scene.filled].mean() for at in (0.5, 0.75)]
        corrected = replace(scene.labels, boxes=boxes).detections
        line(scene, name, corrected, f"filled right: {right[0]:.3f}, at .75 {right[1]:.3f}")


def carry(scene: Scene) -> tuple[Floats, NDArray[np.bool_]]:
    """Label boxes with those in holes moved by flow from both sides, and where the sides agree."""
    boxes, agreed = scene.labels.boxes.astype(float), np.zeros(len(scene.labels), np.bool_)
    grey = [np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8) for p in scene.pictures]
    for rows in scene.labels.rows_by_track():
        anchors = np.flatnonzero(~scene.filled[rows])
        for a, b in itertools.pairwise(anchors):
            hole = rows[a + 1 : b]
            frames = scene.labels.frames[rows[a : b + 1]]
            forth = _chain(grey, frames, boxes[rows[a]])[1:-1]
            backward = _chain(grey, frames[::-1], boxes[rows[b]])[::-1][1:-1]
            share = (np.arange(1, b - a) / (b - a))[:, None]
            # A side that lost its points answers with NaN; the line stands in for it.
            first, last = (
                np.where(np.isnan(side), boxes[hole], side) for side in (forth, backward)
            )
            agreed[hole] = geometry.iou_pairs(forth, backward) >= CONFIRMS
            boxes[hole] = first * (1 - share) + last * share
    return boxes, agreed


def _chain(grey: list[NDArray[np.uint8]], frames: NDArray[np.integer], box: Floats) -> Floats:
    """The box at each of `frames`, carried from the first; NaN once it is lost."""
    chain = [box]
    for before, after in itertools.pairwise(frames):
        chain.append(_carried(grey[before], grey[after], chain[-1]))
    return np.array(chain)


def _carried(before: NDArray[np.uint8], after: NDArray[np.uint8], box: Floats) -> Floats:
    """Box moved by the median of its points (Kalal, "Forward-backward error", ICPR 2010)."""
    lost = np.full(4, np.nan)
    if np.isnan(box).any():
        return lost
    width, height = box[2:] - box[:2]
    inner = box + np.array([0.2 * width, 0.05 * height, -0.2 * width, -0.05 * height])
    x, y, u, v = np.maximum(inner, 0).astype(int)
    mask = np.zeros_like(before)
    mask[y:v, x:u] = 255
    points = cv2.goodFeaturesToTrack(before, 60, 0.01, 2, mask=mask) if mask.any() else None
    if points is None:
        return lost
    targets, status, _ = _moved(before, after, points)
    home, again, _ = _moved(after, before, targets)
    near = np.linalg.norm((points - home).reshape(-1, 2), axis=1) < 1
    good = near & (status.ravel() == 1) & (again.ravel() == 1)
    if good.sum() < 4:
        return lost
    box_after: Floats = box + np.tile(np.median((targets - points).reshape(-1, 2)[good], 0), 2)
    return box_after


def _moved(before: Any, after: Any, points: Any) -> Any:
    return cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=(15, 15))  # type: ignore[call-overload]


def ends(scene: Scene) -> None:
    """Windows where each track may have been before it began and after it ended."""
    frames, boxes = beyond(scene.labels, scene.lead.length)
    more = scene.look(frames, windows.around(boxes, *scene.size))
    same = geometry.iou_pairs(boxes[more.window], more.found.boxes) >= CONFIRMS
    closer, per = scene.closer.found, f"{more.passes} windows"
    line(
        scene,
        "first look + all seen there",
        scene.label([concat([scene.lead, more.found])]).detections,
        per,
    )
    line(
        scene,
        "first look + what confirms the path",
        scene.label([concat([scene.lead, more.found.where(same)])]).detections,
    )
    line(
        scene,
        "closer look + all seen there",
        scene.label([concat([closer, more.found])]).detections,
    )


def beyond(labels: Tracks, length: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Frames, rising, and boxes of all tracks carried on for END_SECONDS at both ends."""
    reach, past = (round(t * labels.fps) for t in (END_SECONDS, VELOCITY_SECONDS))
    frames, boxes = [], []
    for rows in labels.rows_by_track():
        step = min(past, len(rows) - 1)
        for at, other in ((rows[0], rows[step]), (rows[-1], rows[-1 - step])):
            apart = labels.frames[at] - labels.frames[other]
            away = np.arange(1, reach + 1) * (1 if at == rows[-1] else -1)
            speed = (labels.boxes[at] - labels.boxes[other]) / apart if apart else np.zeros(4)
            frames.append(labels.frames[at] + away)
            boxes.append(labels.boxes[at] + away[:, None] * speed)
    flat, corners = np.concatenate(frames), np.concatenate(boxes).astype(np.float32)
    inside = np.flatnonzero((flat >= 0) & (flat < length))
    order = inside[np.argsort(flat[inside], kind="stable")]
    return flat[order].astype(np.intp), corners[order]


def ranking(scene: Scene) -> None:
    """How well a number tells wrong boxes from right ones: 1 always, 0.5 never."""
    scores, right = best(scene)[1], scene.right(scene.labels.boxes, 0.5)
    doubts = {
        "score of the label": -scene.labels.scores.astype(float),
        "time from a seen box": from_seen(scene),
        "score in its window": -scores,
    }
    doubts["mean rank of all three"] = np.mean([rankdata(doubt) for doubt in doubts.values()], 0)
    for name, doubt in doubts.items():
        values = [auroc(doubt[mask], ~right[mask]) for mask in (scene.filled, np.ones_like(right))]
        print(f"  {name:24} filled {values[0]:.2f}   all labels {values[1]:.2f}")
    wrong = ~right
    print(
        f"  wrong: {wrong[scene.filled].sum()} of {scene.filled.sum()} filled, "
        f"{wrong.sum()} of {len(wrong)} labels"
    )


def from_seen(scene: Scene) -> Floats:
    """Frames from each label to the nearest seen box of its track."""
    away = np.zeros(len(scene.labels))
    for rows in scene.labels.rows_by_track():
        frames = scene.labels.frames[rows]
        anchors = frames[~scene.filled[rows]]
        away[rows] = np.abs(frames[:, None] - anchors).min(1) if len(anchors) else np.inf
    return away


def auroc(doubt: Floats, wrong: NDArray[np.bool_]) -> float:
    """Chance that a wrong box has more doubt than a right one (Mann-Whitney)."""
    bad, good = int(wrong.sum()), int((~wrong).sum())
    if not bad or not good:
        return float("nan")
    return float((rankdata(doubt)[wrong].sum() - bad * (bad + 1) / 2) / (bad * good))


PARTS = {
    "1 Labels made again from a closer look": again,
    "  Clips": in_clips,
    "2 Filled boxes judged by a closer look": confirmation,
    "3 Optical flow through holes": flow,
    "4 Beyond the ends of tracks": ends,
    "5 Finding wrong boxes": ranking,
}


def main(detector: str) -> None:
    """Print all tables."""
    model = detectors.create(detector)
    for name in VIDEOS:
        scene = Scene(name, model)
        print(f"\n{name}, {model.model_id}: {scene.labels.detections.length} frames\n")
        print(f"  {'':46}" + "".join(f"{head:>8}" for head in ("P", "R", "F1", "F1@.75")))
        for title, part in PARTS.items():
            print(title)
            part(scene)


if __name__ == "__main__":
    if not bench.DATA.is_dir():
        sys.exit(f"skipped: {bench.DATA} is absent")
    main(sys.argv[1] if len(sys.argv) > 1 else DETECTOR)
