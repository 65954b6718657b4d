"""Questions about nobody: `python -m tests.bench.places [most questions a clip]`.

A third of the people of every clip of `vtest.avi` and `TUD-Campus.mp4` are removed from the labels,
as tests/bench/carry.py does, and `find_places` asks where somebody may be. Evidence: `motion`
against the median of the clip; `low` scores of the models named, whose detections of the removed
people at or above the threshold are taken away, as if every model had missed them; `both`; `all`
scores as stored. Labels of the others are the truth, or those of YOLOX-nano (`hindsight`).

recall      share of removed people, visible for half a second at least, whom a question points at:
            its box overlaps theirs by 0.3 at the middle of its span
false       questions a clip that point at nobody who is missing
nobody      the same where nobody was removed: whoever the labels miss by themselves is missing
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from oneclick.core import association
from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelTrack
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.detectors import foreground
from oneclick.detectors.motion import THRESHOLD
from oneclick.feedback.clip_questions import MODEL, MOTION, SECONDS_FOR_HALF
from oneclick.hindsight import places
from oneclick.hindsight.places import PlaceEvidence, PlaceOptions
from oneclick.hindsight.questions import Question
from tests.bench import carry_clips as carry
from tests.bench import hindsight as bench
from tests.bench.carry_clips import ClipCase, Person, Setting

LENGTHS = {"PETS09-S2L1": 60, "TUD-Campus": 71}
SEEDS = 1
EVIDENCE = ("motion", "low", "both", "all")
PICTURE_FACTOR = 2


@dataclass
class Counts:
    """Sums over clips."""

    removed: int = 0
    found: int = 0
    false: int = 0
    false_when_whole: int = 0
    clips: int = 0


def as_tracks(labels: Sequence[LabelTrack], length: int, fps: float) -> Tracks:
    """Return label tracks as columns."""
    parts = [track for track in labels if len(track.frames)]
    if not parts:
        return Tracks.empty(length, fps)
    sizes = [len(track.frames) for track in parts]
    return Tracks(
        frames=np.concatenate([track.frames for track in parts]),
        tracks=np.repeat([track.id for track in parts], sizes).astype(np.int32),
        boxes=np.concatenate([track.boxes for track in parts]),
        scores=np.ones(sum(sizes), np.float32),
        classes=np.zeros(sum(sizes), np.int16),
        origins=np.full(sum(sizes), "h"),
        length=length,
        fps=fps,
    )


@cache
def moving(video: str, span: Span, fps: float) -> Detections:
    """Return what moves in a clip."""
    encoded = carry.encoded_video(video, False)[span.start : span.stop]
    decoded = (cv2.imdecode(each, cv2.IMREAD_REDUCED_GRAYSCALE_2) for each in encoded)
    grey = [np.asarray(picture, np.uint8) for picture in decoded]
    found = foreground.detect_moving(grey, fps, PICTURE_FACTOR)
    return replace(found, scores=found.scores / np.float32(THRESHOLD))


@cache
def usual_of(video: str, model: str) -> Detections:
    """Return what a model says in some frames of a whole video."""
    sample = places.sample_usual(carry.model_detections(video, model))
    return replace(sample, scores=sample.scores / np.float32(bench.THRESHOLDS[model]))


def missed(detections: Detections, threshold: float, removed: Sequence[Person]) -> Detections:
    """Take away the boxes at or above the threshold that show removed people."""
    strong = detections.scores >= threshold
    shows = np.zeros(len(detections), np.bool_)
    for person in removed:
        truth = replace(
            Detections.empty(detections.length, detections.fps),
            frames=person.frames,
            boxes=person.boxes,
            scores=np.ones(len(person.frames), np.float32),
            classes=np.zeros(len(person.frames), np.int16),
        )
        shows[association.overlaps(detections, truth, 0.4)[0]] = True
    return detections.where(~(strong & shows))


def evidence_of(
    case: ClipCase, span: Span, kind: str, fps: float, removed: Sequence[Person]
) -> list[PlaceEvidence]:
    """Return the evidence of one row of the table."""
    evidence = []
    if kind != "motion":
        for model in carry.MODELS:
            threshold = bench.THRESHOLDS[model]
            detections = replace(
                carry.model_detections(case.setting.video, model).cut(span), fps=fps
            )
            if kind in ("low", "both"):
                detections = missed(detections, threshold, removed)
            scores = detections.scores / np.float32(threshold)
            evidence.append(
                PlaceEvidence(
                    source=MODEL,
                    boxes=replace(detections, scores=scores),
                    seconds_for_half=SECONDS_FOR_HALF[MODEL],
                    usual=usual_of(case.setting.video, model),
                )
            )
    if kind != "low":
        boxes, half = moving(case.setting.video, span, fps), SECONDS_FOR_HALF[MOTION]
        evidence.append(
            PlaceEvidence(source=MOTION, boxes=boxes, seconds_for_half=half, has_classes=False)
        )
    return evidence


def points_at(question: Question, person: Person) -> bool:
    """Check whether the box of a question shows a person."""
    row = np.flatnonzero(person.frames == question.middle)
    if not len(row) or question.box is None:
        return False
    return bool(geometry.iou(np.array([question.box]), person.boxes[row])[0, 0] >= 0.3)


def shown(person: Person, labels: Tracks, fps: float) -> bool:
    """Check whether labels show a person in most frames."""
    rows = np.isin(labels.frames, person.frames)
    order = {int(frame): row for row, frame in enumerate(person.frames)}
    own = person.boxes[[order[int(frame)] for frame in labels.frames[rows]]]
    hits = labels.frames[rows][geometry.iou_pairs(labels.boxes[rows], own) >= 0.4]
    return len(np.unique(hits)) > 0.5 * len(person.frames)


def measure(setting: Setting, options: PlaceOptions) -> Counts:
    """Ask about all clips of a video."""
    fps, frames = bench.info(bench.DATA / setting.video)
    counts = Counts()
    for seed in range(SEEDS):
        for start in range(0, frames - setting.length + 1, setting.length):
            case = ClipCase(setting, start, setting.length, np.random.default_rng([seed, start]))
            span = Span(start, start + setting.length)
            visible = [p for p in case.removed if len(p.frames) >= 0.5 * fps]
            labels = as_tracks(case.others, setting.length, fps)
            evidence = evidence_of(case, span, setting.evidence, fps, case.removed)
            asked = places.find_places(evidence, labels, options)
            missing = [p for p in case.everybody if not shown(p, labels, fps)]
            counts.removed += len(visible)
            counts.found += sum(any(points_at(q, p) for q in asked) for p in visible)
            counts.false += sum(not any(points_at(q, p) for p in missing) for q in asked)
            whole = case.everybody if setting.others == "truth" else []
            everybody = (
                as_tracks([p.as_label() for p in whole], setting.length, fps)
                if whole
                else as_tracks(case.hindsight_others()[1], setting.length, fps)
            )
            evidence = evidence_of(case, span, setting.evidence, fps, ())
            asked = places.find_places(evidence, everybody, options)
            missing = [p for p in case.everybody if not shown(p, everybody, fps)]
            counts.false_when_whole += sum(not any(points_at(q, p) for p in missing) for q in asked)
            counts.clips += 1
    return counts


def main() -> None:
    """Print the table."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else PlaceOptions.per_clip
    print(f"at most {most} questions a clip")
    print(f"{'':34}{'removed':>9}{'recall':>9}{'false':>9}{'nobody':>9}")
    for video, length in LENGTHS.items():
        for others in ("truth", "hindsight"):
            for evidence in EVIDENCE:
                setting = Setting(video=video, length=length, evidence=evidence, others=others)
                counts = measure(setting, PlaceOptions(per_clip=most))
                name = f"{video} {others} {evidence}"
                print(
                    f"{name:34}{counts.removed:9}{counts.found / max(counts.removed, 1):9.2f}"
                    f"{counts.false / counts.clips:9.2f}"
                    f"{counts.false_when_whole / counts.clips:9.2f}"
                )


if __name__ == "__main__":
    if not bench.DATA.is_dir():
        sys.exit(f"skipped: {bench.DATA} is absent")
    main()
