"""Novelty: a camera's ordinary video → a model that knows what it usually shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oneclick import triggers
from oneclick import video as videos
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, OneclickError, Unavailable, UnknownName
from oneclick.detectors import novelty
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.novelty import Config

SECONDS = 1.0
"""Between two frames that are learned from."""
MOST = 2400
"""Frames of a camera, newest videos first: 40 minutes of it, or more with longer steps."""


@dataclass
class Outcome:
    """What came of it, by camera."""

    trained: dict[str, int] = field(default_factory=dict)
    """Frames that each new model learned from."""
    skipped: list[str] = field(default_factory=list)
    """Cameras whose model has learned from these videos before."""
    failed: dict[str, str] = field(default_factory=dict)
    """Cameras left out, with the one-line reason."""


def train(
    home: Path,
    kind: str,
    cameras: Sequence[str] = (),
    steps: int | None = None,
    seed: int | None = None,
) -> Outcome:
    """Train a model of novelty for each camera (default: all) from its raw video.

    Left out are moments at which the picture was wrong (dark, covered, …) or new to the model of
    before. `predict` uses the model on videos that come after.

    Raises:
        UnknownName: there is no such kind of model, or no such camera.
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    if kind not in novelty.KINDS:
        raise UnknownName("model of novelty", kind, novelty.KINDS)
    from oneclick.training.novelty import Config

    chosen = {"steps": steps, "seed": seed}
    config = Config(**{name: value for name, value in chosen.items() if value is not None})
    workspace, outcome = Workspace(home), Outcome()
    with Catalog.open(home) as catalog:
        by_camera = _by_camera(catalog, workspace, cameras)
        for camera, found in by_camera.items():
            try:
                frames = _train(workspace, catalog, camera, kind, found, config)
            except Unavailable:
                raise
            except OneclickError as error:
                outcome.failed[camera] = str(error)
            else:
                if frames:
                    outcome.trained[camera] = frames
                else:
                    outcome.skipped.append(camera)
    return outcome


def _by_camera(
    catalog: Catalog, workspace: Workspace, cameras: Sequence[str]
) -> dict[str, list[Video]]:
    """Videos whose file is still there, newest first."""
    found: dict[str, list[Video]] = {}
    for video in sorted(catalog.videos(), key=_age, reverse=True):
        if workspace.video_file(video).exists():
            found.setdefault(video.camera, []).append(video)
    for camera in cameras:
        if camera not in found:
            raise UnknownName("camera with video", camera, sorted(found))
    return {camera: found[camera] for camera in sorted(cameras or found)}


def _age(video: Video) -> tuple[float, str]:
    return (video.started_at.timestamp() if video.started_at else 0.0, video.id)


def _train(
    workspace: Workspace,
    catalog: Catalog,
    camera: str,
    kind: str,
    found: list[Video],
    config: Config,
) -> int:
    """Frames learned from; 0 where this was done before."""
    from oneclick.training import novelty as training

    path = workspace.novelty_model(camera, kind)
    card = {"camera": camera, "videos": [video.id for video in found], "config": asdict(config)}
    if path.exists() and _same(path, card):
        return 0
    # In order of time, for the last part is held out.
    parts = [_frames(workspace, catalog, video) for video in found[: _enough(found)]]
    frames = np.concatenate(parts[::-1])
    model = training.fit(kind, frames, config)  # type: ignore[arg-type]
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    novelty.save(path, model, card | {"frames": len(frames), "made_at": made_at})
    return len(frames)


def _same(path: Path, card: dict[str, Any]) -> bool:
    try:
        known = novelty.load(path)[1]
    except BadInput:
        return False
    return {name: known.get(name) for name in card} == card


def _enough(found: Sequence[Video]) -> int:
    """How many of the newest videos give MOST frames."""
    seconds = np.cumsum([video.frames / video.fps for video in found])
    return int(np.searchsorted(seconds, MOST * SECONDS)) + 1


def _frames(workspace: Workspace, catalog: Catalog, video: Video) -> NDArray[np.uint8]:
    """Ordinary frames of one video, a second apart or more, shrunk."""
    from oneclick.training import novelty as training

    step = max(1, round(SECONDS * video.fps), video.frames // MOST)
    known = triggers.registry()
    strange = [
        hit.span
        for _, hit in catalog.hits(video.id)
        if hit.trigger in known and triggers.novel(known[hit.trigger])
    ]

    ordinary = (
        frame
        for k, frame in enumerate(videos.frames(workspace.video_file(video)))
        if k % step == 0 and not any(k in span for span in strange)
    )
    return training.sample(ordinary)
