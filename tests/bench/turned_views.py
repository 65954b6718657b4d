"""Real videos turned by 90°, and looks at them, of which `tests.bench.turned` makes its tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, video
from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections, concat
from oneclick.detectors import base, signals, turned
from oneclick.detectors.base import Detector, Frame, FrameDetections
from oneclick.detectors.turned_schedule import LookRates, TurnedLooks
from oneclick.storage import predictions
from tests.bench.hindsight import DATA, Truth, truth

SHARED = DATA.parent
CLASSES = ("person",)
SAMPLE = 20
"""Frames that the processor time of a look is measured on."""


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A video of the shared data, and who is in it where that is known."""

    file: str
    fps: float
    width: int
    height: int
    length: int
    people: Truth | None

    def size(self, quarters: int) -> tuple[int, int]:
        """Width and height of the video turned by so many quarters."""
        return (self.height, self.width) if quarters % 2 else (self.width, self.height)

    def truth(self, quarters: int) -> Truth:
        """The ground truth of the video turned by so many quarters."""
        assert self.people is not None
        people = turn(self.people.people, -quarters, self.size(quarters))
        return Truth(people, self.people.ignored)


def turn(detections: Detections, quarters: int, size: tuple[int, int]) -> Detections:
    """Boxes of a video that was turned by so many quarters, in the one of `size` before."""
    return replace(detections, boxes=turned.turn_back(detections.boxes, quarters, *size))


def footage(file: str, sequence: str | None) -> Footage:
    """Describe a video."""
    frames = list(video.frames(SHARED / "video" / file))
    height, width = frames[0].shape[:2]
    fps = 25.0 if file.startswith("TUD") else 10.0
    people = truth(DATA / sequence) if sequence else None
    if people is not None:
        fitted = replace(people.people, length=len(frames), fps=fps)
        people = Truth(fitted, replace(people.ignored, length=len(frames), fps=fps))
    return Footage(
        file=file, fps=fps, width=width, height=height, length=len(frames), people=people
    )


class FastestDet:
    """FastestDet at 352 px: BGR / 255, score = obj^.6 * class^.4, sizes by sigmoid."""

    name = model_id = "fastestdet"
    names: tuple[str, ...] = CLASSES
    threshold = 0.7
    stateful = False
    shrinks = True

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options)

    def reset(self) -> None:
        """Do nothing."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect people."""
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> FrameDetections:
        height, width = frame.shape[:2]
        small = np.asarray(cv2.resize(frame, (352, 352)), np.float32)[..., ::-1] / 255
        blob = np.ascontiguousarray(small.transpose(2, 0, 1)[None])
        name = self._session.get_inputs()[0].name
        out = np.asarray(self._session.run(None, {name: blob})[0]).reshape(85, 22, 22)
        row, column = np.mgrid[:22, :22]
        x, y = (column + np.tanh(out[1])) / 22, (row + np.tanh(out[2])) / 22
        w, h = (1 / (1 + np.exp(-out[side])) for side in (3, 4))
        scores = out[0] ** 0.6 * out[5:].max(0) ** 0.4
        people = (out[5:].argmax(0) == 0) & (scores >= base.LOWEST_SCORE)
        scale = [width, height, width, height]
        boxes = (np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1) * scale)[people]
        best = geometry.nms(boxes, scores[people], 0.45)
        return base.frame_detections(frame, boxes[best], scores[people][best], np.zeros(len(best)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Views:
    """What a model sees in a video turned by 0 to 3 quarters, and what moves in it."""

    footage: Footage
    model: Detector
    by_quarters: dict[int, Detections]
    """In px of the turned video."""
    meters: dict[int, signals.SignalMeter]
    milliseconds: float
    """Processor time of one look."""

    def upright(self, quarters: int) -> Detections:
        """What upright looks at the video turned by so many quarters see."""
        return self.by_quarters[quarters % 4]

    def turned(self, quarters: int) -> Detections:
        """What turned looks at every frame of it see."""
        sides = [
            turn(self.by_quarters[(quarters + k) % 4], k, self.footage.size(quarters))
            for k in turned.SIDES
        ]
        return turned.merge(*sides)

    def merged(self, quarters: int) -> Detections:
        """What both kinds of looks at every frame see, as one opinion."""
        return turned.merge(self.upright(quarters), self.turned(quarters))


def watch(item: Footage, model: Detector, folder: Path) -> Views:
    """Look at all frames of a video in all positions; looks in `folder` are not taken again."""
    quarters = (0, 1, 2, 3) if item.people else (0, 1, 3)
    meters = {k: signals.SignalMeter(item.fps) for k in (quarters if item.people else (0,))}
    views: dict[int, Detections] = {}
    for k in quarters:
        path = folder / f"{item.file}-{model.model_id}-{k}.parquet"
        if not path.exists():
            frames = (
                turned_frame(frame, k) for frame in video.frames(SHARED / "video" / item.file)
            )
            looks = detectors.run(model, frames, item.length, item.fps, CLASSES)
            predictions.save(path, looks, model.model_id, model.threshold)
        views[k] = predictions.load(path)
    sample: list[Frame] = []
    for number, frame in enumerate(video.frames(SHARED / "video" / item.file)):
        if number < SAMPLE:
            sample.append(frame)
        for k, meter in meters.items():
            meter.add_frame(turned_frame(frame, k))
    start = time.process_time()
    model.detect(sample)
    used = time.process_time() - start
    return Views(
        footage=item,
        model=model,
        by_quarters=views,
        meters=meters,
        milliseconds=1000 * used / len(sample),
    )


def turned_frame(frame: Frame, quarters: int) -> Frame:
    """Turn a picture by quarters against the clock."""
    return np.ascontiguousarray(np.rot90(frame, quarters))


class Replayed:
    """A detector that answers from looks that were taken before, in the order of the frames."""

    def __init__(self, views: Views, quarters: Callable[[int], int]) -> None:
        model = views.model
        self.name, self.model_id = model.name, model.model_id
        self.names: tuple[str, ...] = CLASSES
        self.threshold, self.stateful, self.shrinks = model.threshold, False, False
        self.views, self.quarters, self.number = views, quarters, 0
        self._turned = {
            k: views.turned(k) for k in {quarters(n) for n in range(views.footage.length)}
        }

    def reset(self) -> None:
        """Begin anew."""
        self.number = 0

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Answer for the frame whose number is set, whatever is shown."""
        part = self._turned[self.quarters(self.number)]
        rows = part.rows(self.number)
        return [(part.boxes[rows], part.scores[rows], part.classes[rows])] * len(frames)


@dataclass(frozen=True, eq=False)
class Schedule:
    """A video looked at by the schedule: what was seen, and at how many frames it looked turned."""

    upright: Detections
    looks: Detections
    share: float


def always(quarters: int) -> Callable[[int], int]:
    """Turn every frame alike."""
    return lambda _: quarters


def schedule(views: Views, rates: LookRates, quarters: Callable[[int], int]) -> Schedule:
    """Take the looks at a video that a schedule takes; frame n is turned by `quarters(n)`."""
    item, model = views.footage, Replayed(views, quarters)

    def motion(number: int, boxes: NDArray[np.float32]) -> float:
        return views.meters[quarters(number)].largest_motion(number, boxes)

    looks = TurnedLooks(model, item.fps, CLASSES, rates, motion)
    looks._view = model  # type: ignore[assignment]
    parts = []
    for number in range(item.length):
        model.number = number
        width, height = item.size(quarters(number))
        part = views.upright(quarters(number))
        rows = part.rows(number)
        parts.append(part.where(np.arange(rows.start, rows.stop)))
        frame = np.empty((height, width, 3), np.uint8)
        looks.add(frame, (part.boxes[rows], part.scores[rows], part.classes[rows]))
    upright = replace(concat(parts), length=item.length)
    return Schedule(upright, looks.detections(item.length), looks.count / item.length)
