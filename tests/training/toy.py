"""Drawn people walking through drawn rooms: a training server in a moment, with exact truth."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import labels as core_labels
from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.labels import LabelSet
from oneclick.core.tracks import Tracks
from oneclick.storage import datasets, files, labels
from oneclick.training import data
from oneclick.training.evaluation import model_profile
from tests.fakes import arrays

HEIGHT, WIDTH, FPS = 180, 320, 10.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMED = (0, 1)
"""Images to warm up on and to time: the 18 of a real training take as long as a training here."""


@contextlib.contextmanager
def hasty_profile() -> Iterator[None]:
    """Time one image of each network that is trained meanwhile."""
    with mock.patch.multiple(model_profile, WARM_UP=TIMED[0], RUNS=TIMED[1]):
        yield


def scene(seed: int, frames: int, people: int = 2) -> tuple[list[NDArray[np.uint8]], Tracks]:
    """Pictures (HEIGHT, WIDTH, 3) RGB and the true tracks."""
    rng = np.random.default_rng(seed)
    background = rng.integers(40, 200, (6, 8, 3), np.uint8)
    resized = cv2.resize(background, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    start = rng.uniform([30, 90], [WIDTH - 30, HEIGHT - 15], (people, 2))
    speed = rng.uniform(-4, 4, (people, 2)) * [1, 0.2]
    height = rng.uniform(50, 90, people)
    colours = rng.integers(0, 255, (people, 3)).tolist()
    pictures, rows = [], []
    for frame in range(frames):
        picture = resized.astype(np.uint8)
        for k in range(people):
            x, y = start[k] + speed[k] * frame
            box = _person(picture, x, y, height[k], colours[k])
            if box[2] - box[0] > 4 and box[3] - box[1] > 8:
                rows.append((frame, k, *box))
        noise = rng.integers(-8, 8, picture.shape)
        pictures.append(np.clip(picture + noise, 0, 255).astype(np.uint8))
    table = np.array(rows).reshape(-1, 6)
    n = len(table)
    tracks = arrays.tracks(
        frames=table[:, 0],
        tracks=table[:, 1],
        boxes=table[:, 2:],
        scores=np.ones(n),
        classes=np.zeros(n),
        origins=np.full(n, "h"),
        length=frames,
        fps=FPS,
    )
    return pictures, tracks


def label_set(clip: str, tracks: Tracks, revision: int = 1) -> LabelSet:
    """The truth as a human's revision."""
    parts = core_labels.from_tracks(tracks)
    return LabelSet(
        clip=clip,
        revision=revision,
        kind="human",
        parent=None,
        made_by="toy",
        made_at=NOW,
        frames=tracks.length,
        width=WIDTH,
        height=HEIGHT,
        classes=tracks.names,
        tracks=parts,
    )


def server(
    root: Path, sides: dict[str, Split], frames: int = 6, people: int = 2, seed: int = 0
) -> DatasetVersion:
    """Fill a training server with one clip per name; the version that lists them."""
    lines = []
    for number, (clip, split) in enumerate(sides.items()):
        pictures, tracks = scene(seed * 1000 + number, frames, people)
        lines.append(_clip(root, clip, split, pictures, tracks))
    return publish(root, lines)


def publish(root: Path, lines: list[DatasetClip]) -> DatasetVersion:
    """The version of these clips, on the server."""
    version = datasets.build(1, None, ("person",), lines)
    for name, content in datasets.documents(version, NOW).items():
        files.write_atomic(root / "datasets" / version.name / name, content)
    return version


def publish_clip(root: Path, clip: str, split: Split, people: int, seed: int) -> DatasetClip:
    """One clip of six frames on the server."""
    return _clip(root, clip, split, *scene(seed, 6, people))


def _clip(
    root: Path, clip: str, split: Split, pictures: list[NDArray[np.uint8]], tracks: Tracks
) -> DatasetClip:
    folder = root / "clips" / clip
    (folder / "frames").mkdir(parents=True, exist_ok=True)
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(folder / "frames" / f"{k:06d}.jpg"), picture[..., ::-1])
    return freeze(root, label_set(clip, tracks), split)


def freeze(root: Path, label_set: LabelSet, split: Split) -> DatasetClip:
    """Write the labels of a clip whose frames lie there; its line in the manifest."""
    content = labels.encode(label_set)
    (root / "clips" / label_set.clip / datasets.labels_name(1)).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return DatasetClip(
        clip=label_set.clip,
        camera=label_set.clip,
        revision=1,
        label_digest=digest,
        clip_digest="0" * 64,
        split=split,
        frames=label_set.frames,
        width=WIDTH,
        height=HEIGHT,
        fps=FPS,
        origins=label_set.counts(),
        chosen_by="trigger",
        led_by="flicker",
    )


def _person(
    picture: NDArray[np.uint8], x: float, y: float, height: float, colour: list[int]
) -> tuple[float, float, float, float]:
    """Draw one with feet at (x, y); the box inside the picture."""
    half, head = height / 6, height / 8
    top = y - height
    cv2.rectangle(
        picture, (int(x - half), int(top + head)), (int(x + half), int(y) - 1), colour, -1
    )
    cv2.circle(picture, (int(x), int(top + head)), int(head), (200, 160, 130), -1)
    limit = np.array([WIDTH, HEIGHT])
    low, high = np.clip([x - half, top], 0, limit), np.clip([x + half, y], 0, limit)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def batch(root: Path, count: int = 2) -> data.Batch:
    """The first images of a clip of two people."""
    version = publish(root, [publish_clip(root, "a", "train", 2, 0)])
    images = data.ClipImages(
        root, version.name, "train", data.ImageOptions("fcos-tiny", ("person",))
    )
    return data.collate([images[k] for k in range(count)])
