"""What is on record about a clip beside its labels: predictions of all models, and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick.core import turned_mode
from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.feedback import stored_predictions
from oneclick.hindsight import places
from oneclick.storage import bounded_files, jpeg
from oneclick.storage.workspace import Workspace

MOTION_MODEL = "opencv-motion"
"""Model id of the detector that finds what moves, whatever it is."""
DEFAULT_THRESHOLD = 0.5
LEAST_PICTURE_HEIGHT = 200
"""Pictures are read at the smallest size that is at least this high."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelBoxes:
    """Boxes of one model on a clip, with all scores that were stored."""

    model: str
    detections: Detections
    threshold: float
    """Operating point of the model."""
    recording: Detections | None = None
    """Its boxes in the whole recording; None where it saw the clip alone."""
    is_turned: bool = False
    """Whether these are its looks at turned pictures."""

    def strengths(self) -> Detections:
        """Return the boxes with scores as multiples of the operating point."""
        return self._normalised(self.detections)

    def usual(self) -> Detections | None:
        """Return its boxes in some frames all over the recording, with strengths as scores."""
        sample = places.sample_usual(self.recording) if self.recording is not None else None
        return None if sample is None else self._normalised(sample)

    def _normalised(self, detections: Detections) -> Detections:
        scores = detections.scores / np.float32(max(self.threshold, 1e-6))
        return replace(detections, scores=scores)


def load_models(workspace: Workspace, clip: Clip, classes: tuple[str, ...]) -> list[ModelBoxes]:
    """Return the stored predictions of all models on a clip; unreadable ones are left out.

    Looks at turned pictures are models of their own here.

    Args:
        workspace: the workspace.
        clip: the clip.
        classes: of the labels; predictions of other classes are left out.
    """
    folders = (
        workspace.predictions(clip.video, "x").parent,
        workspace.clip_predictions(clip.id, "x").parent,
    )
    names = sorted({path.stem for folder in folders for path in folder.glob("[!.]*.parquet")})
    models = []
    for name in names:
        if name.endswith(stored_predictions.CLOSE_UP_SUFFIX):
            continue  # merged with the model's other predictions
        is_turned = turned_mode.is_turned_id(name)
        load = stored_predictions.load_looks if is_turned else stored_predictions.load_evidence
        detections = load(workspace, clip, name, classes)
        if detections is not None:
            threshold = stored_predictions.load_threshold(workspace, clip, name)
            recording = stored_predictions.load_video(workspace, clip, name, classes)
            models.append(
                ModelBoxes(
                    model=name,
                    detections=detections,
                    threshold=threshold or DEFAULT_THRESHOLD,
                    recording=recording,
                    is_turned=is_turned,
                )
            )
    return models


class ClipPictures:
    """Extracted frames of a clip, read when asked for.

    Args:
        workspace: the workspace.
        clip: the clip.
        grey_below: None reads BGR at full size; else grey, at the smallest size that is at least
            this many px high.
    """

    def __init__(self, workspace: Workspace, clip: Clip, grey_below: int | None = None) -> None:
        self._workspace, self._clip, self._is_grey = workspace, clip, grey_below is not None
        self.factor = 1
        if grey_below is not None:
            fitting = [factor for factor in (1, 2, 4, 8) if clip.height // factor >= grey_below]
            self.factor = max(fitting, default=1)

    def __len__(self) -> int:
        return len(self._clip.span)

    def __getitem__(self, frame: int, /) -> NDArray[np.uint8]:
        """Return the picture of a frame.

        Raises:
            BadInput: it is missing or broken.
        """
        path: Path = self._workspace.frame_file(self._clip.id, frame)
        content = bounded_files.read_bytes(path, jpeg.MAX_BYTES)
        size = (self._clip.height, self._clip.width)
        image = jpeg.decode(content, path, size, self.factor)
        if not self._is_grey:
            return image
        # Green is most of what is bright: enough to compare pictures of one clip.
        return np.ascontiguousarray(image[..., 1])


def find_moving(workspace: Workspace, clip: Clip) -> ModelBoxes | None:
    """Return boxes around what moves in the extracted frames; None where they cannot be read."""
    from oneclick.detectors import foreground, motion

    pictures = ClipPictures(workspace, clip, LEAST_PICTURE_HEIGHT)
    if not workspace.frame_file(clip.id, 0).exists():
        return None
    try:
        images = [pictures[frame] for frame in range(len(pictures))]
    except BadInput:
        return None
    moving = foreground.detect_moving(images, clip.fps, pictures.factor)
    return ModelBoxes(model=MOTION_MODEL, detections=moving, threshold=motion.THRESHOLD)
