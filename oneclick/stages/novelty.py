"""Novelty: a camera's ordinary video → a model of what it usually shows."""

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
from oneclick.core.errors import BadInput, UnknownName
from oneclick.detectors import novelty
from oneclick.storage import failure_log, inventories
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.novelty import NoveltyTrainingConfig

SECONDS = 1.0
"""Least time between two training frames."""
MOST = 2400
"""Most frames of a camera, newest videos first: 40 minutes of it, or more with longer steps."""


@dataclass
class NoveltyTrainingResult:
    """Cameras by what came of their training."""

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
) -> NoveltyTrainingResult:
    """Train a model of novelty for each camera (default: all) from its raw video.

    Excluded are moments at which the picture was wrong (dark, covered, …) or new to the model of
    before. `predict` uses the model on videos that come after.

    Raises:
        UnknownName: there is no such kind of model, or no such camera.
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    if kind not in novelty.KINDS:
        raise UnknownName("model of novelty", kind, novelty.KINDS)
    from oneclick.training.novelty import NoveltyTrainingConfig

    changes = {"steps": steps, "seed": seed}
    config = NoveltyTrainingConfig(**{k: v for k, v in changes.items() if v is not None})
    workspace, result = Workspace(home), NoveltyTrainingResult()
    with Catalog.open(home) as catalog:
        videos_by_camera = find_videos(catalog, workspace, cameras)
        for camera, camera_videos in videos_by_camera.items():
            with failure_log.isolate(result.failed, workspace, camera, f"train {kind} of {camera}"):
                frames = train_camera(workspace, catalog, kind, camera_videos, config)
                if frames:
                    result.trained[camera] = frames
                else:
                    result.skipped.append(camera)
    return result


def find_videos(
    catalog: Catalog, workspace: Workspace, cameras: Sequence[str]
) -> dict[str, list[Video]]:
    """Return the videos of each camera (none: all) whose raw file exists, newest first.

    Raises:
        UnknownName: a camera has no video.
    """

    def age(video: Video) -> tuple[float, str]:
        return (video.started_at.timestamp() if video.started_at else 0.0, video.id)

    by_camera: dict[str, list[Video]] = {}
    for video in sorted(catalog.videos(), key=age, reverse=True):
        if workspace.video_file(video).exists():
            by_camera.setdefault(video.camera, []).append(video)
    for camera in cameras:
        if camera not in by_camera:
            raise UnknownName("camera with video", camera, sorted(by_camera))
    return {camera: by_camera[camera] for camera in sorted(cameras or by_camera)}


def train_camera(
    workspace: Workspace,
    catalog: Catalog,
    kind: str,
    camera_videos: Sequence[Video],
    config: NoveltyTrainingConfig,
) -> int:
    """Train and save the model of one camera from its videos, newest first.

    Returns:
        The number of training frames; 0 where the model has learned from these videos before.
    """
    from oneclick.training import novelty as training

    camera, video_ids = camera_videos[0].camera, [video.id for video in camera_videos]
    path = workspace.novelty_model(camera, kind)
    card = {"camera": camera, "videos": video_ids, "config": asdict(config)}
    if path.exists() and _is_trained_with(path, card):
        return 0
    seconds = np.cumsum([video.frames / video.fps for video in camera_videos])
    count = int(np.searchsorted(seconds, MOST * SECONDS)) + 1
    parts = [sample_frames(workspace, catalog, video) for video in camera_videos[:count]]
    # In order of time, for the last part is held out.
    frames = np.concatenate(parts[::-1])
    model = training.fit(kind, frames, config)  # type: ignore[arg-type]
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    novelty.save(path, model, card | {"frames": len(frames), "made_at": made_at})
    inventories.update(workspace, Inventory.NOVELTY_MODELS)
    return len(frames)


def _is_trained_with(path: Path, card: dict[str, Any]) -> bool:
    """Check whether the model file has this camera, these videos and this config."""
    try:
        saved_card = novelty.load(path)[1]
    except BadInput:
        return False
    return {name: saved_card.get(name) for name in card} == card


def sample_frames(workspace: Workspace, catalog: Catalog, video: Video) -> NDArray[np.uint8]:
    """Return ordinary frames of one video, shrunk, SECONDS apart or more.

    Frames inside a Hit of a novelty trigger are left out.
    """
    from oneclick.training import novelty as training

    step = max(1, round(SECONDS * video.fps), video.frames // MOST)
    rules = triggers.registry()
    novel_spans = [
        hit.span
        for _, hit in catalog.hits(video.id)
        if hit.trigger in rules and triggers.novel(rules[hit.trigger])
    ]
    path = workspace.video_file(video)
    videos.keep_index(path)
    ordinary = (
        frame
        for k, frame in enumerate(videos.frames(path))
        if k % step == 0 and not any(k in span for span in novel_spans)
    )
    return training.sample(ordinary)
