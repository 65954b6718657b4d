"""Predictions of two models over short films, for tests of live and replay."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from oneclick import detectors
from oneclick.core.detections import Detections
from oneclick.detectors import motion
from oneclick.formats import mot_text
from oneclick.storage.cards import ModelPair, ModelRef
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
    detections = Detections(
        frames=frames,
        boxes=boxes + np.tile(r.normal(0, 1.5, (len(boxes), 2)), 2).astype(np.float32),
        scores=r.beta(8, 3, len(frames)).astype(np.float32),
        classes=np.zeros(len(frames), np.int16),
        length=shift.frames,
        fps=shift.fps,
    )
    return with_rival(detections.where(r.random(len(frames)) > 0.05), shift.width, shift.height)


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
        images = (picture.to_ndarray(width=384, height=216, format="rgb24") for picture in pictures)
        frames = [np.asarray(frame, np.uint8) for frame in images]
    detections = detectors.run(
        motion.MotionDetector(), frames, len(frames), footage.FPS, ("person",)
    )
    return with_rival(detections, 384, 216)


FILMS: dict[str, Callable[[], Filmed]] = {"ward": ward, "vtest": street, "one-by-one": corridor}
