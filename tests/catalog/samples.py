"""Small nouns and a hand-made workspace for the tests of the catalog."""

from __future__ import annotations

import atexit
import functools
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog, utc_now, verify
from oneclick.core.clips import MOVES, ChosenBy, Clip, ClipStage, Video
from oneclick.core.datasets import DatasetClip
from oneclick.core.hits import Hit
from oneclick.core.labels import LabelKind, LabelSet, LabelTrack
from oneclick.core.review import Decision, Verdict
from oneclick.core.spans import Span
from oneclick.storage import cards, datasets, files, labels
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


def clip(number: int = 0, of: Video | None = None) -> Clip:
    of = of or video()
    span = Span(number * 20, number * 20 + 10)
    name = f"{of.id}-{number:08d}"
    return Clip(
        id=name,
        camera=of.camera,
        video=of.id,
        span=span,
        fps=of.fps,
        width=of.width,
        height=of.height,
        chosen_by=ChosenBy.TRIGGER,
        hits=(hit(),),
    )


def label_set(of: Clip, revision: int = 1, kind: LabelKind = "auto") -> LabelSet:
    frames, scores = np.array([0], np.int32), np.array([0.5], np.float32)
    track = LabelTrack(id=1, cls="person", frames=frames, boxes=BOX, scores=scores, origins="d")
    parent = revision - 1 or None
    return LabelSet(
        clip=of.id,
        revision=revision,
        kind=kind,
        parent=parent,
        made_by="hog",
        made_at=NOON,
        frames=len(of.span),
        width=of.width,
        height=of.height,
        classes=("person",),
        tracks=(track,),
    )


def verdict(of: Clip, decision: Decision = "accept") -> Verdict:
    return Verdict(
        clip=of.id,
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
    chosen = [clip(number, day) for number in range(9)]
    with Catalog.open(home) as catalog:
        cards.save_video_card(workspace, day)
        catalog.add_video(day)
        predicted = workspace.predictions(day.id, "opencv-hog")
        files.write_atomic(predicted, b"any")
        catalog.mark(day.id, "predict", "opencv-hog")
        hits = [hit(), hit("jump", 50), hit("jump", 90)]
        cards.save_hits(workspace, day.id, "look", LOOK, hits, chosen)
        catalog.replace_hits(day.id, hits, "look")
        catalog.add_selections(chosen, [(day.id, "trigger", "look")])
        street = list(ClipStage)[: len(chosen) - 1]
        made = [_walk(workspace, catalog, c, s) for c, s in zip(chosen, street, strict=False)]
        _publish(workspace, catalog, made[street.index(ClipStage.PUBLISHED)])
        card = {"id": "m1", "dataset": {"name": "v0001"}, "made_at": NOON.isoformat()}
        files.write_json(workspace.model_dir("m1") / "card.json", card)
        catalog.add_model("m1", "v0001", card)
        fallen = chosen[-1].id
        cards.save_quarantine(workspace, fallen, "the video ends early")
        catalog.quarantine(fallen, "the video ends early", "cut")
    return [*made, chosen[-1]]


def _walk(workspace: Workspace, catalog: Catalog, of: Clip, stage: ClipStage) -> Clip:
    """Do to one clip what the stages do, up to `stage`."""
    files.write_atomic(workspace.clip_file(of.id), of.id)
    of = replace(of, digest=files.sha256(workspace.clip_file(of.id)))
    cards.save_clip_card(workspace, of)
    catalog.add_clip(of, "cut")
    if stage is ClipStage.QUARANTINED:
        cards.save_quarantine(workspace, of.id, "broken")
        catalog.quarantine(of.id, "broken", "extract")
        return of
    street = [*list(ClipStage)[: _rank(stage)], stage]
    for old, new in itertools.pairwise(street):
        _files(workspace, catalog, of, new)
        catalog.move(of.id, old, new, "test")
    return of


def _rank(stage: ClipStage) -> int:
    return 4 if stage is ClipStage.REJECTED else list(ClipStage).index(stage)


def _files(workspace: Workspace, catalog: Catalog, of: Clip, new: ClipStage) -> None:
    review = workspace.review_dir()
    if new is ClipStage.EXTRACTED:
        files.write_atomic(workspace.frame_file(of.id, 0), b"jpeg")
    if new is ClipStage.LABELLED:
        _labels(workspace, catalog, label_set(of))
    if new is ClipStage.IN_REVIEW:
        files.write_atomic(review / "tasks" / f"{of.id}.json", b"{}")
    if new in (ClipStage.ACCEPTED, ClipStage.REJECTED):
        said = verdict(of, "accept" if new is ClipStage.ACCEPTED else "reject")
        if said.decision == "accept":
            _labels(workspace, catalog, label_set(of, 2, "human"))
        catalog.add_verdict(said, len(of.span))
        _archive(review / "archive" / f"{of.id}.json", said)
        (review / "tasks" / f"{of.id}.json").unlink()


def _labels(workspace: Workspace, catalog: Catalog, made: LabelSet) -> None:
    catalog.add_revision(made, files.sha256(labels.save(workspace, made)))


def _archive(path: Path, said: Verdict) -> None:
    kept = ("clip", "decision", "by", "seconds", "edits", "reason")
    row = {name: getattr(said, name) for name in kept}
    files.write_atomic(path, json.dumps(row | {"at": said.at.isoformat(), "labels": None}))


def _publish(workspace: Workspace, catalog: Catalog, of: Clip) -> None:
    line = DatasetClip(
        clip=of.id,
        camera=of.camera,
        revision=2,
        label_digest="a",
        clip_digest=of.digest,
        split="train",
        frames=len(of.span),
        width=of.width,
        height=of.height,
        fps=of.fps,
        origins={"d": 1},
        chosen_by="trigger",
    )
    version = datasets.build(1, None, ("person",), [line])
    datasets.save(workspace, version.name, datasets.documents(version, NOON))
    catalog.add_dataset(version, NOON)


def drift(catalog: Catalog) -> list[str]:
    """What `verify` finds wrong with rollups and events; the samples have no files."""
    return [line for line in verify.verify(catalog) if "total says" in line or "last event" in line]
