"""A lap over a small film, step by step, and what else people do with a workspace."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

from oneclick import settings
from oneclick.catalog import Catalog, rebuild
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UnknownName
from oneclick.core.results import BatchResult
from oneclick.core.review import Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.stages import (
    autolabel,
    backup,
    calibrate,
    cut,
    export,
    extract,
    fetch,
    import_,
    maintain,
    predict,
    publish,
    review,
    train,
    trigger,
)
from oneclick.storage import datasets, files, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard, TrainingDataset
from oneclick.storage.workspace import Workspace
from tests.faults import ends

CLASSES = ("person",)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""When labels are made and clips are reviewed: the name of the dataset follows from it."""
PREDICTOR = "opencv:motion"
OPTIONS = trigger.TriggerOptions(min_clips=4, clip_seconds=0.6, gap=0.3)
PERSON = "anna"
Step = Callable[[Path], object]
"""Takes the folder of a trial: <root>/home is the workspace, <root>/source.txt names the film."""


def film(path: Path) -> None:
    """Write seven seconds of two people, 160 × 120 px, one of whom vanishes and comes back."""
    wall = np.random.default_rng(1).integers(90, 130, (120, 160, 3), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.codec_context.thread_count = 1  # several may write other bytes
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for k in range(70):
            picture = wall.copy()
            x = int(60 + 55 * np.sin(k / 9))
            if k % 30 < 22:
                picture[30:90, x : x + 20] = 30
            picture[50:110, 120 - k : 140 - k] = 220
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def standing(home: Path, stage: ClipStage) -> list[str]:
    """Return the clips at one stage."""
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=stage)]


def all_done(result: BatchResult) -> BatchResult:
    """Return a result in which nothing failed."""
    assert not result.failed, result.failed
    return result


def fetch_film(root: Path) -> None:
    source = (root / "source.txt").read_text()
    all_done(fetch.fetch(root / "home", [source], camera="ward"))


def predict_videos(root: Path) -> None:
    with Catalog.open(root / "home") as catalog:
        videos = [video.id for video in catalog.videos() if video.camera == "ward"]
    all_done(predict.predict(root / "home", videos, PREDICTOR, CLASSES, measure=True))


def select_clips(root: Path) -> None:
    assert not trigger.trigger(root / "home", PREDICTOR, None, OPTIONS).failed


def cut_clips(root: Path) -> None:
    all_done(cut.cut(root / "home", "lap"))


def extract_frames(root: Path) -> None:
    home = root / "home"
    all_done(extract.extract(home, standing(home, ClipStage.CUT)))


def label_clips(root: Path) -> None:
    home = root / "home"
    clips = standing(home, ClipStage.EXTRACTED)
    all_done(autolabel.autolabel(home, clips, [PREDICTOR], CLASSES, at=NOON))


def send(root: Path) -> None:
    home = root / "home"
    all_done(review.send(home, standing(home, ClipStage.LABELLED)))


def verdict_on(queue: LocalPlatform, clip_id: str, number: int) -> Verdict:
    """Return what a person says of the n-th clip: every third is rejected, others corrected."""
    at = NOON + timedelta(minutes=number)
    if number % 3 == 2:
        return Verdict(clip=clip_id, decision="reject", by=PERSON, at=at, reason="empty")
    tracks = queue.task_labels(clip_id).tracks
    tracks_moved = tuple(replace(track, boxes=track.boxes + 1) for track in tracks)
    return Verdict(clip=clip_id, decision="accept", by=PERSON, at=at, tracks=tracks_moved, edits=1)


def submit(root: Path) -> None:
    """Give a verdict on every clip that waits."""
    home = root / "home"
    queue = LocalPlatform(Workspace(home).review_dir())
    numbers = {clip_id: k for k, clip_id in enumerate(sorted(all_clips(home)))}
    for clip_id in queue.pending():
        with contextlib.suppress(UnknownName):  # collected meanwhile
            queue.submit(verdict_on(queue, clip_id, numbers[clip_id]))


def all_clips(home: Path) -> list[str]:
    """Return all clips, in the order of their selection."""
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips()]


def collect(root: Path) -> None:
    all_done(review.collect(root / "home"))


def publish_accepted(root: Path) -> None:
    home = root / "home"
    accepted = standing(home, ClipStage.ACCEPTED)
    all_done(publish.publish(home, accepted, str(home / "training-server"), CLASSES).result)


def train_model(root: Path) -> None:
    home = root / "home"
    values = {
        "server": str(home / "training-server"),
        "steps": 2,
        "batch": 2,
        "min_test_images": 1,
        "pretrained": False,
        "workers": 0,
    }
    train.train(home, None, settings.load(train=values).train_options())


LAP: dict[str, Step] = {
    "fetch": fetch_film,
    "predict": predict_videos,
    "trigger": select_clips,
    "cut": cut_clips,
    "extract": extract_frames,
    "autolabel": label_clips,
    "send": send,
    "submit": submit,
    "collect": collect,
    "publish": publish_accepted,
}
"""The steps of a lap, in their order."""


def learn(root: Path) -> None:
    calibrate.calibrate(root / "home")


def remove_old(root: Path) -> None:
    maintain.maintain(root / "home", 30)


def export_coco(root: Path) -> None:
    home, out = root / "home", root / "export"
    if not out.exists():
        server = str(home / "training-server")
        all_done(export.export(home, out, "coco", server=server).result)


def import_coco(root: Path) -> None:
    options = import_.ImportOptions(camera="other", accept=True)
    source = root / "foreign"
    all_done(import_.import_(root / "home", source, "coco", CLASSES, options).result)


def rebuild_catalog(root: Path) -> None:
    rebuild.rebuild(root / "home")


def set_parameter(root: Path) -> None:
    settings.keep_params("flicker", {"hole": 0.5}, root)


def promote(root: Path) -> None:
    model_registry.promote(Workspace(root / "home"), "third", "a test")


def roll_back(root: Path) -> None:
    model_registry.rollback(Workspace(root / "home"), instead_of="second")


def add_model(home: Path, name: str) -> None:
    """Write a model folder and its row as a training does, without training."""
    folder, version = Workspace(home).model_dir(name), datasets.find(Workspace(home))
    assert version is not None
    files.write_atomic(folder / model_cards.WEIGHTS_FILE, f"weights of {name}" * 99)
    files.write_atomic(folder / "metrics.jsonl", '{"step": 1, "loss": 0.5}\n' * 9)
    card = ModelCard(
        id=name,
        arch="fcos-tiny",
        classes=CLASSES,
        size=(120, 160),
        threshold=0.5,
        dataset=TrainingDataset(version.name, version.digest),
        parent=None,
        config={"steps": 1},
        code="0.2.0",
        made_at=NOON,
        seconds=1.5,
        weights=files.sha256(folder / model_cards.WEIGHTS_FILE),
        metrics={"map50": 0.25},
    )
    model_cards.write(folder, card)
    with Catalog.open(home) as catalog:
        catalog.add_model(name, version.name, msgspec.to_builtins(card))


def back_up(root: Path) -> None:
    """Back the workspace up, and restore it beside."""
    store, restored = str(root / "store"), root / "restored"
    backup.backup(root / "home", store)
    if not restored.exists():
        result = backup.restore(restored, store)
        assert not result.problems, result.problems


OTHERS: dict[str, Step] = {
    "maintain": remove_old,
    "export": export_coco,
    "import": import_coco,
    "rebuild": rebuild_catalog,
    "settings": set_parameter,
    "promote": promote,
    "rollback": roll_back,
    "backup": back_up,
}
"""What is done with the workspace after a lap."""
STEPS = LAP | OTHERS | {"train": train_model}


def whole_lap(root: Path) -> None:
    """Run all steps of a lap."""
    for step in LAP.values():
        step(root)


def finish(root: Path, names: list[str]) -> dict[str, Any]:
    """Run steps, remove what dead processes left, and return the end state."""
    for name in names:
        STEPS[name](root)
    files.sweep(root)
    return ends.end_state(root)
