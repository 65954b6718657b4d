"""Worst: the test clips that a model does worst on, with pictures of what it got wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetVersion
from oneclick.core.errors import UnknownName, UsageError
from oneclick.detectors import networks
from oneclick.services import training_server
from oneclick.storage import datasets, files, model_registry
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.evaluation.error_analysis import WorstClip
    from oneclick.training.evaluation.inference import Seen
    from oneclick.training.model import Card

Picture = NDArray[np.uint8]
BATCH = 8
TRUTH, MODEL = (178, 114, 0), (0, 159, 230)
"""Blue and orange, BGR: they differ to colour-blind eyes too."""
NARROW = 640
"""Pictures narrower than this are doubled until they are not."""
CAPTION = 26
"""Height of the line below a picture, px."""


@dataclass(frozen=True)
class Shown:
    """A clip and its image with the most mistakes, at the operating score."""

    clip: str
    camera: str
    frame: int
    f1: float
    missed: int
    """True boxes not found in the clip."""
    alarms: int
    """False boxes in the clip."""
    picture: Path | None
    """What the image shows, with truth and answers drawn; None where nobody asked for it."""


@dataclass(frozen=True)
class Worst:
    """The worst test clips of a model, worst first; clips without a mistake are not among them."""

    model: str
    dataset: str
    threshold: float
    """Operating score."""
    clips: tuple[Shown, ...]


def worst(
    home: Path,
    model_id: str | None = None,
    address: str = "",
    most: int = 10,
    pictures: Path | None = None,
) -> Worst:
    """Run a model (default: the champion) over its test clips and show where it fails.

    Args:
        address: training server, as in the settings.
        pictures: folder for one PNG a clip; truth is blue, what the model says is orange.

    Raises:
        UnknownName: no model of that name. UsageError: none is in service.
        BadInput: the model, an image or a label file is broken.
    """
    from oneclick.training.evaluation import average_precision, error_analysis

    workspace = Workspace(home)
    root = training_server.local_root(home, address)
    card, dataset, seen = _seen(workspace, _named(workspace, model_id), root)
    matches = average_precision.match(seen.predictions, seen.truths, ignored=seen.ignored)
    found = error_analysis.worst(matches, seen.keys, card.threshold, most)
    drawing = _Drawing(card, seen, root / "clips", pictures)
    cameras = {line.clip: line.camera for line in dataset.clips}
    shown = tuple(
        Shown(w.clip, cameras[w.clip], w.frame, w.f1, w.missed, w.alarms, drawing.save(w))
        for w in found
    )
    return Worst(card.id, dataset.name, card.threshold, shown)


def _named(workspace: Workspace, model_id: str | None) -> str:
    found = model_id or model_registry.champion(workspace)
    if found is None:
        raise UsageError("no model is in service: name one that oneclick models list shows")
    return found


def _seen(workspace: Workspace, name: str, root: Path) -> tuple[Card, DatasetVersion, Seen]:
    """The model's card, its dataset, and its answers to the test clips."""
    from oneclick.training import data, model
    from oneclick.training.evaluation import inference

    if not (workspace.model_dir(name) / model.CARD).exists():
        known = sorted(p.parent.name for p in workspace.model_dir(name).parent.glob("*/card.json"))
        raise UnknownName("model", name, known)
    network, card = model.load(workspace.model_dir(name))
    dataset = datasets.find(workspace, card.dataset.name)
    assert dataset is not None  # a name was given
    view = data.View(card.arch, card.classes, int(card.config.get("stride", 1)))
    images = data.ClipImages(root, dataset.name, "test", view)
    return card, dataset, inference.see(network, data.plain_batches(images, BATCH))


@dataclass(frozen=True)
class _Drawing:
    """Draws truth and answers on the images of a training server."""

    card: Card
    seen: Seen
    clips: Path
    folder: Path | None

    def save(self, one: WorstClip) -> Path | None:
        """Write the picture of a clip's worst image; None without a folder."""
        if self.folder is None:
            return None
        image = cv2.imread(str(self.clips / one.clip / "frames" / f"{one.frame:06d}.jpg"))
        content = cv2.imencode(".png", self._drawn(np.asarray(image, np.uint8), one))[1]
        path = self.folder / f"{one.clip}-{one.frame:06d}.png"
        files.write_atomic(path, content.tobytes())
        return path

    def _drawn(self, image: Picture, one: WorstClip) -> Picture:
        number = self.seen.keys.index((one.clip, one.frame))
        height, width = image.shape[:2]
        inner_height, inner_width = networks.fitted(self.card.arch, height, width)
        zoom = 1
        while width * zoom < NARROW:
            zoom *= 2
        image = np.asarray(cv2.resize(image, None, fx=zoom, fy=zoom), np.uint8)
        scale = zoom * np.array([width / inner_width, height / inner_height] * 2)
        found, scores, _ = self.seen.predictions[number]
        _boxes(image, self.seen.truths[number][0] * scale, TRUTH, 4)
        _boxes(image, found[scores >= self.card.threshold] * scale, MODEL, 2)
        return _captioned(
            image,
            [
                (f"{one.clip} frame {one.frame}  F1 {one.f1:.2f}", (60, 60, 60)),
                ("truth", TRUTH),
                ("model", MODEL),
            ],
        )


def _boxes(
    image: Picture, boxes: NDArray[np.floating], colour: tuple[int, int, int], line: int
) -> None:
    for left, top, right, bottom in np.rint(boxes).astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), colour, line, cv2.LINE_AA)


def _captioned(image: Picture, words: list[tuple[str, tuple[int, int, int]]]) -> Picture:
    """The image above a white line of text; plain ASCII is all that OpenCV's font has."""
    strip = np.full((CAPTION, image.shape[1], 3), 255, np.uint8)
    place = 8
    for text, colour in words:
        cv2.putText(strip, text, (place, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        place += cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] + 18
    return np.concatenate([image, strip])
