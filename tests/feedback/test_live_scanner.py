"""Hits found live are those of a replay: for any chunks, and with reconnects at any frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import detectors, triggers
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.detectors import motion
from oneclick.feedback import replay
from oneclick.feedback.replay import LiveScanner
from oneclick.formats import mot_text
from oneclick.storage import predictions
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace
from oneclick.triggers import streaming
from oneclick.triggers.streaming import PredictionChunk
from oneclick.video import source
from oneclick.ward.record import Shift
from oneclick.ward.record import frames as ward_frames
from tests.detectors import footage

THRESHOLD = 0.6
PAIR = ModelPair(ModelRef("a", THRESHOLD), ModelRef("b", THRESHOLD))
Filmed = tuple[PredictionChunk, float, float]
"""Predictions of two models with a signal, and the size of the picture."""


def with_rival(detections: Detections, width: float, height: float) -> Filmed:
    """Add a second model that misses, doubts and shifts some of what the first one sees."""
    r = np.random.default_rng(7)
    rival = detections.where(r.random(len(detections)) > 0.1)
    shift = np.tile(r.normal(0, 3, (len(rival), 2)), 2).astype(np.float32)
    scores = np.clip(rival.scores - r.random(len(rival)).astype(np.float32) * 0.3, 0.05, 1)
    rival = replace(rival, boxes=rival.boxes + shift, scores=scores)
    signal = np.abs(np.sin(np.arange(detections.length) / 30)).astype(np.float32)
    signals = {"brightness": signal, "change": signal + 1}
    return PredictionChunk((detections, rival), signals), width, height


@cache
def ward() -> Filmed:
    """Half a minute of the synthetic ward, as a model sees it that wavers."""
    shift, r = Shift(camera=0, seed=3, seconds=30), np.random.default_rng(1)
    people = [visible for _, visible in ward_frames(shift)]
    frames = np.repeat(np.arange(shift.frames, dtype=np.int32), [len(p) for p in people])
    boxes = np.array([person.box for p in people for person in p], np.float32).reshape(-1, 4)
    seen = Detections(
        frames=frames,
        boxes=boxes + np.tile(r.normal(0, 1.5, (len(boxes), 2)), 2).astype(np.float32),
        scores=r.beta(8, 3, len(frames)).astype(np.float32),
        classes=np.zeros(len(frames), np.int16),
        length=shift.frames,
        fps=shift.fps,
    )
    return with_rival(seen.where(r.random(len(frames)) > 0.05), shift.width, shift.height)


@cache
def street() -> Filmed:
    """vtest.avi with the stored detections of YOLOX-nano."""
    footage.needed()
    path = footage.DATA / "mot" / "PETS09-S2L1" / "det" / "yoloxnano.txt"
    return with_rival(mot_text.load(path, footage.FPS, footage.FRAMES), 768, 576)


@cache
def corridor() -> Filmed:
    """The start of one-by-one.mp4, of which no detections are stored, with opencv:motion."""
    footage.needed()
    with source.open_video(footage.DATA / "video" / "one-by-one.mp4") as (container, stream):
        pictures = itertools.islice(container.decode(stream), 300)
        shown = (picture.to_ndarray(width=384, height=216, format="rgb24") for picture in pictures)
        frames = [np.asarray(frame, np.uint8) for frame in shown]
    detections = detectors.run(
        motion.MotionDetector(), frames, len(frames), footage.FPS, ("person",)
    )
    return with_rival(detections, 384, 216)


FILMS: dict[str, Callable[[], Filmed]] = {"ward": ward, "vtest": street, "one-by-one": corridor}


def replayed(home: Path, film: Filmed, breaks: tuple[int, ...]) -> list[Hit]:
    """The hits of stored predictions of a video with breaks in time."""
    chunk, width, height = film
    workspace, lead = Workspace(home), chunk.parts[0]
    for model, part in zip(PAIR.files, chunk.parts, strict=True):
        predictions.save(workspace.predictions("v", model), part, model, THRESHOLD)
    for name, values in chunk.signals.items():
        predictions.save_signal(workspace.signals("v", name), values)
    recording = Video(
        id="v",
        camera="v",
        started_at=None,
        fps=lead.fps,
        frames=lead.length,
        width=int(width),
        height=int(height),
        digest="0",
        suffix=".mkv",
        timing=Timing(breaks=breaks),
    )
    rules = triggers.make()
    blocks = replay.replay_blocks(workspace, recording, PAIR)
    return [hit for block in blocks for hit in block.find(rules)]


def live(film: Filmed, cuts: set[int], breaks: tuple[int, ...]) -> list[Hit]:
    """The hits of the same predictions as they arrive, in chunks, with reconnects."""
    chunk, width, height = film
    scanner = LiveScanner(triggers.make(), [THRESHOLD] * 2, width, height)
    hits: list[Hit] = []
    for start, stop in pairwise(sorted({0, *cuts, *breaks, chunk.length})):
        hits += scanner.feed(chunk.cut(Span(start, stop)))
        if stop in breaks:
            hits += scanner.end_stretch()
    return hits + scanner.end_stretch()


@pytest.mark.parametrize("seconds_per_block", [1200, 10], ids=["one block", "many blocks"])
@pytest.mark.parametrize("name", FILMS)
def test_hits_are_those_of_a_replay(
    name: str, seconds_per_block: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "BLOCK_SECONDS", seconds_per_block)
    film = FILMS[name]()
    frames = st.integers(1, film[0].length - 1)
    numbers = itertools.count()

    @settings(max_examples=3)
    @given(st.sets(frames, max_size=12), st.sets(frames, max_size=3))
    def check(cuts: set[int], breaks: set[int]) -> None:
        ordered = tuple(sorted(breaks))
        hits = live(film, cuts, ordered)
        assert hits == replayed(tmp_path / str(next(numbers)), film, ordered)
        assert hits

    check()


def test_a_hit_is_final_before_its_stretch_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_SECONDS", 5.0)
    monkeypatch.setattr(streaming, "SECONDS_AFTER", 2.0)
    chunk, width, height = ward()
    scanner = LiveScanner(triggers.make(), [THRESHOLD] * 2, width, height)
    early = scanner.feed(chunk.cut(Span(0, chunk.length - 1)))
    assert early
    assert max(hit.span.stop for hit in early) <= chunk.length - 1
    assert early == live(ward(), set(), ())[: len(early)]
