"""Images and boxes of a dataset version, read where they are needed.

Nothing is held per image: a clip's annotation is opened in `__getitem__`, decoded once per worker
and kept in a small cache. A worker starts as fast at ten million images as at ten thousand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from oneclick.core import boxes as geometry
from oneclick.core import labels as core_labels
from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput
from oneclick.core.tracks import FILLED
from oneclick.detectors import networks
from oneclick.io import datasets, labels
from oneclick.training import doubt

Image = NDArray[np.uint8]
CLIPS_KEPT = 32
"""Decoded annotations a worker keeps."""
IMAGE_BYTES = 512 << 20
"""Resized images a worker keeps; on two cores decoding is a fifth of a step without it."""
VISIBLE = 0.3
"""Share of a box that must stay inside a crop."""


class Item(NamedTuple):
    """One image."""

    image: torch.Tensor
    """(3, h, w) uint8 RGB."""
    boxes: torch.Tensor
    """(n, 4) float32 px of the image."""
    labels: torch.Tensor
    """(n,) int64, 1 … number of classes."""
    key: tuple[str, int]
    """Clip and frame."""


@dataclass(frozen=True)
class Batch:
    """What a network takes."""

    images: list[torch.Tensor]
    targets: list[dict[str, torch.Tensor]]
    keys: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Draw:
    """An image to fetch, and the number that seeds its augmentation."""

    index: int
    seed: int


class ClipImages(Dataset[Item]):
    """Every `stride`-th frame of one split of a dataset version.

    An index gives the plain image, a Draw the augmented one, in which boxes that hindsight filled
    in and nobody moved count as much as `filled` says.

    Raises:
        BadInput: the manifest is missing or broken; on access, an image or a label file is.
    """

    def __init__(
        self,
        root: Path,
        version: str,
        split: Split,
        arch: str,
        classes: tuple[str, ...],
        stride: int,
        filled: float = 1.0,
    ) -> None:
        self.root, self.arch, self.classes, self.stride = root, arch, classes, stride
        self.filled = filled
        self.index = datasets.index(root / "datasets" / version, split)
        counts = -(-self.index.frames // stride)
        self.ends = np.cumsum(counts)
        self._forget()

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, which: int | Draw) -> Item:
        number, frame = self._place(which.index if isinstance(which, Draw) else which)
        clip = self._clip(number)
        image, scale = self._image(clip.id, frame)
        boxes, classes, filled = clip.at(frame)
        boxes = boxes * scale
        if isinstance(which, Draw):
            # A stream of its own: what is left out does not change how the rest is augmented.
            out = doubt.left_out(filled, self.filled, np.random.default_rng((which.seed, 1)))
            if out.any():
                image, boxes, classes = doubt.greyed(image, boxes, out), boxes[~out], classes[~out]
            image, boxes, classes = augment(
                image, boxes, classes, np.random.default_rng(which.seed)
            )
        return _item(image, boxes, classes, (clip.id, frame))

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if not k.startswith("_")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._clips: OrderedDict[int, _Clip] = OrderedDict()
        self._images: dict[tuple[str, int], tuple[Image, NDArray[np.float32]]] = {}
        self._held = 0

    def _place(self, index: int) -> tuple[int, int]:
        """Clip number and frame of an image."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = int(np.searchsorted(self.ends, index, side="right"))
        first = int(self.ends[number - 1]) if number else 0
        return number, (index - first) * self.stride

    def _clip(self, number: int) -> _Clip:
        if number not in self._clips:
            self._clips[number] = _open(self.root, self.index.clip(number), self.classes)
            if len(self._clips) > CLIPS_KEPT:
                self._clips.popitem(last=False)
        self._clips.move_to_end(number)
        return self._clips[number]

    def _image(self, clip: str, frame: int) -> tuple[Image, NDArray[np.float32]]:
        """The image at the network's size, and the factor per box side."""
        kept = self._images.get((clip, frame))
        if kept is None:
            kept = read(self.root / "clips" / clip / "frames" / f"{frame:06d}.jpg", self.arch)
            if self._held + kept[0].nbytes <= IMAGE_BYTES:
                self._images[clip, frame] = kept
                self._held += kept[0].nbytes
        return kept


@dataclass(frozen=True, eq=False)
class _Clip:
    """One clip's annotation, ready to be sliced by frame."""

    id: str
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    filled: NDArray[np.bool_]
    offsets: NDArray[np.intp]

    def at(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
        rows = slice(self.offsets[frame], self.offsets[frame + 1])
        return self.boxes[rows], self.classes[rows], self.filled[rows]


def _open(root: Path, line: DatasetClip, classes: tuple[str, ...]) -> _Clip:
    path = root / "clips" / line.clip / datasets.labels_name(line.revision)
    found = labels.load(path)
    strange = sorted({track.cls for track in found.tracks} - set(classes))
    if strange:
        raise BadInput(f"{path}: class {strange[0]!r} is unknown to the model ({list(classes)})")
    tracks = core_labels.to_tracks(found, line.fps)
    # A model may know the classes in another order than the label file.
    order = np.array([classes.index(n) if n in classes else 0 for n in tracks.names], np.int64)
    offsets = np.searchsorted(tracks.frames, np.arange(tracks.length + 1))
    filled = np.isin(tracks.origins, FILLED)
    return _Clip(line.clip, tracks.boxes, order[tracks.classes], filled, offsets)


def read(path: Path, arch: str) -> tuple[Image, NDArray[np.float32]]:
    """Read an image at the size `arch` wants: (h, w, 3) RGB, and the factor per box side (4,).

    Raises:
        BadInput: it is missing or does not decode.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise BadInput(f"cannot read image {path}: run oneclick data verify")
    height, width = image.shape[:2]
    new_height, new_width = networks.fitted(arch, height, width)
    small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale = np.array([new_width / width, new_height / height] * 2, np.float32)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8), scale


def augment(
    image: Image,
    boxes: NDArray[np.float32],
    classes: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
    """Mirror, zoom and shift, light, night: what another camera or hour would change."""
    height, width = image.shape[:2]
    zoom = np.exp(rng.uniform(-0.3, 0.3))
    mirror = -1 if rng.random() < 0.5 else 1
    # Room to shift: what sticks out when zoomed in, what stays free when zoomed out, and a little.
    room = np.abs(zoom - 1) / 2 + 0.05
    shift = rng.uniform(-room, room, 2) * (width, height)
    across = np.array([mirror * zoom, zoom])
    centre = np.array([width, height]) / 2
    offset = centre + shift - across * centre
    matrix = np.array([[across[0], 0, offset[0]], [0, across[1], offset[1]]])
    # Corners are exclusive edges, warpAffine maps pixel centres: half a pixel between them.
    matrix_px = matrix.copy()
    matrix_px[:, 2] += (across - 1) / 2
    moved = np.asarray(
        cv2.warpAffine(image, matrix_px, (width, height), borderValue=(114, 114, 114)), np.uint8
    )
    corners = boxes.reshape(-1, 2, 2) * across + offset
    turned = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    inside = geometry.clip(turned, width, height)
    keep = geometry.area(inside) >= VISIBLE * np.maximum(geometry.area(turned), 1e-6)
    return _light(moved, rng), inside[keep], classes[keep]


def _light(image: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast and tint; now and then no colour at all, as at night."""
    night = rng.random() < 0.15
    contrast, light = rng.uniform(0.7, 1.3), rng.uniform(-30, 30)
    tint = rng.uniform(0.8, 1.2, 3)
    if night:
        image = np.repeat(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[..., None], 3, 2)
        tint[:] = 1
    table = ((np.arange(256) - 128) * contrast + 128 + light)[:, None] * tint
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


def _item(
    image: Image, boxes: NDArray[np.float32], classes: NDArray[np.int64], key: tuple[str, int]
) -> Item:
    # Boxes thinner than half a pixel have no area to learn and torchvision refuses them.
    keep = ((boxes[:, 2:] - boxes[:, :2]) >= 0.5).all(1)
    return Item(
        torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1),
        torch.from_numpy(np.ascontiguousarray(boxes[keep], np.float32)),
        torch.from_numpy(classes[keep] + 1),
        key,
    )


class Draws(Sampler[Draw]):
    """A shuffled walk over `length` images, again and again, `count` draws long.

    The n-th draw depends on the seed and n only, so a walk can be taken up at any place.
    """

    def __init__(self, length: int, count: int, seed: int, start: int = 0) -> None:
        self.length, self.count, self.seed, self.start = length, count, seed, start

    def __len__(self) -> int:
        return self.count - self.start

    def __iter__(self) -> Iterator[Draw]:
        for n in range(self.start, self.count):
            epoch, place = divmod(n, self.length)
            if place == 0 or n == self.start:
                order = np.random.default_rng((self.seed, epoch)).permutation(self.length)
            yield Draw(int(order[place]), self.seed * 1_000_003 + n)


def collate(items: list[Item]) -> Batch:
    """Side by side; sizes may differ, images without boxes stay."""
    return Batch(
        [item.image for item in items],
        [{"boxes": item.boxes, "labels": item.labels} for item in items],
        [item.key for item in items],
    )


def training_batches(
    images: ClipImages, steps: int, batch: int, seed: int, workers: int = 0
) -> DataLoader[Item]:
    """`steps` batches of augmented images."""
    draws = Draws(len(images), steps * batch, seed)
    return DataLoader(
        images,
        batch,
        sampler=draws,
        collate_fn=collate,
        num_workers=workers,
    )


def plain_batches(images: Dataset[Item], batch: int, workers: int = 0) -> DataLoader[Item]:
    """Every image once, plain and in order."""
    return DataLoader(images, batch, collate_fn=collate, num_workers=workers)
