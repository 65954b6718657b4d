"""Predict: the detections of each detector in each Video, all of them in one pass over it."""

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
from oneclick.detectors import Detector, novelty, onnx_session, own, signals, turned_schedule
from oneclick.detectors.base import Frame
from oneclick.detectors.turned_schedule import EVERY_FRAME, LookRates, TurnedLooks
from oneclick.storage import cards, failure_log, locks, predictions
from oneclick.storage.workspace import Workspace

STEP = cards.PREDICT_STEP


def predict(
    home: Path,
    videos: Sequence[str],
    detector: str | Sequence[str],
    classes: Sequence[str],
    device: str = "auto",
    measure: bool = False,
    turned: TurnedMode = "off",
) -> BatchResult:
    """Write `predictions/<video>/<model_id>.parquet` of each Video; models are loaded once.

    Several detectors see the same pictures, decoded once; each has a file of its own, and one that
    fails leaves those of the others. With `measure`, `signals/<video>/<name>.parquet` too: numbers
    about the pictures (detectors.signals) and, where a camera has a model of novelty, their novelty
    scores. The same pass serves all; the first detector tells where people are.

    With `turned`, its looks at turned pictures too, in a file of their own.

    A Video whose files are there, whole and of the same classes, is skipped. One that does not
    decode stands in `failed`, and the rest goes on.

    Raises:
        UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
        UsageError: it knows none of the classes.
        NoSpace: the device is full.
        Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    names = [detector] if isinstance(detector, str) else list(detector)
    loaded = [load_detector(workspace, name, device, result) for name in names]
    # The champion may be the rival, too, by its id: one model, one file, one place in the pass.
    models = list({model.model_id: model for model in loaded}.values())
    with Catalog.open(home) as catalog:
        for video_id in videos:
            with failure_log.isolate(result.failed, workspace, video_id, f"predict {video_id}"):
                recording = catalog.video(video_id)
                todo = [
                    model
                    for model in models
                    if not is_complete(
                        workspace.predictions(video_id, model.model_id), recording, tuple(classes)
                    )
                ]
                is_measured = not (measure and lost_signals(workspace, catalog, recording))
                is_first_done = models[0] not in todo
                looks = plan_looks(workspace, recording, models[0], tuple(classes), turned)
                is_new = bool(todo) or not is_measured or looks is not None
                is_metered = measure and not (is_first_done and is_measured and looks is None)
                meters = load_meters(workspace, recording, result) if is_metered else None
                if todo or looks:
                    work = PredictionPass(
                        workspace=workspace,
                        recording=recording,
                        classes=tuple(classes),
                        meters=meters,
                        looks=looks,
                    )
                    work.run(todo, models[0])
                elif meters:
                    measure_video(workspace, recording, models[0], meters)
                with locks.hold_recordings(workspace):
                    check_unchanged(workspace, catalog, recording)
                    for model in models:
                        catalog.mark(video_id, STEP, model.model_id)
                    if measure:
                        signal_files = workspace.signals_dir(video_id).glob("[!.]*.parquet")
                        signal_names = sorted(path.stem for path in signal_files)
                        catalog.mark(video_id, cards.MEASURE_STEP, *signal_names)
                (result.done if is_new else result.skipped).append(video_id)
    return result


def load_detector(workspace: Workspace, name: str, device: str, result: BatchResult) -> Detector:
    """Load a detector; for a model of ours on the CPU, its graph is made first if there is none.

    Raises:
        UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
    """
    if own.lacks_graph(name, workspace, device):
        from oneclick.training.export import exporter

        if note := exporter.serve(workspace, name):
            result.notes.append(note)
    if name.startswith("onnx:") and (note := onnx_session.replacement_note(device)):
        result.notes.append(note)
    return detectors.create(name, workspace, device)


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
    """Write the signals of a Video whose predictions are there. Raises as `PredictionPass.run`."""
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
        """Return the looks at the first frame; meters tell what moves, and what is unusual."""
        return TurnedLooks(
            self.model,
            self.fps,
            self.classes,
            self.rates,
            motion=meters.meter.largest_motion if meters else None,
            novelty=meters.novelty if meters else None,
        )


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


@dataclass(frozen=True, kw_only=True)
class PredictionPass:
    """One pass over the pictures of a Video, for several models, turned looks and the signals."""

    workspace: Workspace
    recording: Video
    classes: tuple[str, ...]
    meters: SignalMeters | None
    looks: PlannedLooks | None = None
    """Turned looks of the first model."""

    def run(self, models: Sequence[Detector], first: Detector) -> None:
        """Write the predictions of each model, the turned looks and, with meters, the signals.

        Each stretch is a video of its own for a model that remembers earlier frames. A model that
        fails is left out, and its error raised after the files of the others are written.

        Args:
            models: that have no predictions yet.
            first: the model whose boxes the signals depend on, and that looks turned.

        Raises:
            BadVideo: the recording does not decode, or has fewer frames than the catalog says.
        """
        stored = None if first in models else predictions.load(self._path(first))
        taken = self.looks.start(self.meters) if self.looks else None
        working = [model for model in models if model is not first]
        if stored is None or taken is not None:
            upright = first if stored is None else turned_schedule.StoredView(first, stored)
            recorder = turned_schedule.LookRecorder(upright, taken) if taken else upright
            working.insert(0, recorder)
        parts: dict[str, list[Detections]] = {model.model_id: [] for model in working}
        errors: list[Exception] = []
        with contextlib.closing(video.read_ahead(self._frames())) as frames:
            for stretch in self.recording.stretches():
                if not working:
                    raise errors[0]
                answers = self._run_stretch(working, frames, len(stretch))
                for model, answer in zip(tuple(working), answers, strict=True):
                    if isinstance(answer, Exception):
                        errors.append(answer)
                        working.remove(model)
                    else:
                        parts[model.model_id].append(answer)
        if not working:
            raise errors[0]
        new = {model.model_id: join_consecutive(parts[model.model_id]) for model in working}
        of_first = stored if stored is not None else new.get(first.model_id)
        if self.meters and of_first is not None:
            values = self.meters.signals(of_first.above(first.threshold))
            save_signals(self.workspace, self.recording, values)
        for model in models:
            if model.model_id in new:
                detections = new[model.model_id]
                predictions.save(self._path(model), detections, model.model_id, model.threshold)
        if self.looks and taken and first.model_id in new:
            turned_boxes = taken.detections(self.recording.frames)
            path = self.looks.path
            predictions.save(path, turned_boxes, path.stem, first.threshold)
        if errors:
            raise errors[0]

    def _path(self, model: Detector) -> Path:
        return self.workspace.predictions(self.recording.id, model.model_id)

    def _frames(self) -> Iterator[Frame]:
        """Decode the pictures; those of a stretch are measured as they come."""
        decoded = decode_frames(self.workspace, self.recording)
        frames = itertools.islice(decoded, self.recording.frames)
        breaks = self.recording.timing.breaks
        return self.meters.watch(frames, breaks) if self.meters else frames

    def _run_stretch(
        self, models: Sequence[Detector], frames: Iterator[Frame], length: int
    ) -> list[Detections | Exception]:
        """Run models over the next frames."""
        task, fps = f"{STEP} {self.recording.id}", self.recording.fps
        return detectors.run_together(models, frames, length, fps, self.classes, task=task)


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

    def novelty(self, frame: int) -> float:
        """Return how unusual the pictures up to a frame are; 0 without a model of novelty."""
        return max((scorer.recent(frame) for scorer in self.scorers), default=0.0)

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
