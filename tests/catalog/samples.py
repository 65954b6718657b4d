"""Small nouns and a hand-made workspace for the tests of the catalog."""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from oneclick.catalog import Catalog, utc_now, verify
from oneclick.core.clips import MOVES, ChosenBy, Clip, ClipStage, Video
from oneclick.core.datasets import DatasetClip
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.labels import LabelKind, LabelSet, LabelTrack
from oneclick.core.review import Decision, Verdict
from oneclick.core.spans import Span
from oneclick.storage import cards, datasets, files, labels, predictions
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOX = np.array([[1, 2, 30, 40]], np.float32)


@dataclass
class Clock:
    """A clock that stands until it is told to go on."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


LOOK = cards.ModelPair(cards.ModelRef("opencv-hog", 0.5))


def video(number: int = 0, camera: str = "ward", started: bool = True) -> Video:
    at = NOON + timedelta(hours=number) if started else None
    return Video(
        id=f"{camera}-{number}",
        camera=camera,
        started_at=at,
        fps=25.0,
        frames=1000,
        width=640,
        height=480,
        digest=f"{number:064x}",
        suffix=".mp4",
    )


def hit(trigger: str = "flicker", start: int = 5) -> Hit:
    box = (start, 1.0, 2.0, 3.5, 4.0)
    return Hit(
        trigger=trigger,
        span=Span(start, start + 4),
        score=0.5,
        boxes=(box,),
        why="the box is gone for 3 frames",
    )


def clip(number: int = 0, recording: Video | None = None) -> Clip:
    recording = recording or video()
    span = Span(number * 20, number * 20 + 10)
    name = f"{recording.id}-{number:08d}"
    return Clip(
        id=name,
        camera=recording.camera,
        video=recording.id,
        span=span,
        fps=recording.fps,
        width=recording.width,
        height=recording.height,
        chosen_by=ChosenBy.TRIGGER,
        hits=(hit(),),
    )


def label_set(item: Clip, revision: int = 1, kind: LabelKind = "auto") -> LabelSet:
    frames, scores = np.array([0], np.int32), np.array([0.5], np.float32)
    track = LabelTrack(id=1, cls="person", frames=frames, boxes=BOX, scores=scores, origins="d")
    parent = revision - 1 or None
    return LabelSet(
        clip=item.id,
        revision=revision,
        kind=kind,
        parent=parent,
        made_by="hog",
        made_at=NOON,
        frames=len(item.span),
        width=item.width,
        height=item.height,
        classes=("person",),
        tracks=(track,),
    )


def verdict(item: Clip, decision: Decision = "accept") -> Verdict:
    return Verdict(
        clip=item.id,
        decision=decision,
        by="anna",
        at=NOON,
        tracks=None,
        seconds=12.5,
        edits=3,
        reason="dark" * (decision == "reject"),
    )


def fresh(home: Path, clock: Callable[[], datetime] = utc_now) -> Catalog:
    """An empty catalog, copied: a hundred times over, Alembic would cost most of the time."""
    home.mkdir(exist_ok=True)
    shutil.copy(_template() / "catalog.sqlite", home)
    return Catalog.open(home, clock=clock)


@functools.cache
def _template() -> Path:
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home)
    Catalog.open(home).close()
    return home


def filled(home: Path, clips: int = 3, clock: Callable[[], datetime] = utc_now) -> Catalog:
    """A catalog with one video and clips at CUT."""
    catalog = fresh(home, clock)
    catalog.add_video(video())
    for number in range(clips):
        catalog.add_clip(clip(number), "cut")
    return catalog


def place(catalog: Catalog, clip_id: str, stage: ClipStage) -> None:
    """Lead a clip from CUT to any stage by legal moves."""
    for way in _ways():
        if way[-1] is stage:
            for old, new in itertools.pairwise(way):
                assert catalog.move(clip_id, old, new, "test", "reason")
            return
    raise AssertionError(stage)


def _ways() -> list[list[ClipStage]]:
    ways = [[ClipStage.CUT]]
    for way in ways:
        ways += [[*way, new] for new in MOVES[way[-1]] if new not in way]
    return ways


def furnish(home: Path) -> list[Clip]:
    """A workspace with a clip at every stage, files and catalog telling the same; the clips."""
    workspace, day = Workspace(home), video()
    selection = [clip(number, day) for number in range(9)]
    with Catalog.open(home) as catalog:
        cards.save_video_card(workspace, day)
        catalog.add_video(day)
        predicted = workspace.predictions(day.id, "opencv-hog")
        predictions.save(predicted, Detections.empty(day.frames, day.fps, ("person",)))
        catalog.mark(day.id, "predict", "opencv-hog")
        hits = [hit(), hit("jump", 50), hit("jump", 90)]
        cards.save_hits(workspace, day.id, "look", LOOK, hits, selection)
        catalog.replace_hits(day.id, hits, "look")
        catalog.add_selections(selection, [(day.id, "trigger", "look")])
        street = list(ClipStage)[: len(selection) - 1]
        furnished = [
            _walk(workspace, catalog, c, s) for c, s in zip(selection, street, strict=False)
        ]
        _publish(workspace, catalog, furnished[street.index(ClipStage.PUBLISHED)])
        card = {"id": "m1", "dataset": {"name": "v0001"}, "made_at": NOON.isoformat()}
        files.write_json(workspace.model_dir("m1") / "card.json", card)
        files.write_atomic(workspace.model_dir("m1") / "model.pt", b"weights")
        catalog.add_model("m1", "v0001", card)
        fallen = selection[-1].id
        cards.save_quarantine(workspace, fallen, "the video ends early")
        catalog.quarantine(fallen, "the video ends early", "cut")
    return [*furnished, selection[-1]]


def _walk(workspace: Workspace, catalog: Catalog, item: Clip, stage: ClipStage) -> Clip:
    """Do to one clip what the stages do, up to `stage`."""
    files.write_atomic(workspace.clip_file(item.id), item.id)
    item = replace(item, digest=files.sha256(workspace.clip_file(item.id)))
    cards.save_clip_card(workspace, item)
    catalog.add_clip(item, "cut")
    if stage is ClipStage.QUARANTINED:
        cards.save_quarantine(workspace, item.id, "broken")
        catalog.quarantine(item.id, "broken", "extract")
        return item
    street = [*list(ClipStage)[: _rank(stage)], stage]
    for old, new in itertools.pairwise(street):
        _files(workspace, catalog, item, new)
        catalog.move(item.id, old, new, "test")
    return item


def _rank(stage: ClipStage) -> int:
    return 4 if stage is ClipStage.REJECTED else list(ClipStage).index(stage)


def _files(workspace: Workspace, catalog: Catalog, item: Clip, new: ClipStage) -> None:
    review = workspace.review_dir()
    if new is ClipStage.EXTRACTED:
        for number in range(len(item.span)):
            files.write_atomic(workspace.frame_file(item.id, number), _picture())
    if new is ClipStage.LABELLED:
        _labels(workspace, catalog, label_set(item))
    if new is ClipStage.IN_REVIEW:
        files.write_atomic(review / "tasks" / f"{item.id}.json", labels.encode(label_set(item)))
    if new in (ClipStage.ACCEPTED, ClipStage.REJECTED):
        decision_record = verdict(item, "accept" if new is ClipStage.ACCEPTED else "reject")
        if decision_record.decision == "accept":
            _labels(workspace, catalog, label_set(item, 2, "human"))
        catalog.add_verdict(decision_record, len(item.span))
        _archive(review / "archive" / f"{item.id}.json", decision_record)
        (review / "tasks" / f"{item.id}.json").unlink()


@functools.cache
def _picture() -> bytes:
    return cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()


def _labels(workspace: Workspace, catalog: Catalog, revision: LabelSet) -> None:
    catalog.add_revision(revision, files.sha256(labels.save(workspace, revision)))


def _archive(path: Path, record: Verdict) -> None:
    files.write_json(path, VerdictFile.encode(record, None))


def _publish(workspace: Workspace, catalog: Catalog, item: Clip) -> None:
    line = DatasetClip(
        clip=item.id,
        camera=item.camera,
        revision=2,
        label_digest="a",
        clip_digest=item.digest,
        split="train",
        frames=len(item.span),
        width=item.width,
        height=item.height,
        fps=item.fps,
        origins={"d": 1},
        chosen_by="trigger",
    )
    version = datasets.build(1, None, ("person",), [line])
    datasets.save(workspace, version.name, datasets.documents(version, NOON))
    catalog.add_dataset(version, NOON)


def drift(catalog: Catalog) -> list[str]:
    """What `verify` finds wrong with rollups and events; the samples have no files."""
    return [line for line in verify.verify(catalog) if "total says" in line or "last event" in line]


def everything(home: Path) -> dict[str, object]:
    """All that must survive a rebuild: the whole catalog but times, moves and runs."""
    with Catalog.open(home, readonly=True) as catalog:
        return {
            "videos": catalog.videos(),
            "unpredicted": catalog.unmarked("predict", "opencv-hog"),
            "untriggered": catalog.unmarked("trigger", "look"),
            "hits": catalog.hits(),
            "hit counts": catalog.hit_counts(),
            "selections": catalog.selections(uncut_only=False),
            "uncut": catalog.selections(),
            "clips": [
                (row.clip, row.stage, row.revision, row.error, row.failed_from)
                for row in catalog.clips()
            ],
            "counts": catalog.counts(),
            "revisions": catalog.revision_rows(),
            "verdicts": catalog.verdicts(),
            "datasets": catalog.datasets(),
            "lineage": [catalog.datasets_of(row.clip.id) for row in catalog.clips()],
            "models": catalog.models(),
        }
