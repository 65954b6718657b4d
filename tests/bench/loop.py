"""What a week of annotators buys: `python -m tests.bench.loop FOLDER [--seeds N] [--source ward]`.

Arms get the same simulated seconds of an annotator a week, by the cost model of AnnotationCosts and
COSTS, and train the same small model on all that was labelled so far, on every second frame and
for as many steps as the product takes; the gate is left out, equally for all. `manual` draws each
box by hand in every frame that training takes, `one a second` in fewer; `key boxes` draws as few
as linear interpolation allows, in all frames; `hindsight` corrects automatic labels in all frames;
`default` answers the questions about them, each in the frame in which the page opens it and in
more of its frames where something is wrong there, and looks at each second without a question
once; `default, a third` has less than a third of the time, and as many trainings. A look includes
the key that says that all is right; a person whom a question about a place shows is added by two
keys where its box fits, by one key and the price of an adjusted box where it is near, else drawn.
Hands miss in all arms. `random` clips are drawn, `triggers` and `default` take those that the
product selects. Accuracy is COCO mAP on cameras never trained on (ward), or on the second half
in time (pets, one-by-one); the labels of one-by-one are a stand-in by the strongest labeller here.
What was computed lies in FOLDER, by source, seed, arm and week, and is not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, triggers
from oneclick.core.clips import ChosenBy
from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.core.tracks import Tracks
from oneclick.detectors import Detector, own
from oneclick.feedback import replay
from oneclick.hindsight import learn
from oneclick.settings import Settings
from oneclick.storage import datasets, files, labels
from oneclick.storage.workspace import Workspace
from oneclick.training import train as training
from oneclick.training.config import TrainingPaths
from oneclick.triggers.selection import select
from oneclick.triggers.streaming import PredictionChunk
from oneclick.ward.annotators import AnnotationCosts, Annotator
from tests.bench import loop_films, loop_review
from tests.bench.hindsight import DATA
from tests.bench.loop_films import FPS, Film
from tests.bench.loop_review import CLASSES, NOW, Candidate, Labelled, label_set, to_columns
from tests.bench.loop_table import print_tables

ARMS = (
    "random, manual",
    "random, one a second",
    "random, key boxes",
    "random, hindsight",
    "triggers, manual",
    "triggers, hindsight",
    "default",
    "default, a third",
)
BUDGET = 1200.0
"""Seconds of an annotator a week."""
SHARES = {"default, a third": 0.3}
"""Of BUDGET; less than a third, because the last clip of a week may end after it."""
CLIP_SECONDS = 3.0
COSTS = AnnotationCosts()
MOTION = "opencv:motion"


def annotate(arm: str, candidate: Candidate, seed: int) -> Labelled:
    """Label one clip as an arm does."""
    truth, trained_frames = candidate.truth, loop_review.trained_frames(candidate)
    if arm.endswith(("manual", "one a second")):
        frames = trained_frames
        if not arm.endswith("manual"):
            frames = tuple(range(0, len(candidate.span), round(FPS)))
        shown = loop_review.hand_drawn(truth.where(np.isin(truth.frames, frames)), seed)
        seconds = COSTS.frame * len(frames) + COSTS.draw * len(shown)
        return Labelled(shown, frames, seconds, len(shown))
    if arm.startswith("default"):
        return loop_review.review_questions(candidate, seed)
    first = Tracks.empty(truth.length, FPS)
    if arm.endswith("hindsight"):
        first = candidate.hindsight_labels()
    verdict = Annotator(name="a", seed=seed).review(label_set(candidate, first), truth)
    assert verdict.tracks is not None
    reviewed = replace(label_set(candidate, first), tracks=verdict.tracks)
    tracks = to_columns(reviewed)
    return Labelled(tracks, trained_frames, verdict.seconds, verdict.edits)


def count_motion(candidate: Candidate, labelled: Labelled) -> NDArray[np.float64]:
    """Return what `learn.count_matches` counts of boxes of motion in a reviewed clip."""
    if not candidate.parts:
        return np.zeros(3)
    boxes = candidate.parts[-1].cut(candidate.span).above(candidate.thresholds[-1])
    shown = [np.isin(each.frames, labelled.frames) for each in (boxes, labelled.tracks)]
    truth = labelled.tracks.where(shown[1]).detections
    return learn.count_matches(boxes.where(shown[0]), truth)


def f1_of_card(numbers: dict[str, Any]) -> float | None:
    """Return F1 of the model of a week by its card, as the product orders labellers by it."""
    precision, recall = numbers["precision"], numbers["recall"]
    return 2 * precision * recall / (precision + recall) if precision + recall else None


def random_spans(films: list[Film], seed: int, week: int) -> Iterator[tuple[Film, Span]]:
    """Yield clips of a week in random order."""
    size = round(CLIP_SECONDS * FPS)
    spans = [
        (film, Span(start, start + size))
        for film in films
        for start in range(0, film.length - size + 1, size)
    ]
    for number in np.random.default_rng([seed, week]).permutation(len(spans)).tolist():
        yield spans[number]


def triggered_spans(
    films: list[Film],
    predictions: dict[str, tuple[Detections, ...]],
    thresholds: tuple[float, ...],
    has_learned: bool,
    seed: int,
) -> Iterator[tuple[Film, Span]]:
    """Yield the clips that the product selects, best first in rounds of four."""
    history = select.SelectionHistory(has_learned=has_learned)
    candidates, by_name = [], {film.name: film for film in films}
    for film in films:
        chunk = PredictionChunk(predictions[film.name])
        scene = replay.build_scene(chunk, thresholds, film.width, film.height)
        candidates.append(
            select.CandidateVideo(
                video=film.name,
                length=film.length,
                fps=FPS,
                hits=triggers.scan(scene, triggers.make()),
                parts=(SplitPart(Span(0, film.length), "train"),),
                camera=film.name,
            )
        )
    taken: dict[str, tuple[Span, ...]] = {film.name: () for film in films}
    while True:
        now = [replace(each, existing_clips=taken[each.video]) for each in candidates]
        options = select.SelectionOptions(
            budget=0, min_clips=4, control=0.1, clip_seconds=CLIP_SECONDS, gap=0.2, seed=seed
        )
        chosen = select.select(now, options, history)
        if not chosen:
            return
        for each in sorted(chosen, key=lambda each: each.chosen_by is ChosenBy.FLOOR):
            taken[each.video] += (each.span,)
            yield by_name[each.video], each.span


class ArmRun:
    """One arm with one seed, week by week."""

    def __init__(self, options: argparse.Namespace, arm: str, seed: int) -> None:
        folder, source = options.folder, options.source
        self.films = partial(self._films, folder, source, seed, options.weeks)
        self.arm, self.seed, self.effort = arm, seed, options.effort
        self.root = folder / source / f"seed{seed}" / arm.replace(", ", "-").replace(" ", "-")
        self.workspace = Workspace(self.root)

    @staticmethod
    def _films(folder: Path, source: str, seed: int, weeks: int, week: int | None) -> list[Film]:
        if source == "ward":
            return loop_films.ward_films(folder / "films", seed, week)
        return loop_films.real_films(source, folder, weeks, week)

    def week(self, week: int) -> dict[str, Any]:
        """Return the numbers after a week; those of the week before are computed first."""
        path = self.root / f"week{week}.json"
        if path.exists():
            return json.loads(path.read_text())  # type: ignore[no-any-return]
        before: dict[str, Any] = self.week(week - 1) if week > 1 else {"spent": 0.0}
        spent, edits, boxes, clips, images = before["spent"], 0, 0, 0, 0
        lines = self._lines(week - 1)
        seen_moving = np.array(before.get("seen_moving", (0, 0, 0)), np.float64)
        for candidate in self._choose(week, before):
            if spent >= BUDGET * SHARES.get(self.arm, 1.0) * week:
                break
            labelled = annotate(self.arm, candidate, self.seed)
            seen_moving += count_motion(candidate, labelled)
            spent += labelled.seconds
            edits, boxes = edits + labelled.edits, boxes + len(labelled.tracks)
            clips, images = clips + 1, images + len(labelled.frames)
            lines.append(self._publish(candidate, labelled, "train"))
        if week == 1:
            lines += self._test_clips()
        version = datasets.build(week, None, CLASSES, lines)
        for name, content in datasets.documents(version, NOW).items():
            files.write_atomic(self.root / "datasets" / version.name / name, content)
        parent = self.workspace.model_dir(str(before["model"])) if "model" in before else None
        models = self.workspace.model_dir("x").parent
        # Only frames that training takes are published.
        options = replace(Settings().train_options(seed=self.seed, effort=self.effort), stride=1)
        paths = TrainingPaths(self.root, models, parent)
        trained = training.train(options.config_for(version), version.name, paths)
        assert trained is not None
        numbers = {
            "spent": spent,
            "clips": clips,
            "images": images + before.get("images", 0),
            "boxes": boxes,
            "edits": edits,
            "map": trained.card.metrics["map"],
            "ap50": trained.card.metrics["ap50"],
        }
        document = numbers | {
            "model": trained.card.id,
            "version": version.name,
            "precision": trained.card.metrics["precision"],
            "recall": trained.card.metrics["recall"],
            "seen_moving": seen_moving.tolist(),
        }
        files.write_atomic(path, json.dumps(document).encode())
        return document

    def _lines(self, week: int) -> list[DatasetClip]:
        """Return the clips of the version of a week; none before the first."""
        if week < 1:
            return []
        name = json.loads((self.root / f"week{week}.json").read_text())["version"]
        return list(datasets.load(self.root / "datasets" / name).clips)

    def _choose(self, week: int, before: dict[str, Any]) -> Iterator[Candidate]:
        """Yield clips in the order in which the arm labels them."""
        films = self.films(week)
        predictions: dict[str, tuple[Detections, ...]] = {film.name: () for film in films}
        thresholds: tuple[float, ...] = ()
        f1: tuple[float | None, ...] = ()
        uses_models = self.arm not in ARMS[:3]
        if uses_models:
            team: list[Detector] = [detectors.create(MOTION)]
            f1 = (learn.f1_of(np.array(before.get("seen_moving", (0, 0, 0)))) or None,)
            if "model" in before:
                team.insert(0, own.load_model("model", before["model"], self.workspace, "cpu"))
                f1 = (f1_of_card(before), *f1)
            thresholds = tuple(each.threshold for each in team)
            for film in films:
                predictions[film.name] = tuple(
                    detectors.run(each, film.pictures(), film.length, FPS, CLASSES) for each in team
                )
        spans = random_spans(films, self.seed, week)
        if not self.arm.startswith("random"):
            spans = triggered_spans(films, predictions, thresholds, "model" in before, self.seed)
        for film, span in spans:
            yield Candidate(film, span, predictions[film.name], thresholds, f1)

    def _test_clips(self) -> list[DatasetClip]:
        """Publish the recordings to test on, with their truth."""
        lines = []
        for film in self.films(None):
            frames = tuple(range(0, film.length, loop_films.TEST_STRIDE))
            truth = film.truth.where(np.isin(film.truth.frames, frames))
            candidate = Candidate(film, Span(0, film.length), (), ())
            lines.append(self._publish(candidate, Labelled(truth, frames, 0, 0), "test"))
        return lines

    def _publish(self, candidate: Candidate, labelled: Labelled, split: Split) -> DatasetClip:
        """Write frames and labels of a clip; return its line of the manifest."""
        numbers = np.array(labelled.frames, np.int32)
        tracks = labelled.tracks.where(np.isin(labelled.tracks.frames, numbers))
        dense = replace(
            tracks,
            frames=np.searchsorted(numbers, tracks.frames).astype(np.int32),
            length=len(numbers),
        )
        content_set = replace(label_set(candidate, dense), kind="human", made_by="bench")
        folder = self.root / "clips" / content_set.clip
        (folder / "frames").mkdir(parents=True, exist_ok=True)
        wanted = {candidate.span.start + frame: k for k, frame in enumerate(labelled.frames)}
        for number, picture in enumerate(candidate.film.pictures()):
            if number in wanted:
                path = folder / "frames" / f"{wanted[number]:06d}.jpg"
                cv2.imwrite(str(path), picture[..., ::-1])
        content = labels.encode(content_set)
        (folder / datasets.labels_name(1)).write_bytes(content)
        return DatasetClip(
            clip=content_set.clip,
            camera=candidate.film.name,
            revision=1,
            label_digest=sha256(content).hexdigest(),
            clip_digest="0" * 64,
            split=split,
            frames=len(numbers),
            width=candidate.film.width,
            height=candidate.film.height,
            fps=FPS,
            origins=content_set.counts(),
            chosen_by="trigger",
        )


def main() -> None:
    """Run all arms, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--source", choices=loop_films.SOURCES, default="ward")
    parser.add_argument("--effort", type=float, default=1.0, help="factor on the training steps")
    parser.add_argument("--arm", choices=ARMS, action="append", help="only these")
    parser.add_argument("--tables", action="store_true", help="only print what is there")
    options = parser.parse_args()
    if options.source != "ward" and not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    arms = options.arm or ARMS
    if not options.tables:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for week in range(1, options.weeks + 1):
                for arm in arms:
                    numbers = ArmRun(options, arm, seed).week(week)
                    sys.stderr.write(
                        f"seed {seed} week {week} {arm}: mAP {numbers['map']:.3f}, "
                        f"{numbers['images']:.0f} images, {numbers['spent']:.0f} s\n"
                    )
    print_tables(options.folder / options.source, arms)


if __name__ == "__main__":
    main()
