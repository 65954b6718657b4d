"""What triggers look at, from stored predictions."""

from __future__ import annotations

from collections.abc import Sequence

from oneclick import hindsight
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.io import predictions
from oneclick.io.cards import Look
from oneclick.io.workspace import Workspace
from oneclick.triggers.scene import Scene


def load(workspace: Workspace, video: Video, look: Look) -> Scene:
    """The Scene of one Video: predictions, the rival's, and what hindsight makes of both.

    Raises:
        BadInput: in one line, if predictions are missing, damaged or not of these frames.
    """
    parts, limits = [], []
    for model in filter(None, (look.predictor, look.rival)):
        parts.append(predictions.load(workspace.predictions(video.id, model.id)))
        limits.append(model.threshold)
    try:
        return scene(parts, limits, video.width, video.height)
    except ValueError as error:
        raise BadInput(f"{video.id}: {error}; delete its predictions and run again") from None


def scene(
    parts: Sequence[Detections], limits: Sequence[float], width: float, height: float
) -> Scene:
    """A Scene of a predictor, perhaps with its rival, and their labels by hindsight.

    Args:
        parts: the predictor's boxes, then the rival's.
        limits: their operating points.

    Raises:
        ValueError: if the two are not of the same frames.
    """
    own, *others = parts
    other, limit = (others[0], limits[1]) if others else (None, 0.0)
    bare = Scene(own, limits[0], width, height, other, limit)
    seconds = [bare.rival] if bare.rival is not None else []
    labels = hindsight.label([own, *seconds], limits).detections
    return Scene(own, limits[0], width, height, other, limit, labels)
