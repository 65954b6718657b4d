"""Clips of real video with people removed from their labels, for `tests/bench/carry.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections, concat
from oneclick.core.labels import LabelTrack
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.editing import carry
from oneclick.formats import mot_text
from tests.bench import hindsight as bench

FloatArray = NDArray[np.float64]

TARGET = 0.97
SHARE = 1 / 3
VIDEOS = {"PETS09-S2L1": "vtest.avi", "TUD-Campus": "TUD-Campus.mp4"}
FPS = {"PETS09-S2L1": 10.0, "TUD-Campus": 25.0}
"""Of the video files."""
MODELS = ("yoloxnano", "nanodet", "fastestdet")
LEAST_LENGTH = 20
"""The rest of a video that is shorter makes no clip."""


@dataclass(frozen=True, eq=False)
class Person:
    """The true boxes of one person in a clip."""

    id: int
    frames: NDArray[np.int32]
    boxes: NDArray[np.float32]

    def as_label(self) -> LabelTrack:
        """Return the boxes as a label track."""
        n = len(self.frames)
        scores = np.ones(n, np.float32)
        return LabelTrack(
            id=self.id,
            cls="person",
            frames=self.frames,
            boxes=self.boxes,
            scores=scores,
            origins="h" * n,
        )


def decode(jpeg: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture, BGR."""
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)  # type: ignore[return-value]


class EncodedPictures:
    """Pictures of a clip as JPEG, decoded when asked for; the last few stay decoded."""

    def __init__(self, encoded: Sequence[NDArray[np.uint8]]) -> None:
        self.encoded = encoded
        self.decode = lru_cache(8)(lambda frame: decode(encoded[frame]))

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, frame: int) -> NDArray[np.uint8]:
        return self.decode(frame)


@cache
def encoded_video(name: str, turned: bool) -> list[NDArray[np.uint8]]:
    """Return all pictures of a video as JPEG."""
    capture = cv2.VideoCapture(str(bench.DATA.parent / "video" / VIDEOS[name]))
    pictures: list[NDArray[np.uint8]] = []
    while True:
        valid, picture = capture.read()
        if not valid:
            return pictures
        if turned:
            picture = np.ascontiguousarray(np.rot90(picture))
        pictures.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def turn(boxes: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return boxes where `np.rot90` puts them."""
    x1, y1, x2, y2 = boxes.T
    return np.stack([y1, width - x2, y2, width - x1], 1)


@cache
def people(name: str, turned: bool) -> tuple[Person, ...]:
    """Return everybody in a video."""
    rows = np.loadtxt(bench.DATA / name / "gt" / "gt.txt", delimiter=",", ndmin=2)
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1).astype(np.float32)
    if turned:
        corners = turn(corners, size_of(name, False)[0])
    result = []
    for identity in np.unique(rows[:, 1]):
        person = np.flatnonzero(rows[:, 1] == identity)
        person = person[np.argsort(rows[person, 0])]
        frames = rows[person, 0].astype(np.int32) - 1
        result.append(Person(int(identity), frames, corners[person]))
    return tuple(result)


@cache
def size_of(name: str, turned: bool) -> tuple[int, int]:
    """Return width and height of a video."""
    first = decode(encoded_video(name, turned)[0])
    return first.shape[1], first.shape[0]


@cache
def model_detections(name: str, model: str) -> Detections:
    """Return what a model detected in a video, all scores."""
    fps, length = bench.info(bench.DATA / name)
    return mot_text.load(bench.DATA / name / "det" / f"{model}.txt", fps, length)


@cache
def hindsight_labels(name: str) -> Tracks:
    """Return hindsight labels of YOLOX-nano."""
    return hindsight.label([model_detections(name, "yoloxnano")], [bench.THRESHOLDS["yoloxnano"]])


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What one row of the table varies."""

    video: str
    length: int
    """Frames of a clip."""
    evidence: str
    """pictures, low, both or all."""
    others: str = "truth"
    turned: bool = False

    @property
    def name(self) -> str:
        """Return the row's name."""
        variant = "turned" if self.turned else self.others
        return f"{self.video} {self.length} {self.evidence} {variant}"


@dataclass(eq=False)
class Drawn:
    """A person whom the annotator has restored so far."""

    person: Person
    keys: dict[int, FloatArray] = field(default_factory=dict)
    frames: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    cuts: list[tuple[int, int]] = field(default_factory=list)

    def overlaps(
        self, length: int
    ) -> tuple[geometry.FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return IoU by frame, where the person is, and where the track is, `(length,)` each."""
        real, own = np.zeros((length, 4)), np.zeros((length, 4))
        present, labelled = np.zeros(length, np.bool_), np.zeros(length, np.bool_)
        real[self.person.frames], present[self.person.frames] = self.person.boxes, True
        own[self.frames], labelled[self.frames] = self.boxes, True
        return geometry.iou_pairs(real, own) * (present & labelled), present, labelled


def encoded(setting: Setting, start: int) -> list[NDArray[np.uint8]]:
    """Return the pictures of a clip as JPEG."""
    return encoded_video(setting.video, setting.turned)[start : start + setting.length]


class ClipCase:
    """One clip with people removed."""

    def __init__(self, setting: Setting, start: int, length: int, rng: np.random.Generator) -> None:
        self.setting, self.start, self.length = setting, start, length
        self.everybody = [
            Person(p.id, p.frames[inside] - np.int32(start), p.boxes[inside])
            for p in people(setting.video, setting.turned)
            if (inside := (p.frames >= start) & (p.frames < start + length)).any()
        ]
        count = max(1, round(len(self.everybody) * SHARE))
        numbers = set(rng.permutation(len(self.everybody))[:count].tolist())
        self.removed = [p for k, p in enumerate(self.everybody) if k in numbers]
        self.others = [p.as_label() for k, p in enumerate(self.everybody) if k not in numbers]
        self.truth = self.detections([p.as_label() for p in self.everybody])
        self.target = TARGET
        if setting.others == "hindsight":
            self.others, all_labels = self.hindsight_others()
            self.target = TARGET * self.f1_of(all_labels)

    def hindsight_others(self) -> tuple[list[LabelTrack], list[LabelTrack]]:
        """Return the labels without those of removed people, and all of them."""
        span = Span(self.start, self.start + self.length)
        labels = hindsight_labels(self.setting.video).cut(span)
        others, everything = [], []
        for rows in labels.rows_by_track():
            frames, boxes = labels.frames[rows], labels.boxes[rows]
            track = Person(int(labels.tracks[rows[0]]) + 1000, frames, boxes).as_label()
            everything.append(track)
            if not any(self.same(track, person) for person in self.removed):
                others.append(track)
        return others, everything

    @staticmethod
    def same(track: LabelTrack, person: Person) -> bool:
        """Check whether a label track shows this person in most of their common frames."""
        common, first, second = np.intersect1d(track.frames, person.frames, return_indices=True)
        if not len(common):
            return False
        overlap = geometry.iou_pairs(track.boxes[first], person.boxes[second])
        return bool((overlap >= 0.5).mean() > 0.4)

    def detections(self, tracks: Sequence[LabelTrack]) -> Detections:
        """Return the boxes of tracks."""
        empty = Detections.empty(self.length, 10.0)
        parts = [
            replace(
                empty,
                frames=track.frames,
                boxes=track.boxes,
                scores=np.ones(len(track.frames), np.float32),
                classes=np.zeros(len(track.frames), np.int16),
            )
            for track in tracks
        ]
        return concat([empty, *parts])

    def f1_of(self, tracks: Sequence[LabelTrack]) -> float:
        """Return F1 of label tracks at IoU 0.5."""
        nothing = Detections.empty(self.length, 10.0)
        return bench.score(bench.Truth(self.truth, nothing), self.detections(tracks), 0.5)[2]

    def f1(self, restored: Sequence[Drawn]) -> float:
        """Return F1 of the labels with the people drawn."""
        tracks = [Person(d.person.id, d.frames, d.boxes).as_label() for d in restored]
        return self.f1_of([*self.others, *tracks])

    def visible_frame(self, person: Person, frames: NDArray[np.integer]) -> int:
        """Return the frame, of some, where others cover the person least, near their middle."""
        covers = np.zeros(len(frames))
        for k, frame in enumerate(frames):
            box = person.boxes[person.frames == frame].astype(float)
            for other in self.everybody:
                if other.id != person.id and (hit := other.frames == frame).any():
                    rival = other.boxes[hit].astype(float)
                    low = np.maximum(box[0, :2], rival[0, :2])
                    high = np.minimum(box[0, 2:], rival[0, 2:])
                    shared = np.clip(high - low, 0, None).prod() / geometry.area(box)[0]
                    covers[k] = max(covers[k], shared)
        clear = np.flatnonzero(covers <= covers.min() + 0.05)
        return int(frames[clear[np.argmin(np.abs(clear - len(frames) / 2))]])

    def evidence(self, restored: Sequence[Drawn]) -> carry.CarryEvidence:
        """Return what the carry may use, with the people labelled so far."""
        setting = self.setting
        width, height = size_of(setting.video, setting.turned)
        parts, thresholds = [], []
        if setting.evidence != "pictures":
            span = Span(self.start, self.start + self.length)
            for model in MODELS:
                threshold = bench.THRESHOLDS[model]
                part = model_detections(setting.video, model).cut(span)
                if setting.evidence != "all":
                    part = part.where(part.scores < threshold)
                parts.append(part)
                thresholds.append(threshold)
        tracks = [Person(d.person.id, d.frames, d.boxes).as_label() for d in restored]
        return carry.CarryEvidence(
            fps=FPS[setting.video],
            width=width,
            height=height,
            detections=parts,
            thresholds=thresholds,
            labels=[*self.others, *tracks],
        )

    def pictures(self) -> EncodedPictures | None:
        """Return the pictures, where the carry may see them."""
        if self.setting.evidence == "low":
            return None
        return EncodedPictures(encoded(self.setting, self.start))


def clips(setting: Setting, seed: int) -> Iterator[ClipCase]:
    """Cut a video into clips and remove people."""
    rng = np.random.default_rng(seed)
    total = len(encoded_video(setting.video, setting.turned))
    for start in range(0, total, setting.length):
        length = min(setting.length, total - start)
        if length >= LEAST_LENGTH:
            yield ClipCase(setting, start, length, rng)
