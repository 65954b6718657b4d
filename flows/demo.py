"""Demo: two laps on the synthetic ward with simulated annotators, measured on unseen cameras.

The same flows as everywhere; only the recordings are rendered and the reviewers simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from flows import policy
from flows.collect import collect
from flows.label import label
from flows.publish import publish
from flows.review import review
from flows.train import train
from oneclick import detectors, report, video, ward
from oneclick.catalog import Catalog
from oneclick.core import ids, progress
from oneclick.core.clips import ClipStage
from oneclick.core.tracks import Tracks
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training.evaluation import evaluate
from oneclick.ward import annotators

CAMERAS, UNSEEN = (0, 1, 2, 3, 4), (7, 8)
SECONDS, TEST_SECONDS = 20.0, 20.0
STEPS = 160
"""Of training, a lap: a minute on two cores."""
TEST_STRIDE = 2
DAYS_A_SEED = 10
PREDICTOR = "opencv:motion"
"""Predicts in the first lap: people in a rendered room do not look like HOG's people."""


@dataclass(frozen=True)
class DemoLap:
    """One lap, and what its champion is worth."""

    lap: int
    clips: int
    """Clips reviewed in this lap."""
    edits_per_100_boxes: float | None
    seconds_per_image: float | None
    dataset_images: int
    candidate: str | None
    verdict: str
    champion: str | None
    map: float
    """COCO mAP of the champion on cameras never trained on, against the truth."""
    ap50: float
    test_images: int


@dataclass(frozen=True)
class Demo:
    """All that `oneclick demo` prints."""

    home: Path
    seed: int
    laps: tuple[DemoLap, ...]


@dataclass(frozen=True, eq=False)
class Film:
    """One rendered recording with its truth."""

    shift: ward.Shift
    path: Path
    truth: Tracks

    @property
    def video(self) -> str:
        """The id that `fetch` gives it."""
        return ids.video_id(self.shift.name, self.shift.started_at, "")


def demo(home: Path, seed: int = 0) -> Demo:
    """Render, lap, measure; lap again, measure again. Nothing in the numbers is fixed."""
    first = DAYS_A_SEED * seed
    days = [[_shift(camera, first, TEST_SECONDS) for camera in UNSEEN]]
    days += [[_shift(camera, first + lap, SECONDS) for camera in CAMERAS] for lap in (1, 2)]
    _record(home / "ward", [shift for day in days for shift in day])
    unseen, *seen = [[_film(home / "ward", shift) for shift in day] for day in days]
    laps: list[DemoLap] = []
    with policy.in_process():
        for number, films in enumerate(seen, 1):
            laps.append(_lap(home, number, films, unseen))
    return Demo(home, seed, tuple(laps))


def _shift(camera: int, day: int, seconds: float) -> ward.Shift:
    """Odd cameras record by night."""
    return ward.Shift(camera, day, seconds, night=camera % 2 == 1)


def _record(folder: Path, shifts: Sequence[ward.Shift]) -> None:
    """Render on all cores; what a killed demo rendered whole is used again."""
    todo = [s for s in shifts if not ward.truth_path(s.path(folder)).exists()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        calls = [pool.submit(ward.record, shift, shift.path(folder)) for shift in todo]
        for call in progress.track("record films", as_completed(calls), len(calls)):
            call.result()


def _film(folder: Path, shift: ward.Shift) -> Film:
    path = shift.path(folder)
    return Film(shift, path, ward.load_truth(path))


def _lap(home: Path, number: int, films: list[Film], unseen: list[Film]) -> DemoLap:
    """Collect, label, let the annotators correct, publish, train, and measure."""
    serving = model_registry.champion(Workspace(home))
    predictor = None if serving else PREDICTOR
    collect([str(film.path) for film in films], home, predictor)
    label(home, predictor)
    review(home, accept_auto=False, platform="local")
    reviewed = _annotate(home, films)
    review(home, accept_auto=False, platform="local")
    publish(home)
    outcome = train(home, steps=STEPS)
    effort = report.effort(home, set(reviewed))
    champion = model_registry.champion(Workspace(home))
    worth = _measure(home, champion, unseen)
    return DemoLap(
        number,
        len(reviewed),
        effort.edits_per_100_boxes,
        effort.seconds_per_image,
        report.lap(home).dataset_images,
        outcome["model"],
        outcome["decision"],
        champion,
        worth.map,
        worth.ap50,
        worth.images,
    )


def _annotate(home: Path, films: list[Film]) -> list[str]:
    """Two annotators take turns and correct every waiting clip from the truth."""
    truths = {film.video: film.truth for film in films}
    team = annotators.team(2)
    queue = LocalPlatform(Workspace(home).review_dir())
    with Catalog.open(home) as catalog:
        waiting = catalog.clips(stage=ClipStage.IN_REVIEW)
    for turn, row in enumerate(progress.track("annotators", waiting, len(waiting))):
        truth = truths[row.clip.video].cut(row.clip.span)
        queue.give(team[turn % len(team)].review(queue.task(row.clip.id), truth))
    return [row.clip.id for row in waiting]


def _measure(home: Path, champion: str | None, unseen: list[Film]) -> evaluate.Metrics:
    """The champion against the truth, on cameras that no lap has seen."""
    if champion is None:
        return evaluate.score([], [])
    model = detectors.create(f"model:{champion}", Workspace(home))
    pairs = []
    for film in unseen:
        shift, truth = film.shift, film.truth
        frames = islice(video.frames(film.path), 0, None, TEST_STRIDE)
        length, fps = -(-shift.frames // TEST_STRIDE), shift.fps / TEST_STRIDE
        seen = detectors.run(model, frames, length, fps, truth.names, "measure")
        found = replace(seen, frames=seen.frames * TEST_STRIDE, length=shift.frames, fps=shift.fps)
        pairs += list(evaluate.images(found, truth, TEST_STRIDE))
    return evaluate.score([found for found, _ in pairs], [true for _, true in pairs])
