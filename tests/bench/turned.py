"""People who lie: `python -m tests.bench.turned [FOLDER for pictures [FOLDER of looks]]`.

Videos of the shared data and their ground truth are turned by 90°: every person of a real video
then lies across the picture, with exact boxes. YOLOX-nano, and FastestDet as a weak second model,
look at all frames upright and turned both ways once (a folder of looks keeps them); all tables come
from these looks.

1. F1 at IoU 0.5 of dense labels, upright and turned, without and with turned looks, by one model
   and by both together. Claim: turned at least 0.95 of upright, upright at most 0.005 lost.
2. Looks that the schedule takes, what they cost, and the share of the turned people within a second
   of a look that sees them.
3. Hits of `turned_conflict` that lie on people, people they reach, and false hits an hour.
4. A mixed scene: the second half of the video is turned, as if everybody lay down.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from oneclick import detectors, hindsight, video
from oneclick.core import association
from oneclick.core.detections import Detections, concat
from oneclick.detectors import turned
from oneclick.detectors.base import Detector
from oneclick.detectors.turned_schedule import EVERY_FRAME, LookRates
from oneclick.triggers.rules.turned_conflict import TurnedConflict
from oneclick.triggers.scene import Scene
from tests.bench.hindsight import DATA, Truth, as_detections, score
from tests.bench.turned_views import (
    SHARED,
    FastestDet,
    Schedule,
    Views,
    always,
    footage,
    schedule,
    turned_frame,
    watch,
)

TURNS = {"upright": 0, "turned left": 1, "turned right": 3}
RATES = {
    "signs": LookRates(),
    "idle only, 5 s": LookRates(sign=5.0, sight=5.0, still=5.0),
    "one a second": LookRates(idle=1.0, sign=1.0, sight=1.0, still=1.0),
    "always": EVERY_FRAME,
}


def labels_f1(parts: Sequence[Detections], thresholds: Sequence[float], real: Truth) -> float:
    """F1 of dense labels of all frames."""
    return score(real, as_detections(hindsight.label(parts, thresholds)), 0.5)[2]


def print_labels(all_views: list[list[Views]]) -> None:
    """Table 1: dense labels."""
    print("\n1. labels, F1 at IoU 0.5: without, with turned looks, share of upright")
    for models in all_views:
        item = models[0].footage
        if item.people is None:
            continue
        teams = [[view] for view in models] + ([models] if len(models) > 1 else [])
        for team in teams:
            thresholds = [view.model.threshold for view in team]
            name = " + ".join(view.model.name.rpartition("/")[2] for view in team)
            best = 0.0
            for turn_name, quarters in TURNS.items():
                real = item.truth(quarters)
                plain = labels_f1([v.upright(quarters) for v in team], thresholds, real)
                merged = labels_f1([v.merged(quarters) for v in team], thresholds, real)
                best = plain if not quarters else best
                print(f"{item.file:16}{name:26}{turn_name:14}{plain:8.3f}{merged:8.3f}"
                      f"{merged / best:8.3f}")  # fmt: skip


def within_a_second(looks: Detections, threshold: float, real: Detections) -> float:
    """Share of the true boxes that a look within a second sees."""
    sure, reach = looks.above(threshold), round(looks.fps)
    found = np.zeros(len(real), np.bool_)
    for shift in range(-reach, reach + 1):
        frames = sure.frames + shift
        inside = (frames >= 0) & (frames < looks.length)
        moved = sure.where(inside)
        moved = replace(moved, frames=(moved.frames + shift).astype(np.int32))
        found[association.overlaps(real, moved, 0.1)[0]] = True
    return float(found.mean())


def print_costs(all_views: list[list[Views]]) -> None:
    """Table 2: recall against cost."""
    print("\n2. looks: share of the frames, looks a frame, ms a frame, frames/s, seen within 1 s")
    for models in all_views:
        view = models[0]
        item = view.footage
        for turn_name, quarters in TURNS.items() if item.people else (("upright", 0),):
            for name, rates in RATES.items():
                taken = schedule(view, rates, always(quarters))
                cost = 1 + len(turned.SIDES) * taken.share
                seen = ""
                if item.people is not None and quarters:
                    real = item.truth(quarters).people
                    seen = f"{within_a_second(taken.looks, view.model.threshold, real):8.3f}"
                ms = cost * view.milliseconds
                print(f"{item.file:16}{turn_name:14}{name:16}{taken.share:8.3f}{cost:8.2f}"
                      f"{ms:8.1f}{1000 / ms:8.1f}{seen}")  # fmt: skip


def hits_of(view: Views, taken: Schedule) -> list[Detections]:
    """Boxes of each hit of the trigger."""
    item = view.footage
    scene = Scene(
        detections=taken.upright,
        threshold=view.model.threshold,
        width=max(item.width, item.height),
        height=max(item.width, item.height),
        turned_detections=taken.looks,
    )
    hits = []
    for hit in TurnedConflict().find(scene):
        rows = np.array(hit.boxes, np.float32)
        hits.append(
            Detections(
                frames=rows[:, 0].astype(np.int32),
                boxes=rows[:, 1:],
                scores=np.ones(len(rows), np.float32),
                classes=np.zeros(len(rows), np.int16),
                length=item.length,
                fps=item.fps,
            )
        )
    return hits


def print_hits(all_views: list[list[Views]]) -> None:
    """Table 3: the trigger."""
    print("\n3. turned_conflict: hits, precision, people reached, false hits an hour")
    for models in all_views:
        for view in models:
            item = view.footage
            for turn_name, quarters in TURNS.items() if item.people else (("upright", 0),):
                taken = schedule(view, LookRates(), always(quarters))
                hits = hits_of(view, taken)
                hours = item.length / item.fps / 3600
                line = f"{item.file:16}{view.model.model_id:24}{turn_name:14}{len(hits):5}"
                if item.people is None:
                    print(f"{line}{'':16}{len(hits) / hours:8.1f} an hour, whatever they show")
                    continue
                real = item.truth(quarters).people
                right = [len(association.match_frames(h, real, 0.4)[0]) >= len(h) / 2 for h in hits]
                boxes = concat(hits) if hits else Detections.empty(item.length, item.fps)
                near = within_a_second(boxes, 0, real)
                false = (len(right) - sum(right)) / hours
                share = f"{np.mean(right):8.3f}" if hits else f"{'-':>8}"
                print(f"{line}{share}{near:8.3f}{false:8.1f}")


def print_mixed(view: Views) -> None:
    """Table 4: everybody lies down in the middle of the video."""
    item = view.footage
    half = item.length // 2
    side = max(item.width, item.height)

    def position(number: int) -> int:
        return int(number >= half)

    def mix(upright: Detections, lying: Detections) -> Detections:
        return concat([upright.where(upright.frames < half), lying.where(lying.frames >= half)])

    real = Truth(mix(item.truth(0).people, item.truth(1).people), item.truth(0).ignored)
    lying = Truth(real.people.where(real.people.frames >= half), real.ignored)
    plain = mix(view.upright(0), view.upright(1))
    print(f"\n4. {item.file}, the second half of the video turned, picture within {side} px: "
          "P, R, F1 of all labels; of those who lie")  # fmt: skip
    for name in ("off", *RATES):
        parts, share = plain, 0.0
        if name != "off":
            taken = schedule(view, RATES[name], position)
            parts, share = turned.merge(plain, taken.looks), taken.share
        label_boxes = as_detections(hindsight.label([parts], [view.model.threshold]))
        whole = score(real, label_boxes, 0.5)
        part = score(lying, label_boxes.where(label_boxes.frames >= half), 0.5)
        numbers = "".join(f"{value:8.3f}" for value in (*whole, *part))
        print(f"{name:16}{share:8.3f}{numbers}")


def draw(view: Views, quarters: int, number: int, path: Path) -> None:
    """Write a picture: red what upright looks see, green what turned looks add, white the truth."""
    item, model = view.footage, view.model
    frames = itertools.islice(video.frames(SHARED / "video" / item.file), number, None)
    frame = turned_frame(next(frames), quarters)
    picture = np.ascontiguousarray(frame[..., ::-1])
    layers = [
        (looks[0][looks[1] >= model.threshold], colour)
        for looks, colour in (
            (turned.TurnedView(model).detect([frame])[0], (60, 200, 60)),
            (model.detect([frame])[0], (40, 40, 230)),
        )
    ]
    if item.people is not None:
        people = item.truth(quarters).people
        layers.insert(0, (people.boxes[people.rows(number)], (255, 255, 255)))
    for thickness, (boxes, colour) in zip((1, 3, 3)[-len(layers) :], layers, strict=True):
        for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, thickness)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def main(folder: Path | None, looks: Path) -> None:
    """Print all tables; with a folder, write three pictures into it."""
    yolox = detectors.create(f"onnx:{SHARED / 'weights' / 'yolox_nano.onnx'}")
    models: list[Detector] = [yolox, FastestDet(SHARED / "weights" / "FastestDet.onnx")]
    videos = [
        footage("vtest.avi", "PETS09-S2L1"),
        footage("TUD-Campus.mp4", "TUD-Campus"),
        footage("one-by-one.mp4", None),
    ]
    all_views = [[watch(item, model, looks) for model in models] for item in videos]
    print_labels(all_views)
    print_costs(all_views)
    print_hits(all_views)
    for views in all_views[:2]:
        print_mixed(views[0])
    if folder:
        draw(all_views[0][0], 1, 100, folder / "turned-vtest.png")
        draw(all_views[1][0], 3, 35, folder / "turned-campus.png")
        draw(all_views[2][0], 1, 250, folder / "turned-one-by-one.png")


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(argument) for argument in sys.argv[1:]]
        main(folders[0] if folders else None, folders[1] if len(folders) > 1 else Path(scratch))
