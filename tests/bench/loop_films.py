"""Recordings of the loop's benchmark: pictures, truth and rate, by week, and those to test on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from oneclick import detectors, hindsight, video, ward
from oneclick.core import boxes
from oneclick.core.spans import Span
from oneclick.core.tracks import HUMAN, Tracks
from oneclick.detectors.base import Frame
from tests.bench.hindsight import DATA

FPS = 5.0
CAMERAS, UNSEEN = (0, 1, 2), (7, 8)
SECONDS, TEST_SECONDS = 30.0, 20.0
DAYS_A_SEED = 20
TEST_STRIDE = 2
SOURCES = ("ward", "pets", "one-by-one")


@dataclass(frozen=True, eq=False, kw_only=True)
class Film:
    """One recording with its truth; both at FPS."""

    name: str
    path: Path
    start: int
    """First frame in the file."""
    step: int
    """Frames of the file from one frame to the next."""
    truth: Tracks
    width: int
    height: int

    @property
    def length(self) -> int:
        """Return the number of frames."""
        return self.truth.length

    def pictures(self) -> Iterator[Frame]:
        """Yield all pictures, RGB."""
        stop = self.start + self.length * self.step
        yield from islice(video.frames(self.path), self.start, stop, self.step)


def ward_films(folder: Path, seed: int, week: int | None) -> list[Film]:
    """Render the recordings of a week, or those to test on where it is None, once."""
    day = DAYS_A_SEED * seed + (0 if week is None else week)
    cameras, seconds = (UNSEEN, TEST_SECONDS) if week is None else (CAMERAS, SECONDS)
    films = []
    for camera in cameras:
        shift = ward.Shift(camera=camera, seed=day, seconds=seconds, night=camera % 2 == 1, fps=FPS)
        path = shift.path(folder)
        if not ward.truth_path(path).exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            ward.record(shift, path)
        films.append(
            Film(
                name=path.stem.replace("_", "-"),
                path=path,
                start=0,
                step=1,
                truth=ward.load_truth(path),
                width=shift.width,
                height=shift.height,
            )
        )
    return films


def real_films(source: str, folder: Path, weeks: int, week: int | None) -> list[Film]:
    """Return a week of the first half of a real video, or its second half to test on."""
    name = "vtest.avi" if source == "pets" else "one-by-one.mp4"
    path = DATA.parent / "video" / name
    probe = video.probe(path)
    whole = pets_truth(probe.frames) if source == "pets" else stand_in(path, folder)
    step = round(probe.fps / FPS)
    half = probe.frames // 2
    edges = np.linspace(0, half, weeks + 1).astype(int) // step * step
    low, high = (half, probe.frames) if week is None else (edges[week - 1], edges[week])
    span = Span(int(low), int(high) // step * step + (step if week is None else 0))
    span = Span(span.start, min(span.stop, probe.frames))
    part = whole.cut(span)
    part = part.where(part.frames % step == 0)
    truth = replace(
        part, frames=part.frames // np.int32(step), length=-(-len(span) // step), fps=FPS
    )
    return [
        Film(
            name=f"{source}-{week or 'test'}",
            path=path,
            start=span.start,
            step=step,
            truth=truth,
            width=probe.width,
            height=probe.height,
        )
    ]


def pets_truth(length: int) -> Tracks:
    """Return the truth of vtest.avi, frame by frame."""
    rows = np.loadtxt(DATA / "PETS09-S2L1" / "gt" / "gt.txt", delimiter=",", ndmin=2)
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    n = len(rows)
    return Tracks(
        frames=rows[:, 0].astype(np.int32) - 1,
        tracks=rows[:, 1].astype(np.int32),
        boxes=boxes.clip(corners, 768, 576).astype(np.float32),
        scores=np.ones(n, np.float32),
        classes=np.zeros(n, np.int16),
        origins=np.full(n, HUMAN),
        length=length,
        fps=10.0,
    )


def stand_in(path: Path, folder: Path) -> Tracks:
    """Return labels of the strongest labeller for a video without truth, computed once."""
    cache = folder / f"{path.stem}.npz"
    probe = video.probe(path)
    if not cache.exists():
        model = detectors.create(f"onnx:{DATA.parent / 'weights' / 'yolox_nano.onnx'}")
        found = detectors.run(
            model, video.frames(path), probe.frames, probe.fps, ("person",), "stand-in"
        )
        tracks = hindsight.label([found], [model.threshold])
        np.savez(cache, frames=tracks.frames, tracks=tracks.tracks, boxes=tracks.boxes)
    table = np.load(cache)
    n = len(table["frames"])
    return Tracks(
        frames=table["frames"],
        tracks=table["tracks"],
        boxes=boxes.clip(table["boxes"], probe.width, probe.height),
        scores=np.ones(n, np.float32),
        classes=np.zeros(n, np.int16),
        origins=np.full(n, HUMAN),
        length=probe.frames,
        fps=probe.fps,
    )
