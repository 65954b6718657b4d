"""Predict: the detections of one detector in each Video."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, video
from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Video
from oneclick.core.detections import Detections, join_consecutive
from oneclick.core.errors import (
    BadInput,
    BadVideo,
    UnknownName,
)
from oneclick.core.results import BatchResult
from oneclick.core.turned_mode import TurnedMode, turned_id
from oneclick.detectors import Detector, novelty, own, signals, turned_schedule
from oneclick.detectors.base import Frame
from oneclick.detectors.turned_schedule import EVERY_FRAME, LookRates, TurnedLooks
from oneclick.storage import cards, failure_log, locks, predictions
from oneclick.storage.workspace import Workspace

STEP = cards.PREDICT_STEP


def predict(
    home: Path,
    videos: Sequence[str],
    detector: str,
    classes: Sequence[str],
    device: str = "auto",
    measure: bool = False,
    turned: TurnedMode = "off",
) -> BatchResult:
    """Write `predictions/<video>/<model_id>.parquet` of each Video; the model is loaded once.

    With `measure`, `signals/<video>/<name>.parquet` too: numbers about the pictures
    (detectors.signals) and, where a camera has a model of novelty, their novelty scores. The same
    pass over the pictures serves all.

    With `turned`, its looks at turned pictures too, in a file of their own.

    A Video whose files are there, whole and of the same classes, is skipped. One that does not
    decode stands in `failed`, and the rest goes on.

    Raises:
        UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
        UsageError: it knows none of the classes.
        NoSpace: the device is full. Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    if own.lacks_graph(detector, workspace, device):
        from oneclick.training.export import exporter

        if note := exporter.serve(workspace, detector):
            result.notes.append(note)
    model = detectors.create(detector, workspace, device)
    with Catalog.open(home) as catalog:
        for video_id in videos:
            with failure_log.isolate(result.failed, workspace, video_id, f"predict {video_id}"):
                recording = catalog.video(video_id)
                path = workspace.predictions(video_id, model.model_id)
                is_predicted = is_complete(path, recording, tuple(classes))
                is_measured = not (measure and lost_signals(workspace, catalog, recording))
                looks = plan_looks(workspace, recording, model, tuple(classes), turned)
                is_new = not (is_predicted and is_measured and looks is None)
                meters = load_meters(workspace, recording, result) if is_new and measure else None
                if not is_predicted or looks:
                    stored = predictions.load(path) if is_predicted else None
                    predict_video(
                        workspace, recording, model, tuple(classes), meters, looks, stored=stored
                    )
                elif meters:
                    measure_video(workspace, recording, model, meters)
                with locks.hold_recordings(workspace):
                    check_unchanged(workspace, catalog, recording)
                    catalog.mark(video_id, STEP, model.model_id)
                    if measure:
                        signal_files = workspace.signals_dir(video_id).glob("[!.]*.parquet")
                        names = sorted(path.stem for path in signal_files)
                        catalog.mark(video_id, cards.MEASURE_STEP, *names)
                (result.done if is_new else result.skipped).append(video_id)
    return result


def check_unchanged(workspace: Workspace, catalog: Catalog, recording: Video) -> None:
    """Check, under their lock, that the recording that was predicted is the one that is there.

    Where a longer one took its place, what was written of the shorter one is removed.

    Raises:
        BadVideo: it is another one.
    """
    with contextlib.suppress(UnknownName):
        if catalog.video(recording.id).digest == recording.digest:
            return
    if not catalog.marks(STEP, recording.id):
        shutil.rmtree(workspace.home / "predictions" / recording.id, ignore_errors=True)
        shutil.rmtree(workspace.signals_dir(recording.id), ignore_errors=True)
    raise BadVideo(
        f"a longer recording took the place of {recording.id} while it was predicted: predict again"
    )


def is_complete(path: Path, recording: Video, classes: tuple[str, ...]) -> bool:
    """Check whether a predictions file covers the Video and has these classes.

    A broken file does not, and is written again.
    """
    if not path.exists():
        return False
    try:
        detections = predictions.load(path)
    except BadInput:
        return False
    return (detections.length, detections.names) == (recording.frames, classes)


def lost_signals(workspace: Workspace, catalog: Catalog, recording: Video) -> list[str]:
    """Return the signals that a Video had, are lost or broken, and can be measured again."""
    novelty_models = {
        kind: workspace.novelty_model(recording.camera, kind) for kind in novelty.KINDS
    }
    names = {*signals.NAMES, *(kind for kind, path in novelty_models.items() if path.exists())}
    marked = {name for video_id, name in catalog.marks(cards.MEASURE_STEP, recording.id)}
    return [
        name
        for name in sorted(names & marked)
        if not is_signal(workspace.signals(recording.id, name), recording.frames)
    ]


def is_signal(path: Path, frames: int) -> bool:
    """Check whether a file is a whole Signal of so many frames."""
    try:
        return len(predictions.load_signal(path)) == frames
    except BadInput:
        return False


def measure_video(
    workspace: Workspace, recording: Video, model: Detector, meters: SignalMeters
) -> None:
    """Write the signals of a Video whose predictions are there. Raises as `predict_video`."""
    frames = itertools.islice(decode_frames(workspace, recording), recording.frames)
    task = f"measure {recording.id}"
    watched = meters.watch(frames, recording.timing.breaks)
    for _ in progress.track(task, watched, recording.frames):
        pass
    detections = predictions.load(workspace.predictions(recording.id, model.model_id))
    save_signals(workspace, recording, meters.signals(detections.above(model.threshold)))


def save_signals(
    workspace: Workspace, recording: Video, values: Mapping[str, NDArray[np.float32]]
) -> None:
    """Write the signals of a Video, by name."""
    for name, signal in values.items():
        predictions.save_signal(workspace.signals(recording.id, name), signal)


def predict_video(
    workspace: Workspace,
    recording: Video,
    model: Detector,
    classes: tuple[str, ...],
    meters: SignalMeters | None,
    looks: PlannedLooks | None = None,
    *,
    stored: Detections | None = None,
) -> None:
    """Run a model over one Video and write its predictions and, with meters, the signals.

    Each stretch is a video of its own for a model that remembers earlier frames.

    Args:
        workspace: to read and write.
        recording: the Video.
        model: that predicts.
        classes: names; boxes of other classes are dropped.
        meters: measure the pictures in the same pass.
        looks: turned looks to take in the same pass.
        stored: upright predictions that are there already, and not made again.

    Raises:
        BadVideo: the recording does not decode, or has fewer frames than the catalog says.
    """
    frames = decode_frames(workspace, recording)
    watched = meters.watch(frames, recording.timing.breaks) if meters else frames
    task, fps = f"{STEP} {recording.id}", recording.fps
    upright = model if stored is None else turned_schedule.StoredView(model, stored)
    taken = looks.start(meters) if looks else None
    watcher = upright if taken is None else turned_schedule.LookRecorder(upright, taken)
    parts = [
        detectors.run(watcher, watched, len(stretch), fps, classes, task)
        for stretch in recording.stretches()
    ]
    detections = join_consecutive(parts)
    if meters:
        save_signals(workspace, recording, meters.signals(detections.above(model.threshold)))
    if stored is None:
        path = workspace.predictions(recording.id, model.model_id)
        predictions.save(path, detections, model.model_id, model.threshold)
    if looks and taken:
        turned_boxes = taken.detections(recording.frames)
        predictions.save(looks.path, turned_boxes, looks.path.stem, model.threshold)


@dataclass(frozen=True)
class PlannedLooks:
    """Turned looks of a model at one Video that are not stored yet."""

    path: Path
    """File that they go to."""
    model: Detector
    fps: float
    classes: tuple[str, ...]
    rates: LookRates

    def start(self, meters: SignalMeters | None) -> TurnedLooks:
        """Return the looks at the first frame; what moves outside all boxes, meters tell."""
        motion = meters.meter.largest_motion if meters else None
        return TurnedLooks(self.model, self.fps, self.classes, self.rates, motion)


def plan_looks(
    workspace: Workspace,
    recording: Video,
    model: Detector,
    classes: tuple[str, ...],
    mode: TurnedMode,
) -> PlannedLooks | None:
    """Return the turned looks of a model that a Video lacks; None where it lacks none."""
    name = turned_id(model.model_id, mode, model.stateful)
    if name is None or not set(classes) & set(model.names):
        return None
    path = workspace.predictions(recording.id, name)
    if is_complete(path, recording, classes):
        return None
    rates = EVERY_FRAME if mode == "always" else LookRates()
    return PlannedLooks(path, model, recording.fps, classes, rates)


def decode_frames(workspace: Workspace, recording: Video) -> Iterator[Frame]:
    """Yield all frames of a Video.

    Raises:
        BadVideo: some are missing; predictions without them would look like an empty room.
    """
    path, count = workspace.video_file(recording), 0
    video.keep_index(path)
    for frame in video.frames(path):
        count += 1
        yield frame
    if count < recording.frames:
        raise BadVideo(f"{path.name} has {count} of its {recording.frames} frames: fetch it again")


@dataclass(frozen=True)
class SignalMeters:
    """The meters that measure pictures while a detector looks at them."""

    meter: signals.SignalMeter
    scorers: list[novelty.NoveltyScorer]

    def watch(self, frames: Iterable[Frame], breaks: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames, each measured first; before a break in time nothing is remembered."""
        starts = frozenset(breaks)
        for number, frame in enumerate(frames):
            if number in starts:
                self.meter.start_stretch()
            self.meter.add_frame(frame)
            for scorer in self.scorers:
                scorer.add_frame(frame)
            yield frame

    def signals(self, detections: Detections) -> dict[str, NDArray[np.float32]]:
        """Return the signals by name, (frames,) each; some depend on the detections."""
        values = self.meter.signals(detections)
        for scorer in self.scorers:
            values |= scorer.signals()
        return values


def load_meters(workspace: Workspace, recording: Video, result: BatchResult) -> SignalMeters:
    """Return the meter and the models of novelty that were trained for this camera.

    A broken model goes to `failed` of the result, and the Video is measured without it.
    """
    scorers = []
    for kind in novelty.KINDS:
        path = workspace.novelty_model(recording.camera, kind)
        item = f"{kind} of {recording.camera}"
        with failure_log.isolate(result.failed, workspace, item, f"load {item}"):
            if path.exists():
                scorers.append(novelty.NoveltyScorer(novelty.load(path)[0]))
    return SignalMeters(signals.SignalMeter(recording.fps), scorers)
