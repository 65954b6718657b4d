"""Worst: the test clips that a model does worst on, with pictures of what it got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetVersion
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.evaluation import WorstClip
from oneclick.detectors import networks
from oneclick.services import training_server
from oneclick.storage import datasets, files, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.evaluation.inference import LabelledPredictions

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
BATCH = 8
TRUTH, MODEL = (178, 114, 0), (0, 159, 230)
"""Blue and orange, BGR: they differ to colour-blind eyes too."""
NARROW = 640
"""Pictures narrower than this are doubled until they are not."""
CAPTION = 26
"""Height of the line below a picture, px."""


@dataclass(frozen=True, kw_only=True)
class ClipErrors:
    """A clip and its image with the most mistakes, at the operating score."""

    clip: str
    camera: str
    frame: int
    f1: float
    missed: int
    """False negatives in the clip."""
    alarms: int
    """False positives in the clip."""
    picture: Path | None
    """The image with truth and predictions drawn; None where no pictures were requested."""


@dataclass(frozen=True)
class WorstClips:
    """The worst test clips of a model, worst first; clips without a mistake are not among them."""

    model: str
    dataset: str
    threshold: float
    """Operating score."""
    clips: tuple[ClipErrors, ...]


def worst(
    home: Path,
    model_id: str | None = None,
    address: str = "",
    most: int = 10,
    pictures: Path | None = None,
) -> WorstClips:
    """Run a model (default: the champion) over its test clips and show where it fails.

    Args:
        home: the workspace folder.
        model_id: of a trained model.
        address: training server, as in the settings.
        most: number of clips.
        pictures: folder for one PNG a clip; truth is blue, predictions are orange.

    Raises:
        UnknownName: no model of that name. UsageError: none is in service.
        BadInput: the model, an image or a label file is broken.
    """
    from oneclick.training.evaluation import average_precision, error_analysis

    workspace = Workspace(home)
    root = training_server.local_root(home, address)
    name = model_id or model_registry.champion(workspace)
    if name is None:
        raise UsageError("no model is in service: name one that oneclick models list shows")
    card, dataset, labelled = predict_test_clips(workspace, name, root)
    matches = average_precision.match(
        labelled.predictions, labelled.truths, ignored=labelled.ignored
    )
    worst_clips = error_analysis.worst_clips(matches, labelled.keys, card.threshold, most)
    overlay = _ErrorOverlay(card, labelled, root / "clips", pictures)
    cameras = {clip.clip: clip.camera for clip in dataset.clips}
    clips = tuple(
        ClipErrors(
            clip=clip.clip,
            camera=cameras[clip.clip],
            frame=clip.frame,
            f1=clip.f1,
            missed=clip.missed,
            alarms=clip.alarms,
            picture=overlay.save(clip),
        )
        for clip in worst_clips
    )
    return WorstClips(card.id, dataset.name, card.threshold, clips)


def predict_test_clips(
    workspace: Workspace, name: str, root: Path
) -> tuple[ModelCard, DatasetVersion, LabelledPredictions]:
    """Return a model's card, its dataset, and its predictions for the test clips.

    Args:
        workspace: that holds the model.
        name: id of the model.
        root: folder of the training server.

    Raises:
        UnknownName: there is no such model.
    """
    from oneclick.training import data, model
    from oneclick.training.evaluation import inference

    folder = workspace.model_dir(name)
    if not (folder / model_cards.CARD_FILE).exists():
        card_files = folder.parent.glob(f"*/{model_cards.CARD_FILE}")
        raise UnknownName("model", name, sorted(path.parent.name for path in card_files))
    network, card = model.load(folder)
    dataset = datasets.find(workspace, card.dataset.name)
    assert dataset is not None  # a name was given
    stride = int(card.config.get("stride", 1))
    options = data.ImageOptions(card.arch, card.classes, stride, size=card.size)
    images = data.ClipImages(root, dataset.name, "test", options)
    return card, dataset, inference.predict(network, data.plain_batches(images, BATCH))


@dataclass(frozen=True)
class _ErrorOverlay:
    """Truth and predictions, drawn on the images of a training server."""

    card: ModelCard
    labelled: LabelledPredictions
    clips: Path
    folder: Path | None

    def save(self, clip: WorstClip) -> Path | None:
        """Write the picture of a clip's worst image; None without a folder."""
        if self.folder is None:
            return None
        image = cv2.imread(str(self.clips / clip.clip / "frames" / f"{clip.frame:06d}.jpg"))
        content = cv2.imencode(".png", self.draw(np.asarray(image, np.uint8), clip))[1]
        path = self.folder / f"{clip.clip}-{clip.frame:06d}.png"
        files.write_atomic(path, content.tobytes())
        return path

    def draw(self, image: Picture, clip: WorstClip) -> Picture:
        """Return an image, (height, width, 3) BGR, enlarged, with boxes and a caption."""
        number = self.labelled.keys.index((clip.clip, clip.frame))
        height, width = image.shape[:2]
        inner_height, inner_width = networks.fitted_size(self.card.size, height, width)
        zoom = 1
        while width * zoom < NARROW:
            zoom *= 2
        image = np.asarray(cv2.resize(image, None, fx=zoom, fy=zoom), np.uint8)
        scale = zoom * np.array([width / inner_width, height / inner_height] * 2)
        boxes, scores, _ = self.labelled.predictions[number]
        _draw_boxes(image, self.labelled.truths[number][0] * scale, TRUTH, 4)
        _draw_boxes(image, boxes[scores >= self.card.threshold] * scale, MODEL, 2)
        title = f"{clip.clip} frame {clip.frame}  F1 {clip.f1:.2f}"
        texts = [(title, (60, 60, 60)), ("truth", TRUTH), ("model", MODEL)]
        return add_caption(image, texts)


def _draw_boxes(
    image: Picture, boxes: NDArray[np.floating], colour: Colour, thickness: int
) -> None:
    for x1, y1, x2, y2 in np.rint(boxes).astype(int).tolist():
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA)


def add_caption(image: Picture, texts: Sequence[tuple[str, Colour]]) -> Picture:
    """Return the image above a white line of coloured texts.

    Plain ASCII is all that OpenCV's font has.
    """
    strip = np.full((CAPTION, image.shape[1], 3), 255, np.uint8)
    font, x = cv2.FONT_HERSHEY_SIMPLEX, 8
    for text, colour in texts:
        cv2.putText(strip, text, (x, 18), font, 0.5, colour, 1, cv2.LINE_AA)
        x += cv2.getTextSize(text, font, 0.5, 1)[0][0] + 18
    return np.concatenate([image, strip])
