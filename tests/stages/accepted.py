"""A workspace whose clips a human accepted: drawn people, exact labels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick import video as videos
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.spans import Span
from oneclick.stages import publish
from oneclick.storage import cards, files, labels
from oneclick.storage.workspace import Workspace
from tests.training import toy

STREET = [ClipStage(name) for name in ("CUT", "EXTRACTED", "LABELLED", "IN_REVIEW", "ACCEPTED")]


CLASSES = ("person",)
SIDES = {"cam-1-a": "train", "cam-1-b": "train", "cam-1-c": "test"}
"""Side of each of the clips that `publish_films` publishes."""


def imread(path: Path) -> NDArray[np.uint8]:
    """Return the picture of a file, BGR."""
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def publish_films(home: Path) -> None:
    """Publish one version of three clips, each with a real clip.mp4."""
    publish.publish(home, accept(home, SIDES), "", CLASSES)
    for clip in SIDES:
        paths = sorted(Workspace(home).frames_dir(clip).iterdir())
        images = (imread(path)[..., ::-1].copy() for path in paths)
        videos.write(Workspace(home).clip_file(clip), images, toy.FPS)


def accept(
    home: Path,
    sides: dict[str, str],
    frames: int = 3,
    people: int = 2,
    starts: Mapping[str, int] | None = None,
) -> list[str]:
    """Add one clip per name, standing at ACCEPTED; the ids.

    The clips lie ten seconds apart, so that none shows the moment of another, or begin at the
    frames `starts`.
    """
    with Catalog.open(home) as catalog:
        video = Video(
            id="cam-1",
            camera="cam",
            started_at=None,
            fps=toy.FPS,
            frames=10_000,
            width=toy.WIDTH,
            height=toy.HEIGHT,
            digest="0" * 64,
            suffix=".mp4",
        )
        catalog.add_video(video)
        for number, (clip, side) in enumerate(sides.items(), len(catalog.clips())):
            start = (starts or {}).get(clip, number * (100 + frames))
            _add(Workspace(home), catalog, clip, side, Span(start, start + frames), people)
    return list(sides)


def _add(
    workspace: Workspace, catalog: Catalog, name: str, side: str, span: Span, people: int
) -> None:
    pictures, tracks = toy.scene(sum(map(ord, name)), len(span), people)
    files.write_atomic(workspace.clip_file(name), f"video of {name}")
    digest = files.sha256(workspace.clip_file(name))
    clip = Clip(
        id=name,
        camera="cam",
        video="cam-1",
        span=span,
        fps=toy.FPS,
        width=toy.WIDTH,
        height=toy.HEIGHT,
        chosen_by=ChosenBy.TRIGGER,
        hits=(),
        split=side,
        digest=digest,
    )
    cards.save_clip_card(workspace.clip_card(name), clip)
    workspace.frames_dir(name).mkdir()
    for k, picture in enumerate(pictures):
        cv2.imwrite(str(workspace.frame_file(name, k)), picture[..., ::-1])
    label_set = toy.label_set(name, tracks)
    path = labels.save(workspace, label_set)
    catalog.add_clip(clip, "test")
    catalog.add_revision(label_set, files.sha256(path))
    for old, new in itertools.pairwise(STREET):
        catalog.move(name, old, new, "test")


def standing(home: Path, stage: ClipStage) -> list[str]:
    """Clips at one stage."""
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=stage)]


def tree(folder: Path, without: Sequence[str] = ()) -> dict[str, str]:
    """Path to digest of every file below a folder."""
    return {
        str(path.relative_to(folder)): files.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }
