"""Demo: laps on the synthetic ward with simulated annotators, measured on unseen cameras.

The flows are the usual ones; only the recordings are rendered and the reviewers simulated.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from oneclick import detectors, report, video, ward
from oneclick.catalog import Catalog
from oneclick.core import ids, progress
from oneclick.core.clips import ClipStage
from oneclick.core.evaluation import DetectionMetrics
from oneclick.core.tracks import Tracks
from oneclick.flows import policy
from oneclick.flows.collect import collect
from oneclick.flows.label import label
from oneclick.flows.publish import publish
from oneclick.flows.review import review
from oneclick.flows.train import train
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training.evaluation import average_precision, evaluate
from oneclick.training.evaluation.average_precision import Matches
from oneclick.training.gate import significance
from oneclick.ward import annotators

CAMERAS, UNSEEN = (0, 1, 2, 3, 4), (7, 8)
REVIEW_CAMERAS = 2
"""Cameras of the clips that wait for a person."""
SECONDS, TEST_SECONDS = 20.0, 20.0
LAPS, MOST_LAPS = 2, 3
"""Laps, and laps where the gate has not let two champions through by then."""
STEPS = 240
"""Training steps for the images of one lap: the second trains on twice the images, and as often on
each."""
TEST_STRIDE = 2
PIECE_SECONDS = 2.0
"""Recordings are cut into pieces of this length to see how much of a gain is chance."""
CERTAINTY, DRAWS = 0.95, 1000
"""Confidence of each bound of the gain; bootstrap draws of the pieces."""
DAYS_A_SEED = 10
PREDICTOR = "opencv:motion"
"""Predictor of the first lap: HOG does not detect rendered people."""


@dataclass(frozen=True, kw_only=True)
class DemoLap:
    """Numbers of one lap, and the accuracy of its champion."""

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
    """COCO mAP of the champion on cameras never trained on, against the ground truth."""
    ap50: float
    test_images: int


@dataclass(frozen=True, kw_only=True)
class DemoGain:
    """Gain of the last champion over the first, on cameras never trained on."""

    first: float
    """COCO mAP of the first champion."""
    last: float
    """Of the last."""
    low: float
    """Lower bound of the gain, one-sided at CERTAINTY."""
    high: float
    """Upper bound."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """All that `oneclick demo` prints."""

    home: Path
    seed: int
    laps: tuple[DemoLap, ...]
    gain: DemoGain | None
    """None where the gate let fewer than two champions through."""
    seconds: dict[str, float]
    """Wall seconds of each step, over all laps."""


@dataclass(frozen=True, eq=False)
class Film:
    """One rendered recording with its ground truth."""

    shift: ward.Shift
    path: Path
    truth: Tracks

    @classmethod
    def load(cls, folder: Path, shift: ward.Shift) -> Film:
        """Load the ground truth of a recording rendered into `folder`."""
        path = shift.path(folder)
        return cls(shift, path, ward.load_truth(path))

    @property
    def video_id(self) -> str:
        """Return the id that `fetch` gives the recording."""
        return ids.video_id(self.shift.name, self.shift.started_at, "")


@dataclass(frozen=True, eq=False)
class UnseenResult:
    """What a champion finds on cameras never trained on."""

    metrics: DetectionMetrics
    matches: Matches
    """Grouped by pieces of the recordings."""


@dataclass(frozen=True, eq=False)
class UnseenTest:
    """Recordings of cameras never trained on, and what the champions found there."""

    home: Path
    films: tuple[Film, ...]
    results: dict[str, UnseenResult] = field(default_factory=dict)
    """By model, in the order in which they became champions."""

    def metrics(self, champion: str | None) -> DetectionMetrics:
        """Return the accuracy of a champion, measured once; all zero without one."""
        if champion is None:
            return evaluate.score([], [])
        if champion not in self.results:
            self.results[champion] = measure(self.home, champion, self.films)
        return self.results[champion].metrics


@dataclass(frozen=True)
class Stopwatch:
    """Wall seconds of named steps, added up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what the body takes to a step."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class ReviewDemo:
    """Clips of the synthetic ward that wait for a person to correct them."""

    home: Path
    clips: int
    images: int
    questions: int


def demo(home: Path, seed: int = 0) -> Demo:
    """Render recordings, then run and measure the laps; all numbers are measured.

    A third lap follows where the gate let fewer than two champions through in the first two.
    """
    first, folder = DAYS_A_SEED * seed, home / "ward"
    test_shifts = [_shift(camera, first, TEST_SECONDS) for camera in UNSEEN]
    days = [
        [_shift(camera, first + lap, SECONDS) for camera in CAMERAS]
        for lap in range(1, MOST_LAPS + 1)
    ]
    watch = Stopwatch()
    with watch.step("render"):
        render_shifts(folder, [*test_shifts, *chain.from_iterable(days[:LAPS])])
    test = UnseenTest(home, tuple(Film.load(folder, shift) for shift in test_shifts))
    laps: list[DemoLap] = []
    with policy.in_process():
        for number, shifts in enumerate(days, 1):
            if number > LAPS and len(test.results) > 1:
                break
            with watch.step("render"):
                render_shifts(folder, shifts)
            films = [Film.load(folder, shift) for shift in shifts]
            laps.append(run_lap(number, films, test, watch))
    gain = compare(list(test.results.values()))
    return Demo(home=home, seed=seed, laps=tuple(laps), gain=gain, seconds=watch.seconds)


def review_demo(home: Path, seed: int = 0) -> ReviewDemo:
    """Render recordings and label clips of them, for whoever opens the review pages."""
    shifts = [_shift(camera, DAYS_A_SEED * seed, SECONDS) for camera in CAMERAS[:REVIEW_CAMERAS]]
    folder = home / "ward"
    render_shifts(folder, shifts)
    with policy.in_process():
        collect([str(shift.path(folder)) for shift in shifts], home, PREDICTOR)
        label(home, PREDICTOR)
        review(home, accept_auto=False, platform="local")
    questions = report.review_questions(home)
    with Catalog.open(home) as catalog:
        clips, images = catalog.waiting_images()
    return ReviewDemo(home, clips, images, len(questions.rows))


def _shift(camera: int, day: int, seconds: float) -> ward.Shift:
    """Describe one recording; cameras with an odd number record at night."""
    return ward.Shift(camera=camera, seed=day, seconds=seconds, night=camera % 2 == 1)


def render_shifts(folder: Path, shifts: Sequence[ward.Shift]) -> None:
    """Render recordings on all cores; those that an earlier demo completed are used again."""
    missing_shifts = [s for s in shifts if not ward.truth_path(s.path(folder)).exists()]
    if not missing_shifts:
        return
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        calls = [pool.submit(ward.record, shift, shift.path(folder)) for shift in missing_shifts]
        for call in progress.track("record films", as_completed(calls), len(calls)):
            call.result()


def run_lap(number: int, films: list[Film], test: UnseenTest, watch: Stopwatch) -> DemoLap:
    """Collect, label, review with simulated annotators, publish, train, and measure."""
    home = test.home
    predictor = None if model_registry.champion(Workspace(home)) else PREDICTOR
    with watch.step("collect"):
        collect([str(film.path) for film in films], home, predictor)
    with watch.step("label"):
        label(home, predictor)
    with watch.step("review"):
        review(home, accept_auto=False, platform="local")
        reviewed_clips = annotate(home, films)
        review(home, accept_auto=False, platform="local")
    with watch.step("publish"):
        publish(home)
    with watch.step("train"):
        training = train(home, steps=STEPS * number)
    effort = report.review_effort(home, set(reviewed_clips))
    champion = model_registry.champion(Workspace(home))
    with watch.step("measure"):
        metrics = test.metrics(champion)
    return DemoLap(
        lap=number,
        clips=len(reviewed_clips),
        edits_per_100_boxes=effort.edits_per_100_boxes,
        seconds_per_image=effort.seconds_per_image,
        dataset_images=report.lap_summary(home).dataset_images,
        candidate=training["model"],
        verdict=training["decision"],
        champion=champion,
        map=metrics.map,
        ap50=metrics.ap50,
        test_images=metrics.images,
    )


def annotate(home: Path, films: list[Film]) -> list[str]:
    """Review every waiting clip with two simulated annotators in turn; return the clip ids."""
    truths = {film.video_id: film.truth for film in films}
    team = annotators.team(2)
    queue = LocalPlatform(Workspace(home).review_dir())
    with Catalog.open(home) as catalog:
        records = catalog.clips(stage=ClipStage.IN_REVIEW)
    for turn, record in enumerate(progress.track("annotators", records, len(records))):
        clip = record.clip
        truth = truths[clip.video].cut(clip.span)
        queue.submit(team[turn % len(team)].review(queue.task_labels(clip.id), truth))
    return [record.clip.id for record in records]


def measure(home: Path, model_id: str, films: Sequence[Film]) -> UnseenResult:
    """Evaluate a model against the ground truth of recordings."""
    model = detectors.create(f"model:{model_id}", Workspace(home))
    pairs, pieces = [], []
    for number, film in enumerate(films):
        shift, truth = film.shift, film.truth
        frames = islice(video.frames(film.path), 0, None, TEST_STRIDE)
        length, fps = -(-shift.frames // TEST_STRIDE), shift.fps / TEST_STRIDE
        sampled = detectors.run(model, frames, length, fps, truth.names, "measure")
        detections = replace(
            sampled, frames=sampled.frames * TEST_STRIDE, length=shift.frames, fps=shift.fps
        )
        pairs += list(evaluate.images(detections, truth, TEST_STRIDE))
        pieces += [(number, int(k / fps / PIECE_SECONDS)) for k in range(length)]
    predictions, truths = [each for each, _ in pairs], [each for _, each in pairs]
    groups = np.unique(pieces, axis=0, return_inverse=True)[1].reshape(-1)
    matches = average_precision.match(predictions, truths, groups)
    return UnseenResult(evaluate.score(predictions, truths), matches)


def compare(results: Sequence[UnseenResult]) -> DemoGain | None:
    """Compare the last champion with the first; None where there are fewer than two."""
    if len(results) < 2:
        return None
    first, last = results[0], results[-1]
    maps = np.array([[last.metrics.map, first.metrics.map]])
    gains = significance.estimate_gains([(last.matches, first.matches)], maps, DRAWS)
    low, high = gains.bounds(CERTAINTY)
    return DemoGain(
        first=first.metrics.map, last=last.metrics.map, low=float(low[0]), high=float(high[0])
    )
